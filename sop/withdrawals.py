"""A consent ends: nothing with that patient goes out any more, and it is said where it already stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit, consents, todos
from clinic.tables import AuditEntry
from sop import consented, decisions, greeting_assets, review, sendings
from sop.handouts import hand_out
from sop.journeys import touch_life
from sop.journeys.channels import unsaying
from sop.library_use import SHOWN, posts_showing
from sop.life import PostState
from sop.tables import Batch, Post

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient
    from content.pack import Pack
    from content.render import Renderer
    from sop.consented import Place
    from sop.roster import Roster

# What has not reached anybody. What is being created is asked again when WeCom has it.
FUTURE: Final = (PostState.IN_REVIEW, PostState.APPROVED, PostState.AWAITING_SENDER)
LISTED: Final = 20  # published posts that the to-do names
LISTING: Final = "consent.ended"  # written down once an end: looking for all that was sent takes a while


@dataclass(frozen=True, slots=True, kw_only=True)
class Pulled:
    """What the end of a consent did."""

    ended: bool  # False: it held no more before
    drafts: tuple[int, ...] = ()  # posts that wait for an editor now
    cancelled: tuple[int, ...] = ()  # posts whose task was withdrawn from members
    todos: tuple[int, ...] = ()  # to-dos with words for one patient, closed unsaid
    published: tuple[int, ...] = ()  # posts that people have seen: members must take them down
    sent: tuple[tuple[Place, int], ...] = ()  # what went to people one by one, and to how many of them


async def withdraw(
    session: AsyncSession,
    patients: Iterable[Patient],
    consent_id: int,
    *,
    roster: Roster,
    pack: Pack,
    renderer: Renderer,
    public_url: str,
    actor: str,
    now: datetime,
) -> Pulled:
    """End a consent of one of these records (a person's), and pull what it stood behind.

    Args:
        pack: as it stands in the library.
    """
    for patient in patients:
        if await consents.withdraw(session, patient, consent_id, now=now, actor=actor):
            await session.flush()
            return await pull(
                session, roster=roster, pack=pack, renderer=renderer, public_url=public_url, now=now
            )
    return Pulled(ended=False)


async def pull(
    session: AsyncSession,
    *,
    roster: Roster,
    pack: Pack,
    renderer: Renderer,
    public_url: str,
    now: datetime,
) -> Pulled:
    """Take back every future post whose consent has ended; done again it changes nothing.

    What waits becomes a draft with the reason, a task that members have not tapped is cancelled, a to-do with
    the words is closed, greetings go on without the asset, and the managers are asked to take down what is
    published and told how many people it went to one by one. Where and to how many is returned once.

    Args:
        pack: as it stands in the library.
    """
    places = await consented.ended(session, now=now)
    drafts: list[int] = []
    cancelled: list[int] = []
    published: list[int] = []
    sent: list[tuple[Place, int]] = []
    for place, ended_at in places.items():
        future = await _locked(session, place)
        why = await consented.obstacles(session, future, now=now)
        for post in future:
            if post.id in why:
                gone = await _take_back(session, post, why[post.id], now=now)
                (cancelled if gone else drafts).append(post.id)
        seen = await published_with(session, *place)
        await _ask_to_take_down(session, place, seen, roster=roster, public_url=public_url, now=now)
        if await _listed(session, place, since=ended_at):
            continue
        published += [post.id for post in seen]
        if people := await sendings.people(session, pack, *place):
            sent.append((place, people))
            await _tell_of_sendings(
                session, place, people, ended_at, roster=roster, public_url=public_url, now=now
            )
        _note_listed(session, place, len(seen), people, now=now)
    await session.flush()
    texts = {key for shelf, key in places if shelf == consented.TEXT}
    unsaid = await unsaying.take_back(session, await consented.unsayable(session, texts, now=now), now=now)
    await _offer_again(session, drafts, roster=roster, public_url=public_url, now=now)
    await greeting_assets.keep(
        session, roster=roster, pack=pack, renderer=renderer, public_url=public_url, now=now
    )
    return Pulled(
        ended=True,
        drafts=tuple(drafts),
        cancelled=tuple(cancelled),
        todos=tuple(unsaid),
        published=tuple(dict.fromkeys(published)),
        sent=tuple(sent),
    )


async def published_with(session: AsyncSession, shelf: str, key: str) -> list[Post]:
    """Return the moments and group posts with this entry that people have seen, the latest first.

    What went to people one by one is in :mod:`sop.sendings`.
    """
    shown = await posts_showing(session, shelf, key, states=SHOWN)
    return [post for post in shown if post.kind != sendings.DIRECT]


async def _locked(session: AsyncSession, place: Place) -> list[Post]:
    """Return the posts with an entry that have not reached anybody, locked after their batches."""
    found = [post.id for post in await posts_showing(session, *place, states=FUTURE)]
    if not found:
        return []
    batches = select(Batch.id).join(Post).where(Post.id.in_(found)).order_by(Batch.id)
    await session.execute(batches.with_for_update(of=Batch))
    query = select(Post).where(Post.id.in_(found), Post.state.in_(FUTURE)).order_by(Post.id)
    rows = await session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return list(rows)


async def _take_back(session: AsyncSession, post: Post, why: str, *, now: datetime) -> bool:
    """Stop one post; return True when its task was taken from members, False when it waits as a draft."""
    gone = post.state == PostState.AWAITING_SENDER
    if gone:
        await decisions.withdraw_task(session, post, now=now, cause=f"内容 #{post.id}：{why}")
    post.state = PostState.CANCELLED if gone else PostState.DRAFT
    post.reason, post.updated_at = why[:500], now
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action="post.pulled",
        subject=f"post:{post.id}",
        reason=why,
        detail={"digest": post.digest},
    )
    await touch_life.follow_post(session, post, now=now)
    return gone


async def _ask_to_take_down(
    session: AsyncSession,
    place: Place,
    published: Sequence[Post],
    *,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> None:
    """Ask the managers once per entry and set of posts: WeCom cannot take back what people have seen."""
    if not published:
        return
    shelf, key = place
    zone = roster.pack.timezone
    listed = "、".join(
        f"#{post.id}（{roster.name_of(post.persona)} {post.scheduled_at.astimezone(zone):%Y-%m-%d}）"
        for post in published[:LISTED]
    )
    more = f" 等 {len(published)} 条" if len(published) > LISTED else ""
    await hand_out(
        session,
        roster=roster,
        public_url=public_url,
        key=f"consent-ended:{shelf}:{key}:{published[0].id}",
        kind="consent_ended",
        assignee=todos.MANAGER,
        title="患者的同意已失效，请撤下已发布的内容",
        body=f"用到这位患者的内容发布过：{listed}{more}。请发布的同事在朋友圈或群里删除。内容库编号：{key}",
        now=now,
        page=f"/console/library/{shelf}/{key}",
    )


async def _listed(session: AsyncSession, place: Place, *, since: datetime) -> bool:
    """Tell whether it was said already what became of an entry whose consent ended then."""
    query = select(AuditEntry.id).where(
        AuditEntry.subject == consented.subject_of(*place),
        AuditEntry.action == LISTING,
        AuditEntry.at >= since,
    )
    return await session.scalar(query.limit(1)) is not None


def _note_listed(session: AsyncSession, place: Place, posts: int, people: int, *, now: datetime) -> None:
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action=LISTING,
        subject=consented.subject_of(*place),
        reason=f"患者的同意已失效：朋友圈和群里发布过 {posts} 条，一对一发给过 {people} 位客户",
    )


async def _tell_of_sendings(
    session: AsyncSession,
    place: Place,
    people: int,
    ended_at: datetime,
    *,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> None:
    """Tell the managers that an entry went to people one by one; to whom, only the console says."""
    shelf, key = place
    await hand_out(
        session,
        roster=roster,
        public_url=public_url,
        key=f"consent-ended-sent:{shelf}:{key}:{int(ended_at.timestamp())}",
        kind="consent_ended",
        assignee=todos.MANAGER,
        title="患者的同意已失效，用到她的内容一对一发过",
        body=f"用到这位患者的内容一对一发给过 {people} 位客户，微信里发出去的收不回来。"
        f"名单在内容库里，请看看要不要跟她们说明。内容库编号：{key}",
        now=now,
        page=f"/console/library/{shelf}/{key}/sent",
    )


async def _offer_again(
    session: AsyncSession, posts: Sequence[int], *, roster: Roster, public_url: str, now: datetime
) -> None:
    """Outdate the cards that still count what was pulled."""
    rows = await session.scalars(select(Post).where(Post.id.in_(posts)).order_by(Post.batch_id, Post.id))
    first_of = {post.batch_id: post for post in reversed(list(rows))}
    for _, post in sorted(first_of.items()):
        await review.reopened(session, post, roster=roster, now=now, public_url=public_url)
