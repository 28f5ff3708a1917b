"""The blind index: by which words a patient is found, without the words themselves (ADR 0014)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select

from clinic.identity import erasure_mark, fold, grams, phone_tail
from clinic.tables import Patient, PatientTerm
from store.statements import PerDatabase, table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

PHONE: Final = "phone"
TAIL: Final = "phone4"
REAL_NAME: Final = "real_name"
NAME: Final = "name"  # of the WeChat nickname, pair by pair
REMARK: Final = "remark"  # of what members call her, pair by pair
ERASED: Final = "erased"
DIGEST_CHARS: Final = 32
# Nickname and remark share one space, so that one question finds both.
_SPACES: Final = {PHONE: "phone", TAIL: "tail", REAL_NAME: "real", NAME: "gram", REMARK: "gram"}
_TABLE: Final = table_of(PatientTerm)
_WRITE: Final = PerDatabase(lambda insert: insert(_TABLE).on_conflict_do_nothing())
_WIPE: Final = delete(_TABLE).where(
    _TABLE.c.patient_id.in_(bindparam("patients", expanding=True)), _TABLE.c.kind == bindparam("of_kind")
)
_MARKS: Final = (
    select(PatientTerm.digest, Patient.erased_at)
    .join(Patient, Patient.id == PatientTerm.patient_id)
    .where(
        PatientTerm.digest.in_(bindparam("marks", expanding=True)),
        PatientTerm.kind == ERASED,
        Patient.erased_at.is_not(None),
    )
    .order_by(Patient.erased_at)
)


def digest(vault: Vault, kind: str, word: str) -> str:
    """Return under which digest ``word`` is found as a term of ``kind``."""
    return vault.blind_index(word, about=f"patient.term.{_SPACES[kind]}")[:DIGEST_CHARS]


async def record_phone(session: AsyncSession, patient_id: int, phone: str, vault: Vault) -> None:
    """Let a patient be found by her canonical phone and its last four digits; "" forgets both."""
    await _replace(session, patient_id, PHONE, [digest(vault, PHONE, phone)] if phone else ())
    tail = [digest(vault, TAIL, phone_tail(phone))] if phone else ()
    await _replace(session, patient_id, TAIL, tail)


async def record_real_name(session: AsyncSession, patient_id: int, name: str, vault: Vault) -> None:
    """Let a patient be found by her whole real name; a part of it finds nobody (ADR 0014)."""
    folded = fold(name)
    await _replace(session, patient_id, REAL_NAME, [digest(vault, REAL_NAME, folded)] if folded else ())


def of_person(vault: Vault, *, phone: str, real_name: str) -> list[tuple[str, str]]:
    """Return kind and digest of every term by which a new person is found; "" is not known."""
    found = []
    if phone:
        found += [(PHONE, digest(vault, PHONE, phone)), (TAIL, digest(vault, TAIL, phone_tail(phone)))]
    if folded := fold(real_name):
        found.append((REAL_NAME, digest(vault, REAL_NAME, folded)))
    return found


async def record_names(
    session: AsyncSession, names: Mapping[int, Iterable[str]], vault: Vault, *, kind: str = NAME
) -> None:
    """Let patients be found by parts of their nicknames, or of what members call them; two statements."""
    await session.execute(_WIPE, {"patients": list(names), "of_kind": kind})
    rows = [
        {"digest": digest(vault, kind, gram), "patient_id": patient_id, "kind": kind}
        for patient_id, texts in names.items()
        for gram in dict.fromkeys(gram for text in texts for gram in grams(text))
    ]
    await _insert(session, rows)


async def unnamed(session: AsyncSession, patient_ids: Iterable[int]) -> set[int]:
    """Return which of these patients cannot be found by a nickname yet."""
    wanted = set(patient_ids)
    found = await session.scalars(
        select(PatientTerm.patient_id)
        .where(PatientTerm.patient_id.in_(wanted), PatientTerm.kind == NAME)
        .distinct()
    )
    return wanted - set(found)


async def erased_since(session: AsyncSession, external_userids: Iterable[str]) -> dict[str, datetime]:
    """Return which of these people asked to be forgotten, and when that was done last."""
    marks = {erasure_mark(who): who for who in external_userids}
    rows = await session.execute(_MARKS, {"marks": list(marks)})
    return {marks[mark]: at for mark, at in rows if at is not None}


async def record_erased(session: AsyncSession, patient_id: int, external_userid: str) -> None:
    """Forget every word, and remember only that this id asked for it."""
    await session.execute(delete(PatientTerm).where(PatientTerm.patient_id == patient_id))
    await _insert(
        session, [{"digest": erasure_mark(external_userid), "patient_id": patient_id, "kind": ERASED}]
    )


async def _replace(session: AsyncSession, patient_id: int, kind: str, digests: Iterable[str]) -> None:
    await session.execute(_WIPE, {"patients": [patient_id], "of_kind": kind})
    await _insert(session, [{"digest": one, "patient_id": patient_id, "kind": kind} for one in digests])


async def _insert(session: AsyncSession, rows: list[dict[str, object]]) -> None:
    if rows:
        await session.execute(_WRITE.on(session), rows)
