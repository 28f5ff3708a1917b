"""To whom a text or an asset went one by one: by mass message, by hand, in 微信客服, with a greeting.

Nothing is stored for it: what became of steps, tasks and greetings is on record, and so are the versions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import (
    Integer,
    String,
    and_,
    case,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
    union_all,
)

from clinic import greetings
from clinic.care_tables import Greeting, Todo
from clinic.tables import Patient
from content.library.tables import LibraryVersion
from sop.journeys.books import book_of
from sop.journeys.ports import DONE, SENT
from sop.journeys.wording import words_of
from sop.library_use import REACHED, covered_by, posts_showing
from sop.plan_tables import Enrolment, PlanVersion, Touch
from sop.tables import Push, Receipt
from store.outbox import OutboxEffect

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy import ColumnElement, Select, SQLColumnExpression, Subquery
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Step
    from sop.tables import Post

    Part = Select[int, int, str, datetime]  # patient, version, way and moment of every sending of a sort

Wording = tuple[str, int, str, str]  # plan, version of the plan, step, variant

MASS: Final = "mass"
BY_HAND: Final = "todo"
KF: Final = "kf"
GREETING: Final = "welcome"
WAYS: Final = {MASS: "一对一群发", BY_HAND: "同事逐个发", KF: "微信客服", GREETING: "欢迎语"}
DIRECT: Final = "direct"  # the kind of a post that goes to single patients
ASSETS: Final = "assets"  # in the result of a greeting's effect: which assets it carried, their covers too
_HEAD: Final = func.coalesce(Patient.merged_into, Patient.id).label("patient_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """One version of an entry: how many people it went to, in which ways, and when first and last."""

    version: int
    people: int
    first: datetime
    last: datetime
    ways: tuple[tuple[str, int], ...]  # way and people; one who got it in two ways is in both


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """Somebody it went to, by the record that speaks for her; ``at``: the last time, in this way."""

    patient_id: int
    version: int
    way: str
    at: datetime


class _Version(NamedTuple):
    number: int
    picture: str
    at: datetime


async def sendings(session: AsyncSession, pack: Pack, shelf: str, key: str) -> tuple[Sending, ...]:
    """Return to how many people an entry went one by one, by version, the newest first.

    A version is the one that stood when the words were made.

    Args:
        pack: as it stands in the library: for greetings of which nobody wrote down what they carried.
    """
    sent = await _sent(session, pack, shelf, key)
    if sent is None:
        return ()
    people = func.count(sent.c.patient_id.distinct())
    whole = await session.execute(
        select(sent.c.version, people, func.min(sent.c.at), func.max(sent.c.at))
        .group_by(sent.c.version)
        .order_by(sent.c.version.desc())
    )
    by_way = await session.execute(
        select(sent.c.version, sent.c.way, people).group_by(sent.c.version, sent.c.way)
    )
    ways = {(version, way): count for version, way, count in by_way}
    return tuple(
        Sending(
            version=version,
            people=count,
            first=first,
            last=last,
            ways=tuple((way, ways[version, way]) for way in WAYS if (version, way) in ways),
        )
        for version, count, first, last in whole
    )


async def people(session: AsyncSession, pack: Pack, shelf: str, key: str) -> int:
    """Return to how many people an entry went one by one."""
    sent = await _sent(session, pack, shelf, key)
    if sent is None:
        return 0
    return await session.scalar(select(func.count(sent.c.patient_id.distinct()))) or 0


async def recipients(
    session: AsyncSession,
    pack: Pack,
    shelf: str,
    key: str,
    *,
    version: int | None = None,
    offset: int = 0,
    limit: int = 50,
) -> tuple[Recipient, ...]:
    """Return to whom an entry went, or one version of it, the latest first.

    Each is listed once for a version and a way.
    """
    sent = await _sent(session, pack, shelf, key)
    if sent is None:
        return ()
    last = func.max(sent.c.at)
    query = (
        select(sent.c.patient_id, sent.c.version, sent.c.way, last)
        .group_by(sent.c.patient_id, sent.c.version, sent.c.way)
        .order_by(last.desc(), sent.c.patient_id, sent.c.way)
        .offset(offset)
        .limit(limit)
    )
    if version is not None:
        query = query.where(sent.c.version == version)
    rows = await session.execute(query)
    return tuple(
        Recipient(patient_id=patient_id, version=number, way=way, at=at)
        for patient_id, number, way, at in rows
    )


async def _sent(session: AsyncSession, pack: Pack, shelf: str, key: str) -> Subquery | None:
    """Return every sending: ``patient_id``, ``version``, ``way`` and ``at``; None: there can be none."""
    rows = await session.execute(
        select(LibraryVersion.number, LibraryVersion.picture, LibraryVersion.at)
        .where(LibraryVersion.shelf == shelf, LibraryVersion.key == key)
        .order_by(LibraryVersion.number)
    )
    versions = [_Version(*row) for row in rows]
    if not versions:
        return None
    posts = [post for post in await posts_showing(session, shelf, key) if post.kind == DIRECT]
    parts = [_by_mass(posts, shelf, versions)] if posts else []
    if shelf == "asset":  # by hand and in 微信客服 only words are sent
        parts.append(_greeted(pack, key, versions))
    elif wordings := await _wordings(session, key):
        parts.append(_told(wordings, versions))
    return union_all(*parts).subquery() if parts else None


def _by_mass(posts: Sequence[Post], shelf: str, versions: Sequence[_Version]) -> Part:
    """Return whom mass messages reached, as WeCom says."""
    by_version: dict[int, list[int]] = {}
    for post in posts:
        by_version.setdefault(_version_in(post, shelf, versions), []).append(post.id)
    version = case(*((Push.post_id.in_(ids), literal(number, Integer)) for number, ids in by_version.items()))
    at = func.coalesce(Receipt.at, Push.created_at)
    return (
        select(_HEAD, version.label("version"), literal(MASS, String).label("way"), at.label("at"))
        .select_from(Receipt)
        .join(Push, Push.id == Receipt.push_id)
        .join(Patient, Patient.external_userid == Receipt.recipient)
        .where(
            Push.post_id.in_([post.id for post in posts]), Receipt.status == REACHED, Receipt.recipient != ""
        )
    )


def _told(wordings: Sequence[Wording], versions: Sequence[_Version]) -> Part:
    """Return to whom steps of journeys said it, by hand or in 微信客服."""
    made = func.coalesce(Todo.created_at, Touch.at)  # the words of a to-do are those of the day it was made
    way = case((Touch.channel == KF, literal(KF, String)), else_=literal(BY_HAND, String))
    return (
        select(_HEAD, _at(made, versions).label("version"), way.label("way"), Touch.at.label("at"))
        .select_from(Touch)
        .join(Enrolment, Enrolment.id == Touch.enrolment_id)  # by whose index touches are found
        .join(Patient, Patient.id == Touch.patient_id)
        .outerjoin(Todo, Todo.id == Touch.todo_id)
        .where(
            Enrolment.plan_key.in_(sorted({plan for plan, *_ in wordings})),
            tuple_(Touch.version_id, Touch.step, Touch.variant).in_([rest for _, *rest in wordings]),
            Touch.channel != MASS,
            Touch.state.in_((SENT, DONE)),
        )
    )


def _greeted(pack: Pack, key: str, versions: Sequence[_Version]) -> Part:
    """Return whose greeting carried it.

    Until the effect said what a greeting carried, it carried what the pack says.
    """
    cards = covered_by(pack, key)
    texts = [
        (welcome.key, text.key)
        for welcome in pack.welcomes
        for text in welcome.texts
        if cards.intersection(text.attachments)
    ]
    result = func.coalesce(cast(OutboxEffect.result, String), "")
    said = result.contains(f'"{ASSETS}"')
    carried: ColumnElement[bool] = and_(said, result.contains(f'"{key}"', autoescape=True))
    if texts:
        carried = or_(carried, and_(~said, tuple_(Greeting.welcome, Greeting.variant).in_(texts)))
    return (
        select(
            _HEAD,
            _at(Greeting.at, versions).label("version"),
            literal(GREETING, String).label("way"),
            Greeting.at.label("at"),
        )
        .select_from(Greeting)
        .join(OutboxEffect, OutboxEffect.key == Greeting.key)
        .join(Patient, Patient.id == Greeting.patient_id)
        .where(Greeting.state == greetings.SENT, carried)
    )


# ── which words, which version ───────────────────────────────────────────────────────────────────────


async def _wordings(session: AsyncSession, key: str) -> list[Wording]:
    """Return every wording of every published plan that says a text."""
    ids = (await session.scalars(select(PlanVersion.id).where(PlanVersion.published_at.is_not(None)))).all()
    plans = await (await book_of(session)).versions(session, ids)
    return [
        (plan.key, version_id, step.key, variant)
        for version_id, plan in sorted(plans.items())
        if plan.kind == "journey"
        for step in plan.journey.steps
        for variant in _variants(step)
        if words_of(step, variant)[0] == key
    ]


def _variants(step: Step) -> Iterable[str]:
    return ("", *(variant.key for variant in step.variants))


def _at(made: SQLColumnExpression[datetime], versions: Sequence[_Version]) -> ColumnElement[int]:
    """Return the number of the version that stood then; what is older than all was the first."""
    first, later = versions[0], versions[1:]
    if not later:
        return literal(first.number, Integer)
    return case(*((made >= one.at, one.number) for one in reversed(later)), else_=first.number)


def _version_in(post: Post, shelf: str, versions: Sequence[_Version]) -> int:
    """Return the version in a post: the one with its picture, else the one that stood when it was made."""
    shown = {str(card.get("sha256", "")) for card in post.attachments} - {""} if shelf == "asset" else set()
    fitting = [one for one in versions if one.picture in shown] or versions
    stood = [one for one in fitting if one.at <= post.created_at] or fitting[:1]
    return stood[-1].number
