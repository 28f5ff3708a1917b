"""What mass sends refuse: one row per method and errcode or limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from tests.support.refusal_stage import (
    GONE,
    HIDDEN,
    IDLE,
    Case,
    Stage,
    drain,
    forbids,
    refuses,
)
from wecom.api.mass import MassSend
from wecom.attachments import File, Image, Link, MiniProgram, Video
from wecom.errors import Busy, NeedsAdmin, NotYet

URL = "https://h5.example/tips"
APPID = "wx0000000000example"


def send(**fields: Any) -> MassSend:
    return MassSend(**({"chat_type": "single", "sender": "xiaohu", "text": "周六义诊"} | fields))


def create(**wanted: Any) -> Any:
    """Return an act that creates a mass send."""
    return lambda s, _: s.client.mass.create(send(**wanted))


async def old_image(s: Stage) -> str:
    media_id = await s.image()
    s.later(days=3, seconds=1)
    return media_id


async def cancelled(s: Stage) -> str:
    msgid = await s.mass()
    await s.client.mass.cancel(msgid)
    return msgid


async def thrice_reminded(s: Stage) -> str:
    msgid = await s.mass()
    for _ in range(3):
        await s.client.mass.remind(msgid)
        s.later(hours=7)
    return msgid


async def undispatched(s: Stage) -> str:
    s.rules.dispatch_s = 60.0
    return await s.mass()


async def everybody_full(s: Stage) -> None:
    s.tenant.mass.fill_cap(s.patient)


def blocked(s: Stage) -> None:
    s.rules.blocked_words = frozenset({"包治"})


def image(s: Stage, media_id: str) -> Any:
    return s.client.mass.create(send(attachments=(Image(media_id=media_id),)))


def program(appid: str) -> Any:
    def act(s: Stage, cover: str) -> Any:
        part = MiniProgram(title="预约", pic_media_id=cover, appid=appid, page="a.html")
        return s.client.mass.create(send(attachments=(part,)))

    return act


async def unlinked(s: Stage) -> str:
    s.rules.linked_appids = frozenset()
    return await s.image()


def listed(s: Stage, **wanted: Any) -> Any:
    return drain(s.client.mass.list("single", s.now - timedelta(days=1), s.now, **wanted))


MASS = [
    refuses("mass.create", 40003, "the sender is nobody", create(sender="nobody")),
    refuses("mass.create", 40003, "the sender has left", create(sender=GONE)),
    refuses("mass.create", 60011, "the sender is out of sight", create(sender=HIDDEN), error=NeedsAdmin),
    refuses("mass.create", 84074, "the sender serves no customers", create(sender=IDLE), error=NeedsAdmin),
    refuses("mass.create", 41048, "nobody named is a friend", create(external_userids=("wmNobody",))),
    refuses(
        "mass.create",
        41048,
        "everybody has had the most of this month",
        lambda s, _: s.client.mass.create(send(external_userids=(s.patient,))),
        given=everybody_full,
    ),
    refuses("mass.create", 41048, "the member has no customers", create(sender="chen.jing")),
    refuses(
        "mass.create", 41048, "no group is the owner's", create(chat_type="group", chat_ids=("wrNobody",))
    ),
    refuses("mass.create", 40068, "a tag does not exist", create(sender="", tags=(("etNobody",),))),
    refuses("mass.create", 86214, "the kind of chat is none", create(chat_type=cast("Any", "room"))),
    refuses("mass.create", 40007, "the picture is three days old", image, given=old_image),
    refuses("mass.create", 40007, "the picture is a moment's", image, given=Stage.moment_image),
    refuses("mass.create", 40007, "the picture is a video", image, given=Stage.video),
    refuses("mass.create", 40007, "the picture is unknown", lambda s, _: image(s, "MEDIA")),
    refuses(
        "mass.create", 41072, "the picture is an album's", image, given=lambda s: s.moment_image(album=True)
    ),
    refuses(
        "mass.create",
        40058,
        "pic_url is a stranger's",
        create(attachments=(Image(pic_url="https://img.example/a.png"),)),
    ),
    refuses(
        "mass.create", 90207, "the appid is none", program("nothing"), given=Stage.image, error=NeedsAdmin
    ),
    refuses("mass.create", 90206, "the app is not linked", program(APPID), given=unlinked, error=NeedsAdmin),
    refuses("mass.create", 40201, "a word is blocked", create(text="包治百病"), given=blocked),
    forbids("mass.create", "text", "4001 bytes", create(text="x" * 4001)),
    forbids("mass.create", "text", "no text and no attachment", create(text=" ")),
    forbids(
        "mass.create", "attachments", "ten of them", create(attachments=(Link(title="t", url=URL),) * 10)
    ),
    forbids("mass.create", "external_userids", "10001 patients", create(external_userids=("wm",) * 10_001)),
    forbids("mass.create", "chat_ids", "2001 groups", create(chat_type="group", chat_ids=("wr",) * 2_001)),
    forbids("mass.create", "tags", "101 tags in one list", create(tags=(("et",) * 101,))),
    forbids("mass.create", "tags", "an empty list of tags", create(tags=((),))),
    forbids("mass.create", "sender", "nobody is meant", create(sender="")),
    forbids("mass.create", "sender", "a group send of nobody's", create(chat_type="group", sender="")),
    forbids("mass.create", "chat_ids", "groups in a single send", create(chat_ids=("wr",))),
    forbids(
        "mass.create",
        "external_userids",
        "patients in a group send",
        create(chat_type="group", external_userids=("wm",)),
    ),
    forbids(
        "mass.create",
        "allow_select",
        "a choice in a group send",
        create(chat_type="group", allow_select=True),
    ),
    forbids("mass.create", "image.media_id", "a picture of nothing", lambda s, _: Image()),
    forbids("mass.create", "image.pic_url", "pic_url is no address", lambda s, _: Image(pic_url="x")),
    forbids("mass.create", "link.title", "129 bytes", lambda s, _: Link(title="x" * 129, url=URL)),
    forbids("mass.create", "link.title", "none", lambda s, _: Link(title="", url=URL)),
    forbids("mass.create", "link.desc", "513 bytes", lambda s, _: Link(title="t", url=URL, desc="x" * 513)),
    forbids("mass.create", "link.url", "2049 bytes", lambda s, _: Link(title="t", url=URL + "x" * 2048)),
    forbids("mass.create", "link.url", "no address", lambda s, _: Link(title="t", url="ftp://x")),
    forbids("mass.create", "link.picurl", "no address", lambda s, _: Link(title="t", url=URL, picurl="x")),
    *(
        forbids(
            "mass.create",
            f"miniprogram.{name}",
            "missing",
            lambda s, _, name=name: MiniProgram(
                **({"title": "t", "pic_media_id": "m", "appid": APPID, "page": "p"} | {name: ""})
            ),
        )
        for name in ("title", "pic_media_id", "appid", "page")
    ),
    forbids(
        "mass.create",
        "miniprogram.title",
        "65 bytes",
        lambda s, _: MiniProgram(title="x" * 65, pic_media_id="m", appid=APPID, page="p"),
    ),
    forbids("mass.create", "video.media_id", "missing", lambda s, _: Video(media_id="")),
    forbids("mass.create", "file.media_id", "missing", lambda s, _: File(media_id="")),
    *(
        case
        for name, act in {
            "remind": lambda s, msgid: s.client.mass.remind(msgid),
            "cancel": lambda s, msgid: s.client.mass.cancel(msgid),
            "tasks": lambda s, msgid: drain(s.client.mass.tasks(msgid)),
            "results": lambda s, msgid: drain(s.client.mass.results(msgid, "xiaohu")),
        }.items()
        for case in (
            refuses(f"mass.{name}", 41046, "no msgid", lambda s, _, act=act: act(s, "")),
            refuses(f"mass.{name}", 41047, "an unknown msgid", lambda s, _, act=act: act(s, "msgNobody")),
            refuses(f"mass.{name}", 41063, "it is being dispatched", act, given=undispatched, error=Busy),
        )
    ),
    refuses(
        "mass.remind",
        41093,
        "it was cancelled",
        lambda s, msgid: s.client.mass.remind(msgid),
        given=cancelled,
    ),
    refuses(
        "mass.remind",
        41094,
        "a fourth time in 24 hours",
        lambda s, msgid: s.client.mass.remind(msgid),
        given=thrice_reminded,
        error=NotYet,
    ),
    refuses(
        "mass.cancel", 41093, "a second time", lambda s, msgid: s.client.mass.cancel(msgid), given=cancelled
    ),
    refuses(
        "mass.results",
        40003,
        "the member is nobody",
        lambda s, msgid: drain(s.client.mass.results(msgid, "nobody")),
        given=Stage.mass,
    ),
    refuses(
        "mass.results",
        60011,
        "the member is out of sight",
        lambda s, msgid: drain(s.client.mass.results(msgid, HIDDEN)),
        given=Stage.mass,
        error=NeedsAdmin,
    ),
    refuses(
        "mass.list",
        86214,
        "the kind of chat is none",
        lambda s, _: drain(s.client.mass.list(cast("Any", "room"), s.now, s.now)),
    ),
    refuses("mass.list", 40058, "the filter is none", lambda s, _: listed(s, filter_type=3)),
    refuses("mass.list", 40003, "the creator is nobody", lambda s, _: listed(s, creator="nobody")),
    refuses(
        "mass.list",
        60011,
        "the creator is out of sight",
        lambda s, _: listed(s, creator=HIDDEN),
        error=NeedsAdmin,
    ),
]


CASES: list[Case] = MASS
