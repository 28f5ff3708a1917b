"""What reading and writing in 微信客服 refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import HIDDEN, Case, Stage, drain, forbids, refuses
from wecom.api.kf import State
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
    from tests.support.refusal_stage import Act

from tests.support.refused.kf_desk import (
    APPID,
    CLICK,
    HELLO,
    URL,
    asked,
    entered,
    in_state,
    old_image,
    send,
    two_days_ago,
)


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


async def five_answered(s: Stage) -> str:
    await s.desk("在吗")
    for _ in range(5):
        await s.client.kf.send(s.kfid, s.patient, HELLO)
    return s.kfid


async def msgid_used(s: Stage) -> str:
    await s.desk("在吗")
    await s.client.kf.send(s.kfid, s.patient, HELLO, msgid="bot-1")
    return s.kfid


def unlinked(s: Stage) -> Any:
    s.rules.linked_appids = frozenset()
    return s.desk("在吗")


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


CASES: list[Case] = [*SYNC, *SEND]
