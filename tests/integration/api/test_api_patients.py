"""Patients by the API: found by words in a body, shown with masks, merged, forgotten, and their consents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from clinic import people
from clinic.tables import AuditEntry, PatientTag
from tests.support.records import FANG, NOW, fang, meet

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

HER = f"/api/v1/patients/{FANG}"


@pytest.fixture
async def local(clinic: ApiClinic) -> str:
    """芳芳, a stranger, and 芳芳 once more as the clinic's own system knows her."""
    async with clinic.database.write() as session:
        await meet(session, clinic.vault, "wm-stranger", "小明")
        await fang(session, clinic.vault)
        record = await people.local_patient(session, now=NOW)
        await people.identify(session, record, clinic.vault, now=NOW, phone="13800138000", real_name="王芳芳")
        return record.external_userid


async def audited(clinic: ApiClinic, action: str) -> list[tuple[str, str]]:
    async with clinic.database.read() as session:
        rows = await session.scalars(select(AuditEntry).where(AuditEntry.action == action))
        return [(entry.actor, entry.reason) for entry in rows]


async def test_a_patient_is_shown_with_everything_and_with_masks(clinic: ApiClinic, local: str) -> None:
    shown = (await clinic.get(HER)).json

    assert (shown["name"], shown["real_name"], shown["phone"]) == ("芳芳妈妈🌸", "王**", "138****8000")
    assert (shown["clinic_number"], shown["stage"], shown["born_on"]) == (
        "B-2024-17",
        "visited",
        "1988-03-08",
    )
    assert [(f["remark"], f["channel"], f["add_way"]) for f in shown["follows"]] == [
        ("种植顾问的备注", "front-desk", 1)
    ]
    assert [(t["name"], t["origin"], t["rule"]) for t in shown["tags"]] == [
        ("想种牙", "rule", "implant-keyword")
    ]
    assert [move["stage"] for move in shown["stages"]] == ["added", "visited"]
    assert [group["name"] for group in shown["groups"]] == ["微笑口腔·护牙福利社"]
    assert [(v["treatment"], v["amount_fen"]) for v in shown["visits"]] == [("JY01", 19900)]
    assert [(c["kind"], c["standing"]) for c in shown["consents"]] == [("case", "holds")]
    assert shown["suggested"] == [local]
    reasons = [entry["reason"] for entry in shown["timeline"]]
    assert "标签 需求/想种牙：规则 implant-keyword（芳芳妈妈）" in reasons
    assert [entry["at"] for entry in shown["timeline"]] == sorted(entry["at"] for entry in shown["timeline"])


async def test_members_are_called_by_name_wherever_a_reason_names_them(clinic: ApiClinic, local: str) -> None:
    async with clinic.database.write() as session:
        tag = await session.scalar(select(PatientTag))
        tag.reason = "成员 zhang.wei 在手机上加的"

    shown = (await clinic.get(HER)).json

    named = {entry["actor"]: entry["actor_name"] for entry in shown["timeline"]}
    assert named["zhang.wei"] == "张伟"
    assert [tag["reason"] for tag in shown["tags"]] == ["成员 张伟 在手机上加的"]
    assert shown["stages"][0]["reason"] == "添加了成员 小护"


async def test_the_timeline_comes_in_pages_from_the_latest_on(clinic: ApiClinic, local: str) -> None:
    whole = (await clinic.get(HER)).json["timeline"]
    told, cursor = [], ""
    while cursor is not None:
        page = (await clinic.get(f"{HER}/timeline?limit=4&cursor={cursor}")).json
        told += page["items"]
        cursor = page["next"]

    assert told == whole[::-1]
    assert (await clinic.get(f"{HER}/timeline?cursor=x")).fields == ["cursor"]


async def test_patients_are_listed_by_stage_tag_and_member_in_pages(clinic: ApiClinic, local: str) -> None:
    async def ids(query: str) -> list[str]:
        page = (await clinic.get(f"/api/v1/patients?{query}")).json
        return [item["external_userid"] for item in page["items"]]

    first = (await clinic.get("/api/v1/patients?limit=2")).json
    assert [item["external_userid"] for item in first["items"]] == [local, FANG]
    assert await ids(f"limit=2&cursor={first['next']}") == ["wm-stranger"]
    assert await ids("stage=visited") == [FANG]
    assert await ids("tag=需求/想种牙") == [FANG]
    assert await ids("member=zhang.wei") == []
    assert (await clinic.get("/api/v1/patients?stage=gone&tag=x&cursor=a")).fields == [
        "stage",
        "tag",
        "cursor",
    ]


@pytest.mark.parametrize("words", ["芳芳妈", "138 0013 8000", "8000", "王芳芳", "B-2024-17", FANG])
async def test_words_find_a_patient(clinic: ApiClinic, local: str, words: str) -> None:
    found = (await clinic.post("/api/v1/patients/search", {"q": words})).json

    assert FANG in [item["external_userid"] for item in found["items"]]
    assert "wm-stranger" not in [item["external_userid"] for item in found["items"]]


async def test_revealing_is_answered_once_it_is_written_down(clinic: ApiClinic, local: str) -> None:
    assert (await clinic.post(f"{HER}/reveal", {})).fields == ["reason"]
    assert await audited(clinic, "patient.reveal") == []

    told = await clinic.post(f"{HER}/reveal", {"reason": "预约确认电话"})

    assert told.json == {"real_name": "王芳芳", "phone": "13800138000"}
    assert await audited(clinic, "patient.reveal") == [("api", "查看了完整的姓名和电话：预约确认电话")]


async def test_two_records_become_one_and_two_again(clinic: ApiClinic, local: str) -> None:
    merged = await clinic.post(f"/api/v1/patients/{local}/merge", {"other": FANG, "reason": "同一人"})
    assert (merged.json["external_userid"], merged.json["records"]) == (FANG, [FANG, local])
    assert (await clinic.get(f"/api/v1/patients/{local}")).json["external_userid"] == FANG
    again = await clinic.post(f"{HER}/merge", {"other": local, "reason": "再来"})
    assert (again.status, again.json["type"]) == (409, "urn:xiaohu:problem:not-possible")

    apart = await clinic.post(f"/api/v1/patients/{local}/split", {"reason": "是母女"})
    assert apart.json["records"] == [local]
    assert (await clinic.post(f"{HER}/split", {"reason": "x"})).status == 409
    assert (await clinic.post(f"{HER}/merge", {"other": "wm-nobody", "reason": "x"})).status == 404


async def test_a_person_is_forgotten_when_her_id_is_written_twice(clinic: ApiClinic, local: str) -> None:
    wrong = await clinic.post(f"{HER}/erase", {"confirm": "wm-stranger", "reason": "本人要求"})
    assert wrong.fields == ["confirm"]
    assert (await clinic.get(HER)).status == 200

    done = await clinic.post(f"{HER}/erase", {"confirm": FANG, "reason": "本人要求"})

    assert done.json == {"erased": 1}
    assert (await clinic.get(HER)).status == 404
    assert await audited(clinic, "patient.erase") == [("api", "按本人要求删除个人信息：本人要求")]


async def test_a_consent_is_given_and_withdrawn(clinic: ApiClinic, local: str) -> None:
    given = await clinic.post(f"{HER}/consents", {"kind": "marketing", "proof": "聊天记录 06-02"})
    assert (given.status, given.json["standing"], given.json["until"]) == (201, "holds", None)
    past = {"kind": "care", "proof": "x", "until": "2020-01-01T00:00:00+08:00"}
    assert (await clinic.post(f"{HER}/consents", past)).fields == ["until"]
    assert (await clinic.post(f"{HER}/consents", {"kind": "care", "proof": " "})).fields == ["proof"]

    place = f"{HER}/consents/{given.json['id']}/withdraw"
    after = (await clinic.post(place, {"reason": "不想收了"})).json

    assert {c["kind"]: c["standing"] for c in after["consents"]} == {
        "marketing": "withdrawn",
        "case": "holds",
    }
    assert (await clinic.post(place, {"reason": "再来"})).status == 409
