"""Steps in 微信客服: only while her window is open, else by the step's fallback, in the same tick."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sop.effects import SendKf
from sop.journeys import timing
from sop.journeys.channels.faces import faces_of
from sop.journeys.channels.kf_window import windows_of
from sop.journeys.channels.sayable import barred_of
from sop.journeys.channels.words import personal
from sop.journeys.leaving import kf_key
from sop.journeys.ports import FAILED, QUEUED, READY, SKIPPED, Made
from sop.journeys.wording import NothingToSay, said
from store import outbox
from store.outbox import Order

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import ContactChannel
    from content.render import Renderer
    from sop.journeys.channels.todo import TodoChannel
    from sop.journeys.ports import Due
    from sop.journeys.timing import Hours
    from store.vault import Vault

TEXT_BYTES: Final = 2048  # of a text message; WeCom cuts what is longer (doc 94677)
SHUT: Final = "她 48 小时内没有在微信客服里说话，发不过去"
# A mass message needs a review and a tap: it cannot go out at once.
REVIEW: Final = timedelta(hours=5)


class KfChannel:
    """Writes to her in the chat in which she wrote to us."""

    def __init__(
        self, *, pack: Pack, renderer: Renderer, vault: Vault, hours: Hours, todo: TodoChannel
    ) -> None:
        self._pack, self._renderer, self._vault = pack, renderer, vault
        self._hours, self._todo = hours, todo

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        return await self.say(session, dues, {}, now=now)

    async def say(
        self, session: AsyncSession, dues: Sequence[Due], links: Mapping[str, str], *, now: datetime
    ) -> Sequence[Made]:
        """Queue messages; ``links``: addresses at the end of texts, by the keys of their steps."""
        open_to = await windows_of(session, [due.patient_id for due in dues], now=now)
        faces = await faces_of(session, dues, self._vault)
        made = await barred_of(session, dues, now=now)
        orders, shut = [], []
        taken: dict[tuple[str, str], int] = {}
        for due in dues:
            if due.key in made:
                continue
            chat = open_to.get(due.patient_id)
            used = taken.get((chat.open_kfid, chat.external_userid), 0) if chat else 0
            if chat is None or chat.until <= due.at or used >= chat.left:
                shut.append(due)
                continue
            try:
                text = personal(
                    self._pack,
                    self._renderer,
                    due.step,
                    due.variant,
                    due.persona,
                    name=faces.names.get(due.patient_id, ""),
                    member=faces.of_member(due.sender),
                    link=links.get(due.key, ""),
                )
            except NothingToSay as exc:
                made[due.key] = Made(state=FAILED, reason=str(exc))
                continue
            if len(text.encode()) > TEXT_BYTES:
                made[due.key] = Made(state=FAILED, reason=f"文字超过微信客服的 {TEXT_BYTES} 字节，请缩短")
                continue
            taken[chat.open_kfid, chat.external_userid] = used + 1
            effect = SendKf(
                enrolment_id=due.enrolment_id,
                step=due.step.key,
                open_kfid=chat.open_kfid,
                external_userid=chat.external_userid,
                msgid=msgid_of(due.enrolment_id, due.step.key, due.tries),
            )
            late = due.at + timedelta(hours=max(due.step.late.hours, 1))
            orders.append(
                Order(
                    effect=effect,
                    key=kf_key(due.enrolment_id, due.step.key, due.tries),
                    cause=due.why[:200],
                    not_before=due.at,
                    deadline=min(chat.until, late),
                )
            )
            made[due.key] = Made(state=QUEUED, channel="kf")
        await outbox.put_many(session, orders, now=now)
        made |= await self._otherwise(session, shut, links, now=now)
        return [made[due.key] for due in dues]

    async def _otherwise(
        self, session: AsyncSession, shut: Sequence[Due], links: Mapping[str, str], *, now: datetime
    ) -> dict[str, Made]:
        """Go by the fallback where the window is shut."""
        made: dict[str, Made] = {}
        by_hand = [due for due in shut if due.step.fallback == "todo"]
        for due, asked in zip(by_hand, await self._todo.ask(session, by_hand, links, now=now), strict=True):
            made[due.key] = Made(
                state=asked.state, reason=asked.reason or SHUT, todo_id=asked.todo_id, channel="todo"
            )
        for due in shut:
            if due.step.fallback == "mass":
                made[due.key] = by_mass(self._pack, self._renderer, due, hours=self._hours, now=now)
            elif due.step.fallback != "todo":
                made[due.key] = Made(state=SKIPPED, reason=SHUT)
        return made


def by_mass(
    pack: Pack,
    renderer: Renderer,
    due: Due,
    *,
    hours: Hours,
    now: datetime,
    fallback: ContactChannel = "mass",
) -> Made:
    """Let a step go by mass message, as soon as that can be reviewed."""
    try:
        said(pack, renderer, due.step, due.variant, due.persona)
    except NothingToSay as exc:
        return Made(state=FAILED, reason=f"{SHUT}；改群发也不行：{exc}")
    soon = now + REVIEW
    at = due.at if due.at >= soon else timing.allowed(due.step, _half_hour(soon), hours=hours)
    return Made(state=READY, reason=SHUT, at=at, channel=fallback)


def _half_hour(at: datetime) -> datetime:
    minutes = -at.minute % 30
    return (at + timedelta(minutes=minutes)).replace(second=0, microsecond=0)


def msgid_of(enrolment_id: int, step: str, tries: int) -> str:
    """Return our own id of a message: the same for the same try, so that WeCom refuses a second one.

    WeCom tells by it, later, of a message that did not arrive.
    """
    return f"xh-{enrolment_id}-{mark_of(step)}-{tries}"


def mark_of(step: str) -> str:
    """Return what stands for a step in a message's id, which has 32 characters."""
    return sha256(step.encode()).hexdigest()[:8]
