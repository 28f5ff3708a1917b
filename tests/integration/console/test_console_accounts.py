"""Who speaks, helps and approves as which persona."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from clinic.tables import AuditEntry, Member
from sop.roster import load_roster
from sop.tables import PersonaBinding
from tests.support.console_driver import Desk

if TYPE_CHECKING:
    from sop.roster import Roster
    from tests.support.console_driver import Page

DOCTOR = "/console/accounts/doctor-zhang"


async def test_the_packs_bindings_are_shown_with_who_can_send(desk: Desk) -> None:
    shown = await desk.get("/console/accounts")

    assert "跟随内容包默认" in shown.text
    assert "小护xiaohu可发送" in shown.text
    assert "zhao.min" in shown.text
    assert "恢复内容包默认" not in shown.text.replace("想用内容包里的默认绑定", "")


async def test_a_persona_that_nobody_can_send_for_or_review_is_warned_of(desk: Desk) -> None:
    await bind(desk, speaker=["li.na"], delegate=[], approver=[])

    shown = await desk.get("/console/accounts")

    assert "没有能发送的成员" in shown.text
    await bind(desk, path="/console/accounts/assistant", speaker=["xiaohu"], delegate=[], approver=[])
    assert "没有人收到审核卡片" in (await desk.get("/console/accounts")).text


async def test_bindings_made_in_the_console_replace_the_packs(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    done = await bind(desk, speaker=["zhang.wei"], delegate=["sun.yue"], approver=[])

    assert done.location == "/console/accounts#doctor-zhang"
    assert "绑定已保存" in (await desk.follow(done)).text
    roster = await roster_of(desk)
    assert roster.delegates["doctor-zhang"] == ("sun.yue",)
    assert roster.reviewers("doctor-zhang") == ("zhang.wei", "sun.yue")
    assert roster.approvers["assistant"] == ("chen.jing",)
    (entry,) = [entry for entry in await desk.rows(AuditEntry) if entry.action == "persona.bind"]
    assert (entry.actor, entry.subject) == ("admin", "persona:doctor-zhang")
    assert "医助：sun.yue" in entry.reason


async def test_the_packs_bindings_come_back(desk: Desk) -> None:
    await bind(desk, speaker=["zhang.wei"], delegate=["sun.yue"], approver=[])

    done = await desk.send(await desk.get("/console/accounts"), f"{DOCTOR}/reset")

    assert "已恢复内容包默认" in (await desk.follow(done)).text
    assert (await roster_of(desk)).delegates["doctor-zhang"] == ("zhao.min",)
    assert await desk.rows(PersonaBinding) == []


async def test_people_not_seen_yet_can_be_written_by_hand(desk: Desk) -> None:
    form = await desk.get("/console/accounts")

    await desk.send(form, DOCTOR, delegate="zhao.min", delegate_more="sun.yue，wang.fang , zhao.min")

    assert set((await roster_of(desk)).delegates["doctor-zhang"]) == {"zhao.min", "sun.yue", "wang.fang"}


@pytest.mark.parametrize(
    ("people", "words"),
    [
        pytest.param({"speaker": [], "delegate": [], "approver": []}, "至少要绑定一位成员", id="nobody"),
        pytest.param(
            {"speaker": ["xiaohu"], "delegate": [], "approver": []}, "已经代表“小护”发言", id="two voices"
        ),
        pytest.param(
            {"speaker": ["张 伟"], "delegate": [], "approver": []}, "不是企业微信的成员账号", id="no userid"
        ),
        pytest.param(
            {"speaker": [f"u{n}" for n in range(60)], "delegate": [], "approver": []}, "最多", id="many"
        ),
    ],
)
async def test_bindings_that_cannot_be_are_refused_at_their_persona(
    desk: Desk, people: dict[str, list[str]], words: str
) -> None:
    refused = await bind(desk, **people)

    assert refused.status == 422
    assert words in refused.text
    assert await desk.rows(PersonaBinding) == []


async def test_two_people_at_once_do_not_overwrite_each_other(desk: Desk) -> None:
    stale = await desk.get("/console/accounts")
    await bind(desk, speaker=["zhang.wei"], delegate=["sun.yue"], approver=[])

    late = await desk.send(stale, DOCTOR, delegate="wang.fang")

    assert late.status == 409
    assert "刚被别人改过" in late.text
    assert (await roster_of(desk)).delegates["doctor-zhang"] == ("sun.yue",)
    assert (await desk.send(late, f"{DOCTOR}/reset")).status == 303


async def test_an_unknown_persona_is_not_found(desk: Desk) -> None:
    fields = (await desk.get("/console/accounts")).form(DOCTOR)

    assert (await desk.post("/console/accounts/nobody", fields)).status == 404


async def test_a_member_who_cannot_serve_customers_is_named(desk: Desk) -> None:
    async with desk.database.write() as session:
        session.add(Member(userid="li.na", name="李娜", serves=False, seen_at=desk.clock.now()))
    await bind(desk, speaker=["zhang.wei", "li.na"], delegate=[], approver=[])

    assert "li.na 还没有开通“客户联系”" in (await desk.get("/console/accounts")).text


async def bind(
    desk: Desk, *, path: str = DOCTOR, speaker: list[str], delegate: list[str], approver: list[str]
) -> Page:
    kept = [(n, v) for n, v in (await desk.get("/console/accounts")).form(path) if n in ("csrf", "seen")]
    people = {"speaker": speaker, "delegate": delegate, "approver": approver}
    chosen = [(role, userid) for role, userids in people.items() for userid in userids]
    return await desk.post(path, [*kept, *chosen])


async def roster_of(desk: Desk) -> Roster:
    async with desk.database.read() as session:
        return await load_roster(session, desk.pack)
