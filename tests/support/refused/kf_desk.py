"""A desk of 微信客服 to be refused at: what is there before, and accounts and customers named wrongly."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tests.support.refusal_stage import Case, Stage, drain, forbids, refuses
from wecom.api.kf import State
from wecom.errors import NeedsAdmin
from wecom.kf_messages import (
    Click,
    KfMenu,
    KfText,
)

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given

URL = "https://h5.example/tips"
APPID = "wx0000000000example"
HELLO = KfText(content="您好，我是小护")
CLICK = Click(id="a", content="一")
MENU = KfMenu(head="请评价", items=(CLICK,))


async def entered(s: Stage) -> str:
    return await s.desk()


async def asked(s: Stage) -> str:
    return await s.desk("在吗")


def revoked(given: Given) -> Given:
    """Return what is there, with the account taken from the app."""

    async def taken(s: Stage) -> Any:
        there = await cast("Any", given(s))
        s.tenant.kf.accounts[s.kfid].granted = False
        return there

    return taken


def send(content: Any = HELLO, **wanted: Any) -> Act:
    return lambda s, kfid: s.client.kf.send(kfid, s.patient, content, **wanted)


async def two_days_ago(s: Stage) -> str:
    await s.desk("在吗")
    s.later(hours=48, seconds=1)
    return s.kfid


async def old_image(s: Stage) -> str:
    media_id = await s.image()
    s.later(days=3, seconds=1)
    await s.desk("在吗")
    return media_id


def in_state(*states: State) -> Given:
    async def moved(s: Stage) -> str:
        await s.desk("在吗")
        for state in states:
            servicer = "xiaohu" if state is State.HUMAN else ""
            await s.client.kf.move(s.kfid, s.patient, state, servicer=servicer)
        return s.kfid

    return moved


# --- accounts named wrongly: the same for every method --------------------------------------------------------

WITH_ACCOUNT: dict[str, Any] = {
    "kf.sync": lambda s, kfid: drain(s.client.kf.sync(kfid)),
    "kf.send": lambda s, kfid: s.client.kf.send(kfid, s.patient, HELLO),
    "kf.state": lambda s, kfid: s.client.kf.state(kfid, s.patient),
    "kf.move": lambda s, kfid: s.client.kf.move(kfid, s.patient, State.ASSISTANT),
    "kf_accounts.update": lambda s, kfid: s.client.kf_accounts.update(kfid, name="微笑"),
    "kf_accounts.delete": lambda s, kfid: s.client.kf_accounts.delete(kfid),
    "kf_accounts.link": lambda s, kfid: s.client.kf_accounts.link(kfid),
    "kf_accounts.add_servicers": lambda s, kfid: s.client.kf_accounts.add_servicers(kfid, userids=["li.na"]),
    "kf_accounts.remove_servicers": lambda s, kfid: s.client.kf_accounts.remove_servicers(
        kfid, userids=["xiaohu"]
    ),
    "kf_accounts.servicers": lambda s, kfid: s.client.kf_accounts.servicers(kfid),
    "kf_customers.offer_member": lambda s, kfid: s.client.kf_customers.offer_member(kfid, s.patient, "li.na"),
    "kf_customers.offer_group": lambda s, kfid: s.client.kf_customers.offer_group(
        kfid, s.patient, next(iter(s.tenant.corp.groups))
    ),
    "kf_customers.cancel_offer": lambda s, kfid: s.client.kf_customers.cancel_offer(kfid, s.patient),
    "kf_customers.numbers": lambda s, kfid: s.client.kf_customers.numbers(kfid, s.day(3), s.day(1)),
    "kf_customers.servicer_numbers": lambda s, kfid: s.client.kf_customers.servicer_numbers(
        kfid, s.day(3), s.day(1)
    ),
}
SESSIONS = (
    "kf.sync",
    "kf.send",
    "kf.state",
    "kf.move",
    "kf_customers.offer_member",
    "kf_customers.offer_group",
    "kf_customers.cancel_offer",
)
CHECKED_HERE = ("kf.sync", "kf.send", *(name for name in WITH_ACCOUNT if name.startswith("kf_accounts.")))
ACCOUNT_CASES = [
    *(
        case
        for name, act in WITH_ACCOUNT.items()
        for case in (
            refuses(name, 95000, "an id of another kind", lambda s, _, act=act: act(s, "wmNobody")),
            refuses(name, 95004, "an unknown account", lambda s, _, act=act: act(s, "wkNobody")),
            forbids(name, "open_kfid", "no account", lambda s, _, act=act: act(s, ""))
            if name in CHECKED_HERE
            else refuses(name, 60251, "no account", lambda s, _, act=act: act(s, "")),
        )
    ),
    *(
        refuses(
            name,
            48007,
            "the account is not granted",
            WITH_ACCOUNT[name],
            given=revoked(asked),
            error=NeedsAdmin,
        )
        for name in SESSIONS
    ),
]


def as_customer(name: str, customer: str, kfid: str = "") -> Act:
    """Return an act on a customer of that id."""

    def act(s: Stage, there: str) -> Any:
        s.patient = customer
        return WITH_ACCOUNT[name](s, kfid or there)

    return act


CUSTOMER_CASES = [
    case
    for name in SESSIONS
    if name != "kf.sync"
    for case in (
        refuses(
            name,
            40096,
            "an unknown customer",
            as_customer(name, "wmNobody"),
            given=asked,
        ),
        forbids(name, "external_userid", "no customer", as_customer(name, "", "wk1"))
        if name == "kf.send"
        else refuses(name, 41035, "no customer", as_customer(name, ""), given=asked),
    )
]


CASES: list[Case] = [*ACCOUNT_CASES, *CUSTOMER_CASES]
