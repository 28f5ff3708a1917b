"""Calls to WeCom with a token: one replay when it was refused, one error tree, one place to measure."""

from __future__ import annotations

import time
from asyncio import CancelledError
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from pydantic import ValidationError

from wecom.answers import Answer, Page
from wecom.budget import Budget, Budgets
from wecom.errors import TOKEN_CODES, TokenRejected, WeComError, error_for
from wecom.exchange import Endpoint, Exchange, File
from wecom.tokens import Credentials, MemoryTokenStore, Token, TokenSource, TokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    import aiohttp
    from aiohttp.payload import Payload

GETTOKEN = Endpoint(path="gettoken", method="GET")
DEFAULT_LIFETIME_S = 7200


class Send(Protocol):
    """One HTTP exchange that lacks only its query."""

    async def __call__(self, *, params: Mapping[str, str]) -> dict[str, Any]: ...


AnswerT = TypeVar("AnswerT", bound=Answer)
PageT = TypeVar("PageT", bound=Page)


class OnCall(Protocol):
    """Told after every call, gettoken included; must not raise.

    ``outcome`` is ok, cancelled, error, or the ``outcome`` of a ``WeComError``: few values, fit for a label.
    """

    def __call__(self, api: str, outcome: str, seconds: float, /) -> None: ...


def _unobserved(_api: str, _outcome: str, _seconds: float) -> None:
    pass


class Transport:
    """Makes calls for one app of one corp. Raises ``WeComError``; for impossible input ``ValueError``."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        *,
        api_base: str,
        credentials: Credentials,
        token_store: TokenStore | None = None,
        on_call: OnCall | None = None,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        budgets: Budgets | None = None,
        exchange: Exchange | None = None,
    ) -> None:
        self._budgets = budgets or Budgets(clock=monotonic)
        self._exchange = exchange or Exchange(session, api_base=api_base)
        self._credentials = credentials
        self._on_call = on_call or _unobserved
        self._now = now
        self._monotonic = monotonic
        self.tokens = TokenSource(self._fetch_token, token_store or MemoryTokenStore(), now=now)

    @property
    def agent_id(self) -> int:
        return self._credentials.agent_id

    def budget_of(self, api: str) -> Budget:
        """Return the budget of one API, to look at: such as ``externalcontact/mark_tag``."""
        return self._budgets.of(self._credentials.corp_id, api)

    async def call(
        self,
        endpoint: Endpoint,
        *,
        params: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
        form: Callable[[], Payload] | None = None,
        timeout_s: float | None = None,
        urgent: bool = False,
    ) -> dict[str, Any]:
        """Make one call and return its answer (``errcode`` 0).

        ``form`` builds a multipart body and is called once per try. ``timeout_s`` is for the whole HTTP
        exchange; a refused token may cost a second one, and the wait for a turn comes on top: ``urgent``
        calls wait before the others.

        Raises:
            RateLimited: also when the API's budget frees too late to wait for it; nothing was sent.
        """
        send = partial(self._exchange.send, endpoint, body=body, form=form, timeout_s=timeout_s)
        return await self._with_token(endpoint, params, send, urgent=urgent)

    async def fetch(self, endpoint: Endpoint, *, params: Mapping[str, str], most_bytes: int) -> File:
        """Make one call and return the file it answers with.

        Raises:
            Refused: also when the file is larger than ``most_bytes``.
            Busy: also when there is neither a file nor an errcode.
        """
        answer = await self._with_token(
            endpoint, params, partial(self._exchange.fetch, endpoint, most_bytes=most_bytes)
        )
        file = answer.get("file")
        if not isinstance(file, File):
            raise endpoint.lost("an answer without a file")
        return file

    async def _with_token(
        self, endpoint: Endpoint, params: Mapping[str, str] | None, send: Send, *, urgent: bool = False
    ) -> dict[str, Any]:
        with _Watch(self._on_call, endpoint.path, self._monotonic):
            token = await self.tokens.get()
            known = {**(params or {}), "access_token": token.value}
            answer = await self._in_turn(endpoint, send, known, urgent=urgent)
            if answer["errcode"] in TOKEN_CODES:
                # A refused token proves that nothing was done, so even a creating call may be replayed, once.
                token = await self.tokens.renew(token)
                known["access_token"] = token.value
                answer = await self._in_turn(endpoint, send, known, urgent=urgent)
            if errcode := answer["errcode"]:
                raise error_for(endpoint.path, errcode, _errmsg(answer, token.value))
            return answer

    async def _in_turn(
        self, endpoint: Endpoint, send: Send, params: Mapping[str, str], *, urgent: bool = False
    ) -> dict[str, Any]:
        async with self.budget_of(endpoint.path).turn(urgent=urgent) as heard:
            answer = await send(params=params)
            heard(answer["errcode"])
            return answer

    async def ask(self, endpoint: Endpoint, model: type[AnswerT], **kwargs: Any) -> AnswerT:
        """Make one call as ``call`` does and return its answer as ``model``.

        An answer that does not fit is no answer: a call that creates has an unknown outcome then.
        """
        answer = await self.call(endpoint, **kwargs)
        try:
            return model.model_validate(answer)
        except ValidationError as exc:
            names = ", ".join(
                sorted({".".join(str(part) for part in error["loc"]) for error in exc.errors()})[:5]
            )
            raise endpoint.lost(f"the answer lacks a usable {names}") from None

    async def pages(
        self, endpoint: Endpoint, model: type[PageT], body: Mapping[str, Any]
    ) -> AsyncIterator[PageT]:
        """Yield the pages of a listing by cursor. Ends when the cursor is empty or no longer moves."""
        cursor = ""
        while True:
            page = await self.ask(endpoint, model, body={**body, "cursor": cursor} if cursor else body)
            yield page
            if not page.next_cursor or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    async def _fetch_token(self) -> Token:
        credentials = self._credentials
        with _Watch(self._on_call, GETTOKEN.path, self._monotonic):
            asked_at = self._now()
            answer = await self._in_turn(
                GETTOKEN,
                partial(self._exchange.send, GETTOKEN),
                {"corpid": credentials.corp_id, "corpsecret": credentials.secret},
            )
            if errcode := answer["errcode"]:
                raise error_for(GETTOKEN.path, errcode, _errmsg(answer, credentials.secret))
            value, lifetime_s = answer.get("access_token"), answer.get("expires_in", DEFAULT_LIFETIME_S)
            if not isinstance(value, str) or not value or not isinstance(lifetime_s, int) or lifetime_s <= 0:
                raise TokenRejected(GETTOKEN.path, "the answer holds no usable access_token")
            return Token.issued(value, at=asked_at, lifetime_s=lifetime_s)


class _Watch:
    def __init__(self, on_call: OnCall, api: str, monotonic: Callable[[], float]) -> None:
        self._on_call, self._api, self._monotonic = on_call, api, monotonic

    def __enter__(self) -> None:
        self._started = self._monotonic()

    def __exit__(self, _kind: object, exc: BaseException | None, _traceback: object) -> None:
        outcome = "ok"
        if isinstance(exc, WeComError):
            outcome = exc.outcome
        elif exc is not None:
            outcome = "cancelled" if isinstance(exc, CancelledError) else "error"
        self._on_call(self._api, outcome, self._monotonic() - self._started)


def _errmsg(answer: Mapping[str, Any], secret: str) -> str:
    return str(answer.get("errmsg", "")).replace(secret, "***")
