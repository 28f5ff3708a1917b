"""Visits: told twice they are one, told in any order they end the same, and each is somebody's."""

from __future__ import annotations

import asyncio
import shutil
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from clinic import finding, visits
from clinic.care_tables import Todo, Visit
from clinic.tables import Member, Patient
from clinic.visits import VisitStatus
from clinic.whose import FAMILY, PersonRef, PersonUnclear
from content.treatment_specs import Catalogue
from sop import intake
from sop.intake import NotTaken, VisitReport
from store.database import Database
from store.outbox import OutboxEffect
from store.vault import Vault
from tests.support.databases import Templates
from tests.support.visits import NOW, WANG, YESTERDAY, Desk, fact

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack

LI = PersonRef(clinic_number="B002", phone="13900139000", name="李大海")


async def test_a_visit_of_somebody_new_records_her_and_the_visit(desk: Desk) -> None:
    assert await desk.tell(fact(amount_fen=12800, doctor="zhang.wei", note="怕疼，慢一点")) == ["added"]

    assert await desk.patients() == [("B001", "13800138000", "王小雨")]
    [visit] = await desk.visits()
    assert (visit["treatment"], visit["amount_fen"], visit["note"]) == ("scaling", 12800, "怕疼，慢一点")
    [patient] = await desk.rows(Patient)
    assert patient.external_userid.startswith("local:")


async def test_names_phones_and_notes_are_not_in_the_database_as_they_are(desk: Desk) -> None:
    await desk.tell(fact(note="怕疼，慢一点"))

    stored = [vars(row) for table in (Patient, Visit) for row in await desk.rows(table)]
    assert not any(word in str(stored) for word in ("13800138000", "王小雨", "怕疼"))


async def test_a_visit_told_twice_is_one(desk: Desk) -> None:
    told = fact(note="怕疼")

    assert [await desk.tell(told), await desk.tell(told, told)] == [["added"], ["same", "same"]]
    assert len(await desk.visits()) == 1


async def test_two_visits_of_one_batch_with_one_number_are_one(desk: Desk) -> None:
    assert await desk.tell(fact(status="booked"), fact(status="done")) == ["added", "changed"]

    [visit] = await desk.visits()
    assert visit["status"] == "done"
    assert await desk.reasons("visit.changed") == ["就诊 洁牙：已预约 → 已完成"]


async def test_an_older_word_about_a_visit_changes_nothing(desk: Desk) -> None:
    await desk.tell(fact(status="done", changed_at=NOW, told=True))

    earlier = fact(status="booked", changed_at=YESTERDAY, told=True, code="补牙")

    assert await desk.tell(earlier) == ["older"]
    [visit] = await desk.visits()
    assert (visit["status"], visit["treatment"]) == ("done", "scaling")


async def test_a_visit_can_turn_out_to_be_somebody_elses(desk: Desk) -> None:
    await desk.tell(fact())

    await desk.tell(fact(changed_at=NOW + timedelta(minutes=1)), person=LI)

    [visit] = await desk.visits()
    assert visit["whose"] == "B002"


async def test_one_number_of_two_sources_is_two_visits(desk: Desk) -> None:
    assert await desk.tell(fact(), fact(source="branch")) == ["added", "added"]


async def test_a_doctor_written_by_name_becomes_the_member(desk: Desk) -> None:
    async with desk.database.write() as session:
        session.add(Member(userid="sun.yue", name="孙悦", seen_at=NOW))

    await desk.tell(fact("V1", doctor="孙悦"), fact("V2", doctor="张医生"), fact("V3", doctor="外请专家"))

    assert [visit["doctor"] for visit in await desk.visits()] == ["sun.yue", "zhang.wei", "外请专家"]


# ── treatments that the catalogue lacks ──────────────────────────────────────────────────────────────


async def test_a_visit_with_an_unknown_code_is_kept_and_a_manager_is_told_once_a_day(desk: Desk) -> None:
    assert await desk.tell(fact("V1", code="张三丰"), fact("V2", code="ZL-9")) == ["added", "added"]
    await desk.tell(fact("V3", code="ZL-8"))

    assert [visit["code"] for visit in await desk.visits()] == ["张三丰", "ZL-9", "ZL-8"]
    assert {visit["treatment"] for visit in await desk.visits()} == {None}
    [todo] = [todo for todo in await desk.rows(Todo) if todo.kind == "treatment_code"]
    assert (todo.assignee, todo.title) == ("manager", "有就诊项目不在治疗目录里")
    cards = [effect for effect in await desk.rows(OutboxEffect) if "治疗目录" in effect.cause]
    assert len(cards) == 1
    assert "张三丰" not in str([effect.payload for effect in cards])


async def test_a_code_that_the_catalogue_learns_later_is_recognised(desk: Desk) -> None:
    await desk.tell(fact("V1", code="JY-01"), fact("V2", code="JY-01"), fact("V3", code="ZL-9"))
    scaling = Catalogue(desk.pack.treatments).by_key["scaling"]
    grown = Catalogue([replace(scaling, codes=("jy-01",))])

    def find(code: str) -> str | None:
        spec = grown.find(code)
        return spec.key if spec else None

    async with desk.database.write() as session:
        assert await visits.recognise(session, find) == 1
        assert await visits.recognise(session, find) == 0
        assert await visits.unknown_codes(session) == {"ZL-9": 1}

    assert [visit["treatment"] for visit in await desk.visits()] == ["scaling", "scaling", None]


# ── whose it is ──────────────────────────────────────────────────────────────────────────────────────


async def test_the_contact_whose_phone_is_known_gains_the_clinics_number(desk: Desk) -> None:
    await desk.tell(fact("V1"), person=PersonRef(phone="13800138000"))

    await desk.tell(fact("V2"), person=WANG)

    assert await desk.patients() == [("B001", "13800138000", "王小雨")]
    assert {visit["whose"] for visit in await desk.visits()} == {"B001"}


async def test_a_family_that_shares_a_phone_stays_several_people(desk: Desk) -> None:
    children = [
        PersonRef(clinic_number=f"K{i}", phone="13800138000", name=f"王{c}") for i, c in enumerate("甲乙")
    ]

    for i, child in enumerate(children):
        await desk.tell(fact(f"V{i}"), person=child)

    assert [number for number, _, _ in await desk.patients()] == ["K0", "K1"]
    with pytest.raises(PersonUnclear, match="2 位客户"):
        await desk.tell(fact("V9"), person=PersonRef(phone="13800138000"))
    assert await desk.tell(fact("V9"), person=PersonRef(phone="13800138000", name="王乙")) == ["added"]


async def test_a_phone_that_a_desk_writes_for_everybody_is_nobodys(desk: Desk) -> None:
    crowd = [PersonRef(clinic_number=f"C{i:02}", phone="13800000000") for i in range(FAMILY + 1)]
    await desk.tell_reports([VisitReport(person=who, visit=fact(f"V{i}")) for i, who in enumerate(crowd)])

    await desk.tell(fact("V50"), person=PersonRef(clinic_number="C50", phone="13800000000"))
    await desk.tell(fact("V51"), person=crowd[3])
    with pytest.raises(PersonUnclear, match="超过"):
        await desk.tell(fact("V52"), person=PersonRef(phone="13800000000", name="王小雨"))

    assert len(await desk.patients()) == FAMILY + 2
    assert {v["whose"] for v in await desk.visits() if v["number"] in ("V50", "V51")} == {"C50", "C03"}


async def test_a_phone_with_another_name_is_somebody_else(desk: Desk) -> None:
    await desk.tell(fact("V1"))

    await desk.tell(fact("V2"), person=PersonRef(phone="13800138000", name="王大海"))

    assert len(await desk.patients()) == 2


@pytest.mark.parametrize(
    ("person", "field"),
    [
        pytest.param(PersonRef(name="王小雨"), "clinic_number", id="a name only"),
        pytest.param(PersonRef(external_userid="wmUNKNOWN"), "external_userid", id="an id nobody has"),
        pytest.param(PersonRef(external_userid="wmLI", clinic_number="B001"), "clinic_number", id="two people"),
        pytest.param(PersonRef(external_userid="wmLI", clinic_number="B777"), "clinic_number", id="another number"),
    ],
)  # fmt: skip
async def test_whoever_cannot_be_told_is_refused_and_nothing_is_written(
    desk: Desk, person: PersonRef, field: str
) -> None:
    await desk.tell(fact("V1"), person=WANG)
    async with desk.database.write() as session:
        session.add(
            Patient(external_userid="wmLI", clinic_number="B002", gender=0, first_seen_at=NOW, updated_at=NOW)
        )
    before = await desk.patients()

    with pytest.raises(PersonUnclear) as refused:
        await desk.tell(fact("V2"), person=person)

    assert refused.value.field == field
    assert await desk.patients() == before
    assert len(await desk.visits()) == 1


async def test_a_visit_of_a_merged_record_is_the_survivors(desk: Desk) -> None:
    await desk.tell(fact("V1"), person=WANG)
    await desk.tell(fact("V2"), person=LI)
    wang, li = (patient.id for patient in await desk.rows(Patient))
    async with desk.database.write() as session:
        (await session.get_one(Patient, li)).merged_into = wang

    await desk.tell(fact("V3"), person=LI)

    [visit] = [visit for visit in await desk.rows(Visit) if visit.number == "V3"]
    assert visit.patient_id == wang


async def test_a_visit_of_an_erased_person_is_not_given_to_the_record_that_is_left(desk: Desk) -> None:
    async with desk.database.write() as session:
        session.add(
            Patient(external_userid="wmGONE", gender=0, first_seen_at=NOW, updated_at=NOW, erased_at=NOW)
        )

    with pytest.raises(PersonUnclear):
        await desk.tell(fact(), person=PersonRef(external_userid="wmGONE"))


async def test_two_who_tell_of_one_new_person_at_once_record_her_once(desk: Desk) -> None:
    people = [PersonRef(phone="13700137000", name="赵一"), PersonRef(phone="13700137000", name="赵一")]

    await asyncio.gather(*(desk.tell(fact(f"V{i}"), person=who) for i, who in enumerate(people)))

    assert len(await desk.patients()) == 1
    assert len(await desk.visits()) == 2


async def test_whoever_a_visit_recorded_can_be_found_by_phone_its_tail_and_name(desk: Desk) -> None:
    await desk.tell(fact())

    async with desk.database.read() as session:
        for words in ("138 0013 8000", "8000", "王小雨", "B001"):
            found = await finding.search(session, finding.Search(words=words), desk.vault)
            assert len(found.items) == 1, words


async def test_what_a_list_itself_makes_unclear_is_told_before_any_of_it_is_recorded(desk: Desk) -> None:
    """The third is about one of two who are recorded by the first two: nobody knew them before."""
    shared = "13800138000"
    people = [
        PersonRef(clinic_number="K1", phone=shared),
        PersonRef(clinic_number="K2", phone=shared),
        PersonRef(phone=shared),
    ]
    reports = [VisitReport(person=who, visit=fact(f"V{i}")) for i, who in enumerate(people)]

    with pytest.raises(NotTaken) as refused:
        await desk.take_in(reports)

    assert [(place, fault.field) for place, fault in refused.value.faults] == [(2, "phone")]
    assert await desk.visits() == await desk.patients() == []


async def test_a_long_list_is_recorded_in_transactions_that_let_others_in(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intake, "HOLD_S", 0)
    people = [PersonRef(clinic_number=f"B{i}", phone="13800138000" if i else "") for i in range(7)]
    reports = [VisitReport(person=who, visit=fact(f"V{i}")) for i, who in enumerate(people)]

    taken = await desk.take_in(reports)

    assert [one.number for one in taken] == [f"V{i}" for i in range(7)]
    assert {one.outcome for one in taken} == {"added"}
    assert [one.outcome for one in await desk.take_in(reports)] == ["same"] * 7


# ── any order ────────────────────────────────────────────────────────────────────────────────────────

FACTS = st.builds(
    lambda number, status, minute, code, amount, person: (
        fact(number, status, changed_at=NOW + timedelta(minutes=minute), told=True, code=code, amount_fen=amount),
        person,
    ),
    number=st.sampled_from(["V1", "V2"]),
    status=st.sampled_from([status.value for status in VisitStatus]),
    minute=st.integers(0, 3),
    code=st.sampled_from(["洗牙", "补牙", "ZL-9"]),
    amount=st.sampled_from([None, 0, 12800]),
    person=st.sampled_from([WANG, LI]),
)  # fmt: skip


@pytest.fixture(scope="module")
def loop() -> Any:
    with asyncio.Runner() as runner:
        yield runner


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.lists(FACTS, min_size=1, max_size=6), data=st.data())
def test_the_same_facts_in_any_order_and_repeated_end_in_the_same_rows(
    loop: Any,
    pack: Pack,
    templates: Templates,
    tmp_path_factory: pytest.TempPathFactory,
    told: list[Any],
    data: st.DataObject,
) -> None:
    shuffled = data.draw(st.permutations([*told, *data.draw(st.lists(st.sampled_from(told), max_size=3))]))
    folder: Path = tmp_path_factory.mktemp("orders")

    async def ends(facts: list[Any], name: str, *, together: bool) -> Any:
        database = Database(f"sqlite+aiosqlite:///{shutil.copy(templates.sqlite_file(), folder / name)}")
        desk = Desk(database=database, pack=pack, vault=Vault("a secret of the tests"))
        reports = [VisitReport(person=person, visit=visit) for visit, person in facts]
        for batch in [reports] if together else [[report] for report in reports]:
            await desk.tell_reports(batch)
        seen = await desk.visits()
        await database.close()
        return seen

    assert loop.run(ends(told, "ordered", together=False)) == loop.run(ends(shuffled, "any", together=True))


def test_of_two_facts_of_one_moment_the_same_one_stands_whoever_was_recorded_first(
    loop: Any, pack: Pack, templates: Templates, tmp_path: Path
) -> None:
    told = [VisitReport(person=who, visit=fact(changed_at=NOW, told=True)) for who in (WANG, LI)]

    async def ends(reports: list[VisitReport], name: str) -> Any:
        database = Database(f"sqlite+aiosqlite:///{shutil.copy(templates.sqlite_file(), tmp_path / name)}")
        desk = Desk(database=database, pack=pack, vault=Vault("a secret of the tests"))
        await desk.tell_reports(reports)
        seen = await desk.visits()
        await database.close()
        return seen

    assert loop.run(ends(told, "one")) == loop.run(ends(told[::-1], "other"))
