"""What a snapshot asks the database, built once: decisions about one patient ask it as often as ticks do.

``ids``: rows of patients; ``externals``: their external_userids; ``now``: what comes later is not known yet.
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import BindParameter, and_, bindparam, func, or_, select

from clinic.care_tables import Consent, KfMessage, SurveyAnswer, Visit
from clinic.facts import FROM_PATIENT
from clinic.tables import CustomerGroup, Follow, GroupMember, Patient, PatientTag, Tag, TagWord
from store.types import UtcDateTime

_IDS: Final[BindParameter[Any]] = bindparam("ids", expanding=True)
_EXTERNALS: Final[BindParameter[Any]] = bindparam("externals", expanding=True)
_NOW: Final = bindparam("now", type_=UtcDateTime)

HEADS: Final = select(Patient.id, Patient.merged_into).where(Patient.id.in_(_IDS))
# Columns, not objects: nothing here may overwrite what the transaction is about to write.
RECORDS: Final = (
    select(
        Patient.id,
        Patient.external_userid,
        Patient.merged_into,
        Patient.gender,
        Patient.born_on,
        Patient.stage,
        Patient.stage_at,
        Patient.erased_at,
        Patient.first_seen_at,
    )
    .where(or_(Patient.id.in_(_IDS), Patient.merged_into.in_(_IDS)))
    .order_by(Patient.merged_into.is_not(None), Patient.id)
)
FOLLOWS: Final = (
    select(
        Follow.patient_id,
        Follow.userid,
        Follow.channel,
        Follow.first_added_at,
        Follow.added_at,
        Follow.changed_at,
        and_(Follow.lost_at.is_(None), Follow.half.is_(False), Follow.added_at.is_not(None)).label(
            "connected"
        ),
    )
    .where(Follow.patient_id.in_(_IDS))
    .order_by(func.coalesce(Follow.added_at, Follow.changed_at).desc(), Follow.userid)
)
VISITS: Final = (
    select(Visit.patient_id, Visit.at, Visit.status, Visit.treatment, Visit.amount_fen, Visit.created_at)
    .where(Visit.patient_id.in_(_IDS))
    .order_by(Visit.at, Visit.id)
)
WROTE: Final = (
    select(KfMessage.external_userid, func.max(KfMessage.at))
    .where(KfMessage.external_userid.in_(_EXTERNALS), KfMessage.origin == FROM_PATIENT, KfMessage.at <= _NOW)
    .group_by(KfMessage.external_userid)
)
ANSWERED: Final = (
    select(SurveyAnswer.patient_id, SurveyAnswer.survey, SurveyAnswer.at, SurveyAnswer.answers)
    .where(SurveyAnswer.patient_id.in_(_IDS), SurveyAnswer.at <= _NOW)
    .order_by(SurveyAnswer.at, SurveyAnswer.id)
)
REFERRED: Final = (
    select(Patient.referrer_id, Patient.first_seen_at, Patient.merged_into)
    .where(Patient.referrer_id.in_(_IDS))
    .order_by(Patient.first_seen_at)
)
WORDS: Final = select(
    TagWord.patient_id,
    TagWord.key,
    TagWord.path,
    TagWord.present,
    TagWord.at,
    TagWord.origin,
    TagWord.rule,
    TagWord.userid,
    TagWord.expires_at,
).where(TagWord.patient_id.in_(_IDS))
ON_RECORD: Final = (
    select(
        PatientTag.patient_id,
        PatientTag.userid,
        PatientTag.origin,
        PatientTag.rule,
        PatientTag.at,
        PatientTag.expires_at,
        Tag.group_name,
        Tag.name,
    )
    .join(Tag, Tag.id == PatientTag.tag_id)
    .where(PatientTag.patient_id.in_(_IDS))
)
GROUPS: Final = (
    select(GroupMember.person, CustomerGroup.name, CustomerGroup.role)
    .join(CustomerGroup, CustomerGroup.chat_id == GroupMember.chat_id)
    .where(GroupMember.person.in_(_EXTERNALS), CustomerGroup.dismissed_at.is_(None))
)
CONSENTS: Final = select(Consent.patient_id, Consent.kind).where(
    Consent.patient_id.in_(_IDS),
    or_(Consent.withdrawn_at.is_(None), Consent.withdrawn_at > _NOW),
    Consent.given_at <= _NOW,
    or_(Consent.until.is_(None), Consent.until > _NOW),
)
