"""Posts by the API: list, read, edit, decide."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import select

from console.api import problems
from console.api.access import ACTOR, VIA
from console.api.documents import FindingDocument, Page, PostDocument
from console.api.operation import Answer, Call
from console.api.problems import FieldError, Problem, Standing, invalid
from console.api.requests import (
    Decision,
    LibraryAttachment,
    LinkAttachment,
    Nothing,
    PostEdit,
    PostPath,
    PostQuery,
    ResendOrder,
)
from console.api.views import post_detail, post_document
from content.pack import NotInPackError
from sop import decisions, resending, review
from sop import posts as queue
from sop.attachments import AttachmentRefused
from sop.life import NotPossible
from sop.roster import load_roster
from sop.tables import Batch, Post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession


class Decide(Protocol):
    """A decision of :mod:`sop.decisions`."""

    async def __call__(
        self,
        session: AsyncSession,
        post_id: int,
        *,
        digest: str,
        actor: str,
        via: str,
        now: datetime,
        reason: str,
    ) -> Post: ...


async def list_posts(call: Call[Nothing, PostQuery, Nothing]) -> Answer:
    """Return a page of the queue in order of the posts' hours."""
    query, zone = call.query, call.deps.zone
    async with call.deps.database.read() as session:
        try:
            page = await queue.list_posts(
                session,
                states=[str(state) for state in query.state],
                start=start_of(query.from_, zone),
                end=end_of(query.to, zone),
                persona=query.persona,
                batch_id=query.batch,
                cursor=query.cursor,
                limit=query.limit,
            )
        except ValueError as exc:
            raise invalid("cursor", str(exc)) from None
    items = [post_document(post, zone) for post in page.items]
    return Answer(content=Page[PostDocument](items=items, next=page.next))


async def read_post(call: Call[PostPath, Nothing, Nothing]) -> Answer:
    """Return one post with its decisions and its delivery."""
    async with call.deps.database.read() as session, _told(session, call.path.id):
        post = await queue.get_post(session, call.path.id)
        return Answer(content=await post_detail(session, post, call.deps.zone))


async def edit_post(call: Call[PostPath, Nothing, PostEdit]) -> Answer:
    """Change a post; whatever it was approved for is void, it waits for review again."""
    deps, body, now = call.deps, call.body, call.deps.clock.now()
    async with deps.database.write() as session, _told(session, call.path.id):
        await _take_turn(session, call.path.id)
        before = (await queue.get_post(session, call.path.id)).revision
        post = await queue.edit_post(
            session,
            call.path.id,
            now=now,
            actor=ACTOR,
            pack=await deps.library.pack(session),
            checker=deps.checker,
            expected_digest=body.digest or None,
            text=body.text if body.has("text") else None,
            attachments=[_wanted(card) for card in body.attachments] if body.has("attachments") else None,
            scheduled_at=body.scheduled_at if body.has("scheduled_at") else None,
        )
        if post.revision != before:
            roster = await load_roster(session, deps.pack, now=now)
            await review.reopened(session, post, roster=roster, now=now, public_url=deps.public_url)
        await session.flush()
        detail = await post_detail(session, post, deps.zone)
    deps.wake()
    return Answer(content=detail)


async def approve_post(call: Call[PostPath, Nothing, Decision]) -> Answer:
    """Approve exactly the content that was read."""
    return await _decide(call, partial(decisions.approve, needed=call.deps.pack.house.approvals))


async def reject_post(call: Call[PostPath, Nothing, Decision]) -> Answer:
    """Reject the content: it will not be sent."""
    return await _decide(call, decisions.reject)


async def cancel_post(call: Call[PostPath, Nothing, Decision]) -> Answer:
    """Withdraw the post, and its task in WeCom when nobody tapped it yet."""
    return await _decide(call, decisions.cancel)


async def resend_post(call: Call[PostPath, Nothing, ResendOrder]) -> Answer:
    """Queue a post once more for those whom it did not reach."""
    deps, body, now = call.deps, call.body, call.deps.clock.now()
    async with deps.database.write() as session, _told(session, call.path.id):
        try:
            fresh = await resending.resend(
                session,
                call.path.id,
                scheduled_at=body.scheduled_at if body.has("scheduled_at") else None,
                also=body.also,
                actor=ACTOR,
                roster=await load_roster(session, deps.pack, now=now),
                checker=deps.checker,
                public_url=deps.public_url,
                now=now,
            )
        except resending.NothingToResend as exc:
            post = await queue.get_post(session, call.path.id)
            raise Problem(kind=problems.NOT_POSSIBLE, detail=str(exc), standing=_standing(post)) from None
        detail = await post_detail(session, fresh, deps.zone)
    deps.wake()
    return Answer(status=201, content=detail)


async def _decide(call: Call[PostPath, Nothing, Decision], decide: Decide) -> Answer:
    deps, now = call.deps, call.deps.clock.now()
    async with deps.database.write() as session, _told(session, call.path.id):
        await _take_turn(session, call.path.id)
        post = await decide(
            session,
            call.path.id,
            digest=call.body.digest,
            actor=ACTOR,
            via=VIA,
            now=now,
            reason=call.body.reason.strip(),
        )
        roster = await load_roster(session, deps.pack, now=now)
        await review.settled(
            session, post.batch_id, roster=roster, now=now, public_url=deps.public_url, by="API"
        )
        detail = await post_detail(session, post, deps.zone)
    deps.wake()
    return Answer(content=detail)


async def _take_turn(session: AsyncSession, post_id: int) -> None:
    """Lock the post's batch before the post, as a tap on its card does: in another order two would block."""
    await session.execute(
        select(Batch.id)
        .join(Post, Post.batch_id == Batch.id)
        .where(Post.id == post_id)
        .with_for_update(of=Batch)
    )


@asynccontextmanager
async def _told(session: AsyncSession, post_id: int) -> AsyncIterator[None]:
    """Turn what the queue refuses into problems, while the session still knows how the post stands."""
    try:
        yield
    except queue.PostNotFound as exc:
        raise Problem(kind=problems.NOT_FOUND, detail=str(exc)) from None
    except queue.Outdated as exc:
        raise Problem(kind=problems.OUTDATED, detail=str(exc), standing=_standing(exc.post)) from None
    except decisions.ReasonNeeded as exc:
        raise Problem(
            kind=problems.REASON_NEEDED,
            detail=str(exc),
            errors=(FieldError(field="reason", message="写明为什么可以这样发"),),
            findings=tuple(FindingDocument.model_validate(found) for found in exc.post.findings),
            standing=_standing(exc.post),
        ) from None
    except (NotPossible, queue.NotEditable) as exc:
        post = await queue.get_post(session, post_id)
        raise Problem(kind=problems.NOT_POSSIBLE, detail=str(exc), standing=_standing(post)) from None
    except NotInPackError as exc:
        post = await queue.get_post(session, post_id)
        detail = f"内容包已不含这条内容所需的部分（{exc}），请补回内容包或取消这条内容"
        raise Problem(kind=problems.NOT_POSSIBLE, detail=detail, standing=_standing(post)) from None
    except AttachmentRefused as exc:
        raise invalid(f"attachments.{exc.index}", str(exc)) from None
    except queue.EditRefused as exc:
        error = FieldError(field=exc.field, message=str(exc))
        raise Problem(
            kind=problems.CONTENT_REFUSED if exc.findings else problems.INVALID,
            detail=f"{exc.field}：{exc}",
            errors=(error,),
            findings=tuple(
                FindingDocument.model_validate(queue.finding_document(found)) for found in exc.findings
            ),
        ) from None


def _standing(post: Post) -> Standing:
    return Standing(digest=post.digest, revision=post.revision, state=post.state)


def _wanted(card: LibraryAttachment | LinkAttachment) -> dict[str, Any]:
    # Of a card from the library only the key counts: the rest is what the pack says now.
    if isinstance(card, LibraryAttachment):
        return {"asset": card.asset}
    return card.model_dump()


def start_of(moment: datetime | date | None, zone: ZoneInfo) -> datetime | None:
    """Return the instant that ``from`` means: of a day, its beginning."""
    return moment if moment is None or isinstance(moment, datetime) else _midnight(moment, zone)


def end_of(moment: datetime | date | None, zone: ZoneInfo) -> datetime | None:
    """Return the instant that ``to`` means: of a day, its end."""
    if moment is None or isinstance(moment, datetime):
        return moment
    return _midnight(moment + timedelta(days=1), zone)


def _midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tzinfo=zone)
