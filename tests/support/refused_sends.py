"""What mass sends, moments and statistics refuse: one row per method and errcode or limit."""

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
from wecom.api.moments import MomentTask
from wecom.attachments import File, Image, Link, MiniProgram, Video
from wecom.errors import Busy, NeedsAdmin, NotYet, RateLimited

URL = "https://h5.example/tips"
APPID = "wx0000000000example"


def send(**fields: Any) -> MassSend:
    return MassSend(**({"chat_type": "single", "sender": "xiaohu", "text": "周六义诊"} | fields))


def create(**wanted: Any) -> Any:
    """Return an act that creates a mass send."""
    return lambda s, _: s.client.mass.create(send(**wanted))


def share(**wanted: Any) -> Any:
    """Return an act that creates a moment."""
    return lambda s, _: s.client.moments.create(MomentTask(**({"text": "护牙两分钟"} | wanted)))


# --- mass sends -----------------------------------------------------------------------------------------------


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


# --- moments --------------------------------------------------------------------------------------------------


async def old_moment_image(s: Stage) -> str:
    media_id = await s.moment_image()
    s.later(days=3, seconds=1)
    return media_id


def many_jobs(s: Stage) -> None:
    s.rules.moment_jobs_running = 0


def ten_a_minute(s: Stage) -> None:
    for _ in range(10):
        s.tenant.limits.count("externalcontact/add_moment_task")


async def day_old_job(s: Stage) -> str:
    jobid = await s.client.moments.create(MomentTask(text="护牙两分钟"))
    s.later(hours=24, seconds=1)
    return jobid


async def unfinished_job(s: Stage) -> str:
    """Return the id of a moment whose job still runs: nobody could know it, but asking is refused."""
    s.rules.moment_job_s = 60.0
    jobid = await s.client.moments.create(MomentTask(text="护牙两分钟", userids=("xiaohu",)))
    job = await s.client.moments.job_result(jobid)
    assert not job.is_finished
    return s.tenant.moments.job(jobid).moment_id


async def undispatched_moment(s: Stage) -> str:
    s.rules.moment_dispatch_s = 60.0
    return await s.moment()


def personal(s: Stage) -> str:
    return s.tenant.moments.post_personal("xiaohu", "周末愉快").moment_id


def picture_in_moment(s: Stage, media_id: str) -> Any:
    return s.client.moments.create(MomentTask(attachments=(Image(media_id=media_id),)))


def told(s: Stage, **wanted: Any) -> Any:
    return drain(s.client.moments.list(s.now - timedelta(days=1), s.now, **wanted))


OF_A_MEMBER = {
    "customers": lambda s, moment_id, userid="xiaohu": drain(s.client.moments.customers(moment_id, userid)),
    "send_result": lambda s, moment_id, userid="xiaohu": drain(
        s.client.moments.send_result(moment_id, userid)
    ),
    "comments": lambda s, moment_id, userid="xiaohu": s.client.moments.comments(moment_id, userid),
}
IMAGE, LINK = Image(media_id="m"), Link(title="t", url=URL, media_id="m")
MOMENTS = [
    refuses(
        "moments.create", 40007, "the picture is three days old", picture_in_moment, given=old_moment_image
    ),
    refuses("moments.create", 40007, "the picture is a message's", picture_in_moment, given=Stage.image),
    refuses("moments.create", 40007, "the picture is unknown", lambda s, _: picture_in_moment(s, "MEDIA")),
    refuses(
        "moments.create",
        41072,
        "the picture is an album's",
        picture_in_moment,
        given=lambda s: s.moment_image(album=True),
    ),
    refuses("moments.create", 41078, "too many jobs are running", share(), given=many_jobs, error=NotYet),
    refuses(
        "moments.create", 45009, "an eleventh in a minute", share(), given=ten_a_minute, error=RateLimited
    ),
    refuses("moments.create", 40201, "a word is blocked", share(text="包治百病"), given=blocked),
    forbids("moments.create", "text", "2001 characters", share(text="x" * 2001)),
    forbids("moments.create", "text", "4002 bytes", share(text="字" * 1334)),
    forbids("moments.create", "text", "nothing at all", share(text="")),
    forbids("moments.create", "attachments", "ten pictures", share(attachments=(IMAGE,) * 10)),
    forbids("moments.create", "attachments", "two links", share(attachments=(LINK,) * 2)),
    forbids("moments.create", "attachments", "two videos", share(attachments=(Video(media_id="m"),) * 2)),
    forbids("moments.create", "attachments", "two kinds", share(attachments=(IMAGE, LINK))),
    forbids("moments.create", "attachments", "a file", share(attachments=(File(media_id="m"),))),
    forbids(
        "moments.create",
        "attachments",
        "a mini-program",
        share(attachments=(MiniProgram(title="t", pic_media_id="m", appid=APPID, page="p"),)),
    ),
    forbids("moments.create", "image.media_id", "only a pic_url", share(attachments=(Image(pic_url=URL),))),
    forbids("moments.create", "link.media_id", "no cover", share(attachments=(Link(title="t", url=URL),))),
    forbids(
        "moments.create",
        "link.title",
        "65 characters",
        share(attachments=(Link(title="x" * 65, url=URL, media_id="m"),)),
    ),
    forbids("moments.create", "userids", "100001 members", share(userids=("u",) * 100_001)),
    refuses(
        "moments.job_result", 40058, "an unknown job", lambda s, _: s.client.moments.job_result("jobNobody")
    ),
    refuses(
        "moments.job_result",
        40058,
        "the job is a day old",
        lambda s, jobid: s.client.moments.job_result(jobid),
        given=day_old_job,
    ),
    *(
        case
        for name, act in {
            "cancel": lambda s, moment_id: s.client.moments.cancel(moment_id),
            "tasks": lambda s, moment_id: drain(s.client.moments.tasks(moment_id)),
            **OF_A_MEMBER,
        }.items()
        for case in (
            refuses(f"moments.{name}", 41059, "no id", lambda s, _, act=act: act(s, "")),
            refuses(f"moments.{name}", 41060, "an unknown id", lambda s, _, act=act: act(s, "momNobody")),
            refuses(f"moments.{name}", 41060, "its job still runs", act, given=unfinished_job),
            refuses(
                f"moments.{name}", 41079, "it is being dispatched", act, given=undispatched_moment, error=Busy
            ),
        )
    ),
    refuses(
        "moments.tasks",
        41067,
        "a member's own moment",
        lambda s, moment_id: drain(s.client.moments.tasks(moment_id)),
        given=personal,
    ),
    *(
        case
        for name, act in OF_A_MEMBER.items()
        for case in (
            refuses(f"moments.{name}", 41062, "nobody tapped yet", act, given=Stage.moment, error=NotYet),
            refuses(
                f"moments.{name}",
                41061,
                "another member's",
                lambda s, moment_id, act=act: act(s, moment_id, "li.na"),
                given=lambda s: s.moment(published=True),
            ),
            refuses(
                f"moments.{name}",
                40003,
                "the member is nobody",
                lambda s, moment_id, act=act: act(s, moment_id, "nobody"),
                given=Stage.moment,
            ),
            refuses(
                f"moments.{name}",
                60011,
                "the member is out of sight",
                lambda s, moment_id, act=act: act(s, moment_id, HIDDEN),
                given=Stage.moment,
                error=NeedsAdmin,
            ),
        )
    ),
    refuses("moments.list", 40058, "the filter is none", lambda s, _: told(s, filter_type=3)),
    refuses("moments.list", 40003, "the creator is nobody", lambda s, _: told(s, creator="nobody")),
    refuses(
        "moments.list",
        60011,
        "the creator is out of sight",
        lambda s, _: told(s, creator=HIDDEN),
        error=NeedsAdmin,
    ),
]


# --- windows of listings, and statistics ----------------------------------------------------------------------

WINDOWS = {
    "mass.list": (31, lambda s, start, end: drain(s.client.mass.list("single", start, end))),
    "moments.list": (30, lambda s, start, end: drain(s.client.moments.list(start, end))),
    "statistics.behaviour": (
        30,
        lambda s, start, end: s.client.statistics.behaviour(start, end, userids=["xiaohu"]),
    ),
    "statistics.groups_by_owner": (
        30,
        lambda s, start, end: drain(s.client.statistics.groups_by_owner(start, end, ["xiaohu"])),
    ),
    "statistics.groups_by_day": (
        30,
        lambda s, start, end: s.client.statistics.groups_by_day(start, end, ["xiaohu"]),
    ),
    "kf_customers.numbers": (31, lambda s, start, end: s.client.kf_customers.numbers("wk", start, end)),
    "kf_customers.servicer_numbers": (
        31,
        lambda s, start, end: s.client.kf_customers.servicer_numbers("wk", start, end),
    ),
}


def windows(method: str, days: int, act: Any) -> list[Case]:
    return [
        forbids(method, "days after", "too long a span", lambda s, _: act(s, s.day(days + 2), s.day(1))),
        forbids(method, "days after", "the end is before the start", lambda s, _: act(s, s.day(1), s.day(2))),
        forbids(
            method,
            "UTC offset",
            "an instant of no zone",
            lambda s, _: act(s, s.day(2).replace(tzinfo=None), s.day(1).replace(tzinfo=None)),
        ),
    ]


def kept(method: str, act: Any) -> list[Case]:
    return [
        refuses(method, 40058, "today's numbers", lambda s, _: act(s, s.day(1), s.day(0))),
        refuses(method, 40058, "181 days ago", lambda s, _: act(s, s.day(181), s.day(170))),
    ]


def behaviour(**wanted: Any) -> Any:
    return lambda s, _: s.client.statistics.behaviour(s.day(2), s.day(1), **wanted)


def owners(name: str, *userids: str) -> Any:
    def act(s: Stage, _: Any) -> Any:
        numbers = getattr(s.client.statistics, name)(s.day(2), s.day(1), list(userids))
        return drain(numbers) if name == "groups_by_owner" else numbers

    return act


STATISTICS = [
    *(case for method, (days, act) in WINDOWS.items() for case in windows(method, days, act)),
    *(
        case
        for method, (_, act) in WINDOWS.items()
        if method.startswith("statistics.")
        for case in kept(method, act)
    ),
    refuses("statistics.behaviour", 40003, "the member is nobody", behaviour(userids=["nobody"])),
    refuses(
        "statistics.behaviour", 60011, "the member is hidden", behaviour(userids=[HIDDEN]), error=NeedsAdmin
    ),
    refuses(
        "statistics.behaviour", 84074, "the member serves nobody", behaviour(userids=[IDLE]), error=NeedsAdmin
    ),
    refuses("statistics.behaviour", 60123, "the department is none", behaviour(department_ids=[99])),
    forbids("statistics.behaviour", "userids", "101 members", behaviour(userids=["u"] * 101)),
    forbids("statistics.behaviour", "department_ids", "101", behaviour(department_ids=[1] * 101)),
    forbids("statistics.behaviour", "userids", "nobody is named", behaviour()),
    *(
        case
        for name in ("groups_by_owner", "groups_by_day")
        for case in (
            refuses(f"statistics.{name}", 40003, "the owner is nobody", owners(name, "nobody")),
            refuses(
                f"statistics.{name}",
                60011,
                "the owner is out of sight",
                owners(name, HIDDEN),
                error=NeedsAdmin,
            ),
            forbids(f"statistics.{name}", "owner_ids", "no owner", owners(name)),
            forbids(f"statistics.{name}", "owner_ids", "101 owners", owners(name, *["u"] * 101)),
        )
    ),
]

CASES: list[Case] = [*MASS, *MOMENTS, *STATISTICS]
