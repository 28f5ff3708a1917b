"""One attempt at an effect, and what may follow from how it ended: again, later, never, or a look first."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from bot.deliveries.base import Outcome, Withdrawn
from store import outbox
from wecom.errors import NotDone, OutcomeUnknown, Refused, WeComError

if TYPE_CHECKING:
    from datetime import datetime

    from bot.deliveries.base import Delivery
    from bot.metrics import Metrics
    from store.clock import Clock
    from store.outbox import OutboxEffect

log = structlog.get_logger(__name__)

ATTEMPTS: Final = 8
LOOK_AGAIN: Final = timedelta(seconds=61)  # WeCom's lists lag: absent means absent twice, 60 s apart
PERHAPS: Final = "没有收到回答，可能已经发出，请在企业微信里看一眼"


class Attempts:
    """Asks WeCom for one effect at a time. A call whose answer was lost is never simply repeated."""

    def __init__(self, *, clock: Clock, metrics: Metrics) -> None:
        self._clock = clock
        self._metrics = metrics

    async def make(self, delivery: Delivery, effect: OutboxEffect) -> Outcome:
        """Make one attempt, and return how the effect stands after it, whatever happened."""
        try:
            if effect.state == outbox.UNKNOWN:
                return await self._resolve(delivery, effect)
            return await self._send(delivery, effect)
        except Withdrawn as exc:
            return Outcome(state=outbox.CANCELLED, error=str(exc))
        except (WeComError, TimeoutError, ValueError) as exc:
            return self._ended_badly(effect, exc)
        except Exception as exc:  # the item's boundary: one broken effect must not stop the others
            log.error("effect.broken", effect_id=effect.id, effect=effect.kind, error=type(exc).__name__)
            self._metrics.alarms.labels("effect.broken").inc()
            return self._lost(effect, type(exc).__name__)

    async def _resolve(self, delivery: Delivery, effect: OutboxEffect) -> Outcome:
        """Go on after an answer was lost, as far as the delivery says that this is harmless."""
        match delivery.when_unknown:
            case "assume_sent":
                return Outcome(state=outbox.SENT, error="没有收到回答，按已完成处理")
            case "find":
                return await self._find(delivery, effect)
            case "again" if self._repeats_harm(delivery, effect):
                return Outcome(state=outbox.EXPIRED, error=PERHAPS)
        return await self._send(delivery, effect)

    def _ended_badly(self, effect: OutboxEffect, exc: Exception) -> Outcome:
        match exc:
            case NotDone():
                return self._later(effect, exc)
            case Refused():
                return Outcome(state=outbox.REFUSED, errcode=exc.errcode, error=_perhaps(effect, _said(exc)))
            case OutcomeUnknown() | TimeoutError():
                return self._lost(effect, str(exc) or "没有在时限内得到回答")
            case _:
                # A payload that WeCom's limits forbid is refused by the client before any call.
                return Outcome(state=outbox.REFUSED, error=str(exc))

    def _lost(self, effect: OutboxEffect, error: str) -> Outcome:
        return Outcome(state=outbox.UNKNOWN, error=error, not_before=self._pause(effect))

    async def _send(self, delivery: Delivery, effect: OutboxEffect) -> Outcome:
        left = None
        if effect.deadline is not None:
            left = (effect.deadline - self._clock.now()).total_seconds()
            if left <= 0:
                error = PERHAPS if effect.state == outbox.UNKNOWN else "已过时限，没有发送"
                return Outcome(state=outbox.EXPIRED, error=error)
        async with asyncio.timeout(left):
            sent = await delivery.send(effect)
        return Outcome(state=outbox.SENT, result=sent.result, facts=sent.facts)

    async def _find(self, delivery: Delivery, effect: OutboxEffect) -> Outcome:
        try:
            sent = await delivery.find(effect)
        except WeComError as exc:
            # Nothing was learned; an unreadable list is no look.
            return Outcome(state=outbox.UNKNOWN, error=str(exc), not_before=self._clock.now() + LOOK_AGAIN)
        if sent is not None:
            return Outcome(state=outbox.SENT, result=sent.result, facts=sent.facts)
        now = self._clock.now()
        if effect.looks == 0:
            return Outcome(state=outbox.UNKNOWN, not_before=now + LOOK_AGAIN, looked=True)
        if effect.deadline is not None and now >= effect.deadline:
            return Outcome(state=outbox.EXPIRED, error="核对后确认没有创建，已过时限，不再发送")
        return Outcome(state=outbox.QUEUED, not_before=now)

    def _later(self, effect: OutboxEffect, exc: NotDone) -> Outcome:
        now = self._clock.now()
        at = self._pause(effect)
        if exc.retry_after_s is not None:
            at = max(at, now + timedelta(seconds=exc.retry_after_s))
        # What has a deadline is tried until then: an outage of an hour must not cost a post its day.
        if effect.deadline is None and effect.attempts >= ATTEMPTS:
            error = _perhaps(effect, f"试了 {effect.attempts} 次：{_said(exc)}")
            return Outcome(state=outbox.REFUSED, errcode=exc.errcode, error=error)
        if effect.deadline is not None and at >= effect.deadline:
            error = _perhaps(effect, f"时限内没有完成：{_said(exc)}")
            return Outcome(state=outbox.EXPIRED, errcode=exc.errcode, error=error)
        # An attempt that was not made says nothing of an earlier one without an answer: that stays unknown.
        state = outbox.UNKNOWN if effect.state == outbox.UNKNOWN else outbox.QUEUED
        return Outcome(state=state, not_before=at, errcode=exc.errcode, error=str(exc))

    def _repeats_harm(self, delivery: Delivery, effect: OutboxEffect) -> bool:
        """Tell whether what protects from a second effect has run out since the first call."""
        first = effect.dispatched_at or effect.created_at
        return delivery.again_within is not None and self._clock.now() - first >= delivery.again_within

    def _pause(self, effect: OutboxEffect) -> datetime:
        seconds = min(0.5 * 2**effect.attempts, 300.0)
        return self._clock.now() + timedelta(seconds=seconds)


def _perhaps(effect: OutboxEffect, error: str) -> str:
    """Return ``error``, after the warning that an earlier attempt may have arrived."""
    return f"{PERHAPS}。后来再试：{error}" if effect.state == outbox.UNKNOWN else error


def _said(exc: NotDone | Refused) -> str:
    """Return what staff read: the remedy, with the code they are asked for when they ask for help."""
    return exc.remedy if exc.errcode is None else f"{exc.remedy}（错误码 {exc.errcode}）"
