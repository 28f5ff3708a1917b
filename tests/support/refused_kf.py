"""What 微信客服 refuses: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tests.support.refusal_stage import ASLEEP, GONE, HIDDEN, IDLE, Case, Stage, drain, forbids, refuses
from wecom.api.kf import State
from wecom.api.kf_accounts import with_scene_param
from wecom.errors import NeedsAdmin, RateLimited
from wecom.kf_messages import (
    Click,
    KfAcquisitionLink,
    KfBusinessCard,
    KfLink,
    KfLocation,
    KfMedia,
    KfMenu,
    KfMiniProgram,
    KfText,
    MenuText,
    OpenMiniProgram,
    View,
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


# --- sync -----------------------------------------------------------------------------------------------------


def bell(s: Stage) -> str:
    """Return the newest callback's token."""
    return next(reversed(s.tenant.kf._tokens))


def sync(s: Stage, **wanted: Any) -> Any:
    return drain(s.client.kf.sync(s.kfid, **wanted))


async def rung(s: Stage) -> str:
    await s.desk("在吗")
    return bell(s)


async def rung_eleven_minutes_ago(s: Stage) -> str:
    token = await rung(s)
    s.later(minutes=10, seconds=1)
    return token


async def rung_elsewhere(s: Stage) -> str:
    token = await rung(s)
    s.kfid = s.tenant.kf.open("另一个账号", "").open_kfid
    return token


async def untokened(s: Stage) -> str:
    await s.desk("在吗")
    s.rules.kf_untokened_per_minute = 1
    await sync(s)
    return s.kfid


SYNC = [
    refuses("kf.sync", 95007, "an unknown token", lambda s, _: sync(s, token="TOKEN"), given=asked),
    refuses(
        "kf.sync",
        95007,
        "a token of eleven minutes ago",
        lambda s, token: sync(s, token=token),
        given=rung_eleven_minutes_ago,
    ),
    refuses(
        "kf.sync",
        95007,
        "another account's token",
        lambda s, token: sync(s, token=token),
        given=rung_elsewhere,
    ),
    refuses(
        "kf.sync",
        45009,
        "too often without a token",
        lambda s, _: sync(s),
        given=untokened,
        error=RateLimited,
    ),
    refuses("kf.sync", 50100, "a strange cursor", lambda s, _: sync(s, cursor="CURSOR"), given=asked),
    refuses("kf.sync", 40058, "a cursor of 65 bytes", lambda s, _: sync(s, cursor="c" * 65), given=asked),
    forbids("kf.sync", "limit", "none", lambda s, _: drain(s.client.kf.sync("wk1", limit=0))),
    forbids("kf.sync", "limit", "1001", lambda s, _: drain(s.client.kf.sync("wk1", limit=1001))),
]


# --- sending --------------------------------------------------------------------------------------------------


async def five_answered(s: Stage) -> str:
    await s.desk("在吗")
    for _ in range(5):
        await s.client.kf.send(s.kfid, s.patient, HELLO)
    return s.kfid


async def two_days_ago(s: Stage) -> str:
    await s.desk("在吗")
    s.later(hours=48, seconds=1)
    return s.kfid


def in_state(*states: State) -> Given:
    async def moved(s: Stage) -> str:
        await s.desk("在吗")
        for state in states:
            servicer = "xiaohu" if state is State.HUMAN else ""
            await s.client.kf.move(s.kfid, s.patient, state, servicer=servicer)
        return s.kfid

    return moved


async def msgid_used(s: Stage) -> str:
    await s.desk("在吗")
    await s.client.kf.send(s.kfid, s.patient, HELLO, msgid="bot-1")
    return s.kfid


def unlinked(s: Stage) -> Any:
    s.rules.linked_appids = frozenset()
    return s.desk("在吗")


async def old_image(s: Stage) -> str:
    media_id = await s.image()
    s.later(days=3, seconds=1)
    await s.desk("在吗")
    return media_id


async def moment_image(s: Stage) -> str:
    await s.desk("在吗")
    return await s.moment_image()


async def video(s: Stage) -> str:
    await s.desk("在吗")
    return await s.video()


async def album_image(s: Stage) -> str:
    await s.desk("在吗")
    return await s.moment_image(album=True)


def with_media(make: Any) -> Act:
    return lambda s, media_id: s.client.kf.send(s.kfid, s.patient, make(media_id))


def a_picture(media_id: str) -> KfMedia:
    return KfMedia(kind="image", media_id=media_id)


def a_link(media_id: str) -> KfLink:
    return KfLink(title="护牙", url=URL, thumb_media_id=media_id)


async def with_cover(s: Stage) -> str:
    await s.desk("在吗")
    return await s.image()


async def with_cover_unlinked(s: Stage) -> str:
    s.rules.linked_appids = frozenset()
    return await with_cover(s)


def a_program(appid: str) -> Any:
    return lambda cover: KfMiniProgram(appid=appid, title="预约", thumb_media_id=cover, pagepath="a.html")


PROGRAM = {"appid": APPID, "title": "t", "thumb_media_id": "m", "pagepath": "a.html"}
OPENS = {"appid": APPID, "pagepath": "a.html", "content": "预约"}
CONTENT_LIMITS: dict[tuple[str, str], Any] = {
    ("text.content", "2049 bytes"): lambda: KfText(content="x" * 2049),
    ("text.content", "empty"): lambda: KfText(content=" "),
    ("media.media_id", "missing"): lambda: KfMedia(kind="image", media_id=""),
    ("link.title", "129 bytes"): lambda: KfLink(title="x" * 129, url=URL, thumb_media_id="m"),
    ("link.title", "missing"): lambda: KfLink(title="", url=URL, thumb_media_id="m"),
    ("link.desc", "513 bytes"): lambda: KfLink(title="t", url=URL, thumb_media_id="m", desc="x" * 513),
    ("link.url", "no address"): lambda: KfLink(title="t", url="x", thumb_media_id="m"),
    ("link.thumb_media_id", "missing"): lambda: KfLink(title="t", url=URL, thumb_media_id=""),
    **{
        (f"miniprogram.{name}", "missing"): lambda name=name: KfMiniProgram(**(PROGRAM | {name: ""}))
        for name in PROGRAM
    },
    ("miniprogram.title", "65 bytes"): lambda: KfMiniProgram(**(PROGRAM | {"title": "x" * 65})),
    ("menu.items", "none"): lambda: KfMenu(items=()),
    ("menu.items", "51"): lambda: KfMenu(items=(MenuText(content="x"),) * 51),
    ("menu.items", "11 that do something"): lambda: KfMenu(items=(CLICK,) * 11),
    ("menu.head", "1025 bytes"): lambda: KfMenu(items=(CLICK,), head="x" * 1025),
    ("menu.tail", "1025 bytes"): lambda: KfMenu(items=(CLICK,), tail="x" * 1025),
    ("click.id", "a character that is not allowed"): lambda: Click(id="a#", content="x"),
    ("click.id", "129 characters"): lambda: Click(id="a" * 129, content="x"),
    ("click.content", "129 characters"): lambda: Click(id="a", content="x" * 129),
    ("click.content", "missing"): lambda: Click(id="a", content=""),
    ("view.url", "2049 bytes"): lambda: View(url="https://" + "x" * 2041, content="x"),
    ("view.content", "1025 characters"): lambda: View(url=URL, content="x" * 1025),
    ("view.content", "missing"): lambda: View(url=URL, content=""),
    **{
        (f"miniprogram.{name}", "missing in a menu"): lambda name=name: OpenMiniProgram(
            **(OPENS | {name: ""})
        )
        for name in OPENS
    },
    ("miniprogram.appid", "33 characters"): lambda: OpenMiniProgram(**(OPENS | {"appid": "w" * 33})),
    ("miniprogram.pagepath", "1025 characters"): lambda: OpenMiniProgram(
        **(OPENS | {"pagepath": "p" * 1025})
    ),
    ("miniprogram.content", "1025 characters"): lambda: OpenMiniProgram(**(OPENS | {"content": "p" * 1025})),
    ("menu text.content", "257 characters"): lambda: MenuText(content="x" * 257),
    ("menu text.content", "missing"): lambda: MenuText(content=""),
    ("location", "a latitude of 91"): lambda: KfLocation(latitude=91, longitude=0),
    ("location", "a longitude of 181"): lambda: KfLocation(latitude=0, longitude=181),
    ("ca_link.url", "no address"): lambda: KfAcquisitionLink(url="x"),
}

SEND = [
    refuses("kf.send", 95002, "who only entered", send(), given=entered),
    refuses("kf.send", 95002, "48 hours after the customer wrote", send(), given=two_days_ago),
    refuses("kf.send", 95001, "a sixth message", send(), given=five_answered),
    refuses("kf.send", 95018, "it waits for a person", send(), given=in_state(State.POOL)),
    refuses("kf.send", 95018, "a person has it", send(), given=in_state(State.HUMAN)),
    refuses("kf.send", 95018, "it has ended", send(), given=in_state(State.ENDED)),
    refuses("kf.send", 40058, "a message id twice", send(msgid="bot-1"), given=msgid_used),
    refuses("kf.send", 40007, "the picture is three days old", with_media(a_picture), given=old_image),
    refuses("kf.send", 40007, "the picture is a moment's", with_media(a_picture), given=moment_image),
    refuses("kf.send", 40007, "the picture is a video", with_media(a_picture), given=video),
    refuses("kf.send", 40007, "the link's cover is three days old", with_media(a_link), given=old_image),
    refuses("kf.send", 41072, "an album's picture", with_media(a_picture), given=album_image),
    refuses(
        "kf.send", 90207, "the appid is none", with_media(a_program("no")), given=with_cover, error=NeedsAdmin
    ),
    refuses(
        "kf.send",
        90206,
        "the app is not linked",
        with_media(a_program(APPID)),
        given=with_cover_unlinked,
        error=NeedsAdmin,
    ),
    refuses(
        "kf.send",
        90206,
        "a menu's app is not linked",
        send(KfMenu(items=(OpenMiniProgram(**OPENS),))),
        given=unlinked,
        error=NeedsAdmin,
    ),
    refuses("kf.send", 40003, "a card of nobody", send(KfBusinessCard(userid="nobody")), given=asked),
    refuses(
        "kf.send",
        60011,
        "a card of one out of sight",
        send(KfBusinessCard(userid=HIDDEN)),
        given=asked,
        error=NeedsAdmin,
    ),
    refuses(
        "kf.send", 40058, "a link that is no acquisition link", send(KfAcquisitionLink(url=URL)), given=asked
    ),
    forbids("kf.send", "msgid", "33 characters", lambda s, _: send(msgid="m" * 33)(s, "wk1")),
    forbids("kf.send", "msgid", "a character that is not allowed", lambda s, _: send(msgid="m#1")(s, "wk1")),
    *(
        forbids("kf.send", field, when, lambda s, _, make=make: make())
        for (field, when), make in CONTENT_LIMITS.items()
    ),
]


# --- one-time codes -------------------------------------------------------------------------------------------


async def welcome_code(s: Stage) -> str:
    await s.desk()
    return next(reversed(s.tenant.kf._codes))


def code_for(*states: State) -> Given:
    """Return the code of the last of some moves."""

    async def moved(s: Stage) -> str:
        await s.desk("在吗")
        code = ""
        for state in states:
            servicer = "xiaohu" if state is State.HUMAN else ""
            code = await s.client.kf.move(s.kfid, s.patient, state, servicer=servicer)
        assert code
        return code

    return moved


def after(given: Given, **span: float) -> Given:
    async def waited(s: Stage) -> Any:
        there = await cast("Any", given(s))
        s.later(**span)
        return there

    return waited


def spent(given: Given) -> Given:
    async def used(s: Stage) -> str:
        code: str = await cast("Any", given(s))
        await s.client.kf.send_on_event(code, HELLO)
        return code

    return used


def moved_on(given: Given, state: State) -> Given:
    async def further(s: Stage) -> str:
        code: str = await cast("Any", given(s))
        servicer = "xiaohu" if state is State.HUMAN else ""
        await s.client.kf.move(s.kfid, s.patient, state, servicer=servicer)
        return code

    return further


async def rating_too_late(s: Stage) -> str:
    code: str = await cast("Any", code_for(State.ENDED)(s))
    s.write("还有一个问题")
    return code


async def welcome_and_used_msgid(s: Stage) -> str:
    code = await welcome_code(s)
    s.write()
    await s.client.kf.send(s.kfid, s.patient, HELLO, msgid="bot-1")
    return code


async def closed_account(s: Stage) -> str:
    code = await welcome_code(s)
    s.tenant.kf.close(s.kfid)
    return code


def reply(content: Any = HELLO, **wanted: Any) -> Act:
    return lambda s, code: s.client.kf.send_on_event(code, content, **wanted)


QUEUED, TAKEN, RATED = code_for(State.POOL), code_for(State.HUMAN), code_for(State.ENDED)
ON_EVENT = [
    refuses(
        "kf.send_on_event", 95007, "an unknown code", lambda s, _: s.client.kf.send_on_event("CODE", HELLO)
    ),
    refuses("kf.send_on_event", 95007, "the account is gone", reply(), given=closed_account),
    *(
        case
        for name, given, life in (
            ("welcome", welcome_code, {"seconds": 21}),
            ("queue notice", QUEUED, {"hours": 48, "seconds": 1}),
            ("taken over", TAKEN, {"hours": 48, "seconds": 1}),
            ("rating", RATED, {"seconds": 21}),
        )
        for case in (
            refuses("kf.send_on_event", 95007, f"the {name} twice", reply(), given=spent(given)),
            refuses("kf.send_on_event", 95007, f"the {name} too late", reply(), given=after(given, **life)),
        )
    ),
    refuses("kf.send_on_event", 95018, "queueing is over", reply(), given=moved_on(QUEUED, State.HUMAN)),
    refuses("kf.send_on_event", 95018, "the customer wrote again", reply(), given=rating_too_late),
    refuses(
        "kf.send_on_event", 95013, "it has ended while queueing", reply(), given=moved_on(QUEUED, State.ENDED)
    ),
    refuses(
        "kf.send_on_event", 95013, "the person has ended it", reply(), given=moved_on(TAKEN, State.ENDED)
    ),
    refuses("kf.send_on_event", 40008, "a menu for who queues", reply(MENU), given=QUEUED),
    refuses("kf.send_on_event", 40008, "a menu for who was taken over", reply(MENU), given=TAKEN),
    refuses(
        "kf.send_on_event", 40058, "a message id twice", reply(msgid="bot-1"), given=welcome_and_used_msgid
    ),
    forbids("kf.send_on_event", "code", "no code", lambda s, _: s.client.kf.send_on_event(" ", HELLO)),
    forbids("kf.send_on_event", "msgid", "33 characters", lambda s, _: reply(msgid="m" * 33)(s, "CODE")),
    forbids(
        "kf.send_on_event",
        "menu.items",
        "eleven items",
        lambda s, _: reply(KfMenu(items=(MenuText(content="x"),) * 11))(s, "CODE"),
    ),
]


# --- moving ---------------------------------------------------------------------------------------------------


def move(to: State, servicer: str = "") -> Act:
    return lambda s, kfid: s.client.kf.move(kfid, s.patient, to, servicer=servicer)


async def paused(s: Stage) -> str:
    await s.desk("在吗")
    s.tenant.desk.set_receiving(s.kfid, "xiaohu", receiving=False)
    return s.kfid


async def deactivated(s: Stage) -> str:
    await s.desk("在吗")
    s.tenant.corp.members["xiaohu"].verified = False
    return s.kfid


async def strict_end(s: Stage) -> str:
    s.rules.kf_end_from_any = False
    return await s.desk("在吗")


MOVES = {
    "assistant to new": (State.NEW, (State.ASSISTANT,)),
    "pool to new": (State.NEW, (State.POOL,)),
    "pool to assistant": (State.ASSISTANT, (State.POOL,)),
    "person to new": (State.NEW, (State.HUMAN,)),
    "person to assistant": (State.ASSISTANT, (State.HUMAN,)),
    "person to pool": (State.POOL, (State.HUMAN,)),
    "ended to new": (State.NEW, (State.ENDED,)),
    "ended to assistant": (State.ASSISTANT, (State.ENDED,)),
    "ended to pool": (State.POOL, (State.ENDED,)),
    "ended to ended": (State.ENDED, (State.ENDED,)),
    "new to new": (State.NEW, ()),
}
MOVE = [
    *(
        refuses("kf.move", 95016, name, move(to), given=in_state(*before))
        for name, (to, before) in MOVES.items()
    ),
    refuses("kf.move", 95016, "ended to person", move(State.HUMAN, "xiaohu"), given=in_state(State.ENDED)),
    refuses("kf.move", 95016, "after 48 hours it has ended", move(State.POOL), given=two_days_ago),
    refuses("kf.move", 95016, "new to ended where only persons end", move(State.ENDED), given=strict_end),
    refuses("kf.move", 60253, "no servicer of the account", move(State.HUMAN, "li.na"), given=asked),
    refuses(
        "kf.move", 95019, "the servicer has stopped receiving", move(State.HUMAN, "xiaohu"), given=paused
    ),
    refuses(
        "kf.move", 95014, "the servicer is not activated", move(State.HUMAN, "xiaohu"), given=deactivated
    ),
    refuses("kf.move", 40003, "the servicer is nobody", move(State.HUMAN, "nobody"), given=asked),
    refuses("kf.move", 40003, "the servicer has left", move(State.HUMAN, GONE), given=asked),
    forbids("kf.move", "servicer", "a person without a name", lambda s, _: move(State.HUMAN)(s, "wk1")),
    forbids(
        "kf.move", "servicer", "a name without a person", lambda s, _: move(State.POOL, "xiaohu")(s, "wk1")
    ),
]


# --- accounts -------------------------------------------------------------------------------------------------


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


# --- customers ------------------------------------------------------------------------------------------------


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

CASES: list[Case] = [
    *ACCOUNT_CASES,
    *CUSTOMER_CASES,
    *SYNC,
    *SEND,
    *ON_EVENT,
    *MOVE,
    *ACCOUNTS,
    *CUSTOMERS,
]
