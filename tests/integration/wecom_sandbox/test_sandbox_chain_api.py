"""The API over 300 000 patients: complete, in the same time wherever a page lies, and alive."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox_driver import FrozenClock, Program, program_of
from wecom.sandbox import Rules, running_sandbox
from wecom.sandbox.api.paging import cursor_at

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def chain() -> AsyncIterator[Program]:
    async with (
        running_sandbox(scene="chain", now=FrozenClock(), callback_url=None) as sandbox,
        program_of(sandbox) as program,
    ):
        yield program


@pytest.fixture
async def town() -> AsyncIterator[Program]:
    """A chain of 2 400 patients."""
    async with (
        running_sandbox(scene="chain", now=FrozenClock(), callback_url=None, patients=2_400) as sandbox,
        program_of(sandbox) as program,
    ):
        yield program


async def members(program: Program) -> list[str]:
    found: list[str] = (await program.get("externalcontact/get_follow_user_list"))["follow_user"]
    return found


async def listed(program: Program, userids: list[str]) -> list[dict[str, Any]]:
    rows, cursor = [], ""
    while True:
        body = {"userid_list": userids, "cursor": cursor, "limit": 100}
        answer = await program.post("externalcontact/batch/get_by_user", body)
        assert answer["errcode"] == 0, answer
        rows += answer["external_contact_list"]
        cursor = answer["next_cursor"]
        if not cursor:
            return rows


async def test_batch_get_by_user_lists_everybody_once_and_agrees_with_list_and_get(town: Program) -> None:
    userids = await members(town)
    rows = await listed(town, userids[:100]) + await listed(town, userids[100:])
    pairs = Counter((r["follow_info"]["userid"], r["external_contact"]["external_userid"]) for r in rows)
    assert set(pairs.values()) == {1}
    assert len({external_userid for _, external_userid in pairs}) == 2_400
    ids = (await town.get("externalcontact/list", userid="xiaohu"))["external_userid"]
    assert ids == [external_userid for userid, external_userid in pairs if userid == "xiaohu"]
    detail = await town.get("externalcontact/get", external_userid=ids[0])
    row = next(r for r in rows if r["external_contact"]["external_userid"] == ids[0])
    assert detail["external_contact"] == row["external_contact"]
    follow = next(f for f in detail["follow_user"] if f["userid"] == "xiaohu")
    assert [tag["tag_id"] for tag in follow.pop("tags")] == row["follow_info"].pop("tag_id")
    assert follow == row["follow_info"]


async def test_the_last_page_of_a_chain_costs_what_the_first_does(chain: Program) -> None:
    userids = (await members(chain))[:100]
    everything = sum(len(chain.sandbox.tenant.corp.follows_of_member[userid]) for userid in userids)

    async def best_of(cursor: str) -> float:
        took = []
        for _ in range(7):
            began = time.perf_counter()
            answer = await chain.post(
                "externalcontact/batch/get_by_user",
                {"userid_list": userids, "cursor": cursor, "limit": 100},
            )
            took.append(time.perf_counter() - began)
            assert len(answer["external_contact_list"]) == 100
        return min(took)

    first, last = await best_of(""), await best_of(cursor_at(everything - 100))
    assert last < 3 * first, "a far page must not walk over those before it"


async def test_marked_tags_and_remarks_lie_over_computed_patients(chain: Program) -> None:
    ids = (await chain.get("externalcontact/list", userid="xiaohu"))["external_userid"]
    assert len(ids) == 6_250
    groups = (await chain.post("externalcontact/get_corp_tag_list"))["tag_group"]
    assert len(groups) == 5
    fresh = await chain.post(
        "externalcontact/add_corp_tag", {"group_name": "节日", "tag": [{"name": "儿童节"}]}
    )
    tag = fresh["tag_group"]["tag"][0]["id"]
    pair = {"userid": "xiaohu", "external_userid": ids[5_000]}
    assert (await chain.post("externalcontact/mark_tag", {**pair, "add_tag": [tag]}))["errcode"] == 0
    assert (await chain.post("externalcontact/remark", {**pair, "remark": "五千号"}))["errcode"] == 0
    detail = await chain.get("externalcontact/get", external_userid=ids[5_000])
    follow = next(f for f in detail["follow_user"] if f["userid"] == "xiaohu")
    assert (follow["remark"], follow["tags"][-1]["tag_name"]) == ("五千号", "儿童节")
    body = {
        "userid_list": ["xiaohu"],
        "cursor": cursor_at(5_000),
        "limit": 1,
    }
    row = (await chain.post("externalcontact/batch/get_by_user", body))["external_contact_list"][0]
    assert (row["follow_info"]["remark"], row["follow_info"]["tag_id"][-1]) == ("五千号", tag)


async def test_groups_of_a_chain_are_listed_by_cursor_and_named(chain: Program) -> None:
    found, cursor = [], ""
    while True:
        answer = await chain.post("externalcontact/groupchat/list", {"limit": 150, "cursor": cursor})
        found += [line["chat_id"] for line in answer["group_chat_list"]]
        cursor = answer.get("next_cursor", "")
        if not cursor:
            break
    assert len(found) == len(set(found)) == 400
    group = (await chain.post("externalcontact/groupchat/get", {"chat_id": found[77], "need_name": 1}))[
        "group_chat"
    ]
    patients = [seat for seat in group["member_list"] if seat["type"] == 2]
    assert len(patients) >= 30
    detail = await chain.get("externalcontact/get", external_userid=patients[0]["userid"])
    assert detail["external_contact"]["name"] == patients[0]["name"]


async def test_a_mass_send_and_a_moment_reach_the_thousands_of_one_member(chain: Program) -> None:
    text = {"content": "周六义诊"}
    made = await chain.post("externalcontact/add_msg_template", {"sender": "xiaohu", "text": text})
    assert made["errcode"] == 0, made
    results = (await chain.act("tap-mass", userid="xiaohu", msgid=made["msgid"]))["results"]
    assert set(results.values()) == {1, 2}  # some have deleted her
    assert len(results) == 6_250
    phone = await chain.control("GET", "/phones/members/xiaohu")
    assert phone["mass_tasks"][0]["recipients_total"] == 6_250
    assert len(phone["mass_tasks"][0]["recipients"]) == 500
    tag = next(iter(next(iter(chain.sandbox.tenant.tags.groups.values())).tags))
    reach = {"sender_list": {"user_list": ["xiaohu"]}, "external_contact_list": {"tag_list": [tag]}}
    await chain.post("externalcontact/add_moment_task", {"text": text, "visible_range": reach})
    await chain.control("POST", "/clock/advance", {"seconds": 5})
    moment = (await chain.control("GET", "/phones/members/xiaohu"))["moments"][0]
    seen_by = (await chain.act("publish-moment", userid="xiaohu", moment_id=moment["moment_id"]))["seen_by"]
    assert 300 < len(seen_by) < 1_000


async def test_others_are_served_while_a_mass_send_by_tags_looks_at_everybody(chain: Program) -> None:
    await chain.control("POST", "/reset", {"patients": 36_000})
    await chain.login()
    tags = [tag for group in chain.sandbox.tenant.tags.groups.values() for tag in group.tags]
    body = {"tag_filter": {"group_list": [{"tag_list": tags}]}, "text": {"content": "周六义诊"}}
    sending = asyncio.create_task(chain.post("externalcontact/add_msg_template", body))
    # The sandbox has begun with it when the journal knows it; then everything else waits its turn.
    while not list(chain.sandbox.tenant.journal.calls("externalcontact/add_msg_template")):
        await asyncio.sleep(0)
    answered = 0
    while not sending.done():
        assert (await chain.get("user/get", userid="xiaohu"))["errcode"] == 0
        answered += 1
    assert answered >= 3
    made = await sending
    assert made["errcode"] == 0, made
    task = chain.sandbox.tenant.mass.tasks[made["msgid"]]
    assert sum(len(part.recipients) for part in task.tasks.values()) > 24_000


async def test_the_numbers_of_a_hundred_members_are_told_in_no_time_and_count_everybody(
    chain: Program,
) -> None:
    userids = (await members(chain))[:100]
    now = int(chain.sandbox.tenant.clock.now().timestamp())
    span = {"start_time": now - 30 * 86_400, "end_time": now - 86_400}
    began = time.perf_counter()

    answer = await chain.post("externalcontact/get_user_behavior_data", {"userid": userids} | span)

    assert answer["errcode"] == 0
    assert time.perf_counter() - began < 8  # WeCom's clients wait ten seconds
    days = [row["stat_time"] for row in answer["behavior_data"]]
    one = next(u for u in userids if len(chain.sandbox.tenant.corp.follows_of_member[u]) < 2_000)
    follows = list(chain.sandbox.tenant.corp.follows_of_member[one].values())
    mine = await chain.post("externalcontact/get_user_behavior_data", {"userid": [one]} | span)
    for row in mine["behavior_data"]:
        day = range(row["stat_time"], row["stat_time"] + 86_400)
        lost = [f for f in follows if f.lost_at is not None and int(f.lost_at.timestamp()) in day]
        assert row["new_contact_cnt"] == sum(int(f.createtime.timestamp()) in day for f in follows)
        assert row["negative_feedback_cnt"] == len(lost)
    assert sum(row["new_contact_cnt"] for row in mine["behavior_data"]) > 0
    assert len(days) == 30


async def test_a_tenant_that_begins_again_meanwhile_ends_a_long_mass_send(chain: Program) -> None:
    tags = [tag for group in chain.sandbox.tenant.tags.groups.values() for tag in group.tags]
    body = {"tag_filter": {"group_list": [{"tag_list": tags}]}, "text": {"content": "周六义诊"}}
    sending = asyncio.create_task(chain.post("externalcontact/add_msg_template", body))
    while not list(chain.sandbox.tenant.journal.calls("externalcontact/add_msg_template")):
        await asyncio.sleep(0)
    await chain.control("POST", "/reset", {"scene": "small"})
    assert (await sending)["errcode"] == -1
    assert chain.sandbox.tenant.mass.tasks == {}


async def test_a_reset_says_how_many_patients_the_chain_has(town: Program) -> None:
    assert len(town.sandbox.tenant.corp.customers) == 2_400
    await town.control("POST", "/reset", {"patients": 1_200})
    assert len(town.sandbox.tenant.corp.customers) == 1_200
    await town.control("POST", "/reset", {"seed": 7})
    assert len(town.sandbox.tenant.corp.customers) == 1_200
    refused = await town.control("POST", "/reset", {"patients": -1}, status=400)
    assert "patients" in refused["error"]
    assert len(town.sandbox.tenant.corp.customers) == 1_200


async def test_a_month_passes_in_a_second_and_leaves_nothing_young() -> None:
    clock, month = FrozenClock(), timedelta(days=31).total_seconds()
    rules = Rules(mass_cap="month_days")
    async with (
        running_sandbox(scene="chain", now=clock, callback_url=None, rules=rules) as sandbox,
        program_of(sandbox) as program,
    ):
        tenant = sandbox.tenant
        image = await program.image()
        patient, welcome = tenant.patient_scans("xiaohu")
        assert welcome is not None
        one = next(f for f in tenant.corp.follows_of_member["xiaohu"].values() if f.lost_at is None)
        tenant.mass.fill_cap(one.external_userid)
        send = {"sender": "xiaohu", "external_userid": [one.external_userid], "text": {"content": "好"}}
        for _ in range(300):  # a month with its history: what is over must not make the clock slow
            tenant.moments.start(
                text="早安",
                attachments=[],
                users=["xiaohu"],
                departments=[],
                tags=[],
                known_tags=set(),
                ranged=True,
            )
            tenant.advance(2)
        assert (await program.post("externalcontact/add_msg_template", send))["errcode"] == 41048
        began = time.process_time()
        await program.control("POST", "/clock/advance", {"seconds": month})
        assert time.process_time() - began < 1.0
        assert (await program.get("externalcontact/list", userid="xiaohu"))["errcode"] == 42001
        await program.login()
        assert (await program.get("media/get", media_id=image))["errcode"] == 40007
        greet = {"welcome_code": welcome.code, "text": {"content": "你好"}}
        assert (await program.post("externalcontact/send_welcome_msg", greet))["errcode"] == 41050
        assert (await program.post("externalcontact/add_msg_template", send))["errcode"] == 0
        assert patient.external_userid in tenant.corp.follows_of_member["xiaohu"]
