"""What acquisition links (获客助手) refuse: one row per method and errcode or limit."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import Case, Stage, drain, forbids, refuses
from tests.support.refused.contact_ways import CROWDED, EMPTY, departments
from tests.support.refused.contacts import BAD_MEMBERS, bad_members
from wecom.api.acquisition import AcquisitionLink
from wecom.errors import NeedsAdmin
from wecom.sandbox.state import Member

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act


def link(*userids: str, **wanted: Any) -> AcquisitionLink:
    return AcquisitionLink(**{"name": "抖音投放", "userids": userids, **wanted})


async def a_link(s: Stage) -> str:
    return (await s.client.acquisition.create(link("xiaohu"))).link_id


async def deleted_link(s: Stage) -> str:
    link_id = await a_link(s)
    await s.client.acquisition.delete(link_id)
    return link_id


async def a_chat(s: Stage) -> str:
    """Let a patient come by a link and write; return the key of the event that tells of it."""
    there = s.tenant.links.get(await a_link(s))
    patient = s.tenant.people.create_patient("新客").external_userid
    s.tenant.links.add_through(there, patient, channel="douyin-7")
    heard: list[str] = []
    s.tenant.on_event(lambda event: heard.append(event.xml))
    for text in ("在吗", "想问种牙", "多少钱"):
        s.tenant.people.write("xiaohu", patient, text, from_patient=True)
    (key,) = re.findall(r"<ChatKey><!\[CDATA\[(\w+)", "".join(heard))
    return str(key)


async def old_chat(s: Stage) -> str:
    key = await a_chat(s)
    s.later(minutes=30, seconds=1)
    return key


def crowd(s: Stage) -> None:
    """Put 501 members into one department, and nobody into another."""
    departments(s)
    for number in range(501):
        userid = f"m{number}"
        s.tenant.corp.members[userid] = Member(userid=userid, name="众", departments=(CROWDED,))


async def link_and_crowd(s: Stage) -> str:
    crowd(s)
    return await a_link(s)


def spent(s: Stage) -> None:
    s.tenant.links.balance = 0


def create(*userids: str, **wanted: Any) -> Act:
    return lambda s, _: s.client.acquisition.create(link(*userids, **wanted))


def update(*userids: str, **wanted: Any) -> Act:
    return lambda s, link_id: s.client.acquisition.update(link_id or "x", link(*userids, **wanted))


def numbers(ago: int, days: int = 1) -> Act:
    def act(s: Stage, link_id: str) -> Any:
        start = s.now - timedelta(days=ago)
        return s.client.acquisition.statistic(link_id or "x", start, start + timedelta(days=days))

    return act


def naive(s: Stage, _: Any) -> Any:
    now = s.now.replace(tzinfo=None)
    return s.client.acquisition.statistic("x", now, now)


OF_A_LINK: dict[str, Act] = {
    "acquisition.update": lambda s, link_id: s.client.acquisition.update(link_id, link("xiaohu")),
    "acquisition.get": lambda s, link_id: s.client.acquisition.get(link_id),
    "acquisition.delete": lambda s, link_id: s.client.acquisition.delete(link_id),
    "acquisition.customers": lambda s, link_id: drain(s.client.acquisition.customers(link_id)),
    "acquisition.statistic": lambda s, link_id: s.client.acquisition.statistic(
        link_id, s.now - timedelta(days=1), s.now
    ),
}

RANGES: tuple[tuple[int, str, dict[str, Any]], ...] = (
    (60123, "no such department", {"department_ids": (99,)}),
    (40058, "nobody is left in the department", {"department_ids": (EMPTY,)}),
    (40058, "501 members in the department", {"department_ids": (CROWDED,)}),
)


async def no_link(_: Stage) -> str:
    return "x"


CASES: list[Case] = [
    *bad_members("acquisition.create", lambda s, userid: create("xiaohu", userid)(s, None)),
    *(
        refuses("acquisition.create", errcode, when, create(**wanted), given=crowd)
        for errcode, when, wanted in RANGES
    ),
    refuses(
        "acquisition.create", 41095, "the quota is spent", create("xiaohu"), given=spent, error=NeedsAdmin
    ),
    forbids("acquisition.create", "name", "no name", create("xiaohu", name=" ")),
    forbids("acquisition.create", "name", "31 characters", create("xiaohu", name="抖" * 31)),
    forbids("acquisition.create", "userids", "nobody", create()),
    forbids("acquisition.create", "userids", "501 members", create(*["xiaohu"] * 501)),
    *(
        refuses("acquisition.update", errcode, when, update("xiaohu", userid), given=a_link, **error)
        for errcode, when, userid, error in BAD_MEMBERS
    ),
    *(
        refuses("acquisition.update", errcode, when, update(**wanted), given=link_and_crowd)
        for errcode, when, wanted in RANGES
    ),
    *(refuses(method, 40058, "no such link", act, given=no_link) for method, act in OF_A_LINK.items()),
    *(refuses(method, 40058, "it is deleted", act, given=deleted_link) for method, act in OF_A_LINK.items()),
    *(
        forbids(method, "link_id", "no id", lambda s, _, act=act: act(s, " "))
        for method, act in OF_A_LINK.items()
    ),
    refuses("acquisition.statistic", 40058, "182 days ago", numbers(182), given=a_link),
    forbids("acquisition.statistic", "end", "31 days", numbers(31, 31)),
    forbids("acquisition.statistic", "end", "the end first", numbers(1, -1)),
    forbids("acquisition.statistic", "start", "no UTC offset", naive),
    refuses("acquisition.chat_info", 40058, "no such key", lambda s, _: s.client.acquisition.chat_info("CK")),
    refuses(
        "acquisition.chat_info",
        40058,
        "older than 30 minutes",
        lambda s, key: s.client.acquisition.chat_info(key),
        given=old_chat,
    ),
    forbids("acquisition.chat_info", "chat_key", "no key", lambda s, _: s.client.acquisition.chat_info(" ")),
]
