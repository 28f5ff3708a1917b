"""导入: uploaded, looked through, confirmed, recorded; what is wrong is told row by row."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from openpyxl import load_workbook
from sqlalchemy import select

from clinic.care_tables import Import, Visit
from clinic.imports.files import MAX_BYTES
from clinic.tables import AuditEntry
from console.deps import DEPS
from sop.importer import Importer
from tests.support.console_driver import HTMX

if TYPE_CHECKING:
    from tests.support.console_driver import Desk, Page

HERE = "/console/imports"
HEAD = "就诊号,病历号,姓名,电话,就诊日期,治疗项目,状态,金额（元）"
GOOD = "J1,B001,王小雨,13800138000,2025-05-30 09:30,洗牙,已完成,128.5"
BAD = '=cmd()|x,B002,"<script>alert(1)</script>",123,2025-05-30,洗牙,已完成,1'
FILE = f"{HEAD}\n{GOOD}\n{BAD}\n".encode()


def importer_of(desk: Desk) -> Importer:
    deps = desk.app[DEPS]
    return Importer(
        desk.database,
        pack=deps.pack,
        vault=deps.vault,
        clock=desk.clock,
        public_url=deps.public_url,
        on_rows=deps.wake,
    )


async def send(
    desk: Desk,
    data: bytes,
    *,
    name: str = "五月就诊.csv",
    kind: str = "visits",
    csrf: str = "",
    to: str = HERE,
) -> Page:
    """Upload a file as a browser does, its name in raw UTF-8."""
    token = csrf or dict((await desk.get(HERE)).form(HERE))["csrf"]
    form = aiohttp.FormData({"csrf": token, "kind": kind}, quote_fields=False)
    form.add_field("file", io.BytesIO(data), filename=name, content_type="text/csv")
    return await desk._ask("POST", to, data=form)


async def looked_through(desk: Desk, data: bytes = FILE) -> Page:
    """Upload a file, let the clockwork look it through, return its page."""
    sent = await send(desk, data)
    await importer_of(desk).keep()
    return await desk.follow(sent)


async def test_a_file_is_looked_through_then_confirmed_then_recorded(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    page = await looked_through(desk)
    assert "等你确认" in page.text
    assert "不是电话号码" in page.text
    assert await desk.rows(Visit) == []

    await desk.send(page, page.location or f"{HERE}/1/confirm")
    running = await desk.get(f"{HERE}/1")
    assert "导入中" in running.text
    await importer_of(desk).keep()

    done = await desk.get(f"{HERE}/1")
    assert "导入完成，共 2 行" in done.text
    assert [visit.number for visit in await desk.rows(Visit)] == ["J1"]
    assert "五月就诊.csv" in (await desk.get(HERE)).text


async def test_while_it_moves_the_middle_of_the_page_asks_for_itself_and_then_stops(desk: Desk) -> None:
    await send(desk, FILE)

    moving = await desk.get(f"{HERE}/1", headers=HTMX)
    await importer_of(desk).keep()
    still = await desk.get(f"{HERE}/1", headers=HTMX)

    assert 'hx-trigger="every 1s"' in moving.html
    assert "<html" not in moving.html
    assert "<noscript>" in moving.html
    assert "hx-trigger" not in still.html


async def test_what_a_file_holds_is_shown_as_text_and_never_obeyed(desk: Desk) -> None:
    sent = await send(desk, FILE, name="<img src=x onerror=alert(1)>.csv")
    await importer_of(desk).keep()

    page = await desk.follow(sent)

    assert "<img src=x" not in page.html
    assert "&lt;img src=x" in page.html


async def test_the_faulty_rows_can_be_fetched_once_more_and_that_is_written_down(desk: Desk) -> None:
    await looked_through(desk)

    fetched = await desk.get(f"{HERE}/1/faults.csv")

    assert fetched.status == 200
    assert fetched.headers["Content-Disposition"] == 'attachment; filename="xiaohu-faults-1.csv"'
    head, row = fetched.html.lstrip("\ufeff").splitlines()
    assert head.startswith("就诊号,病历号")
    assert row.startswith("'=cmd()|x,B002")
    actions = [entry.action for entry in await desk.rows(AuditEntry)]
    assert "import.faults" in actions


async def test_nobody_is_imported_by_whoever_decides_against_it(desk: Desk) -> None:
    page = await looked_through(desk)

    stopped = await desk.follow(await desk.send(page, f"{HERE}/1/stop"))

    assert "已停止" in stopped.text
    assert "没有改变" in (await desk.follow(await desk.send(page, f"{HERE}/1/confirm"))).text
    await importer_of(desk).keep()
    assert await desk.rows(Visit) == []


async def test_a_confirmation_given_twice_begins_once(desk: Desk) -> None:
    page = await looked_through(desk)

    await desk.send(page, f"{HERE}/1/confirm")
    again = await desk.follow(await desk.send(page, f"{HERE}/1/confirm"))

    assert "没有改变" in again.text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"kind": "secrets"}, "请选择文件里是什么", id="no such kind"),
        pytest.param({"data": b""}, "空的", id="an empty file"),
        pytest.param({"name": "", "data": b"x"}, "请选择一个", id="no file"),
    ],
)
async def test_what_cannot_be_uploaded_is_told_on_the_form(
    desk: Desk, fields: dict[str, Any], says: str
) -> None:
    page = await send(desk, **{"data": FILE} | fields)

    assert page.status == 422
    assert says in page.text
    assert await desk.rows(Import) == []


async def test_a_file_that_nobody_can_read_says_so_and_what_to_do(desk: Desk) -> None:
    page = await looked_through(desk, b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR")

    assert "读不出来" in page.text
    assert "另存为 .xlsx" in page.text


async def test_a_file_of_some_megabytes_is_taken_and_a_larger_one_is_refused(desk: Desk) -> None:
    line = f"{GOOD[:-5]}\n".encode()
    taken = await send(desk, f"{HEAD}\n".encode() + line * (3_000_000 // len(line)))
    assert taken.status == 303

    refused = await send(desk, b"x" * (MAX_BYTES + 200_000))

    assert refused.status == 413
    assert "最大 20 MB" in refused.text
    assert len(await desk.rows(Import)) == 1


async def test_other_forms_stay_small(desk: Desk) -> None:
    assert (await send(desk, b"x" * 2_000_000, to="/console/plan")).status == 413


async def test_a_stranger_and_a_forged_form_upload_nothing(visitor: Desk) -> None:
    form = aiohttp.FormData({"csrf": "x", "kind": "visits"})
    form.add_field("file", FILE, filename="x.csv")
    assert (await visitor._ask("POST", HERE, data=form)).location.startswith("/console/login")

    await visitor.login()
    assert (await send(visitor, FILE, csrf="forged")).status == 403
    assert await visitor.rows(Import) == []


@pytest.mark.parametrize("path", [f"{HERE}/77", f"{HERE}/77/faults.csv", f"{HERE}/template/secrets.xlsx"])
async def test_what_does_not_exist_is_told(desk: Desk, path: str) -> None:
    assert (await desk.get(path)).status in (404, 422)


@pytest.mark.parametrize("kind", ["visits", "patients", "answers"])
async def test_a_template_can_be_fetched_and_opened(desk: Desk, kind: str) -> None:
    async with desk.http.get(f"{desk.url}{HERE}/template/{kind}.xlsx") as response:
        book = load_workbook(io.BytesIO(await response.read()))

    headings = [cell.value for cell in book.worksheets[0][1]]
    assert "病历号" in headings
    assert book.worksheets[1].title == "说明"


async def test_treatments_that_are_not_in_the_catalogue_are_listed(desk: Desk) -> None:
    page = await looked_through(desk, FILE.replace("洗牙".encode(), b"ZL-9"))
    assert "ZL-9（1 行）" in page.text
    await desk.send(page, f"{HERE}/1/confirm")
    await importer_of(desk).keep()

    async with desk.database.read() as session:
        assert await session.scalar(select(Visit.treatment_code)) == "ZL-9"
    listed = await desk.get(HERE)
    assert "治疗目录里没有的项目" in listed.text
    assert "ZL-9" in listed.text
