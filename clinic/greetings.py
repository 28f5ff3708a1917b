"""Greetings: what is known of somebody in the moment she is greeted, and how her greeting ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, and_, bindparam, case, exists, func, select

from clinic.care_tables import Greeting, KfMessage, StageMove
from clinic.channels import CAME
from clinic.tables import Follow, Patient, PatientTag, Tag
from store.statements import PerDatabase, table_of

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.statements import Insert, Inserts

SENT: Final = "sent"
MISSED: Final = "missed"  # certainly not arrived within its 20 s
FROM_PATIENT: Final = 3  # the origin of a message in 微信客服 (doc 94670)
UNSURE: Final = "unsure"  # the answer was lost, and there was no time to ask again
_OF_PAIR: Final = (
    select(Follow.channel, Follow.first_added_at, Follow.added_at, Follow.half, Patient.id)
    .join(Patient, Patient.id == Follow.patient_id)
    .where(Patient.external_userid == bindparam("who"), Follow.userid == bindparam("userid"))
)
_WORN: Final = (
    select(Tag.group_name, Tag.name)
    .join(PatientTag, PatientTag.tag_id == Tag.id)
    .join(Patient, Patient.id == PatientTag.patient_id)
    .where(Patient.external_userid == bindparam("who"))
)


def _settle(insert: Inserts) -> Insert:
    statement = insert(table_of(Greeting))
    new = statement.excluded
    return statement.on_conflict_do_update(
        index_elements=["key"], set_={name: new[name] for name in ("state", "cause", "settled_at")}
    )


_SETTLE: Final = PerDatabase(_settle)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the records say of a patient and a member: nothing at all for somebody new."""

    channel: str = ""
    added_at: datetime | None = None  # the first time we know of
    half: bool = False
    tags: frozenset[str] = frozenset()

    def again(self, at: datetime) -> bool:
        """Tell whether an addition at ``at`` is a repeated one; confirming a half one is not."""
        return self.added_at is not None and self.added_at < at and not self.half


async def known_of(session: AsyncSession, external_userid: str, userid: str, *, tags: bool) -> Known:
    """Read what a greeting may depend on, in one statement, or two when ``tags`` matter."""
    row = (await session.execute(_OF_PAIR, {"who": external_userid, "userid": userid})).first()
    worn = await _worn(session, external_userid) if tags else frozenset()
    if row is None:
        return Known(tags=worn)
    moments = [at for at in (row.first_added_at, row.added_at) if at is not None]
    return Known(channel=row.channel, added_at=min(moments, default=None), half=row.half, tags=worn)


async def _worn(session: AsyncSession, external_userid: str) -> frozenset[str]:
    worn = await session.execute(_WORN, {"who": external_userid})
    return frozenset(f"{group}/{name}" for group, name in worn)


async def settled(
    session: AsyncSession,
    *,
    key: str,
    patient: Patient,
    userid: str,
    channel: str,
    persona: str,
    welcome: str,
    variant: str,
    why: str,
    state: str,
    cause: str,
    at: datetime,
    now: datetime,
) -> None:
    """Write down how a greeting ended; written twice, the last word counts.

    Args:
        key: the outbox key of its effect, at most 64 characters.
        cause: why it did not arrive; empty when it did.
        at: when it was decided.
    """
    values = {
        "key": key,
        "patient_id": patient.id,
        "userid": userid,
        "channel": channel[:64],
        "persona": persona,
        "welcome": welcome,
        "variant": variant,
        "why": why[:200],
        "at": at,
        "state": state,
        "cause": cause[:200],
        "settled_at": now,
    }
    await session.execute(_SETTLE.on(session), values)


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one wording of a greeting did: of those it reached, who came, wrote to 微信客服, or left us."""

    welcome: str
    variant: str
    sent: int
    missed: int  # those of unknown end included
    replied: int
    visited: int
    lost: int

    def share(self, count: int) -> float:
        """Return a count as a part of those reached, 0 to 1."""
        return count / self.sent if self.sent else 0.0


async def results(session: AsyncSession, *, since: datetime) -> list[Result]:
    """Return the results of every wording used since then.

    What counts must come after the greeting. Only messages to 微信客服 are replies that we can see: WeCom
    shows nobody's private chats.
    """
    reached = Greeting.state == SENT
    came = exists().where(
        StageMove.patient_id == Greeting.patient_id,
        StageMove.stage.in_([stage.value for stage in CAME]),
        StageMove.at >= Greeting.at,
    )
    left = exists().where(
        Follow.patient_id == Greeting.patient_id,
        Follow.userid == Greeting.userid,
        Follow.lost_at >= Greeting.at,
    )
    wrote = (
        exists()
        .where(
            KfMessage.external_userid == Patient.external_userid,
            KfMessage.origin == FROM_PATIENT,
            KfMessage.at >= Greeting.at,
        )
        .correlate(Patient, Greeting)
    )

    def number(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return func.sum(case((condition, 1), else_=0))

    rows = await session.execute(
        select(
            Greeting.welcome,
            Greeting.variant,
            number(reached),
            number(~reached),
            number(and_(reached, wrote)),
            number(and_(reached, came)),
            number(and_(reached, left)),
        )
        .join(Patient, Patient.id == Greeting.patient_id)
        .where(Greeting.at >= since)
        .group_by(Greeting.welcome, Greeting.variant)
        .order_by(Greeting.welcome, Greeting.variant)
    )
    return [
        Result(
            welcome=welcome,
            variant=variant,
            sent=sent,
            missed=missed,
            replied=replied,
            visited=visited,
            lost=lost,
        )
        for welcome, variant, sent, missed, replied, visited, lost in rows
    ]
