"""One HTTP request to WeCom and its answer, with everything that can go wrong between sorted by what it
proves.

Before the request left: nothing happened (``Busy``). After it left without a usable answer: for a call that
creates something the outcome is unknown, any other call may simply be made again (``Busy``).
"""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import unquote

import aiohttp
import orjson
from yarl import URL

from wecom.errors import Busy, OutcomeUnknown, Refused, WeComError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aiohttp.payload import Payload

    type_form = Callable[[], Payload]

CONNECT_TIMEOUT_S = 3.0
CALL_TIMEOUT_S = 10.0
UPLOAD_TIMEOUT_S = 60.0
CHUNK_BYTES = 64 * 1024
TOO_LARGE = 45001


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A downloaded file; ``filename`` is what a person chose, so take no path from it."""

    data: bytes = field(repr=False)
    filename: str = field(repr=False)
    content_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One WeCom API and how far it may be trusted with a second call."""

    path: str  # below /cgi-bin/; also its name in errors and metrics
    method: Literal["GET", "POST"] = "POST"
    creates: bool = (
        False  # True: a second identical call would do the thing twice, or could not be told from it
    )
    timeout_s: float = CALL_TIMEOUT_S

    def lost(self, reason: str) -> WeComError:
        """Return the error for a request that left and has no usable answer."""
        return OutcomeUnknown(self.path, reason) if self.creates else Busy(self.path, reason)


class Exchange:
    """Sends single requests over one session. Knows nothing of tokens or return codes.

    The session must not follow a proxy that retries. aiohttp itself resends a GET whose connection broke,
    which is good for a call that reads and is kept from one that creates (a login's code works once).
    """

    def __init__(self, session: aiohttp.ClientSession, *, api_base: str) -> None:
        """Raises ``ValueError`` when ``api_base`` is no absolute http(s) URL."""
        base = URL(api_base)
        if base.scheme not in {"http", "https"} or not base.host:
            raise ValueError("api_base: must be an absolute http(s) URL, such as https://qyapi.weixin.qq.com")
        self._session = session
        self._base = base.with_query(None).with_fragment(None) / "cgi-bin"

    async def send(
        self,
        endpoint: Endpoint,
        *,
        params: Mapping[str, str],
        body: Mapping[str, Any] | None = None,
        form: Callable[[], Payload] | None = None,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Return WeCom's JSON answer, whatever its ``errcode``; a missing one counts as 0 unless it creates.

        Raises:
            Busy: nothing happened, or the call may be made again without harm.
            OutcomeUnknown: ``endpoint.creates``, and the request left without a usable answer.
            ValueError: ``body`` holds what JSON or UTF-8 cannot say; nothing was sent.
        """
        data, headers = (form(), {}) if form is not None else _json_body(endpoint, body)
        async with self._request(endpoint, params, timeout_s, data=data, headers=headers) as response:
            status, raw = response.status, await response.read()
        return _answer(endpoint, status, raw)

    async def fetch(
        self,
        endpoint: Endpoint,
        *,
        params: Mapping[str, str],
        most_bytes: int,
        timeout_s: float | None = None,
    ) -> dict[str, Any]:
        """Return an answer whose ``file`` is a ``File``, or WeCom's JSON answer when it sends none.

        Raises:
            Busy: no usable answer.
            Refused: the file is larger than ``most_bytes``; it is not read further.
        """
        async with self._request(endpoint, params, timeout_s) as response:
            disposition = response.content_disposition
            if disposition is None or response.status >= 300:
                return _answer(endpoint, response.status, await response.read())
            data = bytearray()
            async for chunk in response.content.iter_chunked(CHUNK_BYTES):
                data += chunk
                if len(data) > most_bytes:
                    raise Refused(
                        endpoint.path,
                        errcode=TOO_LARGE,
                        errmsg=f"the file is larger than {most_bytes} bytes",
                        remedy="文件过大，没有下载。",
                    )
            name = disposition.filename or ""
            file = File(data=bytes(data), filename=unquote(name), content_type=response.content_type)
        return {"errcode": 0, "file": file}

    @asynccontextmanager
    async def _request(
        self, endpoint: Endpoint, params: Mapping[str, str], timeout_s: float | None, **kwargs: Any
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        total = endpoint.timeout_s if timeout_s is None else timeout_s
        if self._session.closed:
            raise Busy(endpoint.path, "the HTTP session is closed")
        try:
            # No redirects: WeCom has none, and following one would hand the token to another host.
            async with self._session.request(
                endpoint.method,
                self._base / endpoint.path,
                params=params,
                timeout=aiohttp.ClientTimeout(total=total, connect=min(CONNECT_TIMEOUT_S, total)),
                allow_redirects=False,
                middlewares=(_once,) if endpoint.creates else (),
                **kwargs,
            ) as response:
                yield response
        # `from None` throughout: these exceptions may print the URL, and with it the token.
        except (
            aiohttp.ClientConnectorError,
            aiohttp.ConnectionTimeoutError,
            aiohttp.ClientHttpProxyError,
        ) as exc:
            raise Busy(endpoint.path, f"no connection ({_name(exc)})") from None
        except (TimeoutError, aiohttp.ClientError, OSError) as exc:
            raise endpoint.lost(f"no answer within {total:g} s or a broken one ({_name(exc)})") from None


async def _once(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Make a broken connection an error that aiohttp does not answer with a second request."""
    try:
        return await handler(request)
    except aiohttp.ClientConnectorError:
        raise  # nothing was sent
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as exc:
        raise aiohttp.ClientConnectionError(_name(exc)) from None


def _json_body(endpoint: Endpoint, body: Mapping[str, Any] | None) -> tuple[bytes | None, dict[str, str]]:
    if body is None:
        return None, {}
    try:
        data = orjson.dumps(body)  # raw UTF-8: WeCom refuses \u escapes with 40033
    except TypeError:
        raise ValueError(
            f"{endpoint.path}: the body holds a value or a character that JSON cannot say"
        ) from None
    return data, {"Content-Type": "application/json; charset=utf-8"}


def _answer(endpoint: Endpoint, status: int, raw: bytes) -> dict[str, Any]:
    if status >= 500:
        raise endpoint.lost(f"HTTP status {status}")
    answer = _decoded(raw)
    errcode = answer.get("errcode") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and isinstance(errcode, int) and not isinstance(errcode, bool):
        return answer
    if status >= 300:
        # Something before WeCom (a proxy, a wrong api_base) answered instead of passing the request on.
        raise Busy(endpoint.path, f"HTTP status {status} without a WeCom answer")
    if not isinstance(answer, dict):
        raise endpoint.lost(f"HTTP status {status} with {len(raw)} bytes that are no JSON object")
    if "errcode" in answer or endpoint.creates:
        raise endpoint.lost("an answer without a usable errcode")
    return answer | {"errcode": 0}


def _decoded(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except ValueError:
        pass
    try:
        # WeCom passes on nicknames with control characters and broken UTF-8, which strict JSON forbids.
        return json.loads(raw.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None


def _name(exc: BaseException) -> str:
    number = getattr(exc, "errno", None)
    return type(exc).__name__ + (f", errno {number}" if isinstance(number, int) else "")
