"""Steps that change what we know of her: tags and stages.

What a tag step says stands at once, for the steps after it. What follows from it (WeCom's tags, rules, other
journeys) is drawn for one patient at a time, after the tick: five hundred in one transaction would keep
everybody else waiting. An effect carries that over: it survives a crash, and calls nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy.dialects import postgresql, sqlite

from clinic.rules.wearing import RULE
from clinic.stages import Stage
from clinic.tables import TagWord
from sop.case import short_key
from sop.effects import LookAgain
from sop.journeys.ports import DONE, Made
from store import outbox
from store.outbox import Order
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.journeys.ports import Due

KEY_CHARS = 300
RULE_CHARS = 64


class TagChannel:
    """Puts tags on and takes them off, with the plan as the reason."""

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        words = [
            {
                "patient_id": due.patient_id,
                "key": short_key(f"{due.key}:{path}", most=KEY_CHARS),
                "userid": "",
                "path": path,
                "present": present,
                "at": now,
                "origin": RULE,
                # Named like a rule of the pack, which none is called: what it says then stands by itself.
                "rule": short_key(f"plan:{due.plan.key}", most=RULE_CHARS),
                "reason": due.why[:200],
                "expires_at": None,
                "recorded_at": now,
            }
            for due in dues
            for paths, present in ((due.step.remove, False), (due.step.add, True))
            for path in paths
        ]
        if words:
            insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
            connection = await session.connection()
            await connection.execute(
                insert(Base.metadata.tables[TagWord.__tablename__]).on_conflict_do_nothing(
                    index_elements=["patient_id", "key"]
                ),
                words,
            )
        await _look_again(session, dues, now=now)
        return [Made(state=DONE, reason=_tags(due), contact=False) for due in dues]


class StageChannel:
    """Moves her along her way; it never goes back (only a person may say that)."""

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        await _look_again(session, dues, now=now)
        return [
            Made(state=DONE, reason=f"阶段 → {Stage(due.step.stage).title}", contact=False) for due in dues
        ]


async def _look_again(session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> None:
    orders = [
        Order(
            effect=LookAgain(
                patient_id=due.patient_id,
                stage=due.step.stage if due.step.channel == "stage" else "",
                key=due.key,
                at=int(now.timestamp()),
                reason=due.why[:200],
            ),
            key=f"{due.key}:look"[:200],
            cause=due.why[:200],
        )
        for due in dues
    ]
    await outbox.put_many(session, orders, now=now)


def _tags(due: Due) -> str:
    put = [f"打上“{path}”" for path in due.step.add]
    return "，".join([*put, *(f"去掉“{path}”" for path in due.step.remove)])
