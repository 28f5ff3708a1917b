"""What the pack's rules make of what happens: tags in WeCom, stages, whose turn it is, and always why."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic.care_tables import Todo, Visit
from clinic.tables import Patient, PatientTag, Tag
from tests.support.clinic import running_clinic
from tests.support.databases import Templates
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack
    from tests.support.clinic import Clinic

MARK = "externalcontact/mark_tag"
CARD = "message/send"


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    """On SQLite: that both databases end alike is shown by tests/integration/rules."""
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


def minutes(number: int) -> timedelta:
    return timedelta(minutes=number)


async def new_patient(clinic: Clinic, *, userid: str = "xiaohu", state: str = "front-desk") -> str:
    added = await clinic.act("patient-adds-member", userid=userid, state=state, name="晓晴")
    await quiet(clinic)
    return str(added["external_userid"])


async def visit(clinic: Clinic, who: str, number: str, **facts: Any) -> None:
    body = {"number": number, "patient": {"external_userid": who}, "at": clinic.clock.now().isoformat()}
    known = await rows(clinic, select(Visit.id).where(Visit.number == number))
    await clinic.api("POST", "/visits", body | facts, expect=200 if known else 201)
    clinic.runtime.courier.wake()
    await quiet(clinic)


def worn(clinic: Clinic, who: str, userid: str = "xiaohu") -> set[str]:
    """The tags on a relation as WeCom has them."""
    follow = clinic.tenant.corp.follow(userid, who)
    return {clinic.tenant.tags.find(tag).name for tag in follow.tags}


async def patient_of(clinic: Clinic, who: str) -> Patient:
    (patient,) = await rows(clinic, select(Patient).where(Patient.external_userid == who))
    assert isinstance(patient, Patient)
    return patient


async def reasons(clinic: Clinic, who: str) -> list[str]:
    record = await clinic.api("GET", f"/patients/{who}")
    return [entry["reason"] for entry in record["timeline"]]


async def todos(clinic: Clinic) -> list[tuple[str, str, str]]:
    found = await rows(clinic, select(Todo).order_by(Todo.id))
    return [(todo.kind, todo.assignee, todo.state) for todo in found]


def tag_id(clinic: Clinic, path: str) -> str:
    group, name = path.split("/")
    return next(
        tag.id
        for tags in clinic.tenant.tags.groups.values()
        if tags.name == group
        for tag in tags.tags.values()
        if tag.name == name
    )


async def test_visits_move_her_along_and_each_colleague_learns_when_it_is_their_turn(clinic: Clinic) -> None:
    who = await new_patient(clinic)

    await visit(clinic, who, "V1", status="booked", treatment="洁牙")
    assert ((await patient_of(clinic, who)).stage, worn(clinic, who)) == ("booked", {"前台扫码", "已预约"})

    await visit(clinic, who, "V1", status="arrived", treatment="洁牙")
    assert worn(clinic, who) == {"前台扫码", "已到店"}, "one tag of an exclusive group"

    await visit(clinic, who, "V2", status="done", treatment="种植一期")
    assert (await patient_of(clinic, who)).stage == "treating"
    assert worn(clinic, who) == {"前台扫码", "治疗中"}

    handed = [todo for todo in await todos(clinic) if todo[0] == "handoff"]
    assert [todo[1] for todo in handed] == ["chen.jing", "manager"], (
        "the consultant, then whoever is the doctor"
    )
    assert len(clinic.journal(CARD)) >= len(handed)
    told = await reasons(clinic, who)
    assert any("规则 tag.treating（阶段是治疗中）" in reason for reason in told)
    assert any("去掉 阶段/已到店" in reason for reason in told)


async def test_extracted_and_not_implanted_is_to_be_followed_up_until_it_is_implanted(clinic: Clinic) -> None:
    who = await new_patient(clinic)

    await visit(clinic, who, "V1", status="done", treatment="拔牙")
    assert "种植待跟进" in worn(clinic, who)

    await visit(clinic, who, "V2", status="done", treatment="种植一期")
    assert "种植待跟进" not in worn(clinic, who)


async def test_every_member_she_knows_wears_what_is_known_of_her(clinic: Clinic) -> None:
    who = await new_patient(clinic, state="douyin")
    await clinic.act("patient-adds-member", userid="zhang.wei", external_userid=who, state="dr-zhang-card")
    await quiet(clinic)

    assert worn(clinic, who) == worn(clinic, who, "zhang.wei") == {"抖音", "张医生名片"}


async def test_a_tag_taken_off_on_the_phone_is_not_simply_put_back(clinic: Clinic) -> None:
    who = await new_patient(clinic)
    await visit(clinic, who, "V1", status="done", treatment="拔牙")
    clinic.clock.advance(minutes(5))

    await clinic.act(
        "member-edits-patient",
        userid="xiaohu",
        external_userid=who,
        remove_tags=[tag_id(clinic, "待跟进/种植待跟进")],
    )
    await quiet(clinic)
    assert any("成员 小护 在手机上改了标签：去掉 待跟进/种植待跟进" in r for r in await reasons(clinic, who))

    clinic.clock.advance(minutes(5))
    await visit(clinic, who, "V2", status="booked", treatment="洁牙")
    assert "种植待跟进" not in worn(clinic, who), "nothing new was extracted"

    clinic.clock.advance(minutes(5))
    await visit(clinic, who, "V3", status="done", treatment="拔牙")
    assert "种植待跟进" in worn(clinic, who)


async def test_a_tag_put_on_on_the_phone_stays_and_is_known_as_the_members_own(clinic: Clinic) -> None:
    who = await new_patient(clinic)
    made = await clinic.act("edit-tags", change="create", group_name="需求", names=["种植"])
    await quiet(clinic)
    clinic.clock.advance(minutes(1))
    await quiet(clinic)

    await clinic.act(
        "member-edits-patient",
        userid="xiaohu",
        external_userid=who,
        add_tags=made["tag_ids"],
        remark="晓晴妈",
    )
    await quiet(clinic)
    await visit(clinic, who, "V1", status="booked")

    assert worn(clinic, who) == {"前台扫码", "种植", "已预约"}
    origins = await rows(clinic, select(PatientTag.origin).join(Tag).where(Tag.name == "种植"))
    assert origins == ["staff"]


async def test_a_tag_deleted_or_renamed_in_the_console_is_so_on_every_patient(clinic: Clinic) -> None:
    who = await new_patient(clinic)
    await visit(clinic, who, "V1", status="booked")
    clinic.clock.advance(minutes(5))

    await clinic.act("edit-tags", change="rename", id=tag_id(clinic, "来源/前台扫码"), name="前台")
    group = clinic.tenant.tags.group_named("阶段").group_id
    await clinic.act("edit-tags", change="delete", id=group)
    await clinic.act("edit-tags", change="shuffle")
    await quiet(clinic)
    clinic.clock.advance(minutes(1))
    await quiet(clinic)

    record = await clinic.api("GET", f"/patients/{who}")
    assert [(tag["group"], tag["name"]) for tag in record["tags"]] == [("来源", "前台")]
    tags = await rows(clinic, select(Tag).where(Tag.name == "已预约"))
    assert [tag.wecom_id for tag in tags] == [None]
    assert "去掉标签 阶段/已预约：企业微信里删除了这个标签" in await reasons(clinic, who)

    await visit(clinic, who, "V1", status="arrived")
    assert "已到店" in worn(clinic, who), "a tag that the corp lacks is made again when a rule needs it"


async def test_who_deletes_us_is_lost_told_of_and_recognised_when_she_returns(clinic: Clinic) -> None:
    who = await new_patient(clinic, state="douyin")
    await visit(clinic, who, "V1", status="done", treatment="洁牙")
    clinic.clock.advance(minutes(5))

    await clinic.act("patient-deletes-member", userid="xiaohu", external_userid=who)
    await quiet(clinic)
    assert (await patient_of(clinic, who)).stage == "lost"
    lost = [todo for todo in await todos(clinic) if todo[0] == "lost"]
    assert [todo[1:] for todo in lost] == [("xiaohu", "open"), ("manager", "open")]
    (body,) = await rows(clinic, select(Todo.body).where(Todo.kind == "lost", Todo.assignee == "manager"))
    assert "来自“抖音”，此前的阶段：已成交" in body
    assert "删除了 小护，与我们都断开了联系" in body
    assert any("停掉所有旅程" in reason for reason in await reasons(clinic, who))

    clinic.clock.advance(minutes(60))
    await clinic.act("patient-adds-member", userid="xiaohu", external_userid=who)
    await quiet(clinic)
    assert (await patient_of(clinic, who)).stage == "closed", "as far as she had come"
    lost = [todo for todo in await todos(clinic) if todo[0] in ("lost", "returned")]
    assert [todo[2] for todo in lost] == ["dropped", "dropped", "open"]
    assert worn(clinic, who) >= {"抖音", "已到店"}


async def test_half_a_contact_gets_her_tags_when_the_member_confirms(clinic: Clinic) -> None:
    added = await clinic.act("patient-adds-member", userid="xiaohu", state="front-desk", half=True)
    who = str(added["external_userid"])
    await quiet(clinic)
    assert clinic.journal(MARK) == []

    clinic.clock.advance(minutes(1))
    await clinic.act("member-confirms-patient", userid="xiaohu", external_userid=who)
    await quiet(clinic)

    assert worn(clinic, who) == {"前台扫码"}


async def test_a_full_corp_is_somebodys_to_do_and_the_tags_come_later(clinic: Clinic) -> None:
    clinic.tenant.rules.corp_tag_quota = 0
    who = await new_patient(clinic)
    assert ("tag_quota", "manager", "open") in await todos(clinic)
    assert any("没有改成" in reason for reason in await reasons(clinic, who))

    clinic.tenant.rules.corp_tag_quota = 3000
    await visit(clinic, who, "V1", status="booked")

    assert worn(clinic, who) == {"前台扫码", "已预约"}
