"""What reached a patient of what was posted: receipts of messages to her, as moments of her timeline."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from clinic.moments import Moment, Person, Place, earlier
from sop.journeys import told
from sop.tables import Post, Push, Receipt

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

RANK: Final = 20
TEXT_CHARS: Final = 40
SAID: Final = {
    "sent": "收到",
    "waiting": "还在等成员发送",
    "not_friend": "没有收到（已不是好友）",
    "capped": "没有收到（当期次数已满）",
    "unreachable": "没有收到（无法送达）",
}


async def touches(
    session: AsyncSession, person: Person, before: Place | None, limit: int
) -> Sequence[Moment]:
    """Return what was sent to her by tasks; see :data:`clinic.moments.Source`."""
    at = func.coalesce(Receipt.at, Push.created_at, type_=Receipt.at.type)
    rows = await session.execute(
        select(Receipt, Post, at.label("moment"))
        .join(Push, Push.id == Receipt.push_id)
        .join(Post, Post.id == Push.post_id)
        .where(Receipt.recipient.in_(person.external), *earlier(at, Receipt.push_id, RANK, before))
        .order_by(at.desc(), Receipt.push_id.desc())
        .limit(limit)
    )
    return [
        Moment(
            place=Place(moment, RANK, receipt.push_id),
            action=f"touch.{receipt.status}",
            actor=receipt.userid,
            reason=f"{SAID.get(receipt.status, receipt.status)}：{_short(post.text)}",
            record=receipt.recipient,
            detail={"post": post.id, "kind": post.kind, "persona": post.persona},
        )
        for receipt, post, moment in rows
    ]


# Everything that the plans and posts have to tell in a timeline.
TOLD: Final = (touches, told.began, told.ended, told.steps)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= TEXT_CHARS else line[: TEXT_CHARS - 1] + "…"
