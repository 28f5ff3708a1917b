"""Files become visits: looked through first, row by row, once, and on from where they were interrupted."""

from __future__ import annotations

import io
from datetime import timedelta
from typing import Any

import pytest
from openpyxl import Workbook
from sqlalchemy.exc import OperationalError

from clinic.care_tables import Import, SurveyAnswer, Visit
from clinic.imports.columns import ImportKind
from clinic.tables import Patient
from sop import importing
from sop.importer import Importer
from sop.importing import ImportState
from store.vault import Vault
from tests.support.visits import NOW, YESTERDAY, Desk, fact

HEAD = "就诊号,病历号,姓名,电话,就诊日期,治疗项目,状态,金额（元）"
GOOD = "J1,B001,王小雨,13800138000,2026-11-20 09:30,洗牙,已完成,128.5"
ROWS = 55  # more than one transaction holds
NUMBERED = [
    f"J{i},B{i:03},客户{i},1380013{i:04},2026-11-{i % 20 + 1:02} 09:30,洗牙,已完成,128" for i in range(ROWS)
]


class Jumping:
    """A clock that tests move."""

    def __init__(self) -> None:
        self.moment = NOW

    def now(self) -> Any:
        return self.moment


def csv_file(*lines: str, head: str = HEAD) -> bytes:
    return "\n".join([head, *lines, ""]).encode()


def importer_of(desk: Desk, *, clock: Any = None, **options: Any) -> Importer:
    return Importer(
        desk.database,
        pack=desk.pack,
        vault=desk.vault,
        clock=clock or Jumping(),
        public_url="https://clinic.example",
        **options,
    )


async def upload(desk: Desk, data: bytes, kind: ImportKind = "visits") -> int:
    async with desk.database.write() as session:
        ready = importing.make_ready(data, kind, desk.vault)
        return (await importing.submit(session, ready, name="就诊.csv", actor="admin", now=NOW)).id


async def confirm(desk: Desk, import_id: int) -> bool:
    async with desk.database.write() as session:
        return await importing.confirm(session, import_id, actor="admin", now=NOW)


async def imported(desk: Desk, data: bytes, kind: ImportKind = "visits") -> Import:
    """Upload, look through, confirm and record a file."""
    import_id = await upload(desk, data, kind)
    await importer_of(desk).keep()
    assert await confirm(desk, import_id)
    await importer_of(desk).keep()
    return await row_of(desk, import_id)


async def row_of(desk: Desk, import_id: int) -> Import:
    async with desk.database.read() as session:
        return await session.get_one(Import, import_id)


def counts(row: Import) -> tuple[int, int, int, int]:
    return row.done, row.added, row.changed, row.faulty


async def test_looking_through_counts_what_would_happen_and_changes_nothing(desk: Desk) -> None:
    await desk.tell(fact("J1", code="补牙", changed_at=YESTERDAY))
    before = [await desk.visits(), await desk.patients()]

    import_id = await upload(desk, csv_file(GOOD, GOOD.replace("J1", "J2"), GOOD.replace("13800138000", "x")))
    await importer_of(desk).keep()

    row = await row_of(desk, import_id)
    assert (row.state, row.rows, counts(row)) == (ImportState.CHECKED, 3, (3, 1, 1, 1))
    assert row.faults == [
        {
            "row": 4,
            "column": "电话",
            "message": "不是电话号码：请写 11 位手机号，或带区号的固定电话，国外号码以 + 开头",
        }
    ]
    assert [await desk.visits(), await desk.patients()] == before


async def test_a_confirmed_file_is_recorded_and_its_faulty_rows_are_left_out(desk: Desk) -> None:
    row = await imported(
        desk, csv_file(GOOD, GOOD.replace("J1", "J2").replace("128.5", "很多"), *NUMBERED[5:8])
    )

    assert (row.state, counts(row), row.people) == (ImportState.DONE, (5, 4, 0, 1), 4)
    assert {visit["number"] for visit in await desk.visits()} == {"J1", "J5", "J6", "J7"}
    assert await desk.reasons("import.done") == ["导入完成：5 行，新增 4，更新 0，有问题 1，新档案 4"]


async def test_a_file_imported_twice_changes_nothing(desk: Desk) -> None:
    data = csv_file(*NUMBERED[:10])
    first = await imported(desk, data)
    before = [await desk.visits(), await desk.patients()]

    second = await imported(desk, data)

    assert (counts(first), counts(second)) == ((10, 10, 0, 0), (10, 0, 0, 0))
    assert [await desk.visits(), await desk.patients()] == before


async def test_a_file_without_numbers_imported_twice_changes_nothing(quick_desk: Desk) -> None:
    desk = quick_desk
    data = csv_file("B001,2026-11-20,洗牙", "B001,2026-11-21,补牙", head="病历号,日期,项目")
    await imported(desk, data)

    assert counts(await imported(desk, data)) == (2, 0, 0, 0)
    assert len(await desk.visits()) == 2


async def test_the_same_file_uploaded_while_it_waits_is_the_same_import(quick_desk: Desk) -> None:
    desk = quick_desk
    assert await upload(desk, csv_file(GOOD)) == await upload(desk, csv_file(GOOD))
    assert await upload(desk, csv_file(GOOD)) != await upload(desk, csv_file(GOOD), "patients")


async def test_an_import_that_was_killed_goes_on_exactly_behind_what_it_had_recorded(desk: Desk) -> None:
    """A process dies between two transactions: the next one reads the row and the sealed file."""
    import_id = await upload(desk, csv_file(*NUMBERED))
    await importer_of(desk).keep()
    await confirm(desk, import_id)

    class Killed(BaseException):
        pass

    def die() -> None:
        raise Killed

    with pytest.raises(Killed):
        await importer_of(desk, on_rows=die).keep()
    halfway = await row_of(desk, import_id)
    assert halfway.state == ImportState.RUNNING
    assert 0 < halfway.done == halfway.added < ROWS == halfway.rows
    assert len(await desk.rows(Visit)) == halfway.done

    seen: list[int] = []
    await importer_of(desk).advance(import_id, watch=lambda done, _total: seen.append(done))

    row = await row_of(desk, import_id)
    assert (row.state, counts(row), row.people) == (ImportState.DONE, (ROWS, ROWS, 0, 0), ROWS)
    assert min(seen) > halfway.done
    assert len(await desk.rows(Visit)) == ROWS


async def test_a_stopped_import_keeps_what_it_has_recorded_and_goes_no_further(quick_desk: Desk) -> None:
    desk = quick_desk
    import_id = await upload(desk, csv_file(*NUMBERED))
    await importer_of(desk).keep()
    await confirm(desk, import_id)
    importer = importer_of(desk)

    async def stop() -> None:
        async with desk.database.write() as session:
            assert await importing.stop(session, import_id, actor="admin", now=NOW)

    seen = 0
    transact = importer._transact

    async def one_then_stop(*arguments: Any) -> Any:
        nonlocal seen
        seen += 1
        answer = await transact(*arguments)
        await stop()
        return answer

    importer._transact = one_then_stop  # type: ignore[method-assign]  (a person presses the button then)
    await importer.keep()

    row = await row_of(desk, import_id)
    assert (row.state, seen) == (ImportState.STOPPED, 2)
    assert row.done == len(await desk.rows(Visit)) < ROWS
    assert not await confirm(desk, import_id)


async def test_a_row_on_which_our_own_code_fails_is_told_and_keeps_no_other_from_being_recorded(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sop.intake

    real = sop.intake.reconsider

    async def fails_for_one(session: Any, patient: Any, *arguments: Any, **options: Any) -> None:
        if patient.clinic_number == "B003":
            raise LookupError("a rule that nobody tested")
        await real(session, patient, *arguments, **options)

    monkeypatch.setattr(sop.intake, "reconsider", fails_for_one)

    row = await imported(desk, csv_file(*NUMBERED[:6]))

    assert (row.state, counts(row)) == (ImportState.DONE, (6, 5, 0, 1))
    assert row.faults == [{"row": 5, "column": "", "message": "没有记下：程序出错（LookupError）"}]
    assert "B003" not in [number for number, _, _ in await desk.patients()]


async def test_an_api_word_after_the_import_began_is_newer_than_the_file(desk: Desk) -> None:
    import_id = await upload(desk, csv_file(GOOD))
    await importer_of(desk).keep()
    await confirm(desk, import_id)
    await desk.tell(fact("J1", status="cancelled", at=YESTERDAY, changed_at=NOW + timedelta(seconds=1)))

    await importer_of(desk).keep()

    [visit] = await desk.visits()
    assert visit["status"] == "cancelled"


async def test_a_file_that_cannot_be_read_is_broken_and_says_why(quick_desk: Desk) -> None:
    desk = quick_desk
    import_id = await upload(desk, "没有表头\n".encode())

    await importer_of(desk).keep()

    row = await row_of(desk, import_id)
    assert row.state == ImportState.BROKEN
    assert "没有认出表头" in row.notices[0]


async def test_headings_without_rows_are_an_empty_file_and_no_fault(quick_desk: Desk) -> None:
    desk = quick_desk
    row = await imported(desk, csv_file())

    assert (row.state, counts(row)) == (ImportState.DONE, (0, 0, 0, 0))
    assert "列名下面没有数据" in row.notices


async def test_what_a_person_should_know_is_said_before_anything_is_recorded(quick_desk: Desk) -> None:
    desk = quick_desk
    data = csv_file("B001,2026-11-20,ZZ9,x", "B002,2026-11-20,ZZ9,y", head="病历号,日期,项目,前台")
    import_id = await upload(desk, data)
    await importer_of(desk).keep()

    said = "\n".join((await row_of(desk, import_id)).notices)
    assert "没有用到的列：前台" in said
    assert "没有“状态”列" in said
    assert "ZZ9（2 行）" in said


async def test_numbers_that_repeat_are_pointed_out(quick_desk: Desk) -> None:
    desk = quick_desk
    import_id = await upload(desk, csv_file(GOOD, GOOD.replace("洗牙", "涂氟"), GOOD))
    await importer_of(desk).keep()

    row = await row_of(desk, import_id)
    assert "有 2 行的就诊号前面已经有了" in "\n".join(row.notices)
    assert counts(row) == (3, 1, 0, 0)


async def test_patients_are_recorded_and_what_the_clinic_knows_better_is_written_over(desk: Desk) -> None:
    await desk.tell(fact())
    head = "病历号,姓名,手机,出生日期"
    data = csv_file("B001,王小语,13900139000,1990-05-20", "B002,李大海,13700137000,", head=head)

    row = await imported(desk, data, "patients")

    assert counts(row) == (2, 1, 1, 0)
    assert await desk.patients() == [("B001", "13900139000", "王小语"), ("B002", "13700137000", "李大海")]
    assert await desk.reasons("patient.details") == ["按诊所系统的档案更新了电话、姓名、生日"]
    assert counts(await imported(desk, data, "patients")) == (2, 0, 0, 0)


async def test_answers_are_recorded_each_sheet_once(desk: Desk) -> None:
    data = csv_file(
        "after-visit,S1,13800138000,2026-11-20 18:00,满意", head="问卷,答卷编号,电话,提交时间,满意度"
    )

    row = await imported(desk, data, "answers")

    assert counts(row) == (1, 1, 0, 0)
    assert [sheet.answers for sheet in await desk.rows(SurveyAnswer)] == [{"满意度": "满意", "mood": "happy"}]
    assert counts(await imported(desk, data, "answers")) == (1, 0, 0, 0)


async def test_an_excel_file_is_recorded_as_a_csv_is(quick_desk: Desk) -> None:
    desk = quick_desk
    book = Workbook()
    for line in (HEAD, GOOD):
        book.active.append(line.split(","))
    out = io.BytesIO()
    book.save(out)
    await imported(desk, out.getvalue())

    assert counts(await imported(desk, csv_file(GOOD))) == (1, 0, 0, 0)


async def test_the_stored_file_and_the_faults_give_no_patient_away(quick_desk: Desk) -> None:
    desk = quick_desk
    import_id = await upload(
        desk, csv_file(GOOD.replace("2026-11-20 09:30", "王小雨"), GOOD.replace("J1", ""))
    )
    await importer_of(desk).keep()

    stored = str(vars(await row_of(desk, import_id)))
    assert not any(word in stored for word in ("王小雨", "13800138000"))
    await confirm(desk, import_id)
    await importer_of(desk).keep()
    assert "13800138000" not in str([vars(visit) for visit in await desk.rows(Visit)])


async def test_files_are_let_go_a_day_after_they_ended_or_were_forgotten(desk: Desk) -> None:
    done = (await imported(desk, csv_file(GOOD))).id
    waiting = await upload(desk, csv_file(*NUMBERED[:3]))
    clock = Jumping()
    importer = importer_of(desk, clock=clock)
    await importer.keep()
    assert (await row_of(desk, done)).content_sealed

    clock.moment = NOW + timedelta(hours=25)
    await importer.keep()

    assert [(await row_of(desk, one)).content_sealed for one in (done, waiting)] == [None, None]
    assert (await row_of(desk, waiting)).state == ImportState.STOPPED


async def test_faults_are_kept_up_to_a_number_and_counted_beyond_it(
    quick_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = quick_desk
    monkeypatch.setattr(importing, "FAULTS_KEPT", 5)

    row = await imported(desk, csv_file(*[line.replace("洗牙,已完成", "洗牙,好了") for line in NUMBERED[:9]]))

    assert (row.faulty, len(row.faults)) == (9, 5)
    assert await desk.rows(Patient) == []


async def test_a_file_sealed_with_another_key_is_not_opened(quick_desk: Desk) -> None:
    desk = quick_desk
    import_id = await upload(desk, csv_file(GOOD))
    stranger = Desk(database=desk.database, pack=desk.pack, vault=Vault("another secret"))

    await importer_of(stranger).keep()

    row = await row_of(desk, import_id)
    assert row.state == ImportState.BROKEN
    assert "XIAOHU_SECRET_KEY" in row.notices[0]


async def test_a_file_on_which_our_own_code_fails_is_broken_and_keeps_no_other_waiting(
    quick_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = quick_desk
    from sop.import_look import Look

    real = Look.through

    async def fails_once(self: Any, session: Any, read: Any) -> None:
        monkeypatch.setattr(Look, "through", real)
        raise LookupError("nobody foresaw this")

    monkeypatch.setattr(Look, "through", fails_once)
    first, second = await upload(desk, csv_file(GOOD)), await upload(desk, csv_file(*NUMBERED[:2]))

    await importer_of(desk).keep()

    assert (await row_of(desk, first)).state == ImportState.BROKEN
    assert "LookupError" in (await row_of(desk, first)).notices[0]
    assert (await row_of(desk, second)).state == ImportState.CHECKED


async def test_an_import_waits_for_a_database_that_is_away_and_loses_no_row(
    quick_desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = quick_desk
    import_id = await upload(desk, csv_file(*NUMBERED[:3]))
    await importer_of(desk).keep()
    await confirm(desk, import_id)
    real = Importer._transact

    async def away(*_: Any) -> Any:
        raise OperationalError("INSERT …", {}, OSError("the server is gone"))

    monkeypatch.setattr(Importer, "_transact", away)
    with pytest.raises(OperationalError):
        await importer_of(desk).keep()
    assert counts(await row_of(desk, import_id)) == (0, 0, 0, 0)

    monkeypatch.setattr(Importer, "_transact", real)
    await importer_of(desk).keep()
    assert counts(await row_of(desk, import_id)) == (3, 3, 0, 0)
