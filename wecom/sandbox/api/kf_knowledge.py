"""微信客服: the knowledge of WeCom's own bot (customer-service-kf.md §7, doc 95971, 95972)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

from .content import read_appid, read_attachment, read_url
from .endpoint import post
from .paging import page

if TYPE_CHECKING:
    from wecom.sandbox.knowledge import Entry
    from wecom.sandbox.state import Json
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call
    from .fields import Fields

NAME_CHARS, QUESTION_CHARS, ANSWER_CHARS = 12, 200, 500
SIMILAR, ATTACHMENTS = 100, 4


def _allowed(call: Call) -> None:
    if not call.tenant.rules.kf_granted:
        raise Refusal(48002)


def add_group(call: Call) -> Json:
    _allowed(call)
    name = call.body.text("name", required=True, max_chars=NAME_CHARS)
    return {"group_id": call.tenant.knowledge.add_group(name).group_id}


def mod_group(call: Call) -> Json:
    _allowed(call)
    name = call.body.text("name", required=True, max_chars=NAME_CHARS)
    call.tenant.knowledge.rename_group(call.body.text("group_id", required=True), name)
    return {}


def del_group(call: Call) -> Json:
    _allowed(call)
    call.tenant.knowledge.delete_group(call.body.text("group_id", required=True))
    return {}


def list_group(call: Call) -> Json:
    _allowed(call)
    wanted = call.body.text("group_id")
    groups = [one for one in call.tenant.knowledge.groups.values() if wanted in ("", one.group_id)]
    shown, cursor = page(
        groups, cursor=call.body.text("cursor"), limit=call.body.limit(default=500, most=1000)
    )
    return {
        "next_cursor": cursor,
        "has_more": int(bool(cursor)),
        "group_list": [
            {"group_id": one.group_id, "name": one.name, "is_default": int(one.is_default)} for one in shown
        ],
    }


def add_intent(call: Call) -> Json:
    _allowed(call)
    body = call.body
    entry = call.tenant.knowledge.add(
        body.text("group_id", required=True),
        _question(body.part("question", required=True)),
        _similar(body.part("similar_questions")),
        _answers(call.tenant, body),
    )
    return {"intent_id": entry.intent_id}


def mod_intent(call: Call) -> Json:
    _allowed(call)
    body = call.body
    entry = call.tenant.knowledge.entry(body.text("intent_id", required=True))
    call.tenant.knowledge.update(
        entry,
        question=_question(body.part("question")) if body.has("question") else None,
        similar=_similar(body.part("similar_questions")) if body.has("similar_questions") else None,
        answers=_answers(call.tenant, body) if body.has("answers") else None,
    )
    return {}


def del_intent(call: Call) -> Json:
    _allowed(call)
    call.tenant.knowledge.delete(call.body.text("intent_id", required=True))
    return {}


def list_intent(call: Call) -> Json:
    _allowed(call)
    body = call.body
    found = call.tenant.knowledge.of(group_id=body.text("group_id"), intent_id=body.text("intent_id"))
    shown, cursor = page(found, cursor=body.text("cursor"), limit=body.limit(default=500, most=1000))
    return {
        "next_cursor": cursor,
        "has_more": int(bool(cursor)),
        "intent_list": [_shown(entry) for entry in shown],
    }


def _question(part: Fields) -> str:
    return part.part("text", required=True).text("content", required=True, max_chars=QUESTION_CHARS)


def _similar(part: Fields) -> list[str]:
    return [_question(one) for one in part.parts("items", at_most=SIMILAR)]


def _answers(tenant: Tenant, body: Fields) -> list[Json]:
    (answer,) = body.parts("answers", at_most=1, required=True)
    text = answer.part("text", required=True).text("content", required=True, max_chars=ANSWER_CHARS)
    attached = [_attachment(tenant, one) for one in answer.parts("attachments", at_most=ATTACHMENTS)]
    return [{"text": {"content": text}, "attachments": attached}]


def _attachment(tenant: Tenant, part: Fields) -> Json:
    """Return an attachment as the list shows it: media by their file names only."""
    kind = part.text("msgtype")
    inner = part.part(kind, required=True) if kind in {"image", "video", "link", "miniprogram"} else None
    if inner is None:
        raise Refusal(40058, "invalid Request Parameter: attachments.msgtype")
    if kind in {"image", "video"}:
        media = tenant.media.require(inner.text("media_id"), kind=kind, scene="upload")
        return {"msgtype": kind, kind: {"name": media.filename}}
    if kind == "link":
        return {"msgtype": kind, kind: {**read_attachment(tenant, kind, inner), "url": read_url(inner)}}
    tenant.media.require(inner.text("thumb_media_id"), kind="image", scene="upload")
    program = {
        "title": inner.text("title", required=True, max_bytes=64),
        "appid": read_appid(tenant, inner),
        "pagepath": inner.text("pagepath", required=True, max_bytes=1024),
    }
    return {"msgtype": kind, kind: program}


def _shown(entry: Entry) -> Json:
    return {
        "group_id": entry.group_id,
        "intent_id": entry.intent_id,
        "question": {"text": {"content": entry.question}},
        "similar_questions": {"items": [{"text": {"content": one}} for one in entry.similar]},
        "answers": entry.answers,
    }


ENDPOINTS = (
    post("kf/knowledge/add_group", add_group),
    post("kf/knowledge/mod_group", mod_group),
    post("kf/knowledge/del_group", del_group),
    post("kf/knowledge/list_group", list_group),
    post("kf/knowledge/add_intent", add_intent),
    post("kf/knowledge/mod_intent", mod_intent),
    post("kf/knowledge/del_intent", del_intent),
    post("kf/knowledge/list_intent", list_intent),
)
