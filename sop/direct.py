"""Queueing 1-to-1 posts: one mass-send task of one member for up to 10 000 of their own patients."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic.tables import Follow, Patient
from sop import standing
from sop.caps import ledger
from sop.life import PostState
from sop.posts import check_content, check_text, digest_of, finding_document
from sop.review import extended
from sop.tables import Post
from sop.weeks import batch_for
from store.statements import table_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.compliance import Checker
    from content.plans.specs import Purpose
    from sop.roster import Roster

MOST_RECIPIENTS: Final = 10_000  # external_userid of add_msg_template (doc 92135)
IDS_AT_ONCE: Final = 500
KIND: Final = "direct"
JOURNEY: Final = "journey:"  # how the slots of journeys begin


class DirectRefused(ValueError):
    """A draft cannot be queued; ``field`` names the place."""

    def __init__(self, slot: str, field: str, message: str) -> None:
        super().__init__(f"{slot}：{message}")
        self.slot, self.field = slot, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DirectDraft:
    """One content for some patients of one member, at one hour."""

    slot: str  # unique for ever (at most 200 characters): queueing the same slot again changes nothing
    week: date  # the Monday of the batch it is reviewed in
    persona: str
    sender: str
    external_userids: tuple[str, ...]  # 1 to 10 000, all of them friends of ``sender`` now
    text: str  # rendered; at most 4000 bytes of UTF-8
    scheduled_at: datetime
    attachments: tuple[dict[str, Any], ...] = ()  # resolved, see :mod:`sop.attachments`
    scope: str = KIND
    category: str = ""
    content_key: str | None = None
    plan_key: str = ""  # of a journey's step: the plan it belongs to, the step and its wording
    step: str = ""
    variant: str = ""
    purpose: Purpose = "care"

    @property
    def of_journey(self) -> bool:
        """Tell whether journeys queue it, which count its contacts themselves."""
        return self.slot.startswith(JOURNEY)


async def queue(
    session: AsyncSession,
    drafts: Sequence[DirectDraft],
    *,
    roster: Roster,
    checker: Checker,
    now: datetime,
    public_url: str,
    approve: Callable[[Sequence[Post]], Awaitable[None]] | None = None,
) -> tuple[Post, ...]:
    """Queue drafts for review and return their posts, in the drafts' order.

    A slot that is queued already keeps its post as it stands, whatever the draft says now. What the content
    check blocks waits in ``draft`` for an editor, what was approved for good is ``approved``, everything
    else waits ``in_review``. Each batch in which more waits is offered to its reviewers once, however many
    drafts it got.

    Args:
        approve: may approve new posts at once, before anybody is asked to.

    Raises:
        DirectRefused: no or too many recipients, a patient who is no friend of the sender, a gone hour.
        EditRefused: the text breaks a limit of WeCom.
    """
    by_batch: defaultdict[tuple[date, str], list[DirectDraft]] = defaultdict(list)
    if any(not draft.of_journey for draft in drafts):
        await ledger.take_turn(session)  # before any batch is locked, as journeys do
    for draft in drafts:
        by_batch[draft.week, draft.persona].append(draft)
    posts: dict[str, Post] = {}
    # In one order, so that two engines that queue the same drafts wait for each other instead of locking up.
    for (week, persona), some in sorted(by_batch.items(), key=lambda item: item[0]):
        batch = await batch_for(session, week, persona, now)
        slots = [draft.slot for draft in some]
        standing_posts = await _by_slot(session, slots)
        fresh = [draft for draft in some if draft.slot not in standing_posts]
        for draft in fresh:
            check_draft(draft, now=now)
        await _refuse_strangers(session, fresh)
        await _insert(session, fresh, batch.id, roster=roster, checker=checker, now=now)
        made = await _by_slot(session, [draft.slot for draft in fresh])
        for draft in fresh:
            if not draft.of_journey:
                await ledger.record_post(session, made[draft.slot])
        posts |= standing_posts | made
        if approve is not None and made:
            await approve(tuple(made.values()))
        await standing.approve_posts(session, made.values(), now=now)
        if any(post.state != PostState.APPROVED for post in made.values()):
            await extended(session, batch, roster=roster, now=now, public_url=public_url)
    return tuple(posts[draft.slot] for draft in drafts)


async def _by_slot(session: AsyncSession, slots: Sequence[str]) -> dict[str, Post]:
    found: dict[str, Post] = {}
    for some in _some(slots):
        found |= {post.slot: post for post in await session.scalars(select(Post).where(Post.slot.in_(some)))}
    return found


def check_draft(draft: DirectDraft, *, now: datetime) -> None:
    """Refuse what can be seen from the draft alone.

    Raises:
        DirectRefused: no or too many recipients, a gone hour.
        EditRefused: the text breaks a limit of WeCom.
    """
    recipients = len(set(draft.external_userids))
    if not 1 <= recipients <= MOST_RECIPIENTS:
        raise DirectRefused(
            draft.slot,
            "external_userids",
            f"收件人要有 1 到 {MOST_RECIPIENTS} 位，现在是 {recipients} 位",
        )
    if draft.scheduled_at <= now:
        raise DirectRefused(draft.slot, "scheduled_at", "发送时间已经过去，请选择将来的时间")
    check_text(draft.text, kind=KIND, has_cards=bool(draft.attachments))


async def _refuse_strangers(session: AsyncSession, drafts: Sequence[DirectDraft]) -> None:
    asked: defaultdict[str, set[str]] = defaultdict(set)
    for draft in drafts:
        asked[draft.sender].update(draft.external_userids)
    friends = {sender: await _friends(session, sender, ids) for sender, ids in asked.items()}
    for draft in drafts:
        strangers = len(set(draft.external_userids) - friends[draft.sender])
        if strangers:
            raise DirectRefused(
                draft.slot,
                "external_userids",
                f"有 {strangers} 位收件人不是 {draft.sender} 的好友，不能由他发送",
            )


async def _friends(session: AsyncSession, sender: str, external_userids: set[str]) -> set[str]:
    """Return who of them is a friend of the sender."""
    found: set[str] = set()
    for some in _some(sorted(external_userids)):
        found.update(
            await session.scalars(
                select(Patient.external_userid)
                .join(Follow, Follow.patient_id == Patient.id)
                .where(
                    Follow.userid == sender,
                    Follow.lost_at.is_(None),
                    Follow.half.is_(False),
                    Patient.external_userid.in_(some),
                )
            )
        )
    return found


async def _insert(
    session: AsyncSession,
    drafts: Sequence[DirectDraft],
    batch_id: int,
    *,
    roster: Roster,
    checker: Checker,
    now: datetime,
) -> None:
    checked: dict[tuple[str, str], list[dict[str, Any]]] = {}
    rows = []
    for draft in drafts:
        said = draft.persona, draft.text
        if said not in checked:  # members who share a persona say the same
            checked[said] = [
                finding_document(finding)
                for finding in check_content(
                    draft.text, kind=KIND, persona=draft.persona, pack=roster.pack, checker=checker
                )
            ]
        rows.append(_row(draft, batch_id, checked[said], now))
    if rows:
        insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
        await (await session.connection()).execute(
            insert(table_of(Post)).on_conflict_do_nothing(index_elements=["slot"]), rows
        )


def _row(draft: DirectDraft, batch_id: int, findings: list[dict[str, Any]], now: datetime) -> dict[str, Any]:
    blocked = any(finding["level"] == "block" for finding in findings)
    # Sorted and once each: the digest must not depend on the order in which the engine met the patients.
    audience = {"external_userids": sorted(set(draft.external_userids))}
    return {
        "batch_id": batch_id,
        "slot": draft.slot,
        "scope": draft.scope,
        "kind": KIND,
        "state": PostState.DRAFT if blocked else PostState.IN_REVIEW,
        "persona": draft.persona,
        "sender": draft.sender,
        "category": draft.category,
        "content_key": draft.content_key,
        "plan_key": draft.plan_key,
        "step": draft.step,
        "variant": draft.variant,
        "purpose": draft.purpose,
        "text": draft.text,
        "attachments": list(draft.attachments),
        "audience": audience,
        "scheduled_at": draft.scheduled_at,
        "digest": digest_of(
            kind=KIND,
            text=draft.text,
            attachments=draft.attachments,
            audience=audience,
            sender=draft.sender,
            scheduled_at=draft.scheduled_at,
        ),
        "revision": 1,
        "findings": findings,
        "reason": "内容检查未通过，请修改" if blocked else "",
        "created_at": now,
        "updated_at": now,
    }


def _some(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    return (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
