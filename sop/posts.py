"""Posts in the queue: what identifies their content, how they are listed and edited."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import and_, bindparam, or_, select

from clinic import audit
from sop.attachments import resolve
from sop.caps import ledger
from sop.journeys import touch_life
from sop.life import EDITABLE, LABELS, PostState
from sop.tables import Batch, Post

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.compliance import Checker, Finding
    from content.pack import Pack

Channel = Literal["moment", "group", "direct"]

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
CURSOR: Final = re.compile(r"([0-9]{1,17})-([0-9]{1,18})")
PAGE: Final = 50
PAGE_MAX: Final = 200
TEXT_BYTES: Final = 4000  # add_msg_template (doc 92135) and add_moment_task (doc 95094)
MOMENT_CHARS: Final = 2000


_POST: Final = select(Post).where(Post.id == bindparam("post"))
_LOCK_POST: Final = _POST.with_for_update().execution_options(populate_existing=True)
_LOCK_BATCH: Final = select(Batch.id).join(Post).where(Post.id == bindparam("post")).with_for_update(of=Batch)


class PostNotFound(LookupError):
    """No post has this id."""

    def __init__(self, post_id: int) -> None:
        super().__init__(f"没有编号为 {post_id} 的内容")


class Outdated(Exception):
    """The digest given is not the post's: somebody changed it since it was read."""

    def __init__(self, post: Post) -> None:
        super().__init__(f"内容 #{post.id} 已被修改（现在是第 {post.revision} 版），请重新查看后再决定")
        self.post = post


class NotEditable(Exception):
    """A post that is already on its way, or at its end, keeps its content."""

    def __init__(self, post: Post) -> None:
        super().__init__(f"内容 #{post.id} 现在是“{LABELS[PostState(post.state)]}”，不能再修改")


class EditRefused(ValueError):
    """The new content cannot be queued; ``field`` names the place, ``findings`` the content check's words."""

    def __init__(self, field: str, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.field, self.findings = field, findings


@dataclass(frozen=True, slots=True, kw_only=True)
class PostPage:
    """Some posts in order of their hour, and where the next page begins."""

    items: tuple[Post, ...]
    next: str | None


def digest_of(
    *,
    kind: str,
    text: str,
    attachments: Sequence[dict[str, Any]],
    audience: dict[str, Any],
    sender: str,
    scheduled_at: datetime,
) -> str:
    """Return the digest an approval is bound to: content, audience, sender and time (DESIGN §3)."""
    document = {
        "kind": kind,
        "text": text,
        "attachments": list(attachments),
        "audience": audience,
        "sender": sender,
        "at": int(scheduled_at.timestamp()),
    }
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(canonical.encode()).hexdigest()


def refresh_digest(post: Post) -> None:
    """Recompute the digest after any of its parts changed."""
    post.digest = digest_of(
        kind=post.kind,
        text=post.text,
        attachments=post.attachments,
        audience=post.audience,
        sender=post.sender,
        scheduled_at=post.scheduled_at,
    )


async def get_post(session: AsyncSession, post_id: int, *, lock: bool = False) -> Post:
    """Return one post, locked against other deciders when asked.

    The batch is locked first, always: two decisions about one batch then wait for each other instead of
    holding what the other needs.

    Raises:
        PostNotFound: no such post.
    """
    which = {"post": post_id}
    if lock:
        await session.execute(_LOCK_BATCH, which)
    post = (await session.scalars(_LOCK_POST if lock else _POST, which)).one_or_none()
    if post is None:
        raise PostNotFound(post_id)
    return post


async def list_posts(
    session: AsyncSession,
    *,
    states: Sequence[str] = (),
    start: datetime | None = None,
    end: datetime | None = None,
    persona: str | None = None,
    batch_id: int | None = None,
    cursor: str | None = None,
    limit: int = PAGE,
) -> PostPage:
    """Return posts by their scheduled hour, ``start`` inclusive, ``end`` exclusive.

    Raises:
        ValueError: the cursor is not one that this function returned.
    """
    query = select(Post).order_by(Post.scheduled_at, Post.id).limit(limit + 1)
    if states:
        query = query.where(Post.state.in_(states))
    if start is not None:
        query = query.where(Post.scheduled_at >= start)
    if end is not None:
        query = query.where(Post.scheduled_at < end)
    if persona is not None:
        query = query.where(Post.persona == persona)
    if batch_id is not None:
        query = query.where(Post.batch_id == batch_id)
    if cursor is not None:
        hour, last_id = _read_cursor(cursor)
        query = query.where(or_(Post.scheduled_at > hour, and_(Post.scheduled_at == hour, Post.id > last_id)))
    found = (await session.scalars(query)).all()
    items = tuple(found[:limit])
    return PostPage(items=items, next=_cursor_after(items[-1]) if len(found) > limit else None)


def _cursor_after(post: Post) -> str:
    # The hour travels in the cursor: a post rescheduled between two pages must not shift the rest.
    return f"{(post.scheduled_at - EPOCH) // timedelta(microseconds=1)}-{post.id}"


def _read_cursor(cursor: str) -> tuple[datetime, int]:
    match = CURSOR.fullmatch(cursor)
    if match is None:
        raise ValueError("cursor 不是本接口给出的值")
    return EPOCH + timedelta(microseconds=int(match[1])), int(match[2])


async def edit_post(
    session: AsyncSession,
    post_id: int,
    *,
    now: datetime,
    actor: str,
    pack: Pack,
    checker: Checker,
    expected_digest: str | None = None,
    text: str | None = None,
    attachments: Sequence[dict[str, Any]] | None = None,
    scheduled_at: datetime | None = None,
) -> Post:
    """Change a post that is not on its way yet; it goes (back) to review with a new digest.

    Raises:
        PostNotFound: no such post.
        Outdated: ``expected_digest`` is given and is not the post's.
        NotEditable: the post is being pushed or has ended.
        EditRefused: the hour has passed, a limit of WeCom is exceeded, or the content check blocks it.
    """
    post = await get_post(session, post_id, lock=True)
    if expected_digest is not None and expected_digest != post.digest:
        raise Outdated(post)
    if PostState(post.state) not in EDITABLE:
        raise NotEditable(post)
    new_text = post.text if text is None else text.strip()
    new_cards = post.attachments if attachments is None else resolve(attachments, pack, kind=post.kind)
    new_hour = post.scheduled_at if scheduled_at is None else scheduled_at
    if new_hour <= now:
        raise EditRefused("scheduled_at", "发送时间已经过去，请选择将来的时间")
    check_text(new_text, kind=post.kind, has_cards=bool(new_cards))
    findings = check_content(new_text, kind=post.kind, persona=post.persona, pack=pack, checker=checker)
    blocks = tuple(f for f in findings if f.level == "block")
    if blocks:
        raise EditRefused("text", f"内容检查未通过：{blocks[0].advice}（{blocks[0].ground}）", findings)
    before = post.digest
    post.text, post.attachments, post.scheduled_at = new_text, list(new_cards), new_hour
    refresh_digest(post)
    if scheduled_at is not None:
        await ledger.moved(session, post.id, new_hour)
        await touch_life.move_post(session, post, now=now)
    post.findings = [finding_document(f) for f in findings]
    if post.digest == before and PostState(post.state) is not PostState.DRAFT:
        return post
    post.state, post.reason = PostState.IN_REVIEW, ""
    post.revision += 1
    post.updated_at = now
    audit.record(
        session,
        at=now,
        actor=actor,
        action="post.edit",
        subject=f"post:{post.id}",
        reason=f"改为第 {post.revision} 版，重新待审",
        detail={"before": before, "after": post.digest},
    )
    return post


def check_text(text: str, *, kind: str, has_cards: bool) -> None:
    """Hold ``text`` to WeCom's limits for this kind of post.

    Raises:
        EditRefused: too long, or empty without any attachment.
    """
    if not text and not has_cards:
        raise EditRefused("text", "文字和附件不能都为空")
    size = len(text.encode())
    if size > TEXT_BYTES:
        raise EditRefused("text", f"文字有 {size} 字节，企业微信最多 {TEXT_BYTES} 字节（约 1333 个汉字）")
    if kind == "moment" and len(text) > MOMENT_CHARS:
        raise EditRefused("text", f"文字有 {len(text)} 字，朋友圈最多 {MOMENT_CHARS} 字")


def check_content(text: str, *, kind: str, persona: str, pack: Pack, checker: Checker) -> tuple[Finding, ...]:
    """Return what the content check says of ``text`` as this persona's post of this kind."""
    channel: Channel = "moment" if kind == "moment" else "group" if kind == "group" else "direct"
    # The clinic's own telephone number is no personal data.
    own = tuple(pack.clinic.values())
    return checker.check(text, persona=pack.persona(persona).kind, channel=channel, own=own)


def finding_document(finding: Finding) -> dict[str, Any]:
    """Return a finding as it is stored with a post and shown to staff."""
    return {
        "level": finding.level,
        "start": finding.start,
        "end": finding.end,
        "rule": finding.rule,
        "ground": finding.ground,
        "advice": finding.advice,
    }
