"""The webhook: read, verify, decrypt, commit, answer. Nothing else happens before WeCom gets its 200."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from store.inbox import new_row
from store.ingest import NotStored
from wecom.crypto import BadCallback, read_envelope
from wecom.events import is_urgent, lane_of

if TYPE_CHECKING:
    from bot.metrics import Metrics
    from store.clock import Clock
    from store.ingest import Ingest
    from wecom.crypto import CallbackCrypto

log = structlog.get_logger(__name__)

PATH: Final = "/wecom/callback"
BODY_BYTES: Final = 512 * 1024  # WeCom's envelopes have a few KB
BODY_S: Final = 5.0  # WeCom has cut the connection by then; who trickles on only wants to hold it
STALE_S: Final = timedelta(hours=24).total_seconds()
STATUS: Final = {"bad_signature": 403, "wrong_receiver": 403, "slow_body": 408}  # others: 400


class Malformed(BadCallback):
    """A parameter is missing or is not what WeCom sends."""

    reason = "bad_parameters"


class Unreadable(BadCallback):
    """The body ends early, or is not what its headers say."""

    reason = "bad_body"


class Slow(BadCallback):
    """The body did not come within the time after which WeCom has given up."""

    reason = "slow_body"


class Stale(BadCallback):
    """The timestamp is more than 24 h away; replays within it are the inbox's matter."""

    reason = "stale"


class CallbackEndpoint:
    """GET verifies the URL, POST takes events (document 90930)."""

    def __init__(self, *, crypto: CallbackCrypto, ingest: Ingest, clock: Clock, metrics: Metrics) -> None:
        self._crypto = crypto
        self._ingest = ingest
        self._clock = clock
        self._metrics = metrics

    def routes(self) -> list[web.RouteDef]:
        return [web.get(PATH, self.verify, allow_head=False), web.post(PATH, self.receive)]

    async def verify(self, request: web.Request) -> web.Response:
        """Answer the URL check with the decrypted echo, byte for byte."""
        try:
            # A "+" of the base64 that was not escaped arrives as a space.
            echo = _parameter(request, "echostr").replace(" ", "+")
            plaintext = self._open(request, echo)
        except BadCallback as exc:
            return self._refuse(request, exc)
        self._metrics.callbacks.labels("verified").inc()
        return web.Response(body=plaintext, content_type="text/plain")

    async def receive(self, request: web.Request) -> web.Response:
        """Make one callback durable; 200 with an empty body when it is."""
        started = time.perf_counter()
        if (request.content_length or 0) > BODY_BYTES:
            return self._too_large()
        try:
            plaintext = self._open(request, read_envelope(await _body(request)))
        except BadCallback as exc:
            return self._refuse(request, exc)
        except web.HTTPRequestEntityTooLarge:
            return self._too_large()
        row = new_row(
            plaintext,
            lane=lane_of(plaintext),
            urgent=is_urgent(plaintext),
            received_at=self._clock.now(),
        )
        try:
            await self._ingest.store(row)
        except NotStored as exc:
            self._metrics.callbacks.labels("not_stored").inc()
            log.error("callback.not_stored", cause=str(exc))
            return web.Response(status=503, text="not stored, try again\n")
        self._metrics.callbacks.labels("stored").inc()
        self._metrics.callback_seconds.observe(time.perf_counter() - started)
        return web.Response()

    def _open(self, request: web.Request, encrypt: str) -> bytes:
        timestamp = _parameter(request, "timestamp")
        nonce = _parameter(request, "nonce")
        signature = _parameter(request, "msg_signature")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise Malformed("timestamp is not a number of seconds")
        if abs(self._clock.now().timestamp() - int(timestamp)) > STALE_S:
            raise Stale("timestamp is more than 24 h off")
        return self._crypto.decrypt(encrypt, signature=signature, timestamp=timestamp, nonce=nonce)

    def _too_large(self) -> web.Response:
        self._metrics.callbacks.labels("too_large").inc()
        log.warning("callback.refused", reason="too_large")
        response = web.Response(status=413, text="too_large\n")
        # What still comes on this connection is not worth reading.
        response.force_close()
        return response

    def _refuse(self, request: web.Request, problem: BadCallback) -> web.Response:
        self._metrics.callbacks.labels(problem.reason).inc()
        log.warning("callback.refused", reason=problem.reason, method=request.method)
        response = web.Response(status=STATUS.get(problem.reason, 400), text=f"{problem.reason}\n")
        if isinstance(problem, Slow):
            response.force_close()
        return response


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_S):
            return await request.read()
    except TimeoutError as exc:
        raise Slow("the body did not come in time") from exc
    except (web.RequestPayloadError, ConnectionError) as exc:
        # It says that it is compressed and is not, its chunks are none, or it broke off.
        raise Unreadable("the body cannot be read to its end") from exc


def _parameter(request: web.Request, name: str) -> str:
    value = request.query.get(name)
    if not value:
        raise Malformed(f"parameter {name} is missing")
    return value
