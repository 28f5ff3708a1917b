"""Handing in a survey by its form: who it is, what she answered, and once only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import select

from clinic import terms, todos
from clinic.care_tables import SurveyAnswer
from clinic.identity import NotAPhone, canonical_phone
from clinic.merging import head_of
from clinic.surveys import Answer, SheetFact
from clinic.tables import Patient, PatientTerm
from clinic.whose import PersonRef
from content.survey_specs import UNHAPPY
from sop import survey_links
from sop.handouts import hand_out
from sop.intake import SheetReport, open_intake
from sop.plan_tables import SurveyLink
from sop.survey_moods import KIND, TITLE, WITHIN

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.survey_specs import SurveySpec
    from store.vault import Vault

Closed = Literal["unknown", "expired", "used"]
ACTOR: Final = "form"  # who handed it in, in the audit trail


class FormClosed(Exception):
    """A form that cannot be filled in, or no more; ``why`` says in which way."""

    def __init__(self, why: Closed) -> None:
        super().__init__(why)
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """An open form. ``named``: we know whose it is; else she may tell us by her phone."""

    link_id: int
    survey: SurveySpec
    patient_id: int | None

    @property
    def named(self) -> bool:
        return self.patient_id is not None


async def open_form(session: AsyncSession, token: str, *, pack: Pack, vault: Vault, now: datetime) -> Form:
    """Return the form that a token opens; looking at it changes nothing.

    Raises:
        FormClosed: the address is not ours, too old, or was used.
    """
    number = survey_links.number_in(token, vault)
    link = await session.get(SurveyLink, number) if number is not None else None
    survey = pack.survey(link.survey) if link is not None else None
    if link is None or survey is None or not survey.questions:
        raise FormClosed("unknown")
    if link.used_at is not None:
        raise FormClosed("used")
    if link.expires_at <= now:
        raise FormClosed("expired")
    if link.patient_id is None:
        return Form(link_id=link.id, survey=survey, patient_id=None)
    head = await head_of(session, await session.get_one(Patient, link.patient_id))
    if head.erased_at is not None:
        raise FormClosed("unknown")
    return Form(link_id=link.id, survey=survey, patient_id=head.id)


async def hand_in(
    session: AsyncSession,
    form: Form,
    answers: Mapping[str, Answer],
    *,
    phone: str = "",
    pack: Pack,
    vault: Vault,
    public_url: str,
    now: datetime,
) -> str:
    """Record a filled-in form and what follows from it; return the mood that it tells of.

    A form for many, with no phone or one of several people's, is nobody's: only that somebody is unhappy
    is told, without words, since anybody who has the address could write there.

    Raises:
        FormClosed: she handed it in before.
    """
    mood = form.survey.mood(answers)
    patient = await _whose(session, form, phone, vault)
    if patient is None:
        if mood == UNHAPPY:
            await _tell_of_somebody(session, form, pack=pack, vault=vault, public_url=public_url, now=now)
        return mood
    number = f"link-{form.link_id}" if form.named else f"link-{form.link_id}-{patient.id}"
    if form.named:
        if not await survey_links.use(session, form.link_id, now=now):
            raise FormClosed("used")
    elif await _handed_in(session, form, number):
        raise FormClosed("used")
    intake = await open_intake(session, pack=pack, vault=vault, public_url=public_url, actor=ACTOR, now=now)
    person = PersonRef(external_userid=patient.external_userid)
    sheet = SheetFact(survey=form.survey.key, number=number, at=now, answers=answers)
    await intake.expect(people=[person], sheets=[sheet])
    await intake.sheet(SheetReport(person=person, sheet=sheet))
    return mood


async def _handed_in(session: AsyncSession, form: Form, number: str) -> bool:
    known = select(SurveyAnswer.id).where(
        SurveyAnswer.survey == form.survey.key, SurveyAnswer.number == number
    )
    return await session.scalar(known) is not None


async def _whose(session: AsyncSession, form: Form, phone: str, vault: Vault) -> Patient | None:
    if form.patient_id is not None:
        return await session.get_one(Patient, form.patient_id)
    try:
        digest = terms.digest(vault, terms.PHONE, canonical_phone(phone)) if phone.strip() else ""
    except NotAPhone:
        return None
    rows = await session.scalars(
        select(Patient)
        .join(PatientTerm, PatientTerm.patient_id == Patient.id)
        .where(PatientTerm.digest == digest, PatientTerm.kind == terms.PHONE, Patient.erased_at.is_(None))
        .limit(9)
    )
    heads = {head.id: head for head in [await head_of(session, one) for one in rows]}
    return next(iter(heads.values())) if len(heads) == 1 else None


async def _tell_of_somebody(
    session: AsyncSession, form: Form, *, pack: Pack, vault: Vault, public_url: str, now: datetime
) -> None:
    """Once a day and form: whoever has the address must not be able to flood the list."""
    intake = await open_intake(session, pack=pack, vault=vault, public_url=public_url, actor=ACTOR, now=now)
    await hand_out(
        session,
        roster=intake.roster,
        public_url=public_url,
        key=f"unhappy:link-{form.link_id}:{intake.zone_day}",
        kind=KIND,
        assignee=todos.MANAGER,
        title=TITLE,
        body=f"“{form.survey.title}”里有人说不满意，没有留下能认出她的手机号。请看看最近到店的顾客里可能是谁。",
        now=now,
        due_at=now + WITHIN,
    )
