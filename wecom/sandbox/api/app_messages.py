"""Messages and cards to staff (messages-and-cards.md §1, §2)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wecom.sandbox.cards import INTERACTIVE, check_card, without_nulls
from wecom.sandbox.refusal import Refusal

from .content import read_appid, read_url
from .endpoint import post

if TYPE_CHECKING:
    from collections.abc import Callable

    from wecom.sandbox.corp import Corp
    from wecom.sandbox.state import Json
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call
    from .fields import Fields

TEXT_BYTES = 2048


def message_send(call: Call) -> Json:
    body, tenant = call.body, call.tenant
    _check_agent(tenant, body)
    receivers, invalid = _receivers(tenant.corp, body)
    msgtype = body.text("msgtype")
    reader = _READERS.get(msgtype)
    if reader is None:
        raise Refusal(40008)
    payload = reader(tenant, body.part(msgtype, required=True, missing=44004))
    # An mpnews may also be kept inside the corp (2); the others are open (0) or confidential (1).
    body.integer("safe", high=2 if msgtype == "mpnews" else 1)
    body.flag("enable_id_trans")
    repeats = body.flag("enable_duplicate_check")
    interval = body.integer("duplicate_check_interval", default=1800, low=1, high=14_400)
    if not receivers:
        raise Refusal(81013)
    message, code = tenant.messages.send(
        receivers=receivers,
        msgtype=msgtype,
        payload=payload,
        duplicate_check_s=interval if repeats else None,
    )
    answer: Json = {**invalid, "unlicenseduser": "", "msgid": message.msgid}
    return answer | ({"response_code": code.code} if code else {})


def _check_agent(tenant: Tenant, body: Fields) -> None:
    """Refuse an agentid that is none (40056) or another app's (301002)."""
    agent = body.raw.get("agentid")
    if isinstance(agent, str) and agent.isascii() and agent.isdecimal() and len(agent) < 19:
        agent = int(agent)
    if isinstance(agent, bool) or not isinstance(agent, int):
        raise Refusal(40056)
    if agent != tenant.credentials.agent_id:
        raise Refusal(301002)


def _split(body: Fields, key: str, *, at_most: int, too_many: int) -> list[str]:
    found = [item for item in body.text(key).split("|") if item]
    if len(found) > at_most:
        raise Refusal(too_many)
    return found


def _receivers(corp: Corp, body: Fields) -> tuple[list[str], dict[str, str]]:
    """Return the visible members meant, and WeCom's |-joined lists of those who are not."""
    users = _split(body, "touser", at_most=1000, too_many=40032)
    parties = _split(body, "toparty", at_most=100, too_many=82002)
    tags = _split(body, "totag", at_most=100, too_many=82003)
    if not users and not parties and not tags:
        raise Refusal(82001)
    if users == ["@all"]:
        everybody = [member.userid for member in corp.visible_members()]
        return everybody, {"invaliduser": "", "invalidparty": "", "invalidtag": ""}
    # Userids are not case-sensitive, and come back in lower case.
    visible = {member.userid.lower(): member.userid for member in corp.visible_members()}
    found = [visible[user.lower()] for user in users if user.lower() in visible]
    bad_users = [user.lower() for user in users if user.lower() not in visible]
    bad_parties = []
    for party in parties:
        known = party.isascii() and party.isdecimal() and len(party) < 10 and int(party) in corp.departments
        if known:
            found += [m.userid for m in corp.members_of_department(int(party)) if m.visible]
        else:
            bad_parties.append(party)
    invalid = {
        "invaliduser": "|".join(bad_users),
        "invalidparty": "|".join(bad_parties),
        "invalidtag": "|".join(tags),  # this corp has no member tags
    }
    return list(dict.fromkeys(found)), invalid


def _text(_: Tenant, part: Fields) -> Json:
    content = part.text("content", required=True, missing=44004)
    # Longer text is cut, not refused; never inside a character.
    return {"content": content.encode()[:TEXT_BYTES].decode(errors="ignore")}


def _markdown(_: Tenant, part: Fields) -> Json:
    limits = {"max_bytes": TEXT_BYTES, "too_long": 45002}
    return {"content": part.text("content", required=True, missing=44004, **limits)}


def _textcard(_: Tenant, part: Fields) -> Json:
    return {
        "title": part.text("title", required=True, max_chars=128, too_long=45002),
        "description": part.text("description", required=True, max_chars=512, too_long=45002),
        "url": read_url(part),
        "btntxt": part.text("btntxt", max_chars=4),
    }


def _news(tenant: Tenant, part: Fields) -> Json:
    articles = part.parts("articles", at_most=8, too_many=45008, required=True, missing=40063)
    return {"articles": [_article(tenant, article) for article in articles]}


def _article(tenant: Tenant, article: Fields) -> Json:
    shown: Json = {
        "title": article.text("title", required=True, max_bytes=128, too_long=45002),
        "description": article.text("description", max_bytes=512, too_long=45002),
        "picurl": article.text("picurl", max_bytes=2048),
    }
    if article.has("appid"):
        return shown | {"appid": read_appid(tenant, article), "pagepath": article.text("pagepath")}
    return shown | {"url": read_url(article)}


def _mpnews(tenant: Tenant, part: Fields) -> Json:
    articles = part.parts("articles", at_most=8, too_many=45008, required=True, missing=40063)
    return {
        "articles": [
            {
                "title": article.text("title", required=True, max_bytes=128, too_long=45002),
                "thumb_media_id": tenant.media.require(
                    article.text("thumb_media_id"), kind="image", scene="upload"
                ).media_id,
                "content": article.text("content", required=True, max_bytes=666 * 1024, too_long=45002),
                "digest": article.text("digest", max_bytes=512, too_long=45002),
                "author": article.text("author", max_bytes=64),
                "content_source_url": article.text("content_source_url", max_bytes=2048),
            }
            for article in articles
        ]
    }


def _miniprogram_notice(tenant: Tenant, part: Fields) -> Json:
    items = part.parts("content_item", at_most=10, too_many=90201)
    return {
        "appid": read_appid(tenant, part),
        "page": part.text("page", max_bytes=1024),
        "title": part.text("title", required=True, max_chars=64, too_long=45002),
        "description": part.text("description", max_chars=64, too_long=45002),
        "emphasis_first_item": part.flag("emphasis_first_item"),
        "content_item": [
            {
                "key": item.text("key", required=True, missing=90202, max_chars=10, too_long=90202),
                "value": item.text("value", required=True, missing=90203, max_chars=30, too_long=90203),
            }
            for item in items
        ],
    }


def _file_of(kind: str) -> Callable[[Tenant, Fields], Json]:
    def read(tenant: Tenant, part: Fields) -> Json:
        media = tenant.media.require(part.text("media_id"), kind=kind, scene="upload")
        shown: Json = {"media_id": media.media_id}
        if kind == "video":
            shown["title"] = part.text("title", max_bytes=128)
            shown["description"] = part.text("description", max_bytes=512)
        return shown

    return read


def _template_card(tenant: Tenant, part: Fields) -> Json:
    card = _read_card(tenant, part)
    needs_callback = card["card_type"] in INTERACTIVE or "action_menu" in card
    if needs_callback and not tenant.rules.callbacks_configured:
        raise Refusal(43012)
    return card


def _read_card(tenant: Tenant, part: Fields, *, update: bool = False) -> Json:
    card: Json = without_nulls(part.raw)
    check_card(card, update=update)
    for row in card.get("horizontal_content_list", []):
        if row.get("type") == 2:
            tenant.media.require(row["media_id"], kind="file", scene="upload")
    return card


_READERS: dict[str, Callable[[Tenant, Fields], Json]] = {
    "text": _text,
    "markdown": _markdown,
    "textcard": _textcard,
    "news": _news,
    "mpnews": _mpnews,
    "image": _file_of("image"),
    "voice": _file_of("voice"),
    "video": _file_of("video"),
    "file": _file_of("file"),
    "miniprogram_notice": _miniprogram_notice,
    "template_card": _template_card,
}


def update_template_card(call: Call) -> Json:
    body, tenant = call.body, call.tenant
    _check_agent(tenant, body)
    replace_name = body.part("button").text("replace_name")
    card = _read_card(tenant, body.part("template_card"), update=True) if body.has("template_card") else None
    if card is None and not replace_name:
        raise Refusal(40058, "invalid Request Parameter: button.replace_name or template_card is needed")
    userids = body.texts("userids", at_most=1000, too_many=40032)
    parties = body.integers("partyids", at_most=100)
    tags = body.integers("tagids", at_most=100)
    everybody = body.flag("atall")
    if not userids and not parties and not tags and not everybody:
        raise Refusal(82101)
    code, message = tenant.messages.usable_code(body.text("response_code"))
    targets = list(userids)
    for party in parties:
        targets += [member.userid for member in tenant.corp.members_of_department(party)]
    if everybody:
        targets += list(message.copies)
    strangers = tenant.messages.update(
        code, message, userids=list(dict.fromkeys(targets)), replace_name=replace_name or None, card=card
    )
    # An array here, a |-joined string in message/send: so it is at WeCom.
    return {"invaliduser": [userid.lower() for userid in strangers if userid in userids]}


def message_recall(call: Call) -> Json:
    call.tenant.messages.recall(call.body.text("msgid", required=True))
    return {}


ENDPOINTS = (
    post("message/send", message_send),
    post("message/update_template_card", update_template_card),
    post("message/recall", message_recall),
)
