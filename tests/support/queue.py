"""Drives the queue's services on a bare database: posts to single patients, decided and pushed by hand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic.tables import AuditEntry, Follow, Member, Patient
from content.compliance import Checker
from sop import decisions
from sop.direct import DirectDraft
from sop.direct import queue as queue_drafts
from sop.planner import monday_of
from sop.posts import edit_post
from sop.roster import load_roster
from sop.tables import Post
from store.outbox import OutboxEffect
from tests.support.checking import packaged_checker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from content.pack import Pack
    from sop.roster import Roster
    from store.database import Database

MORNING = datetime(2026, 11, 23, 1, tzinfo=UTC)  # Monday, 09:00 in the clinic
PUBLIC = "https://clinic.example"
STAFF = ("xiaohu", "chen.jing", "zhang.wei", "zhao.min")
TEXT = "洗牙后第三天啦，牙龈还有不舒服吗？有问题随时找小护。"


@dataclass(slots=True, kw_only=True)
class Queue:
    """A clinic without WeCom; ``now`` is where its clock stands."""

    database: Database
    pack: Pack
    now: datetime = MORNING

    @property
    def checker(self) -> Checker:
        return packaged_checker()

    async def settle_in(self) -> None:
        """Let members serve."""
        async with self.database.write() as session:
            session.add_all(
                Member(userid=userid, name=userid, serves=True, seen_at=self.now) for userid in STAFF
            )

    async def befriend(self, count: int, *, userid: str = "xiaohu", prefix: str = "wm-") -> tuple[str, ...]:
        """Connect new patients to a member; return their external ids."""
        names = [f"{prefix}{number:05}" for number in range(count)]
        async with self.database.write() as session:
            patients = [
                Patient(external_userid=name, first_seen_at=self.now, updated_at=self.now) for name in names
            ]
            session.add_all(patients)
            await session.flush()
            session.add_all(
                Follow(patient_id=patient.id, userid=userid, added_at=self.now, changed_at=self.now)
                for patient in patients
            )
        return tuple(names)

    async def ids_of(self, externals: Sequence[str]) -> list[int]:
        async with self.database.read() as session:
            rows = await session.execute(
                select(Patient.external_userid, Patient.id).where(Patient.external_userid.in_(externals))
            )
            ids = dict(rows.all())
        return [ids[name] for name in externals]

    def draft(self, patients: Sequence[str], **changes: Any) -> DirectDraft:
        """Return a message of 小护's to these patients in an hour."""
        values: dict[str, Any] = {
            "slot": "care:day-3",
            "week": monday_of(self.now.astimezone(self.pack.timezone).date()),
            "persona": "assistant",
            "sender": "xiaohu",
            "external_userids": tuple(patients),
            "text": TEXT,
            "scheduled_at": self.now + timedelta(hours=1),
        }
        return DirectDraft(**(values | changes))

    async def post(self, patients: Sequence[str], *, approve: bool = False, **changes: Any) -> Post:
        """Queue one message, approved when asked."""
        async with self.database.write() as session:
            [post] = await queue_drafts(
                session,
                [self.draft(patients, **changes)],
                roster=await load_roster(session, self.pack),
                checker=self.checker,
                now=self.now,
                public_url=PUBLIC,
            )
            if approve:
                await decisions.approve(
                    session, post.id, digest=post.digest, actor="chen.jing", via="console", now=self.now
                )
        return post

    async def edit(self, post: Post, *, text: str, actor: str = "chen.jing") -> Post:
        """Change what a post says."""
        async with self.database.write() as session:
            return await edit_post(
                session,
                post.id,
                now=self.now,
                actor=actor,
                pack=self.pack,
                checker=self.checker,
                text=text,
            )

    async def roster(self) -> Roster:
        """Return who is who, and who is away, as of now."""
        async with self.database.read() as session:
            return await load_roster(session, self.pack, now=self.now)

    async def told(self) -> list[tuple[tuple[str, ...], str]]:
        """Return what staff were told through the app's chat so far: to whom, and the title."""
        async with self.database.read() as session:
            effects = await session.scalars(
                select(OutboxEffect).where(OutboxEffect.kind == "notify_staff").order_by(OutboxEffect.id)
            )
            return [(tuple(one.payload["to"]), str(one.payload["title"])) for one in effects]

    async def read(self, post: Post) -> Post:
        """Return the post as it stands."""
        async with self.database.read() as session:
            return await session.get_one(Post, post.id)

    async def story(self, subject: str) -> list[tuple[str, str, str]]:
        """Return what the audit trail says of a subject: action, actor, reason."""
        async with self.database.read() as session:
            entries = await session.scalars(
                select(AuditEntry).where(AuditEntry.subject == subject).order_by(AuditEntry.id)
            )
            return [(entry.action, entry.actor, entry.reason) for entry in entries]
