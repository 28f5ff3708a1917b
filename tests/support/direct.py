"""Queues messages to single patients, as a journey's step does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sop.direct import DirectDraft, queue
from sop.planner import monday_of
from sop.roster import load_roster
from tests.support.checking import packaged_checker

if TYPE_CHECKING:
    from tests.support.clinic import Clinic

TEXT = "洗牙后第三天啦，牙龈还有不舒服吗？有问题随时找小护。"


async def befriend(clinic: Clinic, *names: str, userid: str = "xiaohu") -> tuple[str, ...]:
    """Let new patients add a member, and wait until they are greeted and tagged; return their ids."""
    added = [
        await clinic.act("patient-adds-member", userid=userid, state="front-desk", name=n) for n in names
    ]
    await clinic.sandbox.callbacks.idle()
    await clinic.runtime.worker.drain()
    await clinic.runtime.courier.drain()
    return tuple(one["external_userid"] for one in added)


def draft_for(clinic: Clinic, patients: tuple[str, ...], **changes: Any) -> DirectDraft:
    """Return a message of 小护's to these patients in an hour."""
    now = clinic.clock.now()
    values: dict[str, Any] = {
        "slot": "care:day-3",
        "week": monday_of(now.astimezone(clinic.pack.timezone).date()),
        "persona": "assistant",
        "sender": "xiaohu",
        "external_userids": patients,
        "text": TEXT,
        "scheduled_at": now + timedelta(hours=1),
    }
    return DirectDraft(**(values | changes))


async def queue_drafts(clinic: Clinic, *drafts: DirectDraft) -> list[dict[str, Any]]:
    """Queue drafts and return their posts as the API tells them."""
    async with clinic.runtime.database.write() as session:
        posts = await queue(
            session,
            drafts,
            roster=await load_roster(session, clinic.pack),
            checker=packaged_checker(),
            now=clinic.clock.now(),
            public_url=clinic.url,
        )
        ids = [post.id for post in posts]
    return [await clinic.api("GET", f"/posts/{post_id}") for post_id in ids]


async def due(clinic: Clinic, post: dict[str, Any]) -> dict[str, Any]:
    """Approve a post and let its hour come."""
    digest = {"digest": post["digest"]}
    approved: dict[str, Any] = await clinic.api("POST", f"/posts/{post['id']}/approve", digest)
    clinic.clock.advance(timedelta(hours=1, seconds=1))
    await clinic.runtime.clockwork.push_due()
    await clinic.runtime.courier.drain()
    return approved
