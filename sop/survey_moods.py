"""How she felt: what a filled-in survey says of it, and who hears of it at once when it is bad."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import audit, todos
from content.schema_surveys import MOOD
from content.survey_specs import UNHAPPY
from sop.handouts import hand_out
from sop.parting import NEWS

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.surveys import SheetFact
    from clinic.tables import Patient
    from content.pack import Pack
    from sop.roster import Roster

KIND: Final = "unhappy"
TITLE: Final = "有顾客不满意，请当天联系"
WITHIN: Final = timedelta(hours=8)


def felt(fact: SheetFact, pack: Pack) -> SheetFact:
    """Return a sheet with its mood among the answers, so that rules and journeys can ask for it."""
    survey = pack.survey(fact.survey)
    answers = {key: value for key, value in fact.answers.items() if key != MOOD}
    mood = survey.mood(answers) if survey is not None else ""
    return replace(fact, answers={**answers, MOOD: mood} if mood else answers)


async def tell(
    session: AsyncSession,
    patient: Patient,
    fact: SheetFact,
    *,
    pack: Pack,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> bool:
    """Ask the manager to call an unhappy patient today; what was said long ago disturbs nobody."""
    survey = pack.survey(fact.survey)
    if survey is None or fact.answers.get(MOOD) != UNHAPPY or fact.at < now - NEWS:
        return False
    bad = [
        f"{one.key}：{said}"
        for one in survey.questions
        for said in one.unhappy
        if said in _all(fact.answers.get(one.key))
    ]
    asked = await hand_out(
        session,
        roster=roster,
        public_url=public_url,
        key=f"unhappy:{fact.survey}:{fact.number}",
        kind=KIND,
        assignee=todos.MANAGER,
        title=TITLE,
        # Not what she wrote herself: cards go through WeCom, and she may have named somebody.
        body=f"“{survey.title}”：{'，'.join(bad)}。先听，不解释；说清什么时候答复，再去查经过。她写的话在档案里。",
        now=now,
        patient_id=patient.id,
        due_at=now + WITHIN,
        page=f"/console/patients/{patient.id}",
    )
    if asked:
        audit.record(
            session,
            at=now,
            actor=audit.RULES,
            action="survey.unhappy",
            subject=f"patient:{patient.external_userid}",
            reason=f"“{survey.title}”说不满意：已请店长当天联系，不再请她推荐",
        )
    return asked


def _all(answer: object) -> set[str]:
    return {str(one) for one in (answer if isinstance(answer, list | tuple) else (answer,))}
