"""Moments: an asynchronous job, a tap by each member, results, likes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox_driver import START

if TYPE_CHECKING:
    from tests.support.sandbox_driver import FrozenClock, Program

NOW = int(START.timestamp())


async def started(program: Program, **body: Any) -> str:
    answer = await program.post("externalcontact/add_moment_task", {"text": {"content": "护牙小知识"}} | body)
    assert answer["errcode"] == 0, answer
    return answer["jobid"]


async def finished(program: Program, clock: FrozenClock, **body: Any) -> str:
    """Create a moment and wait for its job; return its moment_id."""
    jobid = await started(program, **body)
    clock.forward(1)
    answer = await program.get("externalcontact/get_moment_task_result", jobid=jobid)
    return answer["result"]["moment_id"]


def only(*userids: str) -> dict[str, Any]:
    return {"visible_range": {"sender_list": {"user_list": list(userids)}}}


async def test_a_job_starts_runs_and_ends_with_a_moment(program: Program, clock: FrozenClock) -> None:
    jobid = await started(program, **only("xiaohu", "gone.user"))

    async def status() -> dict[str, Any]:
        return await program.get("externalcontact/get_moment_task_result", jobid=jobid)

    assert (await status())["status"] == 1
    clock.forward(0.5)
    assert (await status())["status"] == 2
    clock.forward(0.5)
    done = await status()
    assert (done["status"], done["result"]["errcode"]) == (3, 0)
    assert done["result"]["invalid_sender_list"]["user_list"] == ["gone.user"]
    clock.forward(86_400)
    await program.login()
    assert (await status())["errcode"] == 40058


async def test_a_job_without_any_valid_sender_ends_without_a_moment(
    program: Program, clock: FrozenClock
) -> None:
    jobid = await started(program, **only("gone.user"))
    clock.forward(1)
    result = (await program.get("externalcontact/get_moment_task_result", jobid=jobid))["result"]
    assert result["errcode"] == 60011
    assert "moment_id" not in result


async def test_a_published_moment_is_seen_liked_and_counted(program: Program, clock: FrozenClock) -> None:
    image = {"msgtype": "image", "image": {"media_id": await program.moment_image()}}
    moment_id = await finished(program, clock, attachments=[image], **only("zhang.wei", "xiaohu"))
    phone = await program.control("GET", "/phones/members/zhang.wei")
    assert [moment["state"] for moment in phone["moments"]] == ["pending"]

    seen = (await program.act("publish-moment", userid="zhang.wei", moment_id=moment_id))["seen_by"]
    pair = {"userid": "zhang.wei", "external_userid": seen[0], "moment_id": moment_id}
    await program.act("like-moment", **pair)
    await program.act("comment-moment", **pair, text="学到了")

    tasks = (await program.post("externalcontact/get_moment_task", {"moment_id": moment_id}))["task_list"]
    assert {task["userid"]: task["publish_status"] for task in tasks} == {"zhang.wei": 1, "xiaohu": 0}
    who = {"moment_id": moment_id, "userid": "zhang.wei"}
    reached = (await program.post("externalcontact/get_moment_send_result", who))["customer_list"]
    assert [row["external_userid"] for row in reached] == seen
    ranged = (await program.post("externalcontact/get_moment_customer_list", who))["customer_list"]
    assert len(ranged) == len(seen) == 6
    reactions = await program.post("externalcontact/get_moment_comments", who)
    assert reactions["like_list"] == [{"external_userid": seen[0], "create_time": NOW + 1}]
    assert reactions["comment_list"] == [{"external_userid": seen[0], "create_time": NOW + 1}]
    feed = (await program.control("GET", f"/phones/patients/{seen[0]}"))["moments"]
    assert [(item["name"], item["liked"], item["text"]) for item in feed] == [("张伟", True, "护牙小知识")]
    assert feed[0]["attachments"][0]["picture"].startswith("/sandbox/media/")
    again = await program.act("publish-moment", status=400, userid="zhang.wei", moment_id=moment_id)
    assert "already" in again["error"]


async def test_a_tagged_moment_reaches_tagged_patients_of_members_who_have_some(
    program: Program, clock: FrozenClock
) -> None:
    made = await program.post(
        "externalcontact/add_corp_tag", {"group_name": "需求", "tag": [{"name": "种植"}]}
    )
    tag = made["tag_group"]["tag"][0]["id"]
    patient = (await program.get("externalcontact/list", userid="zhang.wei"))["external_userid"][0]
    pair = {"userid": "zhang.wei", "external_userid": patient, "add_tag": [tag]}
    await program.post("externalcontact/mark_tag", pair)
    reach = {"external_contact_list": {"tag_list": [tag]}}
    moment_id = await finished(program, clock, visible_range=reach)
    tasks = (await program.post("externalcontact/get_moment_task", {"moment_id": moment_id}))["task_list"]
    assert [task["userid"] for task in tasks] == ["zhang.wei"]
    published = await program.act("publish-moment", userid="zhang.wei", moment_id=moment_id)
    assert published["seen_by"] == [patient]
    wanted = {"start_time": NOW, "end_time": NOW + 60}
    (line,) = (await program.post("externalcontact/get_moment_list", wanted))["moment_list"]
    assert (line["visible_type"], line["create_type"], line["text"]["content"]) == (0, 0, "护牙小知识")
    assert "creator" not in line


async def test_reading_too_early_or_of_the_wrong_member_is_refused(
    program: Program, clock: FrozenClock
) -> None:
    moment_id = await finished(program, clock, **only("xiaohu"))

    async def errcode(api: str, **body: str) -> int:
        return (await program.post(f"externalcontact/{api}", body))["errcode"]

    assert await errcode("get_moment_send_result", moment_id=moment_id, userid="xiaohu") == 41062
    assert await errcode("get_moment_comments", moment_id=moment_id, userid="li.na") == 41061
    assert await errcode("get_moment_task") == 41059
    assert await errcode("get_moment_task", moment_id="momX") == 41060
    assert await errcode("get_moment_send_result", moment_id=moment_id, userid="nobody") == 40003


async def test_a_cancelled_moment_cannot_be_published(program: Program, clock: FrozenClock) -> None:
    moment_id = await finished(program, clock, **only("xiaohu", "li.na"))
    await program.act("publish-moment", userid="xiaohu", moment_id=moment_id)
    cancelled = await program.post("externalcontact/cancel_moment_task", {"moment_id": moment_id})
    assert cancelled["errcode"] == 0
    refused = await program.act("publish-moment", status=400, userid="li.na", moment_id=moment_id)
    assert "cancelled" in refused["error"]
    who = {"moment_id": moment_id, "userid": "xiaohu"}
    assert len((await program.post("externalcontact/get_moment_send_result", who))["customer_list"]) == 27


async def test_a_dispatching_moment_and_too_many_jobs_are_refused(
    program: Program, clock: FrozenClock
) -> None:
    await program.control("PUT", "/rules", {"moment_dispatch_s": 60, "moment_jobs_running": 1})
    jobid = await started(program)
    busy = await program.post("externalcontact/add_moment_task", {"text": {"content": "二"}})
    assert busy["errcode"] == 41078
    clock.forward(1)
    result = (await program.get("externalcontact/get_moment_task_result", jobid=jobid))["result"]
    body = {"moment_id": result["moment_id"]}
    assert (await program.post("externalcontact/get_moment_task", body))["errcode"] == 41079


async def test_a_capped_patient_does_not_see_the_second_moment_of_a_day(
    program: Program, clock: FrozenClock
) -> None:
    await program.control("PUT", "/rules", {"moment_cap_per_day": 1})
    for expected in (6, 0):
        moment_id = await finished(program, clock, **only("zhang.wei"))
        seen = await program.act("publish-moment", userid="zhang.wei", moment_id=moment_id)
        assert len(seen["seen_by"]) == expected


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        pytest.param({"text": None}, 41089, id="empty"),
        pytest.param({"text": {"content": "a" * 2001}}, 45002, id="2001 characters"),
        pytest.param({"text": {"content": "长" * 1334}}, 45002, id="4002 bytes"),
        pytest.param({"attachments": [{"msgtype": "image", "image": {"media_id": "x"}}] * 10}, 41064, id="ten"),
        pytest.param({"attachments": [{"msgtype": "video", "video": {"media_id": "x"}}] * 2}, 41064, id="two videos"),
        pytest.param({"attachments": [{"msgtype": "image", "image": {}}, {"msgtype": "video", "video": {}}]}, 41065, id="mixed"),
        pytest.param({"attachments": [{"msgtype": "miniprogram", "miniprogram": {}}]}, 41065, id="miniprogram"),
        pytest.param({"attachments": [{"msgtype": "image", "image": {"media_id": "x"}}]}, 40007, id="media"),
        pytest.param({"visible_range": {"sender_list": {"user_list": "xiaohu"}}}, 40035, id="no array"),
    ],
)  # fmt: skip
async def test_a_bad_moment_is_refused(program: Program, body: dict[str, Any], errcode: int) -> None:
    whole = {"text": {"content": "护牙小知识"}} | body
    assert (await program.post("externalcontact/add_moment_task", whole))["errcode"] == errcode


async def test_media_of_the_other_upload_do_not_fit_a_moment(program: Program) -> None:
    image = {"msgtype": "image", "image": {"media_id": await program.image()}}
    answer = await program.post("externalcontact/add_moment_task", {"attachments": [image]})
    assert answer["errcode"] == 40007


async def test_a_link_moment_needs_a_cover(program: Program, clock: FrozenClock) -> None:
    link = {"title": "如何刷牙", "url": "https://h5.example/brush", "media_id": await program.moment_image()}
    await finished(program, clock, attachments=[{"msgtype": "link", "link": link}])
    del link["media_id"]
    body = {"attachments": [{"msgtype": "link", "link": link}]}
    assert (await program.post("externalcontact/add_moment_task", body))["errcode"] == 41006


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"end_time": NOW + 31 * 86_400}, 40058, id="over 30 days"),
        pytest.param({"start_time": None}, 40058, id="no start"),
        pytest.param({"creator": "nobody"}, 40003, id="creator"),
    ],
)
async def test_a_bad_moment_listing_is_refused(
    program: Program, change: dict[str, Any], errcode: int
) -> None:
    body = {"start_time": NOW, "end_time": NOW} | change
    assert (await program.post("externalcontact/get_moment_list", body))["errcode"] == errcode
