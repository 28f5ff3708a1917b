"""The ledger of contacts: one for every 1-to-1 channel, counted by the caps, a few statements per batch.

A contact is ``planned`` when it is decided, ``made`` when it happened, ``void`` when it never will. What a
post carries follows the post by itself (:func:`follow_posts`), in whatever way that ends.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, cast, func, literal, select, text, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.tables import Patient
from sop.caps import rules
from sop.caps.rules import REACH, Counted, Ruling, Wish
from sop.journeys.ports import Verdict
from sop.life import ENDS, PostState
from sop.plan_tables import LedgerEntry, Touch
from sop.tables import Post, Push, Receipt
from store.statements import table_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
    from datetime import datetime
    from typing import TypeVar

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Step
    from sop.journeys.ports import Contact, Due

    T = TypeVar("T")

PLANNED: Final = "planned"
MADE: Final = "made"
VOID: Final = "void"
FULL: Final = "full"  # WeCom's own word that a patient's quota was used up

MASS: Final = "mass"
IDS_AT_ONCE: Final = 500
ROWS_AT_ONCE: Final = 1000
POSTS_AT_ONCE: Final = 50
FULL_COLUMNS: Final = (
    "key",
    "patient_id",
    "at",
    "channel",
    "purpose",
    "quota",
    "plan_key",
    "post_id",
    "state",
)
POSTED_COLUMNS: Final = (*FULL_COLUMNS, "persona")
FEW: Final = 50  # contacts of one post that are noted one by one, in one statement with those of others
_LEDGER: Final = table_of(LedgerEntry)
_POSTED: Final = (
    update(_LEDGER).where(_LEDGER.c.key == bindparam("contact")).values(post_id=bindparam("post"))
)
LOCK: Final = 7_340_001  # of PostgreSQL: who decides contacts does it one after the other


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A contact as the ledger holds it; ``touch``: (enrolment, step) of a journey's."""

    counted: Counted
    touch: tuple[int, str] | None = None


class Ledger:
    """The contacts of some patients while a batch is decided: what is granted counts for what follows."""

    def __init__(self, rows: dict[int, list[Row]], pack: Pack) -> None:
        self._rows = rows
        self._pack = pack
        self._most_a_day = {persona.key: persona.max_direct_per_day for persona in pack.personas}

    def grant(self, patient_id: int, wish: Wish, *, touch: tuple[int, str] | None = None) -> Ruling:
        """Judge a wish, and count it from now on when it may happen at the moment wished.

        Args:
            touch: whose wish it is; an entry that the same one has already does not count.
        """
        mine = self._rows.setdefault(patient_id, [])
        if touch is not None and any(row.touch == touch for row in mine):
            mine = self._rows[patient_id] = [row for row in mine if row.touch != touch]
        limited = replace(wish, most_a_day=self._most_a_day.get(wish.persona, wish.most_a_day))
        ruling = rules.rule(
            limited, [row.counted for row in mine], house=self._pack.house, zone=self._pack.timezone
        )
        if ruling.allowed:
            mine.append(Row(counted=rules.counts_as(limited, wish.at), touch=touch))
        return ruling


async def open_ledger(
    session: AsyncSession, patient_ids: Iterable[int], *, pack: Pack, now: datetime, decides: bool = True
) -> Ledger:
    """Read what counts for these patients (the records that speak for them), with two SELECTs per 500.

    Args:
        decides: contacts will be written in this transaction; until its end nobody else decides any.
    """
    if decides:
        await take_turn(session)
    rows: defaultdict[int, list[Row]] = defaultdict(list)
    for some in _slices(sorted(set(patient_ids)), IDS_AT_ONCE):
        # Contacts of a record that was merged into hers are hers. Found apart: with both in one statement
        # PostgreSQL may read the whole ledger for each batch.
        merged = await session.execute(
            select(Patient.id, Patient.merged_into).where(Patient.merged_into.in_(some))
        )
        heads = {one: one for one in some} | {one: head for one, head in merged if head is not None}
        found = await session.execute(
            select(
                LedgerEntry.patient_id,
                LedgerEntry.at,
                LedgerEntry.purpose,
                LedgerEntry.quota,
                LedgerEntry.persona,
                LedgerEntry.state,
                Touch.enrolment_id,
                Touch.step,
            )
            .join(Touch, Touch.id == LedgerEntry.touch_id, isouter=True)
            .where(
                LedgerEntry.patient_id.in_(list(heads)),
                LedgerEntry.state != VOID,
                LedgerEntry.at > now - REACH,
            )
        )
        for patient_id, at, purpose, quota, persona, state, enrolment_id, step in found:
            full = state == FULL
            counted = Counted(
                at=at,
                marketing=purpose == "marketing" and not full,
                quota=quota and not full,
                persona=persona,
                full=full,
            )
            touch = (enrolment_id, step) if enrolment_id is not None else None
            rows[heads[patient_id]].append(Row(counted=counted, touch=touch))
    return Ledger(rows, pack)


async def take_turn(session: AsyncSession) -> None:
    """Wait until nobody else decides contacts, and keep others from it until this transaction ends.

    Taken before batches and posts are locked: who holds those must never wait for it.
    """
    if session.get_bind().dialect.name == "postgresql":  # SQLite has one writer anyway
        await session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


class LedgerCaps:
    """The caps as journeys ask for them (:class:`sop.journeys.ports.Caps`)."""

    def __init__(self, pack: Pack) -> None:
        self._pack = pack
        self._zone = pack.timezone

    async def weigh(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Verdict]:
        """Judge contacts, in their order; see :meth:`sop.journeys.ports.Caps.weigh`."""
        ledger = await open_ledger(session, (due.patient_id for due in dues), pack=self._pack, now=now)
        return [
            self._verdict(ledger.grant(due.patient_id, wish_of(due), touch=(due.enrolment_id, due.step.key)))
            for due in dues
        ]

    def _verdict(self, ruling: Ruling) -> Verdict:
        if ruling.allowed:
            return Verdict()
        if ruling.at is None:
            return Verdict.drop(f"{ruling.reason}，顺延不到合适的时间，这一次不发")
        later = ruling.at.astimezone(self._zone)
        return Verdict.hold(ruling.at, f"{ruling.reason}，顺延到 {later:%m-%d %H:%M}")

    async def record(self, session: AsyncSession, contacts: Sequence[Contact], *, now: datetime) -> None:
        """Write contacts into the ledger; one that stands there under its key is brought up to date."""
        del now
        await write(
            session,
            [
                {
                    "key": f"touch:{contact.touch_id}",
                    "patient_id": contact.patient_id,
                    "at": contact.at,
                    "channel": contact.channel,
                    "purpose": contact.purpose,
                    "quota": contact.channel == MASS,
                    "plan_key": contact.plan_key,
                    "persona": contact.persona,
                    "touch_id": contact.touch_id,
                    "post_id": None,
                    "state": MADE if contact.made else PLANNED,
                }
                for contact in contacts
            ],
        )

    async def posted(self, session: AsyncSession, posts: Mapping[int, Sequence[int]]) -> None:
        """Note which post carries which contacts: one statement for all small posts, some for large ones."""
        few: list[dict[str, Any]] = []
        for post_id, touch_ids in posts.items():
            if len(touch_ids) <= FEW:
                few += [{"post": post_id, "contact": f"touch:{touch_id}"} for touch_id in touch_ids]
                continue
            for some in _slices(touch_ids, IDS_AT_ONCE):
                await session.execute(
                    update(LedgerEntry)
                    .where(LedgerEntry.key.in_([f"touch:{touch_id}" for touch_id in some]))
                    .values(post_id=post_id)
                    .execution_options(synchronize_session=False)
                )
        if few:
            await (await session.connection()).execute(_POSTED, few)

    async def settle(
        self, session: AsyncSession, *, made: Collection[int], void: Collection[int], now: datetime
    ) -> None:
        """Note which contacts (touch ids) have happened, and which never will. Unknown ids change nothing."""
        for touch_ids, values in ((made, {"state": MADE, "at": now}), (void, {"state": VOID})):
            for some in _slices(sorted(touch_ids), IDS_AT_ONCE):
                await session.execute(
                    update(LedgerEntry)
                    .where(
                        LedgerEntry.key.in_([f"touch:{touch_id}" for touch_id in some]),
                        LedgerEntry.state == PLANNED,
                    )
                    .values(**values)
                    .execution_options(synchronize_session=False)
                )


def wish_of(due: Due) -> Wish:
    """Return what a due step wishes; marketing may be put off as long as its late policy says."""
    marketing = due.purpose == "marketing"
    late = due.step.late
    patience = timedelta() if late.kind == "skip" else timedelta(hours=late.hours)
    return Wish(
        at=due.at,
        marketing=marketing,
        quota=goes_by_mass(due.step),
        persona=due.persona,
        latest=due.due_at + patience if marketing else None,
    )


def goes_by_mass(step: Step) -> bool:
    """Tell whether a step, as it is written, counts against WeCom's quota."""
    return step.channel == MASS or (step.channel == "survey" and step.via == MASS)


async def write(session: AsyncSession, rows: Sequence[dict[str, Any]]) -> None:
    """Insert entries, all with the same columns; what stands under a key already is brought up to date."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    for some in _slices(rows, ROWS_AT_ONCE):
        # By the table and row by row: one statement of 500 rows costs ten times as much to put together.
        statement = insert(_LEDGER)
        changed = {name: statement.excluded[name] for name in some[0] if name != "key"}
        await session.execute(
            statement.on_conflict_do_update(index_elements=["key"], set_=changed), list(some)
        )


async def record_post(session: AsyncSession, post: Post) -> None:
    """Count a 1-to-1 post that no journey queued, for each of its recipients; once more: brought up to date.

    One statement, however many recipients.
    """
    listed = list(post.audience.get("external_userids", ()))
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    head = func.coalesce(Patient.merged_into, Patient.id)
    key = literal(f"post:{post.id}:") + cast(head, LedgerEntry.key.type)
    for some in _slices(listed, IDS_AT_ONCE):
        rows = select(
            key,
            head,
            literal(post.scheduled_at, LedgerEntry.at.type),
            literal(MASS),
            literal(post.purpose),
            literal(True),
            literal(post.plan_key),
            literal(post.id, LedgerEntry.post_id.type),
            literal(PLANNED),
            literal(post.persona),
        ).where(Patient.external_userid.in_(some))
        statement = insert(LedgerEntry).from_select(POSTED_COLUMNS, rows.distinct())
        await session.execute(
            statement.on_conflict_do_update(
                index_elements=["key"],
                set_={name: statement.excluded[name] for name in ("at", "purpose", "state")},
            )
        )


async def moved(session: AsyncSession, post_id: int, at: datetime) -> None:
    """Count what a post carries at its new hour."""
    await session.execute(
        update(LedgerEntry)
        .where(LedgerEntry.post_id == post_id, LedgerEntry.state == PLANNED)
        .values(at=at)
        .execution_options(synchronize_session=False)
    )


async def follow_posts(session: AsyncSession, *, now: datetime) -> int:
    """Let contacts learn what became of the posts that carry them; return how many posts were read.

    Reads the contacts that are still planned, so it finds every post that ended, in whatever way.
    """
    ended = await session.scalars(
        select(LedgerEntry.post_id)
        .join(Post, Post.id == LedgerEntry.post_id)
        .where(LedgerEntry.state == PLANNED, Post.state.in_(sorted(ENDS)))
        .distinct()
        .limit(POSTS_AT_ONCE)
    )
    post_ids = [post_id for post_id in ended if post_id is not None]
    for post_id in post_ids:
        await _follow(session, post_id, now=now)
    return len(post_ids)


async def differs(session: AsyncSession) -> bool:
    """Tell whether :func:`follow_posts` would find anything; only reads."""
    query = (
        select(LedgerEntry.id)
        .join(Post, Post.id == LedgerEntry.post_id)
        .where(LedgerEntry.state == PLANNED, Post.state.in_(sorted(ENDS)))
        .limit(1)
    )
    return await session.scalar(query) is not None


async def _follow(session: AsyncSession, post_id: int, *, now: datetime) -> None:
    post = await session.get_one(Post, post_id)
    mine = LedgerEntry.post_id == post_id, LedgerEntry.state == PLANNED
    if post.state in (PostState.PUBLISHED, PostState.PARTIAL):
        tapped = await session.scalar(
            select(Receipt.at)
            .join(Push, Push.id == Receipt.push_id)
            .where(Push.post_id == post_id, Receipt.recipient == "")
        )
        await session.execute(
            update(LedgerEntry)
            .where(*mine, LedgerEntry.patient_id.in_(_who(post_id, "sent")))
            .values(state=MADE, at=tapped or now)
            .execution_options(synchronize_session=False)
        )
        await _note_full(session, post_id, at=tapped or now)
    await session.execute(
        update(LedgerEntry).where(*mine).values(state=VOID).execution_options(synchronize_session=False)
    )


def _who(post_id: int, status: str) -> Any:
    """Select the patients of a post's receipts: the records that got it, and those that speak for them."""
    base = (
        select(Patient.id)
        .join(Receipt, Receipt.recipient == Patient.external_userid)
        .join(Push, Push.id == Receipt.push_id)
        .where(Push.post_id == post_id, Receipt.status == status)
    )
    heads = base.with_only_columns(Patient.merged_into).where(Patient.merged_into.is_not(None))
    return base.union_all(heads)


async def _note_full(session: AsyncSession, post_id: int, *, at: datetime) -> None:
    """Remember of whom WeCom said that her quota was used up: it counts what members send by themselves."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    capped = (
        select(
            literal(f"full:{post_id}:") + cast(Patient.id, LedgerEntry.key.type),
            Patient.id,
            literal(at, LedgerEntry.at.type),
            literal(MASS),
            literal("care"),
            literal(False),
            literal(""),
            literal(post_id, LedgerEntry.post_id.type),
            literal(FULL),
        )
        .join(Receipt, Receipt.recipient == Patient.external_userid)
        .join(Push, Push.id == Receipt.push_id)
        .where(Push.post_id == post_id, Receipt.status == "capped")
    )
    await session.execute(
        insert(LedgerEntry).from_select(FULL_COLUMNS, capped).on_conflict_do_nothing(index_elements=["key"])
    )


def _slices(values: Sequence[T], size: int) -> Iterator[Sequence[T]]:
    return (values[start : start + size] for start in range(0, len(values), size))
