"""Each documented refusal about people: members, contacts, handovers, tags, groups, logins.

Every case runs on a tenant of its own, over a socket: the error has its class and errcode, the journal shows
that the refused call arrived (or, for a limit of the client's own, that none did), and the tenant looks as
before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.refusal_checks import (
    ANYWHERE,
    check_answered,
    check_forbidden,
    check_refused,
    methods_of,
    promised,
)
from tests.support.refusal_stage import API, Case, Stage, drain, open_stage
from tests.support.refused import contacts, groups, identity, members, people_on_demand, tags, transfers
from wecom.api.contacts import Contacts
from wecom.api.groups import Groups
from wecom.api.identity import Identity
from wecom.api.members import Members
from wecom.api.tags import Tags
from wecom.api.transfers import Transfers
from wecom.errors import RateLimited

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# What the sandbox enforces, and the client by itself.
ENFORCED: list[Case] = [
    *members.CASES,
    *contacts.CASES,
    *transfers.CASES,
    *tags.CASES,
    *groups.CASES,
    *identity.CASES,
]
CASES: list[Case] = [*ENFORCED, *people_on_demand.CASES]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


@pytest.mark.parametrize("case", [one for one in CASES if one.errcode is None], ids=lambda case: case.name)
async def test_the_client_refuses_it_before_any_call(stage: Stage, case: Case) -> None:
    await check_forbidden(stage, case)


@pytest.mark.parametrize(
    "case", [one for one in CASES if one.errcode is not None], ids=lambda case: case.name
)
async def test_it_is_refused_and_changes_nothing(stage: Stage, case: Case) -> None:
    await check_refused(stage, case)


CHANGES = {
    "contacts.send_welcome",
    "contacts.remark",
    "transfers.start",
    "transfers.start_resigned",
    "transfers.give_groups",
    "transfers.give_groups_of_resigned",
    "tags.add",
    "tags.edit",
    "tags.delete",
    "tags.mark",
    "identity.visitor",  # the code is spent
    "identity.sign",  # a ticket is made
}


@pytest.mark.parametrize("method", people_on_demand.USUAL)
async def test_a_good_call_is_answered_and_what_it_changes_can_be_seen(stage: Stage, method: str) -> None:
    await check_answered(stage, method, people_on_demand.USUAL[method], changes=method in CHANGES)


GROUPS = {
    "members": Members,
    "contacts": Contacts,
    "transfers": Transfers,
    "tags": Tags,
    "groups": Groups,
    "identity": Identity,
}
METHODS = methods_of(GROUPS)


@pytest.mark.parametrize("method", METHODS)
def test_every_errcode_that_a_method_documents_has_its_case(method: str) -> None:
    assert promised(method, GROUPS) <= {case.errcode for case in CASES if case.method == method}


@pytest.mark.parametrize("method", METHODS)
def test_every_errcode_that_has_a_case_is_documented(method: str) -> None:
    enforced = {case.errcode for case in ENFORCED if case.method == method and case.errcode}
    said = {case.errcode for case in people_on_demand.CASES if case.method == method}
    assert enforced | (said - ANYWHERE.keys()) <= promised(method, GROUPS)


def test_every_method_has_a_call_that_is_answered() -> None:
    assert set(METHODS) == set(people_on_demand.USUAL)


# --- refusals inside a good answer ----------------------------------------------------------------------------


async def test_a_department_of_which_the_app_sees_nobody_is_left_out(stage: Stage) -> None:
    before = await stage.client.members.departments()
    members.hidden_department(stage)
    assert await stage.client.members.departments() == before
    assert await stage.client.members.departments(1) == before
    stage.tenant.corp.members["boss"].visible = True
    seen = {one.id for one in await stage.client.members.departments(8)}
    assert seen == {8, 9}, "whose people are seen only below is seen too"


async def test_a_member_without_patients_has_none_and_that_is_no_error(stage: Stage) -> None:
    assert await stage.client.contacts.list_of("chen.jing") == []
    calls = stage.tenant.journal.calls(API["contacts.list_of"])
    assert [call.errcode for call in calls] == [84061]


async def test_a_member_of_whom_wecom_knows_no_relation_hides_nobody_elses_patients(stage: Stage) -> None:
    for _ in range(2):  # the two together, then the first alone
        stage.tenant.faults.add("errcode", API["contacts.batch_by_user"], errcode=84061)
    found = await drain(stage.client.contacts.batch_by_user(["chen.jing", "li.na"]))
    assert {one.follow.userid for one in found} == {"li.na"}
    assert {one.external_contact.external_userid for one in found} == set(
        await stage.client.contacts.list_of("li.na")
    )


async def test_where_nobody_is_asked_for_nobody_is_asked(stage: Stage) -> None:
    assert await drain(stage.client.contacts.batch_by_user([])) == []
    assert await drain(stage.client.groups.list([])) == []
    assert list(stage.tenant.journal.calls()) == []


async def test_each_patient_who_cannot_change_hands_has_an_errcode(stage: Stage) -> None:
    mine = list(stage.tenant.corp.follows_of_member["xiaohu"])
    await stage.client.transfers.start("xiaohu", "li.na", [mine[1]])
    twice = mine[2]
    for _ in range(2):
        await stage.client.transfers.start("xiaohu", "sun.yue", [twice])
        stage.tenant.transfers.refuse(twice)
    before = stage.look()
    wanted = {"wmNobody": 40096, stage.stranger: 40131, mine[1]: 40129, twice: 40128}
    started = await stage.client.transfers.start("xiaohu", "chen.jing", list(wanted))
    assert {one.external_userid: one.errcode for one in started} == wanted
    assert not any(one.is_started for one in started)
    stage.rules.customers_per_member = 0
    started = await stage.client.transfers.start("xiaohu", "chen.jing", [stage.patient])
    assert [one.errcode for one in started] == [40099]
    assert stage.look() == before


async def test_each_patient_of_a_member_who_left_who_cannot_be_given_has_an_errcode(stage: Stage) -> None:
    his = list(stage.tenant.corp.follows_of_member["zhang.wei"])
    stage.tenant.transfers.leave("zhang.wei")
    await stage.client.transfers.start_resigned("zhang.wei", "li.na", his[:1])
    before = stage.look()
    wanted = {"wmNobody": 40096, stage.stranger: 40131, his[0]: 40129}
    started = await stage.client.transfers.start_resigned("zhang.wei", "chen.jing", list(wanted))
    assert {one.external_userid: one.errcode for one in started} == wanted
    stage.rules.customers_per_member = 0
    started = await stage.client.transfers.start_resigned("zhang.wei", "chen.jing", his[1:2])
    assert [one.errcode for one in started] == [40099]
    assert stage.look() == before


async def test_each_group_that_stays_has_an_errcode(stage: Stage) -> None:
    tenant, give = stage.tenant, stage.client.transfers.give_groups
    moved, full, own = (tenant.groups.create(f"群{number}", "xiaohu").chat_id for number in range(3))
    for owner in ("li.na", "xiaohu"):
        assert await give([moved], owner) == []
    assert await give([own], "chen.jing") == []
    tenant.groups.join(full, list(tenant.corp.customers)[:10])
    tenant.rules.group_size = 10
    (his,) = (group.chat_id for group in tenant.corp.groups_owned_by("zhang.wei"))
    tenant.transfers.leave("zhang.wei")
    before = stage.look()
    wanted = {"wrNobody": 90501, his: 90502, full: 90503, own: 90504, moved: 40128}
    assert {one.chat_id: one.errcode for one in await give(list(wanted), "chen.jing")} == wanted
    assert stage.look() == before


async def test_each_group_that_nobody_inherits_has_an_errcode(stage: Stage) -> None:
    tenant, give = stage.tenant, stage.client.transfers.give_groups_of_resigned
    (his,) = (group.chat_id for group in tenant.corp.groups_owned_by("zhang.wei"))
    (hers, *_) = (group.chat_id for group in tenant.corp.groups_owned_by("xiaohu"))
    tenant.transfers.leave("zhang.wei")
    assert await give([his], "li.na") == []
    before = stage.look()
    wanted = {"wrNobody": 90501, hers: 90500, his: 90508}
    assert {one.chat_id: one.errcode for one in await give(list(wanted), "chen.jing")} == wanted
    assert stage.look() == before


async def test_a_group_after_three_hundred_in_a_day_waits_for_tomorrow(stage: Stage) -> None:
    tenant, give = stage.tenant, stage.client.transfers.give_groups
    chats = [tenant.groups.create("群", "xiaohu").chat_id for _ in range(301)]
    for start in range(0, 300, 100):
        assert await give(chats[start : start + 100], "li.na") == []
    before = stage.look()
    assert [(one.chat_id, one.errcode) for one in await give(chats[300:], "li.na")] == [(chats[300], 45009)]
    assert stage.look() == before
    stage.later(days=1)
    assert await give(chats[300:], "li.na") == []


async def test_a_login_without_consent_brings_no_ticket(stage: Stage) -> None:
    stage.tenant.corp.members["chen.jing"].visible = False
    visitor = await stage.client.identity.visitor(identity.code(stage))
    assert (visitor.userid, visitor.user_ticket) == ("chen.jing", "")


async def test_the_corps_ticket_number_401_in_an_hour_is_refused_and_the_apps_is_not(stage: Stage) -> None:
    for _ in range(400):
        stage.tenant.limits.count("get_jsapi_ticket")
    before = stage.look()
    with pytest.raises(RateLimited) as caught:
        await stage.client.identity.sign(identity.PAGE, identity="corp")
    assert (caught.value.call, caught.value.errcode) == ("get_jsapi_ticket", 45009)
    assert stage.look() == before
    assert (await stage.client.identity.sign(identity.PAGE)).signature


async def test_tags_that_do_not_exist_are_left_out_of_a_list(stage: Stage) -> None:
    (high, _) = tags.two_tags(stage)
    (group,) = await stage.client.tags.list(tag_ids=[high, "etNobody"])
    assert [tag.id for tag in group.tag] == [high]
    assert await stage.client.tags.list(group_ids=["etNobody"]) == []
