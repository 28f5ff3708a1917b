"""Encrypted callbacks over real HTTP: five seconds to answer, three tries, a log of every attempt."""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from wecom.crypto import CallbackCrypto

from .ids import Ids
from .people import Mistake
from .urls import parts_of

if TYPE_CHECKING:
    from datetime import datetime

    from .events import CallbackEvent
    from .tenant import Tenant

ANSWER_WITHIN_S = 5.0
VERIFY_WITHIN_S = 1.0
TRIES = 3
RETRY_AFTER_S = 5.0
KEPT = 5_000


@dataclass(slots=True, kw_only=True)
class Attempt:
    """One POST: the answer's status, or ``error`` when there was none."""

    at: datetime
    query: dict[str, str]
    body: str
    status: int | None = None
    error: str = ""
    took_ms: float = 0.0


@dataclass(slots=True, kw_only=True)
class Delivery:
    """One callback. ``state``: pending, held, delivered, dropped (by a fault), lost (after all tries)."""

    id: int
    event: str
    plaintext: str
    created_at: datetime
    state: str = "pending"
    attempts: list[Attempt] = field(default_factory=list)


class CallbackSender:
    """Delivers a tenant's events to the callback URL; owns every background task it starts.

    Retries wait real seconds, not the tenant's. Every try is encrypted and stamped afresh. Events of
    one tenant are begun in order; as with WeCom, a retry may be overtaken.

    Args:
        url: where to POST; None keeps events undelivered (the app has no callback URL).
        retry_after_s: the wait between tries; tests make it short.
    """

    def __init__(
        self,
        tenant: Tenant,
        *,
        url: str | None = None,
        tries: int = TRIES,
        retry_after_s: float = RETRY_AFTER_S,
        answer_within_s: float = ANSWER_WITHIN_S,
    ) -> None:
        self._tenant = tenant
        self.url = url
        self.tries = tries
        self.retry_after_s = retry_after_s
        self.answer_within_s = answer_within_s
        self._crypto = CallbackCrypto(
            token=tenant.credentials.token,
            aes_key=tenant.credentials.aes_key,
            corp_id=tenant.credentials.corp_id,
        )
        self._session: aiohttp.ClientSession | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._log: deque[Delivery] = deque(maxlen=KEPT)
        self._held: list[Delivery] = []
        self._next = 1
        self._ids = Ids(f"{tenant.seed}:callbacks")  # its own series: a retry must not shift the tenant's ids
        tenant.on_event(self._take)

    async def start(self) -> None:
        """Open the HTTP client; events before this are logged as lost."""
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=self.answer_within_s), cookie_jar=aiohttp.DummyCookieJar()
        )

    async def close(self) -> None:
        """Cancel what is under way and wait for it to end."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def idle(self, timeout_s: float = 10.0) -> None:
        """Wait until no delivery is under way, retries included."""
        async with asyncio.timeout(timeout_s):
            while self._tasks:
                await asyncio.wait(self._tasks)

    def log(self) -> list[Delivery]:
        """Return the last deliveries, oldest first."""
        return list(self._log)

    def clear(self) -> None:
        self._log.clear()
        self._held.clear()

    # -- sending ------------------------------------------------------------------------------------

    def _take(self, event: CallbackEvent) -> None:
        delivery = Delivery(
            id=self._next, event=event.name, plaintext=event.xml, created_at=self._tenant.clock.now()
        )
        self._next += 1
        self._log.append(delivery)
        kinds = {fault.kind for fault in self._tenant.faults.strike_callback(event.name)}
        if "drop_callback" in kinds:
            delivery.state = "dropped"
            return
        if "hold_callback" in kinds:
            delivery.state = "held"
            self._held.append(delivery)
            return
        self._begin(delivery)
        if "duplicate_callback" in kinds:
            self._begin(delivery)
        held, self._held = self._held, []
        for earlier in held:
            self._begin(earlier)

    def _begin(self, delivery: Delivery) -> None:
        if self._session is None or self.url is None:
            delivery.state = "lost"
            return
        delivery.state = "pending"
        task = asyncio.get_running_loop().create_task(self._deliver(delivery), name=f"callback-{delivery.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _deliver(self, delivery: Delivery) -> None:
        for number in range(self.tries):
            if number:
                await asyncio.sleep(self.retry_after_s)
            attempt = self._sealed(delivery.plaintext)
            delivery.attempts.append(attempt)
            await self._post(attempt)
            if attempt.status == 200:
                delivery.state = "delivered"
                return
        delivery.state = "lost"

    def _sealed(self, plaintext: str) -> Attempt:
        at = self._tenant.clock.outside_now()
        timestamp, nonce = str(int(at.timestamp())), self._ids.mark("", 10, kind="nonce")
        body, signature = self._crypto.envelope(
            plaintext, timestamp=timestamp, nonce=nonce, agent_id=self._tenant.credentials.agent_id
        )
        query = {"msg_signature": signature, "timestamp": timestamp, "nonce": nonce}
        return Attempt(at=at, query=query, body=body)

    async def _post(self, attempt: Attempt) -> None:
        assert self._session is not None
        if self.url is None:
            attempt.error = "no callback URL"
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with self._session.post(
                self.url,
                params=attempt.query,
                data=attempt.body.encode(),
                headers={"Content-Type": "text/xml"},
                allow_redirects=False,
            ) as answer:
                await answer.read()
                attempt.status = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            attempt.error = type(exc).__name__
        attempt.took_ms = (loop.time() - began) * 1000

    # -- what a person does ---------------------------------------------------------------------------

    async def redeliver(self, delivery_id: int | None = None) -> Attempt:
        """POST a callback's last request again, byte by byte; the last callback when no id is given.

        Raises:
            Mistake: there is no such callback, or it was never sent.
        """
        sent = [d for d in self._log if d.attempts and delivery_id in {None, d.id}]
        if not sent or self._session is None:
            raise Mistake(
                "no callback was sent yet" if delivery_id is None else f"callback {delivery_id} was not sent"
            )
        delivery = sent[-1]
        before = delivery.attempts[-1]
        attempt = Attempt(at=self._tenant.clock.outside_now(), query=dict(before.query), body=before.body)
        delivery.attempts.append(attempt)
        await self._post(attempt)
        return attempt

    async def verify(self) -> tuple[bool, str]:
        """Ask the callback URL for the encrypted echo, as the console does when the URL is saved.

        Returns:
            Whether the answer was right, and a Chinese sentence that says what was wrong.
        """
        if self.url is None or self._session is None:
            return False, "尚未设置回调 URL"
        echo = base64.b64encode(self._ids.mark("", 24, kind="echo").encode()).decode()
        timestamp, nonce = str(self._tenant.clock.outside_now().timestamp()).split(".")[0], "echo4821"
        sealed = self._crypto.encrypt(echo)
        query = {
            "msg_signature": self._crypto.sign(timestamp, nonce, sealed),
            "timestamp": timestamp,
            "nonce": nonce,
            "echostr": sealed,
        }
        try:
            async with self._session.get(
                self.url, params=query, timeout=aiohttp.ClientTimeout(total=VERIFY_WITHIN_S)
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as exc:
            return False, f"回调 URL 没有在 1 秒内应答（{type(exc).__name__}）"
        if answer.status != 200 or body != echo.encode():
            return False, f"回调 URL 应答不正确（HTTP {answer.status}），应原样返回解密后的 echostr"
        return True, "验证通过"


def check_url(url: str) -> str:
    """Return a callback URL that WeCom would take.

    Raises:
        Mistake: it is not http(s) or names no host.
    """
    parts = parts_of(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise Mistake("the callback URL must be http:// or https:// with a host")
    return url
