"""From rows to documents; instants as the clinic's clock shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

from sqlalchemy import select

from console.api.documents import (
    ApprovalDocument,
    AttachmentDocument,
    AudienceDocument,
    FindingDocument,
    PostDetail,
    PostDocument,
    PushCounts,
    PushDocument,
)
from sop.audience import recipients_of
from sop.receipts import counts_of
from sop.tables import Approval, Push, Receipt

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.tables import Post


@overload
def local(at: datetime, zone: ZoneInfo) -> datetime: ...
@overload
def local(at: datetime | None, zone: ZoneInfo) -> datetime | None: ...
def local(at: datetime | None, zone: ZoneInfo) -> datetime | None:
    """Return the same instant with the clinic's offset."""
    return at.astimezone(zone) if at is not None else None


def post_document(post: Post, zone: ZoneInfo) -> PostDocument:
    """Return a post as lists show it."""
    return PostDocument.model_validate(_post_fields(post, zone))


async def post_detail(session: AsyncSession, post: Post, zone: ZoneInfo) -> PostDetail:
    """Return a post with its decisions and its delivery."""
    approvals = await session.scalars(
        select(Approval).where(Approval.post_id == post.id).order_by(Approval.id)
    )
    shown = [
        {
            "digest": a.digest,
            "decision": a.decision,
            "actor": a.actor,
            "via": a.via,
            "reason": a.reason,
            "at": local(a.at, zone),
        }
        for a in approvals
    ]
    return PostDetail.model_validate(
        _post_fields(post, zone)
        | {
            "audience": _audience(post, every=True),
            "approvals": [ApprovalDocument.model_validate(approval) for approval in shown],
            "push": await _push(session, post, zone),
        }
    )


def _post_fields(post: Post, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": post.id,
        "kind": post.kind,
        "state": post.state,
        "persona": post.persona,
        "sender": post.sender,
        "text": post.text,
        "attachments": [AttachmentDocument.model_validate(card) for card in post.attachments],
        "audience": _audience(post, every=False),
        "scheduled_at": local(post.scheduled_at, zone),
        "digest": post.digest,
        "revision": post.revision,
        "category": post.category,
        "content_key": post.content_key,
        "batch_id": post.batch_id,
        "findings": [FindingDocument.model_validate(finding) for finding in post.findings],
        "reason": post.reason,
        "created_at": local(post.created_at, zone),
        "updated_at": local(post.updated_at, zone),
    }


def _audience(post: Post, *, every: bool) -> AudienceDocument:
    """Return whom a post is for; up to 10 000 patients are listed only where one post is read."""
    if post.kind != "direct":
        return AudienceDocument.model_validate(post.audience)
    patients = recipients_of(post.kind, post.audience)
    shown = {"external_userids": list(patients)} if every else {}
    return AudienceDocument.model_validate({"count": len(patients), **shown})


async def _push(session: AsyncSession, post: Post, zone: ZoneInfo) -> PushDocument | None:
    push = (await session.scalars(select(Push).where(Push.post_id == post.id))).one_or_none()
    if push is None:
        return None
    counts = await counts_of(session, push.id)
    own = await session.get(Receipt, (push.id, post.sender, ""))
    return PushDocument(
        remote_id=push.remote_id,
        created_at=local(push.created_at, zone),
        expires_at=local(push.expires_at, zone),
        closed_at=local(push.closed_at, zone),
        sent_by_member_at=local(own.at, zone) if own is not None else None,
        reminders=push.reminders,
        counts=PushCounts(
            sent=counts["sent"],
            waiting=counts["waiting"],
            not_friend=counts["not_friend"],
            capped=counts["capped"],
            unreachable=counts["unreachable"],
        ),
    )
