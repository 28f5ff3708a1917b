"""Welcomes and mass sends: created by the API, tapped by a member, read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.sandbox_driver import START, mp4, picture

if TYPE_CHECKING:
    from tests.support.sandbox_driver import FrozenClock, Program

NOW = int(START.timestamp())


async def dispatched(program: Program, clock: FrozenClock, **body: Any) -> str:
    """Create a mass send and let WeCom dispatch it; return its msgid."""
    answer = await program.post("externalcontact/add_msg_template", {"text": {"content": "记得复查"}} | body)
    assert answer["errcode"] == 0, answer
    clock.forward(1)
    return answer["msgid"]


async def groups_of(program: Program, userid: str) -> list[str]:
    body = {"limit": 100, "owner_filter": {"userid_list": [userid]}}
    answer = await program.post("externalcontact/groupchat/list", body)
    return [line["chat_id"] for line in answer["group_chat_list"]]


async def results(program: Program, msgid: str, userid: str) -> list[dict[str, Any]]:
    body = {"msgid": msgid, "userid": userid}
    return (await program.post("externalcontact/get_groupmsg_send_result", body))["send_list"]


# -- welcome --------------------------------------------------------------------------------------


async def test_a_welcome_arrives_as_separate_messages(program: Program) -> None:
    added = await program.act("patient-adds-member", userid="xiaohu", state="front-desk", name="小李")
    image = await program.image()
    attachments = [
        {"msgtype": "image", "image": {"media_id": image}},
        {"msgtype": "link", "link": {"title": "护牙手册", "url": "https://h5.example/care"}},
        {"msgtype": "miniprogram", "miniprogram": {
            "title": "预约", "pic_media_id": image, "appid": "wx0000000000example", "page": "/pages/book"}},
    ]  # fmt: skip
    body = {"welcome_code": added["welcome_code"], "text": {"content": "你好"}, "attachments": attachments}

    assert (await program.post("externalcontact/send_welcome_msg", body))["errcode"] == 0

    phone = await program.control("GET", f"/phones/patients/{added['external_userid']}")
    bubbles = phone["chats"][0]["messages"]
    assert [bubble["kind"] for bubble in bubbles] == ["notice", "text", "image", "link", "miniprogram"]
    assert {bubble["origin"] for bubble in bubbles[1:]} == {"welcome"}
    async with program.http.get(program.sandbox.api_base + bubbles[2]["payload"]["picture"]) as answer:
        assert await answer.read() == picture()


async def test_a_welcome_code_works_once_and_for_twenty_seconds(program: Program, clock: FrozenClock) -> None:
    async def greet(code: str) -> int:
        body = {"welcome_code": code, "text": {"content": "你好"}}
        return (await program.post("externalcontact/send_welcome_msg", body))["errcode"]

    first = await program.act("patient-adds-member", userid="xiaohu")
    late = await program.act("patient-adds-member", userid="xiaohu")
    chatting = await program.act("patient-adds-member", userid="xiaohu")
    pair = {"userid": "xiaohu", "external_userid": chatting["external_userid"]}
    await program.act("patient-writes", **pair, text="在吗")

    assert await greet("") == 41049
    assert await greet("made up") == 41050
    assert await greet(chatting["welcome_code"]) == 41051
    clock.forward(20)
    assert await greet(first["welcome_code"]) == 0
    assert await greet(first["welcome_code"]) == 41051
    clock.forward(1)
    assert await greet(late["welcome_code"]) == 41050


@pytest.mark.parametrize(
    ("content", "errcode"),
    [
        pytest.param({}, 40063, id="nothing"),
        pytest.param({"text": {"content": "长" * 1334}}, 45002, id="4002 bytes"),
        pytest.param({"text": "你好"}, 40058, id="text no object"),
        pytest.param({"attachments": [{"msgtype": "link", "link": {"title": "a", "url": "https://a.b"}}] * 10}, 41064, id="ten"),
        pytest.param({"attachments": [{"msgtype": "voice", "voice": {"media_id": "x"}}]}, 41065, id="voice"),
        pytest.param({"attachments": [{"msgtype": "image", "image": {"media_id": "x"}}]}, 40007, id="media"),
        pytest.param({"attachments": [{"msgtype": "image", "image": {}}]}, 41006, id="no media"),
        pytest.param({"attachments": [{"msgtype": "image", "image": {"pic_url": "https://a.b/c.png"}}]}, 40058, id="url"),
        pytest.param({"attachments": [{"msgtype": "link", "link": {"title": "长" * 43, "url": "https://a.b"}}]}, 40058, id="title"),
        pytest.param({"attachments": [{"msgtype": "link", "link": {"title": "a", "url": "a.b"}}]}, 40058, id="no scheme"),
        pytest.param({"attachments": {"msgtype": "link"}}, 40035, id="no array"),
    ],
)  # fmt: skip
async def test_a_bad_welcome_is_refused_and_spends_no_code(
    program: Program, content: dict[str, Any], errcode: int
) -> None:
    added = await program.act("patient-adds-member", userid="xiaohu")
    code = {"welcome_code": added["welcome_code"]}
    assert (await program.post("externalcontact/send_welcome_msg", code | content))["errcode"] == errcode
    good = code | {"text": {"content": "你好"}}
    assert (await program.post("externalcontact/send_welcome_msg", good))["errcode"] == 0


# -- groups ---------------------------------------------------------------------------------------


async def test_a_group_task_is_tapped_for_chosen_groups_only(program: Program, clock: FrozenClock) -> None:
    first, second = await groups_of(program, "xiaohu")
    (foreign,) = await groups_of(program, "zhang.wei")
    msgid = await dispatched(program, clock, chat_type="group", sender="xiaohu", chat_id_list=[first, second])
    assert await results(program, msgid, "xiaohu") == []

    await program.act("tap-mass", userid="xiaohu", msgid=msgid, only=[second])

    assert await results(program, msgid, "xiaohu") == [
        {"chat_id": second, "userid": "xiaohu", "status": 1, "send_time": NOW + 1}
    ]
    tasks = (await program.post("externalcontact/get_groupmsg_task", {"msgid": msgid}))["task_list"]
    assert tasks == [{"userid": "xiaohu", "status": 2, "send_time": NOW + 1}]
    chat = await program.control("GET", f"/phones/groups/{second}")
    assert [(b["from"]["name"], b["text"]) for b in chat["messages"]] == [("小护", "记得复查")]
    assert (await program.control("GET", f"/phones/groups/{first}"))["messages"] == []
    again = await program.act("tap-mass", status=400, userid="xiaohu", msgid=msgid)
    assert "already" in again["error"]
    body = {"chat_type": "group", "sender": "xiaohu", "chat_id_list": [first, foreign, "wrX"]}
    answer = await program.post("externalcontact/add_msg_template", body | {"text": {"content": "好"}})
    assert answer["fail_list"] == [foreign, "wrX"]


async def test_a_group_over_its_cap_gets_status_three(program: Program, clock: FrozenClock) -> None:
    await program.control("PUT", "/rules", {"mass_cap": "day_1"})
    first, second = await groups_of(program, "xiaohu")
    task = {"chat_type": "group", "sender": "xiaohu"}
    msgid = await dispatched(program, clock, **task)
    await program.act("fill-cap", id=first)
    await program.act("tap-mass", userid="xiaohu", msgid=msgid)
    statuses = {row["chat_id"]: row["status"] for row in await results(program, msgid, "xiaohu")}
    assert statuses == {first: 3, second: 1}
    refused = await program.post("externalcontact/add_msg_template", task | {"text": {"content": "好"}})
    assert refused["errcode"] == 41048
    clock.forward(86_400)
    await program.login()
    await dispatched(program, clock, **task)


# -- single ---------------------------------------------------------------------------------------


async def test_a_single_task_tells_who_was_no_friend_any_more(program: Program, clock: FrozenClock) -> None:
    everyone = (await program.get("externalcontact/list", userid="zhang.wei"))["external_userid"]
    msgid = await dispatched(program, clock, sender="zhang.wei", external_userid=[*everyone[:3], "wmNOBODY"])
    await program.act("patient-deletes-member", userid="zhang.wei", external_userid=everyone[1])
    before = await results(program, msgid, "zhang.wei")
    assert [row["status"] for row in before] == [0, 0, 0]

    await program.act("tap-mass", userid="zhang.wei", msgid=msgid)

    after = {row["external_userid"]: row["status"] for row in await results(program, msgid, "zhang.wei")}
    assert after == {everyone[0]: 1, everyone[1]: 2, everyone[2]: 1}


async def test_strangers_of_the_sender_are_in_the_fail_list(program: Program) -> None:
    mine = (await program.get("externalcontact/list", userid="zhang.wei"))["external_userid"]
    hers = (await program.get("externalcontact/list", userid="li.na"))["external_userid"]
    body = {"sender": "zhang.wei", "external_userid": [mine[0], hers[0]], "text": {"content": "好"}}
    assert (await program.post("externalcontact/add_msg_template", body))["fail_list"] == [hers[0]]
    only_strangers = body | {"external_userid": hers}
    assert (await program.post("externalcontact/add_msg_template", only_strangers))["errcode"] == 41048


async def test_without_a_sender_each_patient_is_left_to_whom_she_last_spoke_with(
    program: Program, clock: FrozenClock
) -> None:
    shared = (await program.get("externalcontact/list", userid="li.na"))["external_userid"][:2]
    await program.act("patient-writes", userid="li.na", external_userid=shared[0], text="谢谢")
    msgid = await dispatched(program, clock, external_userid=shared)
    tasks = (await program.post("externalcontact/get_groupmsg_task", {"msgid": msgid}))["task_list"]
    assert {task["userid"] for task in tasks} == {"li.na", "xiaohu"}


async def test_a_tag_filter_narrows_a_senders_patients(program: Program, clock: FrozenClock) -> None:
    everyone = (await program.get("externalcontact/list", userid="xiaohu"))["external_userid"]
    tags = (
        await program.post(
            "externalcontact/add_corp_tag", {"group_name": "意向", "tag": [{"name": "高"}, {"name": "低"}]}
        )
    )["tag_group"]["tag"]
    high, low = tags[0]["id"], tags[1]["id"]
    for external_userid, marks in ((everyone[0], [high, low]), (everyone[1], [high])):
        pair = {"userid": "xiaohu", "external_userid": external_userid}
        await program.post("externalcontact/mark_tag", pair | {"add_tag": marks})
    both = {"group_list": [{"tag_list": [high]}, {"tag_list": [low]}]}
    msgid = await dispatched(program, clock, sender="xiaohu", tag_filter=both)
    assert [row["external_userid"] for row in await results(program, msgid, "xiaohu")] == [everyone[0]]


async def test_a_tag_filter_beside_named_patients_is_not_looked_at(program: Program) -> None:
    listed = await program.get("externalcontact/list", userid="zhang.wei")
    wanted = listed["external_userid"][:1]
    unknown = {"group_list": [{"tag_list": ["etGONE"]}]}
    body = {"sender": "zhang.wei", "tag_filter": unknown, "text": {"content": "好"}}

    answer = await program.post("externalcontact/add_msg_template", body | {"external_userid": wanted})

    assert (answer["errcode"], answer["fail_list"]) == (0, [])
    assert (await program.post("externalcontact/add_msg_template", body))["errcode"] == 40068


async def test_a_fresh_task_is_still_being_dispatched(program: Program, clock: FrozenClock) -> None:
    body = {"sender": "xiaohu", "text": {"content": "好"}}
    msgid = (await program.post("externalcontact/add_msg_template", body))["msgid"]
    for api in (
        "get_groupmsg_task",
        "get_groupmsg_send_result",
        "remind_groupmsg_send",
        "cancel_groupmsg_send",
    ):
        answer = await program.post(f"externalcontact/{api}", {"msgid": msgid, "userid": "xiaohu"})
        assert answer["errcode"] == 41063, api
    assert (await program.post("externalcontact/get_groupmsg_task", {}))["errcode"] == 41046
    assert (await program.post("externalcontact/get_groupmsg_task", {"msgid": "x"}))["errcode"] == 41047


async def test_three_reminders_a_day_then_none_and_none_after_cancelling(
    program: Program, clock: FrozenClock
) -> None:
    msgid = await dispatched(program, clock, sender="xiaohu")

    async def remind() -> int:
        return (await program.post("externalcontact/remind_groupmsg_send", {"msgid": msgid}))["errcode"]

    assert [await remind() for _ in range(4)] == [0, 0, 0, 41094]
    clock.forward(86_400)
    await program.login()
    assert await remind() == 0
    phone = await program.control("GET", "/phones/members/xiaohu")
    assert phone["mass_tasks"][0]["reminders"] == 4
    assert (await program.post("externalcontact/cancel_groupmsg_send", {"msgid": msgid}))["errcode"] == 0
    assert await remind() == 41093
    tapped = await program.act("tap-mass", status=400, userid="xiaohu", msgid=msgid)
    assert "cancelled" in tapped["error"]


async def test_tasks_are_listed_newest_first_without_a_creator(program: Program, clock: FrozenClock) -> None:
    await program.control("PUT", "/rules", {"list_lag_s": 60})
    for text in ("一", "二", "三"):
        await dispatched(program, clock, sender="xiaohu", text={"content": text})
    wanted = {"chat_type": "single", "start_time": NOW, "end_time": NOW + 600, "limit": 2}
    assert (await program.post("externalcontact/get_groupmsg_list_v2", wanted))["group_msg_list"] == []
    clock.forward(60)
    first = await program.post("externalcontact/get_groupmsg_list_v2", wanted)
    second = await program.post(
        "externalcontact/get_groupmsg_list_v2", wanted | {"cursor": first["next_cursor"]}
    )
    listed = first["group_msg_list"] + second["group_msg_list"]
    assert [task["text"]["content"] for task in listed] == ["三", "二", "一"]
    assert second["next_cursor"] == ""
    assert all("creator" not in task for task in listed)
    groups = await program.post("externalcontact/get_groupmsg_list_v2", wanted | {"chat_type": "group"})
    assert groups["group_msg_list"] == []


@pytest.mark.parametrize(
    ("change", "errcode"),
    [
        pytest.param({"chat_type": "all"}, 86214, id="chat_type"),
        pytest.param({"start_time": None}, 40058, id="no start"),
        pytest.param({"end_time": NOW - 1}, 40058, id="reversed"),
        pytest.param({"end_time": NOW + 32 * 86_400}, 40058, id="over a month"),
        pytest.param({"filter_type": 3}, 40058, id="filter"),
        pytest.param({"cursor": "bm9uc2Vuc2U="}, 50100, id="cursor"),
    ],
)
async def test_a_bad_listing_is_refused(program: Program, change: dict[str, Any], errcode: int) -> None:
    body = {"chat_type": "single", "start_time": NOW, "end_time": NOW} | change
    assert (await program.post("externalcontact/get_groupmsg_list_v2", body))["errcode"] == errcode


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        pytest.param({}, 40058, id="nobody named"),
        pytest.param({"chat_type": "all", "sender": "xiaohu"}, 86214, id="chat_type"),
        pytest.param({"chat_type": "group"}, 40058, id="group without sender"),
        pytest.param({"chat_type": "group", "sender": "chen.jing"}, 41048, id="owner of none"),
        pytest.param({"sender": "nobody"}, 40003, id="unknown sender"),
        pytest.param({"sender": "chen.jing"}, 41048, id="no patients"),
        pytest.param({"external_userid": ["wmX"] * 10_001}, 40058, id="10001 patients"),
        pytest.param({"external_userid": ["wmX"]}, 41048, id="only unknown ones"),
        pytest.param({"chat_type": "group", "sender": "xiaohu", "chat_id_list": ["wrX"] * 2001}, 40058, id="2001"),
        pytest.param({"sender": "xiaohu", "tag_filter": {"group_list": [{"tag_list": ["etX"]}]}}, 40068, id="tag"),
    ],
)  # fmt: skip
async def test_a_bad_mass_send_is_refused(program: Program, body: dict[str, Any], errcode: int) -> None:
    content = {"text": {"content": "好"}}
    assert (await program.post("externalcontact/add_msg_template", content | body))["errcode"] == errcode


# -- media ----------------------------------------------------------------------------------------


async def test_media_live_three_days_and_in_their_own_scene(program: Program, clock: FrozenClock) -> None:
    async def errcode_with(media_id: str) -> int:
        attachment = {"msgtype": "image", "image": {"media_id": media_id}}
        body = {"sender": "xiaohu", "attachments": [attachment]}
        return (await program.post("externalcontact/add_msg_template", body))["errcode"]

    image = await program.image()
    album = await program.upload(
        "media/upload_attachment", picture(), media_type="image", attachment_type="2"
    )
    assert await errcode_with(image) == 0
    assert await errcode_with(await program.moment_image()) == 40007
    assert await errcode_with(album["media_id"]) == 41072
    video = (await program.upload("media/upload", mp4(), filename="a.mp4", type="video"))["media_id"]
    assert await errcode_with(video) == 40007
    clock.forward(3 * 86_400 + 1)
    await program.login()
    assert await errcode_with(image) == 40007
    assert (await program.get("media/get", media_id=image))["errcode"] == 40007


async def test_media_can_be_read_back_whole_and_in_ranges(program: Program) -> None:
    media_id = (await program.upload("media/upload", picture(), filename="牙.png", type="image"))["media_id"]
    url = f"{program.sandbox.api_base}/cgi-bin/media/get"
    query = {"access_token": program.token, "media_id": media_id}
    async with program.http.get(url, params=query) as answer:
        assert await answer.read() == picture()
    async with program.http.get(url, params=query, headers={"Range": "bytes=1-3"}) as answer:
        assert (answer.status, await answer.read()) == (206, picture()[1:4])
    assert (await program.get("media/get", media_id="x"))["errcode"] == 40007


async def test_created_at_is_a_string_in_one_upload_and_a_number_in_the_other(program: Program) -> None:
    plain = await program.upload("media/upload", picture(), type="image")
    moment = await program.upload(
        "media/upload_attachment", picture(), media_type="image", attachment_type="1"
    )
    assert (plain["created_at"], moment["created_at"]) == (str(NOW), NOW)


@pytest.mark.parametrize(
    ("api", "blob", "query", "errcode"),
    [
        pytest.param("media/upload", picture(), {"type": "gif"}, 40004, id="kind"),
        pytest.param("media/upload", b"12345", {"type": "file"}, 40006, id="five bytes"),
        pytest.param("media/upload", b"x" * 100, {"type": "image"}, 40123, id="no picture"),
        pytest.param("media/upload", picture(kind="GIF"), {"type": "image"}, 40123, id="a GIF"),
        pytest.param("media/upload", b"x" * (10 * 1024 * 1024 + 1), {"type": "image"}, 40009, id="image 10 MB"),
        pytest.param("media/upload", b"x" * 100, {"type": "voice"}, 40005, id="no AMR"),
        pytest.param("media/upload_attachment", picture(), {"media_type": "image"}, 40058, id="no type"),
        pytest.param("media/upload_attachment", picture(1081, 1081), {"media_type": "image", "attachment_type": "1"}, 41081, id="1081 px"),
        pytest.param("media/upload_attachment", mp4(31), {"media_type": "video", "attachment_type": "1"}, 41082, id="31 s"),
        pytest.param("media/upload_attachment", b"x" * 100, {"media_type": "video", "attachment_type": "1"}, 41090, id="no MP4"),
        pytest.param("media/upload_attachment", picture(), {"media_type": "file", "attachment_type": "1"}, 40004, id="file"),
        pytest.param("media/uploadimg", b"x" * (2 * 1024 * 1024 + 1), {}, 40009, id="picture 2 MB"),
    ],
)  # fmt: skip
async def test_a_bad_upload_is_refused(
    program: Program, api: str, blob: bytes, query: dict[str, str], errcode: int
) -> None:
    assert (await program.upload(api, blob, **query))["errcode"] == errcode


async def test_an_upload_needs_the_right_part_with_a_filename(program: Program) -> None:
    assert (await program.upload("media/upload", picture(), field="file", type="image"))["errcode"] == 44001
    boundary = "XX"
    head = "Content-Disposition: form-data; name=\"media\"; filename*=utf-8''a.png"
    body = f"--{boundary}\r\n{head}\r\n\r\nabcdefgh\r\n--{boundary}--\r\n".encode()
    url = f"{program.sandbox.api_base}/cgi-bin/media/upload?type=file&access_token={program.token}"
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    async with program.http.post(url, data=body, headers=headers) as answer:
        assert (await answer.json())["errcode"] == 44001
    assert (await program.post("media/upload", {}, type="image"))["errcode"] == 44001


async def test_a_permanent_picture_can_be_used_by_its_url(program: Program) -> None:
    url = (await program.upload("media/uploadimg", picture()))["url"]
    async with program.http.get(url) as answer:
        assert await answer.read() == picture()
    attachment = {"msgtype": "image", "image": {"pic_url": url}}
    body = {"sender": "xiaohu", "attachments": [attachment]}
    assert (await program.post("externalcontact/add_msg_template", body))["errcode"] == 0
