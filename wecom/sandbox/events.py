"""The plaintext XML of callbacks, field by field as WeCom writes it (callbacks.md §6-§9)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

# What XML 1.0 cannot carry, even in CDATA; WeCom's clients do not send it either.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

Value = str | int | Mapping[str, "Value"] | Sequence["Value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallbackEvent:
    """One thing WeCom tells the app. ``name`` is ``Event`` or ``Event.ChangeType``, for logs and filters."""

    name: str
    xml: str


def _element(name: str, value: Value) -> str:
    if isinstance(value, Mapping):
        inner = "".join(_element(key, child) for key, child in value.items())
        return f"<{name}>{inner}</{name}>"
    if isinstance(value, str):
        # A CDATA section cannot contain its own end mark: cut the mark in two sections.
        cut = _UNPRINTABLE.sub("", value).replace("]]>", "]]]]><![CDATA[>")
        return f"<{name}><![CDATA[{cut}]]></{name}>"
    if isinstance(value, int):
        return f"<{name}>{value}</{name}>"
    return "".join(_element(name, child) for child in value)


def to_xml(fields: Mapping[str, Value]) -> str:
    """Write fields as WeCom's XML: texts in CDATA, numbers bare, a list as a repeated element."""
    return _element("xml", fields)


def event(corp_id: str, at: int, name: str, sender: str = "sys", /, **fields: Value) -> CallbackEvent:
    """Build an event. ``sender`` is ``sys`` or a member's userid; ``fields`` follow in the given order."""
    head: dict[str, Value] = {"ToUserName": corp_id, "FromUserName": sender, "CreateTime": at}
    head |= {"MsgType": "event", "Event": name}
    change = fields.get("ChangeType")
    return CallbackEvent(
        name=f"{name}.{change}" if isinstance(change, str) else name, xml=to_xml(head | fields)
    )


def text_message(
    *, corp_id: str, at: int, sender: str, text: str, msg_id: int, agent_id: int
) -> CallbackEvent:
    """Build the message a member wrote to the app."""
    fields: dict[str, Value] = {"ToUserName": corp_id, "FromUserName": sender, "CreateTime": at}
    fields |= {"MsgType": "text", "Content": text, "MsgId": msg_id, "AgentID": agent_id}
    return CallbackEvent(name="text", xml=to_xml(fields))


def member_change_xml(
    *, corp_id: str, at: int, chat_id: str, detail: str, people: Sequence[str], versions: tuple[str, str],
    scene: int,
) -> CallbackEvent:  # fmt: skip
    """Build change_external_chat / update for people who came or went; its items are bare, not CDATA."""
    joined = detail == "add_member"
    base = event(
        corp_id,
        at,
        "change_external_chat",
        ChatId=chat_id,
        ChangeType="update",
        UpdateDetail=detail,
        JoinScene=scene if joined else 0,
        QuitScene=0 if joined else scene,
        MemChangeCnt=len(people),
    )
    items = "".join(f"<Item>{escape(person)}</Item>" for person in people)
    tail = _element("LastMemVer", versions[0]) + _element("CurMemVer", versions[1])
    xml = base.xml.removesuffix("</xml>") + f"<MemChangeList>{items}</MemChangeList>{tail}</xml>"
    return CallbackEvent(name=f"{base.name}.{detail}", xml=xml)
