"""What moments refuse: one row per method and errcode or limit."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from tests.support.refusal_stage import (
    HIDDEN,
    Case,
    Stage,
    drain,
    forbids,
    refuses,
)
from tests.support.refused.mass import APPID, URL, blocked
from wecom.api.moments import MomentTask
from wecom.attachments import File, Image, Link, MiniProgram, Video
from wecom.errors import Busy, NeedsAdmin, NotYet, RateLimited


def share(**wanted: Any) -> Any:
    """Return an act that creates a moment."""
    return lambda s, _: s.client.moments.create(MomentTask(**({"text": "护牙两分钟"} | wanted)))


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


CASES: list[Case] = MOMENTS
