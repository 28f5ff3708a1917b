"""A text of the library sent to review at once: posts of one persona at an hour that staff choose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit
from clinic.tables import CustomerGroup
from sop import consented
from sop.life import PostState
from sop.planner import HAND, Draft, monday_of
from sop.review import extended
from sop.tables import Post
from sop.weeks import batch_for, post_of

if TYPE_CHECKING:
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.compliance import Checker
    from content.pack import ContentItem
    from content.persona_specs import PersonaSpec
    from content.render import Renderer
    from sop.roster import Roster

GONE: Final = (PostState.REJECTED, PostState.EXPIRED, PostState.CANCELLED, PostState.FAILED)


class NotOfferable(ValueError):
    """The text cannot be sent to review so; ``field`` names the place, the message the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """The posts that wait for review now, and the batch they wait in."""

    batch_id: int
    posts: tuple[Post, ...]


async def offer_item(
    session: AsyncSession,
    item: ContentItem,
    persona: PersonaSpec,
    *,
    at: datetime,
    roster: Roster,
    renderer: Renderer,
    checker: Checker,
    zone: ZoneInfo,
    now: datetime,
    actor: str,
    public_url: str,
) -> Offered:
    """Make posts of a moment's or a group's text, one for each sender, and offer them for review.

    What the content check blocks waits as a draft for an editor. Doing it again for the same text, persona
    and hour adds nothing.

    Raises:
        NotOfferable: the hour is gone or taken, the persona does not say such things, nobody can send it, or
            it shows a patient who has not agreed.
    """
    if item.kind not in ("moment", "group"):
        raise NotOfferable("persona", "这一条不是发朋友圈或群的，不能直接送审")
    if not item.suits(persona):
        raise NotOfferable("persona", f"{persona.name}不说这一条，请换一个角色")
    if at <= now:
        raise NotOfferable("hour", "发送时间已经过去，请选择将来的时间")
    allowed = await consented.allowed(session, roster.pack, now=now)
    if item.key not in {one.key for one in (*allowed.moments, *allowed.group_posts)}:
        raise NotOfferable("text", "它用到了患者，先登记有效的同意，再送去审核")
    week = monday_of(at.astimezone(zone).date())
    drafts = (
        await _moments(session, item, persona, at=at, week=week, roster=roster, zone=zone)
        if item.kind == "moment"
        else await _groups(session, item, persona, at=at, week=week, roster=roster, zone=zone)
    )
    batch = await batch_for(session, week, persona.key, now)
    slots = [draft.slot for draft in drafts]
    standing = {post.slot: post for post in await session.scalars(select(Post).where(Post.slot.in_(slots)))}
    fresh = [
        post_of(draft, batch, roster.pack, renderer, checker, now)
        for draft in drafts
        if draft.slot not in standing
    ]
    session.add_all(fresh)
    await session.flush()
    if fresh:
        await extended(session, batch, roster=roster, now=now, public_url=public_url)
        audit.record(
            session,
            at=now,
            actor=actor,
            action="library.offer",
            subject=f"content:{item.key}",
            reason=f"送去审核：{len(fresh)} 条，{at.astimezone(zone):%m-%d %H:%M}",
            detail={"posts": [post.id for post in fresh]},
        )
    return Offered(batch_id=batch.id, posts=(*standing.values(), *fresh))


async def _moments(
    session: AsyncSession,
    item: ContentItem,
    persona: PersonaSpec,
    *,
    at: datetime,
    week: date,
    roster: Roster,
    zone: ZoneInfo,
) -> list[Draft]:
    senders = roster.senders(persona.key)
    if not senders:
        raise NotOfferable("persona", f"{persona.name}没有可发送的企业微信成员，请先在“账号”页绑定")
    day = at.astimezone(zone).date()
    begins = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    hours = await session.scalars(
        select(Post.scheduled_at).where(
            Post.kind == "moment",
            Post.persona == persona.key,
            Post.state.not_in(GONE),
            Post.scheduled_at >= begins,
            Post.slot.not_like(f"%{HAND}{item.key}"),
        )
    )
    taken = {hour for hour in hours if hour.astimezone(zone).date() == day}
    if len(taken) >= persona.max_moments_per_day:
        raise NotOfferable("hour", f"{persona.name}这一天已经排了 {len(taken)} 条朋友圈，请换一天")
    return [_draft(item, persona, sender, (), at=at, week=week, zone=zone) for sender in senders]


async def _groups(
    session: AsyncSession,
    item: ContentItem,
    persona: PersonaSpec,
    *,
    at: datetime,
    week: date,
    roster: Roster,
    zone: ZoneInfo,
) -> list[Draft]:
    rows = await session.scalars(
        select(CustomerGroup).where(CustomerGroup.dismissed_at.is_(None)).order_by(CustomerGroup.chat_id)
    )
    by_owner: dict[str, list[str]] = {}
    for group in rows:
        role = roster.pack.role_of_group(group.name, chosen=group.role)
        ours = group.owner in roster.serving and roster.persona_of(group.owner).key == persona.key
        if ours and role.key in item.roles:
            by_owner.setdefault(group.owner, []).append(group.chat_id)
    if not by_owner:
        raise NotOfferable("persona", f"{persona.name}没有这几类客户群，请换一个角色")
    return [
        _draft(item, persona, owner, tuple(chats), at=at, week=week, zone=zone)
        for owner, chats in sorted(by_owner.items())
    ]


def _draft(
    item: ContentItem,
    persona: PersonaSpec,
    sender: str,
    chat_ids: tuple[str, ...],
    *,
    at: datetime,
    week: date,
    zone: ZoneInfo,
) -> Draft:
    stamp = at.astimezone(zone).strftime("%m%dT%H%M")
    scope = "moment" if item.kind == "moment" else f"group:{item.roles[0]}"
    return Draft(
        slot=f"{week}:{item.kind}:{persona.key}:{stamp}:{sender}{HAND}{item.key}"[:200],
        scope=f"{scope}:{persona.key}",
        kind=item.kind,
        persona=persona,
        sender=sender,
        item=item,
        chat_ids=chat_ids,
        scheduled_at=at,
        tags=item.tags if item.kind == "moment" else (),
    )
