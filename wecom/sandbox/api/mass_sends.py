"""Mass sends (mass-send-and-moments.md §1, §2)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal
from wecom.sandbox.state import Delivery, MemberTask

from .content import read_content
from .endpoint import post
from .paging import page
from .slices import Slices
from .times import window

if TYPE_CHECKING:
    from datetime import datetime

    from wecom.sandbox.state import ChatType, Follow, Json, MassTask
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call
    from .fields import Fields


async def add_msg_template(call: Call) -> Json:
    """Make a task; who it is for may be 300 000 patients, so that is found out in slices."""
    body, tenant, slices = call.body, call.tenant, Slices()
    corp = tenant.corp
    chat_type = body.text("chat_type") or "single"
    if chat_type not in {"single", "group"}:
        raise Refusal(86214)
    text, attachments = read_content(tenant, body)
    allow_select = body.flag("allow_select")
    if chat_type == "group":
        recipients, failed = _group_recipients(tenant, body)
    else:
        recipients, failed = await _single_recipients(tenant, body, slices)
    parts = await _parts(recipients, slices)
    reachable = await _anybody_reachable(tenant, chat_type, recipients, slices)
    if tenant.corp is not corp:
        raise Refusal(-1)  # the tenant began again while we counted
    if not reachable:
        raise Refusal(41048)
    task = tenant.mass.create(
        chat_type="group" if chat_type == "group" else "single",
        text=text,
        attachments=attachments,
        parts=parts,
        allow_select=allow_select and chat_type == "single",
    )
    return {"fail_list": failed, "msgid": task.msgid}


async def _parts(recipients: dict[str, list[str]], slices: Slices) -> dict[str, MemberTask]:
    parts = {}
    for userid, ids in recipients.items():
        if ids:
            parts[userid] = MemberTask(userid=userid, recipients={some_id: Delivery() for some_id in ids})
        if slices.over:
            await slices.pause()
    return parts


async def _anybody_reachable(
    tenant: Tenant, chat_type: str, recipients: dict[str, list[str]], slices: Slices
) -> bool:
    kind: ChatType = "group" if chat_type == "group" else "single"
    for userid, ids in recipients.items():
        for some_id in ids:
            if tenant.mass.reachable(kind, userid, some_id):
                return True
            if slices.over:
                await slices.pause()
    return False


def _group_recipients(tenant: Tenant, body: Fields) -> tuple[dict[str, list[str]], list[str]]:
    """Return the sender's groups and the chat_ids that are not; without a list it is all of them."""
    sender = body.text("sender", required=True)
    tenant.corp.contact_member(sender)
    wanted = body.texts("chat_id_list", at_most=2_000)
    owned = {group.chat_id for group in tenant.corp.groups_owned_by(sender)}
    if not wanted:
        return {sender: sorted(owned)}, []
    wanted = list(dict.fromkeys(wanted))
    return {sender: [c for c in wanted if c in owned]}, [c for c in wanted if c not in owned]


async def _single_recipients(
    tenant: Tenant, body: Fields, slices: Slices
) -> tuple[dict[str, list[str]], list[str]]:
    sender = body.text("sender")
    wanted = list(dict.fromkeys(body.texts("external_userid", at_most=10_000)))
    # Named customers win: a tag_filter beside them is not even looked at.
    tag_lists = [] if wanted else _tag_lists(tenant, body)
    if not sender and not wanted and not tag_lists:
        raise Refusal(
            40058, "invalid Request Parameter: sender, external_userid and tag_filter are all empty"
        )
    if sender:
        tenant.corp.contact_member(sender)
    if wanted:
        return await _named(tenant, wanted, sender, slices)
    senders = [sender] if sender else [member.userid for member in tenant.corp.serving_members()]
    chosen: dict[str, list[str]] = {}
    for userid in senders:
        book = tenant.corp.follows_of_member.get(userid)
        for follow in book.tagged(tag_lists) if book is not None else ():
            if not follow.half and (sender or _last_chatted(tenant, follow.external_userid) == userid):
                chosen.setdefault(userid, []).append(follow.external_userid)
            if slices.over:
                await slices.pause()
        if slices.over:
            await slices.pause()
    return chosen, []


async def _named(
    tenant: Tenant, wanted: list[str], sender: str, slices: Slices
) -> tuple[dict[str, list[str]], list[str]]:
    chosen: dict[str, list[str]] = {}
    failed = []
    for external_userid in wanted:
        userid = sender or _last_chatted(tenant, external_userid)
        follow = tenant.corp.follow(userid, external_userid) if userid else None
        if follow is None or follow.half:
            failed.append(external_userid)
        else:
            chosen.setdefault(follow.userid, []).append(external_userid)
        if slices.over:
            await slices.pause()
    return chosen, failed


def _last_chatted(tenant: Tenant, external_userid: str) -> str:
    """Return the member who last chatted with a customer, else the one who knows her longest; "" if none."""
    follows = [f for f in tenant.corp.listed_follows(external_userid) if _can_serve(tenant, f)]
    spoken = [f for f in follows if f.last_chat_at is not None]
    if spoken:
        return max(spoken, key=lambda f: f.last_chat_at or f.createtime).userid
    return min(follows, key=lambda f: f.createtime).userid if follows else ""


def _can_serve(tenant: Tenant, follow: Follow) -> bool:
    return tenant.corp.members[follow.userid].contact_enabled


def _tag_lists(tenant: Tenant, body: Fields) -> list[list[str]]:
    """Return tag_filter: inside one list OR, between lists AND; 40068 unknown tags."""
    groups = body.part("tag_filter").parts("group_list", at_most=100)
    lists = [group.texts("tag_list", at_most=100, required=True) for group in groups]
    if any(tenant.tags.find(tag_id) is None for tags in lists for tag_id in tags):
        raise Refusal(40068)
    return lists


def remind_groupmsg_send(call: Call) -> Json:
    call.tenant.mass.remind(call.body.text("msgid"))
    return {}


def cancel_groupmsg_send(call: Call) -> Json:
    call.tenant.mass.cancel(call.body.text("msgid"))
    return {}


def get_groupmsg_list_v2(call: Call) -> Json:
    body = call.body
    chat_type = body.text("chat_type")
    if chat_type not in {"single", "group"}:
        raise Refusal(86214)
    start, end = window(body, longest=timedelta(days=31))
    creator = body.text("creator")
    personal = {0: False, 1: True, 2: None}[body.integer("filter_type", default=2, high=2)]
    if creator:
        call.tenant.corp.member(creator)
    tasks = call.tenant.mass.listed(chat_type, start, end, creator=creator, personal=personal)
    limit, cursor = body.limit(default=50, most=100), body.text("cursor")
    shown, following = page(tasks, cursor=cursor, limit=limit)
    return {"next_cursor": following, "group_msg_list": [_listed(task) for task in shown]}


def _listed(task: MassTask) -> Json:
    shown: Json = {"msgid": task.msgid}
    if task.creator:  # what the API made is the corp's and shows no creator
        shown["creator"] = task.creator
    return shown | {
        "create_time": _seconds(task.created_at),
        "create_type": int(bool(task.creator)),
        "text": {"content": task.text},
        "attachments": task.attachments,
    }


def _seconds(at: datetime) -> int:
    return int(at.timestamp())


def get_groupmsg_task(call: Call) -> Json:
    task = call.tenant.mass.dispatched(call.body.text("msgid"))
    limit, cursor = call.body.limit(default=500, most=1000), call.body.text("cursor")
    parts = [p for p in task.tasks.values() if call.tenant.corp.members[p.userid].visible]
    shown, following = page(parts, cursor=cursor, limit=limit)
    return {
        "next_cursor": following,
        "task_list": [
            {"userid": part.userid, "status": 0}
            if part.sent_at is None
            else {"userid": part.userid, "status": 2, "send_time": _seconds(part.sent_at)}
            for part in shown
        ],
    }


def get_groupmsg_send_result(call: Call) -> Json:
    body = call.body
    task = call.tenant.mass.dispatched(body.text("msgid"))
    member = call.tenant.corp.member(body.text("userid"))
    limit, cursor = body.limit(default=500, most=1000), body.text("cursor")
    part = task.tasks.get(member.userid)
    rows = list(part.recipients.items()) if part else []
    if task.chat_type == "group":
        # Groups that were not sent to are not listed: the owner may not have chosen them.
        rows = [(some_id, delivery) for some_id, delivery in rows if delivery.status]
    shown, following = page(rows, cursor=cursor, limit=limit)
    key = "chat_id" if task.chat_type == "group" else "external_userid"
    return {
        "next_cursor": following,
        "send_list": [_result(key, some_id, member.userid, delivery) for some_id, delivery in shown],
    }


def _result(key: str, some_id: str, userid: str, delivery: Delivery) -> Json:
    row: Json = {key: some_id, "userid": userid, "status": delivery.status}
    if delivery.send_time is not None:
        row["send_time"] = _seconds(delivery.send_time)
    return row


ENDPOINTS = (
    post("externalcontact/add_msg_template", add_msg_template),
    post("externalcontact/remind_groupmsg_send", remind_groupmsg_send),
    post("externalcontact/cancel_groupmsg_send", cancel_groupmsg_send),
    post("externalcontact/get_groupmsg_list_v2", get_groupmsg_list_v2),
    post("externalcontact/get_groupmsg_task", get_groupmsg_task),
    post("externalcontact/get_groupmsg_send_result", get_groupmsg_send_result),
)
