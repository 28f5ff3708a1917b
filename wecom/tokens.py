"""The access_token: one refresh at a time, early, and never a storm (external-contact.md §1.1, doc 91039).

WeCom blocks an IP for an hour when the secret is wrong too often, and throttles gettoken; so callers that
wait share one attempt and its failure, and a refusal is remembered for a while.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from wecom.errors import NotDone, Refused, TokenRejected, WeComError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

EARLY_S = 300.0
REFUSAL_HOLD_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Who we are to WeCom: one corp, one self-built app."""

    corp_id: str
    secret: str = field(repr=False)
    agent_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """An access_token and its life, in seconds of the injected clock (Unix time, so processes can share
    it).
    """

    value: str = field(repr=False)
    refresh_at: float
    expires_at: float

    @classmethod
    def issued(cls, value: str, *, at: float, lifetime_s: float) -> Token:
        """Return a token that wants replacing 300 s before its end, or at half its life if that is short."""
        return cls(
            value=value, refresh_at=at + lifetime_s - min(EARLY_S, lifetime_s / 2), expires_at=at + lifetime_s
        )


class TokenStore(Protocol):
    """Where the current token is kept; shared by processes that use the same app."""

    async def load(self) -> Token | None:
        """Return the current token, expired or not."""

    async def swap(self, old: Token | None, new: Token) -> Token:
        """Store ``new`` if ``old`` is still the current one; return what is current now."""


class MemoryTokenStore:
    """A ``TokenStore`` for one process."""

    def __init__(self) -> None:
        self._token: Token | None = None

    async def load(self) -> Token | None:
        return self._token

    async def swap(self, old: Token | None, new: Token) -> Token:
        if self._token is None or self._token == old:
            self._token = new
        return self._token


class TokenSource:
    """Hands out the current token and replaces it when it is old or was refused."""

    def __init__(
        self, fetch: Callable[[], Awaitable[Token]], store: TokenStore, *, now: Callable[[], float]
    ) -> None:
        self._fetch = fetch
        self._store = store
        self._now = now
        self._lock = asyncio.Lock()
        self._attempts = 0
        self._failure: WeComError | None = None
        self._hold_until = 0.0

    async def get(self) -> Token:
        """Return a token that should work.

        Raises:
            TokenRejected: WeCom refuses to issue one; asked again only after a pause.
            NotDone: it could not be fetched, and there is no old one that still lives.
        """
        token = await self._store.load()
        if token is not None and self._now() < token.refresh_at:
            return token
        alive = token is not None and self._now() < token.expires_at
        if token is not None and alive and self._lock.locked():
            return token  # somebody is at it already: an early refresh needs no queue
        try:
            return await self._replace(token)
        except NotDone:
            if token is None or not alive:
                raise
            return token

    async def renew(self, rejected: Token) -> Token:
        """Return another token than ``rejected``, which WeCom just refused; fetch one only if nobody else
        did.
        """
        return await self._replace(rejected)

    async def _replace(self, old: Token | None) -> Token:
        attempts = self._attempts
        async with self._lock:
            current = await self._store.load()
            if current is not None and current != old and self._now() < current.expires_at:
                return current
            if self._failure is not None and (self._attempts != attempts or self._now() < self._hold_until):
                raise self._failure.with_traceback(None)
            try:
                new = await self._fetch()
            except WeComError as exc:
                self._failure = _as_not_done(exc)
                self._hold_until = self._now() + (self._failure.retry_after_s or 0.0)
                raise self._failure from None
            else:
                self._failure = None
            finally:
                self._attempts += 1
            return await self._store.swap(current, new)


def _as_not_done(exc: WeComError) -> NotDone:
    """A refused gettoken says nothing against the call that wanted the token: it was not made."""
    if isinstance(exc, NotDone):
        return exc
    pause = REFUSAL_HOLD_S if isinstance(exc, Refused) else None
    return TokenRejected(
        exc.call, str(exc), errcode=exc.errcode, errmsg=exc.errmsg, remedy=exc.remedy, retry_after_s=pause
    )
