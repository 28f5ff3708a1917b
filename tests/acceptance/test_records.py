"""One patient from her first scan to her last wish: recorded, found, merged, forgotten, and met anew."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.care_tables import Todo
from store.outbox import OutboxEffect
from tests.support.clinic import API_KEY, running_clinic
from tests.support.databases import Templates
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack
    from tests.support.clinic import Clinic


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite: that both databases hold records alike is shown by tests/integration/records."""
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


async def recorded(clinic: Clinic, external_userid: str, *actions: str) -> dict[str, Any]:
    """Wait until these things have happened to a patient, and return her."""

    async def there() -> Any:
        headers = {"Authorization": f"Bearer {API_KEY}"}
        url = f"{clinic.url}/api/v1/patients/{external_userid}"
        async with clinic.http.get(url, headers=headers) as response:
            patient = await response.json(content_type=None)
        return patient if set(actions) <= {e["action"] for e in patient.get("timeline", ())} else None

    found: dict[str, Any] = await clinic.until(there, what=f"{actions} in her timeline")
    return found


async def found(clinic: Clinic, words: str) -> list[str]:
    page = await clinic.api("POST", "/patients/search", {"q": words})
    return [item["external_userid"] for item in page["items"]]


async def test_who_scans_a_code_is_found_by_name_remark_and_the_phone_a_member_noted(clinic: Clinic) -> None:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴🌷妈妈")
    who = added["external_userid"]
    patient = await recorded(clinic, who, "contact.added", "welcome.sent", "tags.marked", "stage.moved")

    assert (patient["name"], patient["stage"]) == ("晓晴🌷妈妈", "added")
    assert [entry["at"] for entry in patient["timeline"]] == sorted(e["at"] for e in patient["timeline"])
    assert all(entry["reason"] for entry in patient["timeline"])
    assert await found(clinic, "晓晴妈妈") == [who]

    await clinic.act(
        "member-edits-patient",
        userid="xiaohu",
        external_userid=who,
        remark="李晓晴-种植",
        mobiles=["138 0013 8000"],
    )

    async def noted() -> Any:
        return await found(clinic, "8000") == [who] == await found(clinic, "李晓晴-种")

    await clinic.until(noted, what="remark and phone in the records")
    patient = await clinic.api("GET", f"/patients/{who}")
    assert patient["phone"] == "138****8000"
    assert [follow["remark"] for follow in patient["follows"]] == ["李晓晴-种植"]


async def test_the_clinics_own_record_becomes_one_with_her_wechat(clinic: Clinic) -> None:
    now = clinic.clock.now()
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")
    who = added["external_userid"]
    await recorded(clinic, who, "welcome.sent")
    visit = {
        "number": "V-1",
        "patient": {"clinic_number": "B-1", "phone": "13800138000", "name": "李晓晴"},
        "status": "done",
        "at": now.isoformat(),
        "treatment": "洁牙",
    }
    await clinic.api("POST", "/visits", visit, expect=201)
    (local,) = await found(clinic, "B-1")
    assert local.startswith("local:")

    merged = await clinic.api("POST", f"/patients/{who}/merge", {"other": local, "reason": "前台核对过"})

    assert merged["records"] == [who, local]
    assert (merged["clinic_number"], merged["phone"]) == ("B-1", "138****8000")
    assert [visit["number"] for visit in merged["visits"]] == ["V-1"]
    assert merged["stage"] != "added"  # her visit counts
    assert await found(clinic, "B-1") == [who]
    calls = [call for call in clinic.tenant.journal.calls() if local in str(call)]
    assert calls == []  # WeCom never hears of an id that is not its own


async def test_who_asks_to_be_forgotten_is_and_comes_back_as_somebody_new(clinic: Clinic) -> None:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", name="晓晴")
    who = added["external_userid"]
    await recorded(clinic, who, "welcome.sent", "tags.marked")

    await clinic.api("POST", f"/patients/{who}/erase", {"confirm": who, "reason": "本人到店要求"})

    await clinic.api("GET", f"/patients/{who}", expect=404)
    assert await found(clinic, "晓晴") == []

    # What WeCom says of her after that, staff deleting her there among it, brings nothing of her back.
    clinic.clock.advance(timedelta(minutes=1))
    await clinic.act("member-edits-patient", userid="xiaohu", external_userid=who, remark="晓晴妈妈")
    await clinic.act("member-deletes-patient", userid="xiaohu", external_userid=who)
    await quiet(clinic)
    await clinic.api("GET", f"/patients/{who}", expect=404)
    assert await rows(clinic, select(Todo).where(Todo.state == "open")) == []
    assert await rows(clinic, select(OutboxEffect).where(OutboxEffect.key.contains(who))) == []

    clinic.clock.advance(timedelta(minutes=1))
    await clinic.act("patient-adds-member", userid="xiaohu", external_userid=who, state="front-desk")
    again = await recorded(clinic, who, "patient.returned", "welcome.sent", "todo.asked")
    assert again["name"] == "晓晴"
    assert [e["action"] for e in again["timeline"]].count("patient.returned") == 1
