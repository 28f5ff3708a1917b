"""A member's new userid, in everything that is decided here: personas, and posts that wait."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select, update

from clinic import audit
from sop import review
from sop.life import PostState
from sop.posts import refresh_digest
from sop.roster import APPROVER, DELEGATE, SPEAKER, load_roster
from sop.tables import Away, PersonaBinding, Post

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

WAITING: Final = (PostState.DRAFT, PostState.IN_REVIEW, PostState.APPROVED)


async def rename(
    session: AsyncSession, old: str, new: str, *, pack: Pack, public_url: str, now: datetime
) -> None:
    """Bind the new userid wherever the old one is bound, and let it send what the old one was to send.

    A pack cannot be changed from here: a persona that followed it has rows of its own from now on. An
    approval names the sender, so an approved post goes back to its reviewers.
    """
    roster = await load_roster(session, pack)
    touched: set[str] = set()
    for spec in pack.personas:
        bound = {
            SPEAKER: roster.speakers.get(spec.key, ()),
            DELEGATE: roster.delegates.get(spec.key, ()),
            APPROVER: roster.approvers.get(spec.key, ()),
        }
        if not any(old in userids for userids in bound.values()):
            continue
        touched.add(spec.key)
        await session.execute(delete(PersonaBinding).where(PersonaBinding.persona == spec.key))
        session.add_all(
            PersonaBinding(persona=spec.key, userid=userid, role=role)
            for role, userids in bound.items()
            for userid in dict.fromkeys(new if one == old else one for one in userids)
        )
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="persona.bind",
            subject=f"persona:{spec.key}",
            reason=f"成员账号由 {old} 改为 {new}，绑定跟着改",
        )
    for column in (Away.userid, Away.substitute):
        await session.execute(update(Away).where(column == old).values({column.key: new}))
    posts = await session.scalars(
        select(Post).where(Post.sender == old, Post.state.in_(WAITING)).order_by(Post.id).with_for_update()
    )
    for post in posts.all():
        post.sender = new
        if old in post.audience.get("members", ()):
            post.audience = {
                **post.audience,
                "members": [new if userid == old else userid for userid in post.audience["members"]],
            }
        refresh_digest(post)
        post.revision, post.updated_at = post.revision + 1, now
        touched.add(post.persona)
        if post.state == PostState.APPROVED:
            post.state, post.reason = PostState.IN_REVIEW, "发送成员的账号改了，请再看一眼"
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="post.reopen",
                subject=f"post:{post.id}",
                reason=f"发送成员的账号由 {old} 改为 {new}，请再审核一次",
            )
    await session.flush()
    fresh = await load_roster(session, pack, now=now)
    for persona in sorted(touched):
        await review.rebound(session, persona, roster=fresh, now=now, public_url=public_url)
