"""What became of the library's entries: who uses them, how often they were posted, whom they reached."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import String, cast, func, or_, select

from content.library.tables import LibraryVersion
from content.library.view import entries
from sop.life import ENDS, LABELS, PostState
from sop.plans.usage import content_used_by
from sop.tables import Post, Push, Receipt

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

SHOWN: Final = (PostState.PUBLISHED, PostState.PARTIAL)
REACHED: Final = "sent"
SAID: Final = 5  # how many of one sort a refusal names


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What became of a text: how often posted, whom it reached, when it was last used."""

    posts: int = 0  # queued or sent, without what was rejected or expired
    published: int = 0
    recipients: int = 0  # deliveries that WeCom reports, not people: one may get it twice
    last_at: datetime | None = None  # the hour of its latest post, maybe ahead


async def results_of(session: AsyncSession, keys: Iterable[str]) -> dict[str, Result]:
    """Return what became of these texts; those never used are not in it."""
    wanted = list(dict.fromkeys(keys))
    alive = Post.state.not_in((PostState.REJECTED, PostState.EXPIRED, PostState.CANCELLED, PostState.FAILED))
    rows = await session.execute(
        select(
            Post.content_key,
            func.count().label("posts"),
            func.count().filter(Post.state.in_(SHOWN)).label("published"),
            func.max(Post.scheduled_at).label("last_at"),
        )
        .where(Post.content_key.in_(wanted), alive)
        .group_by(Post.content_key)
    )
    reached = await session.execute(
        select(Post.content_key, func.count().label("people"))
        .join(Push, Push.post_id == Post.id)
        .join(Receipt, Receipt.push_id == Push.id)
        .where(Post.content_key.in_(wanted), Receipt.status == REACHED, Receipt.recipient != "")
        .group_by(Post.content_key)
    )
    recipients = {row.content_key: row.people for row in reached}
    return {
        str(row.content_key): Result(
            posts=row.posts,
            published=row.published,
            recipients=recipients.get(row.content_key, 0),
            last_at=row.last_at,
        )
        for row in rows
    }


def carries(shelf: str, key: str) -> ColumnElement[bool]:
    """Return the condition that a post says this text, or shows this asset."""
    if shelf != "asset":
        return Post.content_key == key
    return cast(Post.attachments, String).contains(f'"{key}"', autoescape=True)


async def posts_with(
    session: AsyncSession, shelf: str, key: str, *, states: Iterable[str] = ()
) -> Sequence[Post]:
    """Return the posts that say this text or show this asset, the latest first."""
    query = select(Post).where(carries(shelf, key)).order_by(Post.scheduled_at.desc(), Post.id.desc())
    if states:
        query = query.where(Post.state.in_(list(states)))
    posts = (await session.scalars(query)).all()
    if shelf != "asset":
        return posts
    # The text of a JSON column only suggests it: a title may be called like a key.
    return [post for post in posts if any(card.get("asset") == key for card in post.attachments)]


async def posts_showing(
    session: AsyncSession, shelf: str, key: str, *, states: Iterable[str] = ()
) -> Sequence[Post]:
    """Return the posts that say this text, or whose cards have a picture that this asset has or had.

    So a card is found by its cover too. The latest first.
    """
    if shelf != "asset":
        return await posts_with(session, shelf, key, states=states)
    pictures = set(
        await session.scalars(
            select(LibraryVersion.picture).where(
                LibraryVersion.shelf == shelf, LibraryVersion.key == key, LibraryVersion.picture != ""
            )
        )
    )
    cards = cast(Post.attachments, String)
    query = (
        select(Post)
        .where(or_(*(cards.contains(f'"{one}"', autoescape=True) for one in (key, *sorted(pictures)))))
        .order_by(Post.scheduled_at.desc(), Post.id.desc())
    )
    if states:
        query = query.where(Post.state.in_(list(states)))
    return [
        post
        for post in await session.scalars(query)
        if any(card.get("asset") == key or card.get("sha256") in pictures for card in post.attachments)
    ]


async def users_of(session: AsyncSession, pack: Pack, shelf: str, key: str) -> list[str]:
    """Say who uses an entry, in words for staff; nobody: it may be deleted.

    Plans, greetings and group welcomes, other entries (an asset attached to them, or their cover), and posts
    that were ever made of it: their history must still lead somewhere.
    """
    said = [str(use) for use in (await content_used_by(session, [key])).get(key, ())]
    if shelf == "asset":
        said += greetings_with(pack, key) + await _entries(session, key)
    posts = await posts_with(session, shelf, key)
    open_ones = [post for post in posts if PostState(post.state) not in ENDS]
    for post in open_ones[:SAID]:
        said.append(f"内容 #{post.id}（{LABELS[PostState(post.state)]}）")
    if len(posts) > min(len(open_ones), SAID):
        said.append(f"一共排过 {len(posts)} 次，记录里还要查得到")
    return said


def covered_by(pack: Pack, key: str) -> set[str]:
    """Return the assets that show an asset: itself, and the cards of which it is the cover."""
    return {key, *(asset.key for asset in pack.assets if asset.picture == key)}


def greetings_with(pack: Pack, key: str) -> list[str]:
    """Name the greetings, and greetings of groups, that carry an asset."""
    said = [
        f"欢迎语 {welcome.key}"
        for welcome in pack.welcomes
        if any(key in text.attachments for text in welcome.texts)
    ]
    return said + [
        f"{role.title}的入群欢迎语"
        for role in pack.roles
        if role.welcome is not None and role.welcome.attachment == key
    ]


async def _entries(session: AsyncSession, key: str) -> list[str]:
    said = []
    for entry in await entries(session):
        if key in entry.document.get("attachments", ()):
            said.append(f"内容 {entry.key}")
        elif entry.document.get("picture") == key:
            said.append(f"素材 {entry.key} 的封面")
    return said[:SAID] + ([f"另有 {len(said) - SAID} 处"] if len(said) > SAID else [])
