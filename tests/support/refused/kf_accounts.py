"""What accounts and customers of 微信客服 refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import ASLEEP, GONE, HIDDEN, IDLE, Case, Stage, forbids, refuses
from wecom.api.kf_accounts import with_scene_param
from wecom.errors import NeedsAdmin

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given

from tests.support.refused.kf_desk import URL, WITH_ACCOUNT, asked, entered, old_image, two_days_ago


def add(name: str = "微笑口腔") -> Act:
    return lambda s, media_id: s.client.kf_accounts.add(name, media_id)


def accounts(count: int, **rules: Any) -> Given:
    async def many(s: Stage) -> str:
        for _ in range(count):
            s.tenant.kf.open("客服", "")
        for name, value in rules.items():
            setattr(s.rules, name, value)
        return await s.image()

    return many


async def old_face(s: Stage) -> str:
    media_id = await s.image()
    s.later(days=3, seconds=1)
    return media_id


async def twenty_departments(s: Stage) -> str:
    await s.desk()
    s.tenant.kf.accounts[s.kfid].departments.extend(range(100, 120))
    return s.kfid


async def two_thousand_servicers(s: Stage) -> str:
    await s.desk()
    account = s.tenant.kf.accounts[s.kfid]
    account.servicers |= dict.fromkeys(map(str, range(1_998)), account.servicers["xiaohu"])
    return s.kfid


def new_face(s: Stage, media_id: str) -> Any:
    return s.client.kf_accounts.update(s.kfid, media_id=media_id)


def servicers(name: str, **wanted: Any) -> Act:
    return lambda s, there: getattr(s.client.kf_accounts, name)(there or "wk1", **wanted)


ACCOUNTS = [
    refuses("kf_accounts.add", 41006, "no face", lambda s, _: s.client.kf_accounts.add("微笑口腔", "")),
    refuses("kf_accounts.add", 40007, "a face three days old", add(), given=old_face),
    refuses("kf_accounts.add", 40007, "a face that is a video", add(), given=Stage.video),
    refuses("kf_accounts.add", 95005, "5 000 accounts", add(), given=accounts(5_000), error=NeedsAdmin),
    refuses(
        "kf_accounts.add",
        95027,
        "an eleventh of a corp that is not verified",
        add(),
        given=accounts(10, kf_verified=False),
        error=NeedsAdmin,
    ),
    refuses(
        "kf_accounts.add",
        48002,
        "the app may not",
        add(),
        given=accounts(0, kf_granted=False),
        error=NeedsAdmin,
    ),
    forbids("kf_accounts.add", "name", "17 characters", lambda s, _: add("客" * 17)(s, "m")),
    forbids("kf_accounts.add", "name", "no name", lambda s, _: add(" ")(s, "m")),
    refuses("kf_accounts.update", 40007, "a face three days old", new_face, given=old_image),
    refuses("kf_accounts.update", 41006, "no face", lambda s, _: new_face(s, ""), given=asked),
    forbids(
        "kf_accounts.update",
        "name",
        "17 characters",
        lambda s, _: s.client.kf_accounts.update("wk1", name="客" * 17),
    ),
    forbids(
        "kf_accounts.update", "name", "no name", lambda s, _: s.client.kf_accounts.update("wk1", name="")
    ),
    forbids(
        "kf_accounts.update", "name", "nothing to change", lambda s, _: s.client.kf_accounts.update("wk1")
    ),
    forbids(
        "kf_accounts.link",
        "scene",
        "33 characters",
        lambda s, _: s.client.kf_accounts.link("wk1", scene="s" * 33),
    ),
    forbids(
        "kf_accounts.link",
        "scene",
        "a character that is not allowed",
        lambda s, _: s.client.kf_accounts.link("wk1", scene="a b"),
    ),
    forbids("kf_accounts.link", "scene_param", "129 bytes", lambda s, _: with_scene_param(URL, "x" * 129)),
    forbids("kf_accounts.link", "scene_param", "missing", lambda s, _: with_scene_param(URL, "")),
    refuses(
        "kf_accounts.add_servicers",
        40058,
        "a twenty-first department",
        servicers("add_servicers", department_ids=[3]),
        given=twenty_departments,
    ),
    refuses(
        "kf_accounts.add_servicers",
        40058,
        "servicer number 2001",
        servicers("add_servicers", userids=["li.na"]),
        given=two_thousand_servicers,
    ),
    forbids(
        "kf_accounts.add_servicers",
        "department_ids",
        "21",
        servicers("add_servicers", department_ids=[1] * 21),
    ),
    *(
        case
        for name in ("add_servicers", "remove_servicers")
        for case in (
            forbids(f"kf_accounts.{name}", "userids", "101 members", servicers(name, userids=["u"] * 101)),
            forbids(f"kf_accounts.{name}", "userids", "nobody", servicers(name)),
        )
    ),
    forbids(
        "kf_accounts.remove_servicers",
        "department_ids",
        "101",
        servicers("remove_servicers", department_ids=[1] * 101),
    ),
]


def in_console(s: Stage) -> Any:
    s.rules.kf_offers_in_console = True
    return s.desk("在吗")


def offer(userid: str) -> Act:
    return lambda s, kfid: s.client.kf_customers.offer_member(kfid, s.patient, userid)


CUSTOMERS = [
    forbids("kf_customers.get", "external_userids", "nobody", lambda s, _: s.client.kf_customers.get([])),
    forbids(
        "kf_customers.get", "external_userids", "101", lambda s, _: s.client.kf_customers.get(["wm"] * 101)
    ),
    *(
        case
        for name in ("kf_customers.offer_member", "kf_customers.offer_group")
        for case in (
            refuses(name, 95031, "the customer only entered", WITH_ACCOUNT[name], given=entered),
            refuses(name, 95031, "48 hours after she wrote", WITH_ACCOUNT[name], given=two_days_ago),
            refuses(
                name, 95015, "the console offers", WITH_ACCOUNT[name], given=in_console, error=NeedsAdmin
            ),
        )
    ),
    refuses("kf_customers.offer_member", 40003, "the member is nobody", offer("nobody"), given=asked),
    refuses("kf_customers.offer_member", 60011, "out of sight", offer(HIDDEN), given=asked, error=NeedsAdmin),
    refuses("kf_customers.offer_member", 84074, "serves nobody", offer(IDLE), given=asked, error=NeedsAdmin),
    forbids("kf_customers.offer_member", "userid", "no member", lambda s, _: offer("")(s, "wk1")),
    refuses(
        "kf_customers.offer_group",
        86001,
        "the group is none",
        lambda s, kfid: s.client.kf_customers.offer_group(kfid, s.patient, "wrNobody"),
        given=asked,
    ),
    forbids(
        "kf_customers.offer_group",
        "chat_id",
        "no group",
        lambda s, _: s.client.kf_customers.offer_group("wk1", s.patient, ""),
    ),
    *(
        case
        for name in ("numbers", "servicer_numbers")
        for case in (
            refuses(
                f"kf_customers.{name}",
                40058,
                "numbers that are not there yet",
                lambda s, kfid, name=name: getattr(s.client.kf_customers, name)(kfid, s.day(1), s.day(-1)),
                given=asked,
            ),
            refuses(
                f"kf_customers.{name}",
                40058,
                "182 days ago",
                lambda s, kfid, name=name: getattr(s.client.kf_customers, name)(kfid, s.day(182), s.day(170)),
                given=asked,
            ),
        )
    ),
    refuses(
        "kf_customers.servicer_numbers",
        60253,
        "no servicer of the account",
        lambda s, kfid: s.client.kf_customers.servicer_numbers(kfid, s.day(3), s.day(1), servicer="li.na"),
        given=asked,
    ),
]

# One by one inside a good answer: (who, errcode).
RESULTS = {"nobody": 40003, GONE: 40003, HIDDEN: 60030, ASLEEP: 95014}


CASES: list[Case] = [*ACCOUNTS, *CUSTOMERS]
