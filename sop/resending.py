"""Sending again to those alone whom a task did not reach: a new post, reviewed like any other."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, or_, select

from clinic import audit
from clinic.tables import Follow, Patient
from sop import review
from sop.audience import recipients_of
from sop.caps import ledger
from sop.life import ENDS, NotPossible, PostState
from sop.plan_tables import Touch
from sop.planner import monday_of
from sop.posts import check_content, digest_of, finding_document, get_post
from sop.tables import Post, Push, Receipt
from sop.weeks import batch_for

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.compliance import Checker
    from sop.roster import Roster

# What became of those who may be sent to again without being asked for: nothing.
UNSENT: Final = frozenset({"waiting"})
# Those whom WeCom refused: asked for by name, since it will mostly refuse again.
REFUSED: Final = frozenset({"capped", "not_friend", "unreachable"})
_LIST_OF: Final = {"group": "chat_ids", "direct": "external_userids"}
_LISTS: Final = frozenset(_LIST_OF.values())
SOON: Final = timedelta(hours=1)
IDS_AT_ONCE: Final = 500


class NothingToResend(ValueError):
    """There is nobody left to send to; the message says why."""


async def unreached(session: AsyncSession, post: Post, *, also: Collection[str] = ()) -> tuple[str, ...]:
    """Return whom a post did not reach: who waits still, and who has one of the statuses ``also``.

    Left out are patients whom the journey's own plan tries again, and who got it meanwhile.
    """
    rows = await session.execute(
        select(Receipt.recipient, Receipt.status)
        .join(Push, Push.id == Receipt.push_id)
        .where(Push.post_id == post.id, Receipt.recipient != "")
    )
    status = dict(rows.all())
    wanted = UNSENT | set(also)
    # WeCom lists only the groups that got it: one without a row has not.
    missed = [who for who in recipients_of(post.kind, post.audience) if status.get(who, "waiting") in wanted]
    if post.kind != "direct":
        return tuple(missed)
    taken = await _taken_care_of(session, post)
    friends = await _friends(session, post.sender, missed) if missed else set()
    return tuple(who for who in missed if who not in taken and who in friends)


async def _sent(session: AsyncSession, post_id: int) -> set[str]:
    rows = await session.scalars(
        select(Receipt.recipient)
        .join(Push, Push.id == Receipt.push_id)
        .where(Push.post_id == post_id, Receipt.status == "sent", Receipt.recipient != "")
    )
    return set(rows)


async def _taken_care_of(session: AsyncSession, post: Post) -> set[str]:
    """Return the patients who got this step meanwhile, whose plan sends it again by itself, or for whom it
    was withdrawn before it went out: they booked, came, answered or left.
    """
    if not (post.plan_key and post.step):
        return set()
    rows = await session.scalars(
        select(Patient.external_userid)
        .join(Touch, Touch.patient_id.in_((Patient.id, Patient.merged_into)))
        .where(
            Touch.plan_key == post.plan_key,
            Touch.step == post.step,
            or_(
                and_(
                    Touch.state.in_(("held", "asked", "ready", "queued", "sent")),
                    Touch.due_at >= post.scheduled_at - timedelta(days=7),
                ),
                and_(Touch.post_id == post.id, Touch.state.in_(("skipped", "dropped"))),
            ),
        )
    )
    return set(rows)


async def _friends(session: AsyncSession, sender: str, external_userids: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for start in range(0, len(external_userids), IDS_AT_ONCE):
        rows = await session.scalars(
            select(Patient.external_userid)
            .join(Follow, Follow.patient_id == Patient.id)
            .where(
                Follow.userid == sender,
                Follow.lost_at.is_(None),
                Follow.half.is_(False),
                Patient.external_userid.in_(external_userids[start : start + IDS_AT_ONCE]),
            )
        )
        found.update(rows)
    return found


async def resend(
    session: AsyncSession,
    post_id: int,
    *,
    scheduled_at: datetime | None = None,
    also: Collection[str] = (),
    actor: str,
    roster: Roster,
    checker: Checker,
    public_url: str,
    now: datetime,
) -> Post:
    """Queue what a post said once more, for those whom it did not reach; the new post waits for review.

    Done twice, the same people get it once: while such a post is under way it is returned instead.

    Args:
        scheduled_at: by default in an hour, or when the quiet hours end.
        also: statuses of receipts that are tried again too: ``capped``, ``not_friend``, ``unreachable``.

    Raises:
        PostNotFound: no such post.
        NotPossible: it is no group or 1-to-1 post that ended with some of its recipients reached.
        NothingToResend: everybody got it, or cannot get it from this member any more.
    """
    await ledger.take_turn(session)
    post = await get_post(session, post_id, lock=True)
    if post.kind == "moment" or post.state != PostState.PARTIAL:
        raise NotPossible(
            post.id, PostState(post.state), PostState.IN_REVIEW, "：只有部分送达的群消息和一对一消息能补发"
        )
    slots = await session.scalars(select(Post).where(Post.slot.startswith(f"resend:{post.id}:")))
    earlier = slots.all()
    under_way = next((one for one in earlier if one.state not in ENDS), None)
    if under_way is not None:
        return under_way
    got = {who for one in earlier for who in await _sent(session, one.id)}
    again = tuple(who for who in await unreached(session, post, also=also) if who not in got)
    if not again:
        raise NothingToResend("没有要补发的人：都收到了，或已经不能由这位成员发送")
    house, zone = roster.pack.house, roster.pack.timezone
    at = scheduled_at or house.after_quiet(now + SOON, zone)
    if at <= now:
        raise NothingToResend("发送时间已经过去，请选择将来的时间")
    batch = await batch_for(session, monday_of(at.astimezone(zone).date()), post.persona, now)
    audience = {key: value for key, value in post.audience.items() if key not in _LISTS}
    audience[_LIST_OF[post.kind]] = sorted(again)
    findings = check_content(
        post.text, kind=post.kind, persona=post.persona, pack=roster.pack, checker=checker
    )
    fresh = Post(
        batch_id=batch.id,
        slot=f"resend:{post.id}:{len(earlier) + 1}",
        scope=post.scope,
        kind=post.kind,
        state=PostState.DRAFT if any(f.level == "block" for f in findings) else PostState.IN_REVIEW,
        persona=post.persona,
        sender=post.sender,
        category=post.category,
        content_key=post.content_key,
        plan_key=post.plan_key,
        step=post.step,
        variant=post.variant,
        purpose=post.purpose,
        text=post.text,
        attachments=list(post.attachments),
        audience=audience,
        scheduled_at=at,
        digest=digest_of(
            kind=post.kind,
            text=post.text,
            attachments=post.attachments,
            audience=audience,
            sender=post.sender,
            scheduled_at=at,
        ),
        revision=1,
        findings=[finding_document(finding) for finding in findings],
        reason=f"补发内容 #{post.id} 没有收到的 {len(again)} 个",
        created_at=now,
        updated_at=now,
    )
    session.add(fresh)
    await session.flush()
    if fresh.kind == "direct":
        await ledger.record_post(session, fresh)
    for subject in (f"post:{post.id}", f"post:{fresh.id}"):
        audit.record(
            session,
            at=now,
            actor=actor,
            action="post.resend",
            subject=subject,
            reason=f"补发给没有收到的 {len(again)} 个（#{post.id} → #{fresh.id}）",
            detail={"of": post.id, "as": fresh.id, "also": sorted(also)},
        )
    await review.extended(session, batch, roster=roster, now=now, public_url=public_url)
    return fresh
