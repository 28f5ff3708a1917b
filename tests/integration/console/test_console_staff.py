"""员工 and 客户群: what is whose, handing it over with progress and results, and what groups are for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from clinic import group_moves, groups, people, staff, todos, transfers
from clinic.care_tables import Todo, Transfer
from clinic.group_moves import Move
from clinic.groups import Seat
from clinic.tables import AuditEntry, CustomerGroup, Member
from clinic.transfers import TransferState
from store.outbox import OutboxEffect
from tests.support.api_driver import MONDAY
from tests.support.console_driver import HTMX

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

STAFF = "/console/staff"
HIS = f"{STAFF}/li.na"
HANDOVER = f"{HIS}/handover"
GROUPS = "/console/groups"
PATIENTS = ("wm-anna", "wm-bert", "wm-cleo")


@pytest.fixture
async def leaver(desk: Desk) -> Desk:
    """li.na, with three patients and two groups, has left."""
    async with desk.database.write() as session:
        session.add(Member(userid="li.na", name="李娜", serves=True, seen_at=MONDAY))
        await session.flush()
        for patient in PATIENTS:
            await people.added(
                session, external_userid=patient, userid="li.na", channel="", at=MONDAY, now=MONDAY
            )
        for chat_id, name in (("wr-kids-1", "儿牙成长营 1 群"), ("wr-kids-2", "儿牙成长营 2 群")):
            await groups.record(
                session, chat_id=chat_id, name=name, owner="li.na", members=2, member_version="v1", now=MONDAY
            )
        await staff.left(session, "li.na", at=MONDAY, now=MONDAY)
    return desk


async def test_who_left_patients_behind_stands_first_and_says_so(leaver: Desk) -> None:
    shown = (await leaver.get(STAFF)).text

    assert shown.index("李娜") < shown.index("张伟")
    assert "3 位顾客 · 2 个客户群" in shown
    assert "还没有交接" in shown


async def test_everything_is_handed_over_by_one_form_and_its_second_click_begins_nothing(
    leaver: Desk,
) -> None:
    page = await leaver.get(HIS)
    answer = await leaver.send(page, HANDOVER, takeover="xiaohu", patients="all")
    shown = (await leaver.follow(answer)).text
    again = await leaver.send(page, HANDOVER, takeover="xiaohu", patients="all")

    assert "开始交接 5 个" in shown
    assert "0 / 5 已有结果" in shown
    assert "这次交接已经开始了" in (await leaver.follow(again)).text
    effects = await leaver.rows(OutboxEffect)
    assert sorted(effect.kind for effect in effects) == ["transfer_groups", "transfer_patients"]
    assert effects[0].payload["resigned"] is True
    assert len(leaver.wakes) == 1
    assert [entry.reason for entry in await leaver.rows(AuditEntry) if entry.action == "transfer.begin"] == [
        "把 3 位顾客、2 个客户群交接给 xiaohu"
    ]


async def test_single_patients_can_be_chosen_and_groups_left_out(leaver: Desk) -> None:
    page = await leaver.get(HIS)
    fields = [
        (name, value)
        for name, value in page.form(HANDOVER)
        if name not in ("takeover", "patients", "group", "patient")
    ]
    fields += [
        ("takeover", "xiaohu"),
        ("patients", "chosen"),
        ("patient", "wm-bert"),
        ("patient", "wm-other"),
    ]

    assert (await leaver.post(HANDOVER, fields)).status == 303

    assert [(row.kind, row.subject) for row in await leaver.rows(Transfer)] == [("patient", "wm-bert")]


@pytest.mark.parametrize(
    ("changes", "status", "words"),
    [
        pytest.param({"takeover": "li.na"}, 422, "已开通“客户联系”的同事", id="to himself"),
        pytest.param({"takeover": "nobody"}, 422, "已开通“客户联系”的同事", id="to a stranger"),
        pytest.param(
            {"takeover": "xiaohu", "patients": "none", "group": ""}, 422, "没有可以交接的", id="nothing"
        ),
        pytest.param({"takeover": "xiaohu", "run": "x"}, 422, "请刷新后再试", id="a run of one's own"),
    ],
)
async def test_what_cannot_be_handed_over_is_refused_with_its_remedy(
    leaver: Desk, changes: dict[str, str], status: int, words: str
) -> None:
    answer = await leaver.send(await leaver.get(HIS), HANDOVER, **changes)

    assert answer.status == status
    assert words in answer.text
    assert await leaver.rows(Transfer) == []


async def test_progress_and_results_are_shown_while_they_come(leaver: Desk) -> None:
    await leaver.send(await leaver.get(HIS), HANDOVER, takeover="xiaohu", patients="all")
    async with leaver.database.write() as session:
        for subjects, state, reason in (
            (["wr-kids-1", "wr-kids-2", "wm-anna"], TransferState.DONE, ""),
            (["wm-bert"], TransferState.REFUSED, "顾客不同意更换"),
            (["wm-cleo"], TransferState.WAITING, ""),
        ):
            await transfers.set_state(session, subjects, state=state, reason=reason, now=MONDAY)

    part = await leaver.get(HIS, headers=HTMX)

    assert "4 / 5 已有结果" in part.text
    assert "顾客不同意更换" in part.text
    assert 'hx-trigger="every 30s"' in part.html
    assert "<html" not in part.html

    async with leaver.database.write() as session:
        await transfers.set_state(session, ["wm-cleo"], state=TransferState.DONE, now=MONDAY)
    assert "hx-trigger" not in (await leaver.get(HIS, headers=HTMX)).html


async def test_a_message_to_patients_is_for_members_who_stay(desk: Desk) -> None:
    async with desk.database.write() as session:
        await people.added(
            session, external_userid="wm-anna", userid="xiaohu", channel="", at=MONDAY, now=MONDAY
        )
    page = await desk.get(f"{STAFF}/xiaohu")
    taker = "zhang.wei" if "zhang.wei" in page.html else "chen.jing"

    answer = await desk.send(
        page, f"{STAFF}/xiaohu/handover", takeover=taker, patients="all", message="字" * 201
    )

    assert answer.status == 422
    assert "最多 200 个字" in answer.text


async def test_a_stranger_has_no_page(desk: Desk) -> None:
    assert (await desk.get(f"{STAFF}/nobody")).status == 404
    assert (await desk.get(f"{GROUPS}/wr-nowhere")).status == 404


async def test_staff_decide_what_a_group_is_for_and_its_name_when_they_do_not(leaver: Desk) -> None:
    assert "按群名：" in (await leaver.get(f"{GROUPS}/wr-1")).text
    role = leaver.pack.roles[0]

    answer = await leaver.send(await leaver.get(f"{GROUPS}/wr-1"), f"{GROUPS}/wr-1/role", role=role.key)

    assert f"这个群按“{role.title}”安排内容" in (await leaver.follow(answer)).text
    chosen = {group.chat_id: group.role for group in await leaver.rows(CustomerGroup)}
    assert chosen["wr-1"] == role.key
    odd = await leaver.send(await leaver.get(f"{GROUPS}/wr-1"), f"{GROUPS}/wr-1/role", role="odd")
    assert odd.status == 422
    listed = (await leaver.get(f"{GROUPS}?role={role.key}")).text
    assert "人工指定" in listed


async def test_a_group_shows_who_came_by_which_way_and_who_went(leaver: Desk) -> None:
    async with leaver.database.write() as session:
        await group_moves.reread(
            session,
            "wr-kids-1",
            [Seat(person="li.na", external=False, joined_at=MONDAY, join_scene=1, state="")],
            now=MONDAY,
        )
        await group_moves.note(
            session,
            "wr-kids-1",
            [
                Move(person="wm-anna", external=True, kind="joined", at=MONDAY, scene=1, inviter="xiaohu"),
                Move(
                    person="wm-anna",
                    external=True,
                    kind="left",
                    at=MONDAY + timedelta(hours=1),
                    scene=1,
                ),
                Move(person="wm-stranger", external=True, kind="joined", at=MONDAY, scene=3),
            ],
        )

    shown = (await leaver.get(f"{GROUPS}/wr-kids-1")).text

    assert "被邀请 · 小护 邀请" in shown
    assert "被移出" in shown
    assert "一位还不是好友的顾客 进群" in shown
    assert "本周进 2、退 1" in (await leaver.get(f"{GROUPS}?q=成长营 1")).text


async def test_an_empty_persona_is_an_alarm_on_the_first_page_and_among_the_staff(leaver: Desk) -> None:
    async with leaver.database.write() as session:
        for member in await session.run_sync(lambda s: s.query(Member).all()):
            member.serves = member.userid == "chen.jing"
        session.add(Member(userid="somebody", name="某人", serves=True, seen_at=MONDAY))

    for path in ("/console/", STAFF):
        assert "没有能发送的成员" in (await leaver.get(path)).text


async def test_the_todo_of_a_leaver_leads_to_his_page(leaver: Desk) -> None:
    async with leaver.database.write() as session:
        await todos.ask(
            session,
            key="member-left:li.na:1",
            kind="handover",
            assignee=todos.MANAGER,
            title="李娜 离职了，请安排交接",
            body="",
            now=MONDAY,
        )

    assert len(await leaver.rows(Todo)) == 1
    assert "李娜 离职了" in (await leaver.get("/console/todos")).text
