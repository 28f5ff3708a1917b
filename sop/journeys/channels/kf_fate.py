"""What became of a message in 微信客服: said, refused, too late, or reported as not delivered afterwards."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update

from clinic.care_tables import KfMessage
from clinic.kf import FROM_US
from clinic.timeline import KF_TEXT
from sop.journeys.channels.kf import mark_of
from sop.journeys.ports import FAILED, HELD, QUEUED, SENT
from sop.journeys.touch_life import change, recount
from sop.plan_tables import LedgerEntry, Touch

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.effects import SendKf
    from store.vault import Vault

KF: Final = "kf"
TRIES: Final = 3  # a window may shut and open again; then somebody should look
_MSGID: Final = re.compile(r"xh-(\d{1,18})-([0-9a-f]{8})-(\d{1,2})")
# fail_type of msg_send_fail (customer-service-kf.md §3.2).
_WHY: Final = {
    4: "48 小时的窗口已经过了",
    5: "会话已经结束",
    6: "她说一句，最多只能发五句",
    10: "她拒收客服消息",
    13: "被微信的安全限制拦下",
}


async def said(session: AsyncSession, wanted: SendKf, text: str, *, vault: Vault, now: datetime) -> None:
    """It was sent: her touch is done, and the message is written down, for WeCom never gives it back."""
    touch = await _touch(session, wanted.enrolment_id, wanted.step)
    if touch is None:
        return
    if touch.state == QUEUED and touch.channel == KF:
        await change(session, [touch.id], SENT, reason="", now=now)
        await _settle(session, touch.id, "made", now)
    known = await session.scalar(select(KfMessage.id).where(KfMessage.msgid == wanted.msgid))
    if known is None:
        session.add(
            KfMessage(
                msgid=wanted.msgid,
                open_kfid=wanted.open_kfid,
                external_userid=wanted.external_userid,
                origin=FROM_US,
                kind="text",
                text_sealed=vault.seal(text, about=KF_TEXT) if text else None,
                at=now,
            )
        )


async def not_said(session: AsyncSession, wanted: SendKf, reason: str, *, again: bool, now: datetime) -> None:
    """It was not sent: the step is decided once more, which goes by its fallback, or it has failed.

    Args:
        again: the window shut before it could be sent; nothing else is wrong.
    """
    touch = await _touch(session, wanted.enrolment_id, wanted.step)
    if touch is None or touch.state != QUEUED or touch.channel != KF:
        return
    await _settle(session, touch.id, "void", now)
    if again and touch.tries + 1 < TRIES:
        await change(session, [touch.id], HELD, reason=reason, now=now, tries=touch.tries + 1)
    else:
        await change(session, [touch.id], FAILED, reason=reason, now=now)
    await recount(session, [touch.enrolment_id])


async def not_delivered(session: AsyncSession, msgid: str, fail_type: int, *, now: datetime) -> None:
    """WeCom tells, afterwards, that one of our messages did not arrive; other ids are not ours."""
    found = _MSGID.fullmatch(msgid)
    if found is None:
        return
    await session.execute(update(KfMessage).where(KfMessage.msgid == msgid).values(kind="failed"))
    enrolment_id, mark = int(found[1]), found[2]
    touches = await session.scalars(
        select(Touch).where(Touch.enrolment_id == enrolment_id, Touch.channel == KF).with_for_update()
    )
    for touch in touches:
        if mark_of(touch.step) == mark and touch.state in (QUEUED, SENT) and touch.tries == int(found[3]):
            reason = f"没有送达：{_WHY.get(fail_type, f'微信没有说明原因（{fail_type}）')}"
            await change(session, [touch.id], FAILED, reason=reason, now=now)
            await _settle(session, touch.id, "void", now)
            await recount(session, [touch.enrolment_id])


async def _touch(session: AsyncSession, enrolment_id: int, step: str) -> Touch | None:
    query = select(Touch).where(Touch.enrolment_id == enrolment_id, Touch.step == step).with_for_update()
    return (await session.scalars(query)).one_or_none()


async def _settle(session: AsyncSession, touch_id: int, state: str, now: datetime) -> None:
    values: dict[str, object] = {"state": state} | ({"at": now} if state == "made" else {})
    await session.execute(update(LedgerEntry).where(LedgerEntry.key == f"touch:{touch_id}").values(**values))
