"""A patient's story and signs as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from clinic import timeline
from clinic.stages import Stage
from console import records
from console.records import load_record
from console.views import load_names
from console.wording import Sign
from sop.touches import TOLD

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.moments import Moment, Place
    from clinic.tables import Patient
    from console.deps import Deps
    from console.records import Record
    from console.views import Names

LINES: Final = 30

STAGES: Final = {
    Stage.ADDED: Sign(label=Stage.ADDED.title, tone="grey", icon="patient"),
    Stage.CONSULTED: Sign(label=Stage.CONSULTED.title, tone="blue", icon="question"),
    Stage.BOOKED: Sign(label=Stage.BOOKED.title, tone="blue", icon="week"),
    Stage.VISITED: Sign(label=Stage.VISITED.title, tone="teal", icon="visit"),
    Stage.CLOSED: Sign(label=Stage.CLOSED.title, tone="green", icon="check"),
    Stage.TREATING: Sign(label=Stage.TREATING.title, tone="teal", icon="sync"),
    Stage.MEMBER: Sign(label=Stage.MEMBER.title, tone="green", icon="spark"),
    Stage.REFERRING: Sign(label=Stage.REFERRING.title, tone="green", icon="people"),
    Stage.DORMANT: Sign(label=Stage.DORMANT.title, tone="amber", icon="clock"),
    Stage.LOST: Sign(label=Stage.LOST.title, tone="red", icon="alert"),
}
# What a moment is about, by the first part of its action.
KINDS: Final = {
    "contact": Sign(label="联系", tone="blue", icon="people"),
    "welcome": Sign(label="欢迎语", tone="teal", icon="spark"),
    "tags": Sign(label="标签", tone="teal", icon="tag"),
    "tag": Sign(label="标签", tone="teal", icon="tag"),
    "stage": Sign(label="阶段", tone="green", icon="right"),
    "visit": Sign(label="就诊", tone="green", icon="visit"),
    "group": Sign(label="客户群", tone="blue", icon="group"),
    "kf": Sign(label="微信客服", tone="blue", icon="group"),
    "benefit": Sign(label="权益", tone="green", icon="spark"),
    "survey": Sign(label="问卷", tone="teal", icon="review"),
    "consent": Sign(label="同意", tone="amber", icon="shield"),
    "todo": Sign(label="待办", tone="amber", icon="todo"),
    "journey": Sign(label="旅程", tone="blue", icon="play"),
    "touch": Sign(label="触达", tone="blue", icon="hand"),
    "transfer": Sign(label="交接", tone="amber", icon="sync"),
    "patient": Sign(label="档案", tone="grey", icon="patient"),
}
OTHER: Final = Sign(label="其他", tone="grey", icon="info")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One moment of a patient's story. ``elsewhere``: it came to another of her records."""

    at: datetime
    sign: Sign
    who: str
    text: str
    rule: str | None
    ahead: bool
    elsewhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """A page of a patient's story, the latest first."""

    lines: tuple[Line, ...]
    next: Place | None


async def load_story(
    session: AsyncSession, record: Record, deps: Deps, *, before: Place | None, now: datetime
) -> Story:
    """Read a page of what happened to a patient."""
    person = records.person_of(record, pack=deps.pack, vault=deps.vault, now=now)
    found = await timeline.read(session, person, before=before, limit=LINES, more=TOLD)
    names = await load_names(session, userids={moment.actor for moment in found.moments})
    own = record.patient.external_userid
    return Story(
        lines=tuple(_line(moment, names, own=own, now=now) for moment in found.moments), next=found.next
    )


def _line(moment: Moment, names: Names, *, own: str, now: datetime) -> Line:
    return Line(
        at=moment.at,
        sign=KINDS.get(moment.kind, OTHER),
        who=names.person(moment.actor),
        text=moment.reason or "（内容已删除）",
        rule=moment.rule,
        ahead=moment.at > now,
        elsewhere=moment.record != own,
    )


async def read_record(session: AsyncSession, patient: Patient, deps: Deps) -> Record:
    """Read everything about a person but her story."""
    return await load_record(session, patient, pack=deps.pack, vault=deps.vault, now=deps.clock.now())
