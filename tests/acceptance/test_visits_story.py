"""The clinic's own system tells visits, by the API or by a file, and the patient's record follows."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.clinic import API_KEY, PASSWORD, running_clinic
from tests.support.databases import Templates

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack
    from tests.support.clinic import Clinic

FILE = """\
就诊号,病历号,姓名,电话,就诊日期,治疗项目,状态,金额（元）
J1,B001,王小雨,13800138000,2026-11-20 09:30,洗牙,已完成,128.5
J2,B001,王小雨,13800138000,2026-12-20 09:30,检查,已预约,
J3,B002,李大海,电话没留,2026-11-20,补牙,已完成,300
"""


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite: that both databases take visits alike is shown by tests/integration/visits."""
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


async def added(clinic: Clinic) -> str:
    """Let a patient add the assistant; return her id when we know her."""
    who = (await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴"))[
        "external_userid"
    ]

    async def known() -> Any:
        async with clinic.http.get(
            f"{clinic.url}/api/v1/patients/{who}", headers={"Authorization": f"Bearer {API_KEY}"}
        ) as answer:
            return answer.status == 200 and (await answer.json())["follows"]

    await clinic.until(known, what="the patient in our records")
    return str(who)


async def test_a_visit_told_by_the_clinics_system_moves_her_stage_and_stands_in_her_story(
    clinic: Clinic,
) -> None:
    who = await added(clinic)
    visit = {
        "number": "J1",
        "patient": {"external_userid": who, "clinic_number": "B001", "phone": "13800138000"},
        "status": "done",
        "at": "2026-11-23T08:30:00+08:00",
        "treatment": "洗牙",
        "amount_fen": 12850,
    }

    await clinic.api("POST", "/visits", visit, expect=201)
    await clinic.api("POST", "/visits", visit, expect=200)

    patient = await clinic.api("GET", f"/patients/{who}")
    assert patient["stage"] == "closed"
    assert [one["treatment"] for one in patient["visits"]] == ["洁牙"]
    told = [entry["reason"] for entry in patient["timeline"]]
    assert told.count("就诊 洁牙：已完成") == 1
    assert any("已成交" in reason for reason in told)
    later = await clinic.api(
        "POST", "/visits", visit | {"number": "J2", "patient": {"phone": "138 0013 8000"}}, expect=201
    )
    assert later["items"][0]["external_userid"] == who


async def test_a_file_uploaded_in_the_console_becomes_visits_while_the_page_shows_how_far_it_is(
    clinic: Clinic,
) -> None:
    who = await added(clinic)
    await clinic.api(
        "POST", "/visits", {"number": "J0", "patient": {"external_userid": who, "phone": "13800138000"}, "status": "booked", "at": "2026-11-20T09:30:00+08:00"}, expect=201
    )  # fmt: skip
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:

        async def page(path: str) -> str:
            async with browser.get(f"{clinic.url}{path}") as answer:
                return await answer.text()

        async def post(path: str, shown: str, **fields: str) -> str:
            [token, *_] = re.findall(r'name="csrf" value="([^"]+)"', shown)
            form = aiohttp.FormData({"csrf": token, **fields}, quote_fields=False)
            if path == "/console/imports":
                form.add_field("file", io.BytesIO(FILE.encode("gb18030")), filename="就诊.csv")
            async with browser.post(f"{clinic.url}{path}", data=form, allow_redirects=False) as answer:
                assert answer.status == 303, await answer.text()
                return answer.headers["Location"]

        await post("/console/login", await page("/console/login"), name="admin", password=PASSWORD)
        here = await post("/console/imports", await page("/console/imports"), kind="visits")

        async def shows(words: str) -> Any:
            shown = await page(here)
            return shown if words in shown else None

        checked = await clinic.until(lambda: shows("等你确认"), what="the file looked through")
        assert "不是电话号码" in checked
        assert len((await clinic.api("GET", "/visits"))["items"]) == 1
        await post(f"{here}/confirm", checked)
        await clinic.until(lambda: shows("导入完成"), what="the file recorded")

    listed = (await clinic.api("GET", "/visits"))["items"]
    assert {one["number"]: one["external_userid"] for one in listed} == dict.fromkeys(["J0", "J1", "J2"], who)
    patient = await clinic.api("GET", f"/patients/{who}")
    assert patient["stage"] == "closed"
