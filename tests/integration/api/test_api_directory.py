"""Patients, groups and personas by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from clinic import audit
from clinic.tables import CustomerGroup, Follow, Patient, PatientTag, Tag
from sop.tables import PersonaBinding

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic


async def test_a_patient_is_shown_with_relations_tags_and_reasons(clinic: ApiClinic) -> None:
    now = clinic.clock.now()
    async with clinic.database.write() as session:
        patient = Patient(
            external_userid="wmABC_1-x",
            unionid="union-1",
            name_sealed=clinic.vault.seal("王小明", about="patient.name"),
            gender=1,
            first_seen_at=now,
            updated_at=now,
        )
        tag = Tag(group_name="来源", name="前台扫码")
        session.add_all([patient, tag])
        await session.flush()
        session.add(
            Follow(
                patient_id=patient.id,
                userid="xiaohu",
                channel="front-desk",
                add_way=1,
                added_at=now,
                lost_at=now + timedelta(days=1),
                lost_by="patient",
                changed_at=now,
            )
        )
        session.add(
            PatientTag(
                patient_id=patient.id, userid="xiaohu", tag_id=tag.id, origin="channel", reason="扫码", at=now
            )
        )
        for subject in ("patient:wmABC_1-x", "patient:wmABC_1-y"):
            audit.record(
                session, at=now, actor=audit.RULES, action="patient.added", subject=subject, reason="新添加"
            )

    reply = await clinic.get("/api/v1/patients/wmABC_1-x")

    at = "2025-06-02T08:30:00+08:00"
    assert reply.json == {
        "external_userid": "wmABC_1-x",
        "unionid": "union-1",
        "name": "王小明",
        "real_name": "",
        "phone": "",
        "clinic_number": None,
        "born_on": None,
        "stage": "added",
        "stage_at": None,
        "records": ["wmABC_1-x"],
        "suggested": [],
        "stages": [],
        "groups": [],
        "visits": [],
        "consents": [],
        "gender": 1,
        "first_seen_at": at,
        "follows": [
            {
                "userid": "xiaohu",
                "channel": "front-desk",
                "add_way": 1,
                "added_at": at,
                "lost_at": "2025-06-03T08:30:00+08:00",
                "lost_by": "patient",
                "first_added_at": None,
                "half": False,
                "remark": "",
                "record": "wmABC_1-x",
            }
        ],
        "tags": [
            {
                "group": "来源",
                "name": "前台扫码",
                "userid": "xiaohu",
                "origin": "channel",
                "reason": "扫码",
                "rule": None,
                "at": at,
                "expires_at": None,
            }
        ],
        "timeline": [
            {
                "at": at,
                "actor": "规则",
                "actor_name": "规则",
                "action": "patient.added",
                "reason": "新添加",
                "rule": None,
                "record": "wmABC_1-x",
                "detail": {},
            }
        ],
    }


@pytest.mark.parametrize("name", ["wm-unknown", "%00", "a%2Fb", "x" * 65, "%F0%9F%A6%B7", "' OR 1=1 --"])
async def test_an_unknown_patient_is_404_and_not_repeated(clinic: ApiClinic, name: str) -> None:
    reply = await clinic.get(f"/api/v1/patients/{name}")

    assert reply.status == 404
    assert "unknown" not in reply.json["detail"]


async def test_groups_come_in_pages_without_those_dismissed(clinic: ApiClinic) -> None:
    now = clinic.clock.now()
    async with clinic.database.write() as session:
        for number in (2, 3, 4):
            session.add(
                CustomerGroup(
                    chat_id=f"wr-{number}",
                    name=f"群 {number}",
                    owner="xiaohu",
                    members=number,
                    changed_at=now,
                    dismissed_at=now if number == 3 else None,
                )
            )

    first = (await clinic.get("/api/v1/groups?limit=2")).json
    second = (await clinic.get(f"/api/v1/groups?limit=2&cursor={first['next']}")).json

    assert [group["chat_id"] for group in first["items"]] == ["wr-1", "wr-2"]
    assert [group["chat_id"] for group in second["items"]] == ["wr-4"]
    assert second["next"] is None
    assert first["items"][0]["role"] == "community"


async def test_personas_name_who_speaks_and_who_reviews_now(clinic: ApiClinic) -> None:
    async with clinic.database.write() as session:
        session.add(PersonaBinding(persona="assistant", userid="xiaohu", role="speaker"))
        session.add(PersonaBinding(persona="assistant", userid="sun.yue", role="approver"))

    reply = await clinic.get("/api/v1/personas")

    assert reply.json["next"] is None
    assert [(p["key"], p["kind"], p["speakers"], p["reviewers"]) for p in reply.json["items"]] == [
        ("assistant", "assistant", ["xiaohu"], ["sun.yue"]),
        ("doctor-zhang", "doctor", ["zhang.wei"], ["zhang.wei", "zhao.min"]),
    ]
