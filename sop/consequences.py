"""What follows from a happening: tags, stages, to-dos, each with its reason in the audit trail."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic import audit, stages
from clinic.stages import Stage

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.rules.happenings import Happening
    from clinic.tables import Patient
    from content.pack import Pack
    from sop.roster import Roster


async def reconsider(
    session: AsyncSession,
    patient: Patient,
    happening: Happening,
    *,
    pack: Pack,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> None:
    """Draw the consequences of something that happened to a patient and is recorded already.

    Call it in the transaction that records the happening, after the rows are written. It may be called
    twice for one happening and in any order of happenings: every consequence has a key.
    """
    del pack, roster, public_url
    if happening.kind in ("added", "half_added", "returned"):
        key = stages.connection_key(stages.ADDED_KEY, happening.userid, happening.at)
        stage, reason = Stage.ADDED, f"添加了成员 {happening.userid}"
    elif happening.kind == "lost":
        key = stages.connection_key(stages.LOST_KEY, happening.userid, happening.at)
        stage, reason = Stage.LOST, f"与成员 {happening.userid} 断开了联系"
    else:
        return
    moved = await stages.move(
        session, patient, key=key, stage=stage, at=happening.at, now=now, actor=audit.RULES, reason=reason
    )
    if moved.changed:
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="stage.moved",
            subject=f"patient:{patient.external_userid}",
            reason=f"阶段 {moved.before.title} → {moved.after.title}：{reason}",
            detail={"from": moved.before.value, "to": moved.after.value, "happening": happening.key},
        )
