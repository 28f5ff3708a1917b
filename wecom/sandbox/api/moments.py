"""Customer moments (mass-send-and-moments.md §3)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .content import TEXT_BYTES, read_url, refuse_blocked
from .endpoint import get, post
from .paging import page
from .times import window

if TYPE_CHECKING:
    from wecom.sandbox.state import Json, Moment
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call
    from .fields import Fields

TEXT_CHARS = 2000
MOST_OF = {"image": 9, "video": 1, "link": 1}


def add_moment_task(call: Call) -> Json:
    body, tenant = call.body, call.tenant
    text = body.part("text").text("content", max_chars=TEXT_CHARS, max_bytes=TEXT_BYTES, too_long=45002)
    attachments = _attachments(tenant, body)
    if not text and not attachments:
        raise Refusal(41089)
    refuse_blocked(tenant, text)
    reach = body.part("visible_range")
    senders = reach.part("sender_list")
    users = list(dict.fromkeys(senders.texts("user_list", at_most=100_000)))
    departments = senders.integers("department_list", at_most=100_000)
    tags = reach.part("external_contact_list").texts("tag_list", at_most=10_000)
    moment = tenant.moments.start(
        text=text,
        attachments=attachments,
        users=users,
        departments=departments,
        tags=tags,
        known_tags={tag_id for tag_id in tags if tenant.tags.find(tag_id) is not None},
        ranged=bool(users or departments),
    )
    return {"jobid": moment.jobid}


def _attachments(tenant: Tenant, body: Fields) -> list[Json]:
    """Return up to nine images, or one video, or one link; never a mixture."""
    parts = body.parts("attachments", at_most=sum(MOST_OF.values()), too_many=41064)
    kinds = {part.text("msgtype") for part in parts}
    if not parts:
        return []
    if len(kinds) > 1 or not kinds <= set(MOST_OF):
        raise Refusal(41065)
    kind = kinds.pop()
    if len(parts) > MOST_OF[kind]:
        raise Refusal(41064)
    return [
        {"msgtype": kind, kind: _attachment(tenant, kind, part.part(kind, required=True))} for part in parts
    ]


def _attachment(tenant: Tenant, kind: str, part: Fields) -> Json:
    media = tenant.media.require(
        part.text("media_id"), kind="video" if kind == "video" else "image", scene="moment"
    )
    if kind != "link":
        return {"media_id": media.media_id}
    title = part.text("title", max_chars=64, max_bytes=128)
    return {"title": title, "url": read_url(part), "media_id": media.media_id}


def get_moment_task_result(call: Call) -> Json:
    moments = call.tenant.moments
    job = moments.job(call.query.get("jobid", ""))
    status = moments.job_status(job)
    answer: Json = {"status": status, "type": "add_moment_task"}
    if status == 3:
        answer["result"] = {
            "errcode": job.errcode,
            "errmsg": "ok" if job.errcode == 0 else "no valid sender",
            "invalid_sender_list": {
                "user_list": job.invalid_users,
                "department_list": job.invalid_departments,
            },
            "invalid_external_contact_list": {"tag_list": job.invalid_tags},
        }
        if job.errcode == 0:
            answer["result"]["moment_id"] = job.moment_id
    return answer


def cancel_moment_task(call: Call) -> Json:
    call.tenant.moments.cancel(call.body.text("moment_id"))
    return {}


def get_moment_list(call: Call) -> Json:
    body = call.body
    start, end = window(body, longest=timedelta(days=30))
    creator = body.text("creator")
    personal = {0: False, 1: True, 2: None}[body.integer("filter_type", default=2, high=2)]
    if creator:
        call.tenant.corp.member(creator)
    moments = call.tenant.moments.listed(start, end, creator=creator, personal=personal)
    shown, following = page(moments, cursor=body.text("cursor"), limit=body.limit(default=20, most=20))
    return {"next_cursor": following, "moment_list": [_listed(moment) for moment in shown]}


def _listed(moment: Moment) -> Json:
    shown: Json = {
        "moment_id": moment.moment_id,
        "create_time": int(moment.created_at.timestamp()),
        "create_type": int(bool(moment.creator)),
        "visible_type": 1 if moment.public else 0,
    }
    if moment.creator:  # what the API made is the corp's and shows no creator
        shown["creator"] = moment.creator
    if moment.text:
        shown["text"] = {"content": moment.text}
    for attachment in moment.attachments:
        kind = attachment["msgtype"]
        content = attachment[kind]
        if kind == "image":
            shown.setdefault("image", []).append({"media_id": content["media_id"]})
        elif kind == "video":
            shown["video"] = {"media_id": content["media_id"], "thumb_media_id": content["media_id"]}
        else:
            shown["link"] = {"title": content["title"], "url": content["url"]}
    return shown


def get_moment_task(call: Call) -> Json:
    moment = call.tenant.moments.dispatched(call.body.text("moment_id"))
    if moment.creator:
        raise Refusal(41067)
    limit, cursor = call.body.limit(default=500, most=1000), call.body.text("cursor")
    shown, following = page(moment.senders, cursor=cursor, limit=limit)
    return {
        "next_cursor": following,
        "task_list": [
            {"userid": userid, "publish_status": int(userid in moment.publications)} for userid in shown
        ],
    }


def _asked(call: Call) -> tuple[str, str]:
    moment_id = call.body.text("moment_id")
    call.tenant.moments.get(moment_id)
    return moment_id, call.tenant.corp.member(call.body.text("userid")).userid


def get_moment_customer_list(call: Call) -> Json:
    moment_id, userid = _asked(call)
    limit, cursor = call.body.limit(default=500, most=1000), call.body.text("cursor")
    publication = call.tenant.moments.publication(moment_id, userid)
    shown, following = page(publication.customers, cursor=cursor, limit=limit)
    return {
        "next_cursor": following,
        "customer_list": [{"userid": userid, "external_userid": some_id} for some_id in shown],
    }


def get_moment_send_result(call: Call) -> Json:
    moment_id, userid = _asked(call)
    limit, cursor = call.body.limit(default=3000, most=5000), call.body.text("cursor")
    publication = call.tenant.moments.publication(moment_id, userid)
    shown, following = page(list(publication.delivered), cursor=cursor, limit=limit)
    return {"next_cursor": following, "customer_list": [{"external_userid": some_id} for some_id in shown]}


def get_moment_comments(call: Call) -> Json:
    moment_id, userid = _asked(call)
    publication = call.tenant.moments.publication(moment_id, userid)
    return {
        "comment_list": [
            {"external_userid": some_id, "create_time": int(at.timestamp())}
            for some_id, at, _ in publication.comments
        ],
        "like_list": [
            {"external_userid": some_id, "create_time": int(at.timestamp())}
            for some_id, at in publication.likes.items()
        ],
    }


ENDPOINTS = (
    post("externalcontact/add_moment_task", add_moment_task),
    get("externalcontact/get_moment_task_result", get_moment_task_result),
    post("externalcontact/cancel_moment_task", cancel_moment_task),
    post("externalcontact/get_moment_list", get_moment_list),
    post("externalcontact/get_moment_task", get_moment_task),
    post("externalcontact/get_moment_customer_list", get_moment_customer_list),
    post("externalcontact/get_moment_send_result", get_moment_send_result),
    post("externalcontact/get_moment_comments", get_moment_comments),
)
