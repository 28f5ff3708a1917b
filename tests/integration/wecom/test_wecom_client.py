"""Every method of the client: what goes over the wire, and what comes back, typed."""

from __future__ import annotations

import email.parser
import email.policy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.scripted_wecom import ScriptedWeCom, failing, ok, raw, reset, truncated
from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.attachments import Image
from wecom.cards import Button, ButtonInteraction
from wecom.client import Credentials, WeComClient, open_session
from wecom.errors import (
    Busy,
    NeedsAdmin,
    NotYet,
    OutcomeUnknown,
    Refused,
    WelcomeSpent,
)
from wecom.messages import Message, Text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

EC = "externalcontact/"
WM = "wmEXAMPLE0000000000000000000001"
NOON = datetime(2026, 11, 21, 4, tzinfo=UTC)
NOON_S = 1795233600


@pytest.fixture
def wecom() -> ScriptedWeCom:
    return ScriptedWeCom()


@pytest.fixture
async def client(wecom: ScriptedWeCom, aiohttp_server: Any) -> AsyncIterator[WeComClient]:
    server = await aiohttp_server(wecom.app)
    async with open_session() as session:
        yield WeComClient(
            session,
            api_base=str(server.make_url("")),
            credentials=Credentials(corp_id="ww0exampleCorp01", secret="s", agent_id=1000007),
        )


def query(wecom: ScriptedWeCom, path: str, index: int = 0) -> dict[str, str]:
    """Return the query of a call, without the token."""
    call = wecom.calls[path][index]
    return {name: value for name, value in call.query.items() if name != "access_token"}


# --- contacts ----------------------------------------------------------------------------------------------


async def test_follow_users_are_listed(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(EC + "get_follow_user_list", ok(follow_user=["lin.mei", "wang.lei"]))
    assert await client.contacts.follow_users() == ["lin.mei", "wang.lei"]
    assert wecom.calls[EC + "get_follow_user_list"][0].method == "GET"


async def test_a_contact_comes_with_all_pages_of_its_followers(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    contact = {"external_userid": WM, "name": "周周", "type": 1, "gender": 2, "unionid": None, "new_field": 1}
    tags = [
        {"group_name": "意向", "tag_name": "高", "tag_id": "et1", "type": 1},
        {"group_name": "", "tag_name": "私", "type": 2},
    ]
    wecom.script(
        EC + "get",
        ok(
            external_contact=contact,
            follow_user=[{"userid": "lin.mei", "createtime": NOON_S, "tags": tags, "state": "front-desk"}],
            next_cursor="C2",
        ),
        ok(external_contact=contact, follow_user=[{"userid": "wang.lei", "createtime": 0}], next_cursor=""),
    )
    detail = await client.contacts.get(WM)
    assert (detail.external_contact.name, detail.external_contact.unionid) == ("周周", "")
    assert [follow.userid for follow in detail.follow_user] == ["lin.mei", "wang.lei"]
    first, second = detail.follow_user
    assert (first.created_at, first.tag_ids, first.state) == (NOON, ("et1",), "front-desk")
    assert second.created_at is None
    assert query(wecom, EC + "get") == {"external_userid": WM}
    assert query(wecom, EC + "get", 1) == {"external_userid": WM, "cursor": "C2"}


@pytest.mark.parametrize("reply", [failing(84061), ok(external_userid=[]), ok(), ok(external_userid=None)])
async def test_a_member_without_contacts_has_an_empty_list(
    wecom: ScriptedWeCom, client: WeComClient, reply: Any
) -> None:
    wecom.script(EC + "list", reply)
    assert await client.contacts.list_of("lin.mei") == []


async def test_other_refusals_of_a_contact_list_are_errors(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(EC + "list", failing(60111))
    with pytest.raises(Refused):
        await client.contacts.list_of("gone")


async def test_a_batch_walks_hundreds_of_members_and_all_cursors(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    def page(number: int, cursor: str) -> Any:
        contact = {"external_userid": f"wm{number}", "name": "n"}
        follow = {"userid": "u", "tag_id": ["et1"], "createtime": NOON_S}
        return ok(
            external_contact_list=[{"external_contact": contact, "follow_info": follow}], next_cursor=cursor
        )

    wecom.script(EC + "batch/get_by_user", page(1, "C2"), page(2, ""), page(3, ""))
    found = [contact async for contact in client.contacts.batch_by_user([f"u{n}" for n in range(101)])]
    assert [contact.external_contact.external_userid for contact in found] == ["wm1", "wm2", "wm3"]
    assert found[0].follow.tag_ids == ("et1",)
    bodies = [call.body for call in wecom.calls[EC + "batch/get_by_user"]]
    assert [(len(body["userid_list"]), body.get("cursor"), body["limit"]) for body in bodies] == [
        (100, None, 100),
        (100, "C2", 100),
        (1, None, 100),
    ]


async def test_one_member_without_contacts_does_not_hide_the_others(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    contact = {"external_contact": {"external_userid": WM}, "follow_info": {"userid": "b"}}
    wecom.script(
        EC + "batch/get_by_user", failing(84061), failing(84061), ok(external_contact_list=[contact])
    )
    found = [one async for one in client.contacts.batch_by_user(["a", "b"])]
    assert [one.follow.userid for one in found] == ["b"]


async def test_a_welcome_goes_out_with_text_and_attachments(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script(EC + "send_welcome_msg", ok())
    await client.contacts.send_welcome("CODE", "你好", [Image(media_id="M1")])
    assert wecom.calls[EC + "send_welcome_msg"][0].body == {
        "welcome_code": "CODE",
        "text": {"content": "你好"},
        "attachments": [{"msgtype": "image", "image": {"media_id": "M1"}}],
    }


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(failing(41051), WelcomeSpent, id="chat begun"),
        pytest.param(failing(41050), WelcomeSpent, id="too late"),
        pytest.param(failing(41096), Busy, id="another app is sending"),
        pytest.param(failing(-1), Busy, id="system busy"),
        pytest.param(reset, OutcomeUnknown, id="answer lost"),
    ],
)
async def test_a_welcome_that_did_not_go_says_whether_to_try_again(
    wecom: ScriptedWeCom, client: WeComClient, reply: Any, error: type[Exception]
) -> None:
    wecom.script(EC + "send_welcome_msg", reply)
    with pytest.raises(error):
        await client.contacts.send_welcome("CODE", "你好")


async def test_an_impossible_welcome_is_never_sent(wecom: ScriptedWeCom, client: WeComClient) -> None:
    with pytest.raises(ValueError, match="text"):
        await client.contacts.send_welcome("CODE", "牙" * 2000)
    with pytest.raises(ValueError, match="welcome_code"):
        await client.contacts.send_welcome("", "你好")
    assert not wecom.calls


async def test_a_remark_changes_only_what_was_given(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(EC + "remark", ok())
    await client.contacts.remark("lin.mei", WM, remark="周周-12号店", mobiles=[])
    assert wecom.calls[EC + "remark"][0].body == {
        "userid": "lin.mei",
        "external_userid": WM,
        "remark": "周周-12号店",
        "remark_mobiles": [""],
    }
    for wrong in ({}, {"remark": "牙" * 21}, {"description": "a" * 151}, {"company": "a" * 21}):
        with pytest.raises(ValueError, match=r"remark|description|company"):
            await client.contacts.remark("lin.mei", WM, **wrong)  # type: ignore[arg-type]


# --- tags, groups, members ---------------------------------------------------------------------------------


async def test_tags_are_listed_added_and_marked(wecom: ScriptedWeCom, client: WeComClient) -> None:
    group = {
        "group_id": "etG",
        "group_name": "来源",
        "create_time": NOON_S,
        "order": 1,
        "tag": [{"id": "et1", "name": "抖音"}],
    }
    wecom.script(EC + "get_corp_tag_list", ok(tag_group=[group]))
    wecom.script(EC + "add_corp_tag", ok(tag_group=group))
    wecom.script(EC + "mark_tag", ok())
    (listed,) = await client.tags.list(tag_ids=["et1"])
    assert (listed.group_name, listed.tag[0].id, listed.create_time) == ("来源", "et1", NOON)
    assert (await client.tags.add("来源", ["抖音"])).tag[0].name == "抖音"
    await client.tags.mark("lin.mei", WM, add=["et1"])
    assert wecom.calls[EC + "add_corp_tag"][0].body == {"group_name": "来源", "tag": [{"name": "抖音"}]}
    assert wecom.calls[EC + "mark_tag"][0].body == {
        "userid": "lin.mei",
        "external_userid": WM,
        "add_tag": ["et1"],
    }


async def test_impossible_tags_are_never_sent(wecom: ScriptedWeCom, client: WeComClient) -> None:
    with pytest.raises(ValueError, match="group_name"):
        await client.tags.add("牙" * 31, ["抖音"])
    with pytest.raises(ValueError, match="names"):
        await client.tags.add("来源", [" "])
    with pytest.raises(ValueError, match="tags"):
        await client.tags.mark("lin.mei", WM)
    assert not wecom.calls


async def test_groups_are_listed_by_hundreds_of_owners_and_read(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script(
        EC + "groupchat/list",
        ok(group_chat_list=[{"chat_id": "wr1", "status": 0}], next_cursor="C2"),
        ok(group_chat_list=[{"chat_id": "wr2", "status": 0}]),
        ok(group_chat_list=[{"chat_id": "wr3", "status": 1}]),
    )
    refs = [ref.chat_id async for ref in client.groups.list([f"u{n}" for n in range(101)])]
    assert refs == ["wr1", "wr2", "wr3"]
    sizes = [len(call.body["owner_filter"]["userid_list"]) for call in wecom.calls[EC + "groupchat/list"]]
    assert sizes == [100, 100, 1]
    members = [
        {"userid": "lin.mei", "type": 1, "join_time": NOON_S, "join_scene": 1, "name": "林梅"},
        {"userid": WM, "type": 2, "join_time": NOON_S, "invitor": {"userid": "lin.mei"}, "state": "grp_12"},
    ]
    group = {
        "chat_id": "wr1",
        "name": "福利群",
        "owner": "lin.mei",
        "member_list": members,
        "member_version": "v1",
    }
    wecom.script(EC + "groupchat/get", ok(group_chat=group | {"admin_list": [{"userid": "wang.lei"}]}))
    chat = await client.groups.get("wr1")
    assert [member.is_external for member in chat.member_list] == [False, True]
    assert (chat.member_list[1].invitor.userid, chat.admin_list[0].userid) == ("lin.mei", "wang.lei")
    assert wecom.calls[EC + "groupchat/get"][0].body == {"chat_id": "wr1", "need_name": 1}


async def test_all_groups_are_listed_without_owners_and_none_for_no_owner(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script(EC + "groupchat/list", ok(group_chat_list=[{"chat_id": "wr1"}]))
    assert [ref.chat_id async for ref in client.groups.list()] == ["wr1"]
    assert "owner_filter" not in wecom.calls[EC + "groupchat/list"][0].body
    assert [ref async for ref in client.groups.list([])] == []


async def test_a_cursor_that_does_not_move_ends_the_listing(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script(EC + "groupchat/list", ok(group_chat_list=[{"chat_id": "wr1"}], next_cursor="STUCK"))
    assert len([ref async for ref in client.groups.list()]) == 2


async def test_a_member_is_read(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(
        "user/get", ok(userid="lin.mei", name="林梅", department=[2, 5], main_department=2, status=1)
    )
    member = await client.members.get("lin.mei")
    assert (member.name, member.department) == ("林梅", (2, 5))
    assert query(wecom, "user/get") == {"userid": "lin.mei"}


# --- mass sends and moments --------------------------------------------------------------------------------


async def test_a_mass_send_is_created_and_its_fail_list_is_normal(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script(
        EC + "add_msg_template", ok(msgid="msg1", fail_list=["wr2"]), ok(msgid="msg2", fail_list=None)
    )
    send = MassSend(chat_type="group", sender="xiaohu", chat_ids=("wr1", "wr2"), text="早安")
    created = await client.mass.create(send)
    assert (created.msgid, created.fail_list) == ("msg1", ("wr2",))
    assert (await client.mass.create(send)).fail_list == ()
    assert wecom.calls[EC + "add_msg_template"][0].body == send.to_wecom()


@pytest.mark.parametrize("reply", [reset, truncated, ok(), ok(msgid=""), raw(b"<html>")])
async def test_a_mass_send_without_a_usable_answer_is_unknown(
    wecom: ScriptedWeCom, client: WeComClient, reply: Any
) -> None:
    wecom.script(EC + "add_msg_template", reply)
    with pytest.raises(OutcomeUnknown):
        await client.mass.create(MassSend(chat_type="single", sender="xiaohu", text="早安"))
    assert len(wecom.calls[EC + "add_msg_template"]) == 1


async def test_a_mass_send_is_listed_followed_reminded_and_cancelled(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    record = {
        "msgid": "msg1",
        "creator": None,
        "create_time": str(NOON_S),
        "create_type": 0,
        "text": {"content": "早安"},
        "attachments": [{"msgtype": "link", "link": {"title": "t"}}],
    }
    wecom.script(EC + "get_groupmsg_list_v2", ok(group_msg_list=[record]))
    (listed,) = [one async for one in client.mass.list("group", NOON - timedelta(days=1), NOON)]
    assert (listed.content, listed.attachment_kinds, listed.create_time, listed.creator) == (
        "早安",
        ("link",),
        NOON,
        "",
    )
    assert wecom.calls[EC + "get_groupmsg_list_v2"][0].body == {
        "chat_type": "group",
        "filter_type": 2,
        "limit": 100,
        "start_time": NOON_S - 86400,
        "end_time": NOON_S,
    }
    wecom.script(
        EC + "get_groupmsg_task",
        ok(task_list=[{"userid": "lin.mei", "status": 2, "send_time": NOON_S}], next_cursor="C2"),
        ok(task_list=[{"userid": "wang.lei", "status": 0}]),
    )
    tasks = [task async for task in client.mass.tasks("msg1")]
    assert [(task.userid, task.is_sent, task.send_time) for task in tasks] == [
        ("lin.mei", True, NOON),
        ("wang.lei", False, None),
    ]
    rows = [
        {"external_userid": WM, "userid": "lin.mei", "status": 1, "send_time": NOON_S},
        {"chat_id": "wr1", "userid": "lin.mei", "status": 3, "send_time": 0},
    ]
    wecom.script(EC + "get_groupmsg_send_result", ok(send_list=rows))
    results = [result async for result in client.mass.results("msg1", "lin.mei")]
    assert [(one.external_userid, one.chat_id, one.status, one.send_time) for one in results] == [
        (WM, None, 1, NOON),
        (None, "wr1", 3, None),
    ]
    wecom.script(EC + "remind_groupmsg_send", ok(), failing(41094))
    wecom.script(EC + "cancel_groupmsg_send", ok())
    await client.mass.remind("msg1")
    with pytest.raises(NotYet) as caught:
        await client.mass.remind("msg1")
    assert caught.value.retry_after_s == 86_400
    await client.mass.cancel("msg1")


async def test_a_task_still_being_dispatched_asks_for_a_minute(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script(EC + "get_groupmsg_task", failing(41063))
    with pytest.raises(Busy) as caught:
        [task async for task in client.mass.tasks("msg1")]
    assert caught.value.retry_after_s == 60


async def test_a_moment_is_created_as_a_job_that_ends(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(EC + "add_moment_task", ok(jobid="job1"), reset)
    task = MomentTask(text="秋季新品", attachments=(Image(media_id="M11"),), userids=("zhang.wei",))
    assert await client.moments.create(task) == "job1"
    with pytest.raises(OutcomeUnknown):
        await client.moments.create(task)
    assert wecom.calls[EC + "add_moment_task"][0].body == task.to_wecom()
    result = {
        "errcode": 0,
        "moment_id": "mom1",
        "invalid_sender_list": {"user_list": ["gone.user"]},
        "invalid_external_contact_list": None,
    }
    wecom.script(
        EC + "get_moment_task_result", ok(status=1), ok(status=3, type="add_moment_task", result=result)
    )
    assert not (await client.moments.job_result("job1")).is_finished
    job = await client.moments.job_result("job1")
    assert job.is_finished
    assert job.result is not None
    assert (job.result.moment_id, job.result.invalid_senders.user_list) == ("mom1", ("gone.user",))
    assert job.result.invalid_tags.tag_list == ()
    assert query(wecom, EC + "get_moment_task_result") == {"jobid": "job1"}


async def test_moments_are_listed_in_pages_of_twenty(wecom: ScriptedWeCom, client: WeComClient) -> None:
    records = [
        {
            "moment_id": "mom1",
            "create_time": NOON_S,
            "text": {"content": "a"},
            "image": [{"media_id": "1"}] * 2,
        },
        {
            "moment_id": "mom2",
            "creator": "lin.mei",
            "create_type": 1,
            "video": {"media_id": "2"},
            "text": None,
        },
        {"moment_id": "mom3", "link": {"title": "t", "url": "https://x"}},
    ]
    wecom.script(EC + "get_moment_list", ok(moment_list=records))
    listed = [one async for one in client.moments.list(NOON - timedelta(days=30), NOON, creator="lin.mei")]
    assert [one.attachment_kinds for one in listed] == [("image", "image"), ("video",), ("link",)]
    assert [one.content for one in listed] == ["a", "", ""]
    body = wecom.calls[EC + "get_moment_list"][0].body
    assert (body["limit"], body["creator"]) == (20, "lin.mei")
    with pytest.raises(ValueError, match="end"):
        [one async for one in client.moments.list(NOON - timedelta(days=31), NOON)]


async def test_what_became_of_a_moment_is_read(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(EC + "get_moment_task", ok(task_list=[{"userid": "zhang.wei", "publish_status": 1}]))
    wecom.script(EC + "get_moment_customer_list", ok(customer_list=[{"userid": "u", "external_userid": WM}]))
    wecom.script(EC + "get_moment_send_result", ok(customer_list=[{"external_userid": WM}]))
    reactions = {
        "comment_list": [{"external_userid": WM, "create_time": NOON_S}],
        "like_list": [{"userid": "lin.mei", "create_time": NOON_S}],
    }
    wecom.script(EC + "get_moment_comments", ok(**reactions))
    wecom.script(EC + "cancel_moment_task", ok())
    assert [one.is_published async for one in client.moments.tasks("mom1")] == [True]
    assert [one.external_userid async for one in client.moments.customers("mom1", "zhang.wei")] == [WM]
    assert [one.external_userid async for one in client.moments.send_result("mom1", "zhang.wei")] == [WM]
    comments = await client.moments.comments("mom1", "zhang.wei")
    assert (comments.comment_list[0].external_userid, comments.like_list[0].userid) == (WM, "lin.mei")
    await client.moments.cancel("mom1")
    assert wecom.calls[EC + "get_moment_send_result"][0].body == {
        "moment_id": "mom1",
        "userid": "zhang.wei",
        "limit": 5000,
    }


# --- messages ----------------------------------------------------------------------------------------------

CARD = ButtonInteraction(title="待审批", task_id="post-1@1", buttons=(Button(text="通过", key="approve"),))


async def test_a_card_is_sent_and_its_codes_come_back(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script(
        "message/send",
        ok(msgid="m1", response_code="RC", invaliduser="gone.user|other.user", invalidparty=""),
    )
    sent = await client.messages.send(Message(content=CARD, to_users=("chen.jing",)))
    assert (sent.msgid, sent.response_code, sent.invaliduser) == ("m1", "RC", ("gone.user", "other.user"))
    assert wecom.calls["message/send"][0].body["agentid"] == 1000007


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        pytest.param(failing(81013), Refused, id="nobody is valid"),
        pytest.param(failing(60020, "from ip: 203.0.113.9"), NeedsAdmin, id="IP not trusted"),
        pytest.param(reset, OutcomeUnknown, id="answer lost"),
    ],
)
async def test_a_message_that_did_not_go_is_told_apart(
    wecom: ScriptedWeCom, client: WeComClient, reply: Any, error: type[Exception]
) -> None:
    wecom.script("message/send", reply)
    with pytest.raises(error):
        await client.messages.send(Message(content=Text(content="x"), to_users=("chen.jing",)))


async def test_a_card_is_updated_by_button_or_as_a_whole(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script("message/update_template_card", ok(invaliduser=["gone.user"]), ok(), failing(60140))
    assert await client.messages.update_card("RC", userids=["chen.jing"], replace_name="已通过") == [
        "gone.user"
    ]
    assert await client.messages.update_card("RC", everybody=True, card=CARD) == []
    with pytest.raises(Refused):
        await client.messages.update_card("RC", party_ids=[2], replace_name="已通过")
    first, second, third = (call.body for call in wecom.calls["message/update_template_card"])
    assert first == {
        "agentid": 1000007,
        "response_code": "RC",
        "userids": ["chen.jing"],
        "button": {"replace_name": "已通过"},
    }
    assert (second["atall"], second["template_card"]) == (1, CARD.to_wecom())
    assert third["partyids"] == [2]


@pytest.mark.parametrize(
    ("kwargs", "field"),
    [
        pytest.param({"userids": ["u"]}, "replace_name", id="no change"),
        pytest.param({"userids": ["u"], "replace_name": "x", "card": CARD}, "replace_name", id="two changes"),
        pytest.param({"replace_name": "x"}, "userids", id="nobody"),
        pytest.param({"replace_name": "x", "userids": ["u"] * 1001}, "userids", id="too many"),
    ],
)
async def test_an_impossible_card_update_is_never_sent(
    wecom: ScriptedWeCom, client: WeComClient, kwargs: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        await client.messages.update_card("RC", **kwargs)
    assert not wecom.calls


# --- media -------------------------------------------------------------------------------------------------

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def test_an_upload_carries_its_chinese_filename_as_plain_utf8(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script("media/upload", ok(type="image", media_id="M1", created_at=str(NOON_S)))
    media = await client.media.upload("image", '护牙"小贴士".png', PNG, "image/png")
    assert (media.media_id, media.created_at) == ("M1", NOON)
    call = wecom.calls["media/upload"][0]
    assert query(wecom, "media/upload") == {"type": "image"}
    head, _, rest = call.raw.partition(b"\r\n\r\n")
    assert 'name="media"; filename="护牙\\"小贴士\\".png"; filelength="108"'.encode() in head
    assert b"filename*" not in head
    assert b"Content-Type: image/png" in head
    assert rest.startswith(PNG)
    assert int(call.headers["Content-Length"]) == len(call.raw)


async def test_an_upload_can_be_read_by_an_ordinary_multipart_reader(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script("media/upload", ok(media_id="M1"))
    await client.media.upload("file", "price.pdf", PNG, "application/pdf")
    call = wecom.calls["media/upload"][0]
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(
        b"Content-Type: " + call.headers["Content-Type"].encode() + b"\r\n\r\n" + call.raw
    )
    (part,) = message.iter_parts()  # type: ignore[attr-defined]
    assert part.get_filename() == "price.pdf"
    assert part.get_payload(decode=True) == PNG


async def test_an_upload_is_replayed_with_the_whole_file_after_its_token_was_refused(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script("media/upload", failing(42001), ok(media_id="M1"))
    await client.media.upload("image", "a.png", PNG, "image/png")
    first, second = wecom.calls["media/upload"]
    assert PNG in first.raw
    assert PNG in second.raw


async def test_attachments_and_image_urls_have_their_own_uploads(
    wecom: ScriptedWeCom, client: WeComClient
) -> None:
    wecom.script("media/upload_attachment", ok(type="image", media_id="M2", created_at=NOON_S))
    wecom.script("media/uploadimg", ok(url="https://wework.example/p.png"))
    media = await client.media.upload_attachment("image", "a.png", PNG, "image/png")
    assert media.created_at == NOON
    assert query(wecom, "media/upload_attachment") == {"media_type": "image", "attachment_type": "1"}
    assert await client.media.upload_image("a.png", PNG, "image/png") == "https://wework.example/p.png"


@pytest.mark.parametrize(
    ("kind", "filename", "data", "field"),
    [
        pytest.param("image", "a.png", b"12345", "data", id="five bytes"),
        pytest.param("voice", "a.amr", bytes(2 * 1024 * 1024 + 1), "data", id="voice over 2 MB"),
        pytest.param("image", " ", PNG, "filename", id="no filename"),
        pytest.param("image", "a\r\nX: y.png", PNG, "filename", id="a header in the filename"),
    ],
)
async def test_an_impossible_upload_is_never_sent(
    wecom: ScriptedWeCom, client: WeComClient, kind: Any, filename: str, data: bytes, field: str
) -> None:
    with pytest.raises(ValueError, match=field):
        await client.media.upload(kind, filename, data, "image/png")
    assert not wecom.calls


async def test_moments_take_no_files(client: WeComClient) -> None:
    with pytest.raises(ValueError, match="kind"):
        await client.media.upload_attachment("file", "a.pdf", PNG, "application/pdf")


async def test_a_lost_upload_may_simply_be_repeated(wecom: ScriptedWeCom, client: WeComClient) -> None:
    wecom.script("media/upload", reset)
    with pytest.raises(Busy):
        await client.media.upload("image", "a.png", PNG, "image/png")


async def test_the_token_can_be_checked_alone(wecom: ScriptedWeCom, client: WeComClient) -> None:
    await client.check_token()
    await client.check_token()
    assert [len(calls) for calls in wecom.calls.values()] == [1]
