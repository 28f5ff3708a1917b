"""What changed between two wordings: the words that went and came, and the other fields."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST: Final = 4000  # characters; longer texts are shown whole, old and new
SCRAP: Final = 2  # agreements shorter than that make a diff of confetti

NAMES: Final = {
    "category": "类别",
    "for": "谁来说",
    "roles": "群类型",
    "attachments": "附件",
    "tags": "写给谁",
    "age": "年龄",
    "months": "月份",
    "on": "前后",
    "expires_on": "最后一天",
    "weight": "分量",
    "patient": "患者",
    "state": "状态",
    "title": "标题",
    "desc": "说明",
    "url": "网址",
    "appid": "小程序",
    "page": "页面",
    "picture": "封面",
    "file": "文件",
    "stage": "阶段",
    "objection": "顾虑",
    "situation": "情形",
    "never": "不要说",
    "hand_over": "请谁来接",
    "asks": "怎么问",
    "words": "说到什么",
    "without": "除非说到",
    "urgent": "急事",
    "kind": "种类",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Some words: ``kept``, ``gone`` or ``new``."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A field that is not the text, before and after; empty where it was or is not there."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diff:
    """What changed from one document to another."""

    words: tuple[Piece, ...]  # empty: the words are the same
    changes: tuple[Change, ...]

    @property
    def nothing(self) -> bool:
        return not self.words and not self.changes


def diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> Diff:
    """Return what changed between two documents of one kind."""
    old, new = _words(before), _words(after)
    names = [name for name in (*before, *after) if name not in ("text", "say", "key")]
    changes = [
        Change(name=NAMES.get(name, name), before=_said(before.get(name)), after=_said(after.get(name)))
        for name in dict.fromkeys(names)
        if before.get(name) != after.get(name)
    ]
    return Diff(words=pieces(old, new) if old != new else (), changes=tuple(changes))


def pieces(old: str, new: str) -> tuple[Piece, ...]:
    """Return two texts as one, with what went and what came."""
    if len(old) > MOST or len(new) > MOST:
        return (Piece(kind="gone", text=old), Piece(kind="new", text=new))
    found: list[Piece] = []
    gone = came = ""
    for tag, a, b, c, d in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        scrap = tag == "equal" and b - a < SCRAP and "\n" not in old[a:b]
        if tag == "equal" and not scrap:
            found += _both(gone, came)
            gone = came = ""
            found.append(Piece(kind="kept", text=old[a:b]))
            continue
        gone, came = gone + old[a:b], came + new[c:d]
    return (*found, *_both(gone, came))


def _both(gone: str, came: str) -> list[Piece]:
    return [Piece(kind=kind, text=text) for kind, text in (("gone", gone), ("new", came)) if text]


def _words(document: Mapping[str, Any]) -> str:
    say = document.get("say", ())
    return str(document.get("text") or "\n\n".join(say))


def _said(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return " ".join(f"{name} {inner}" for name, inner in value.items())
    if isinstance(value, list):
        return "、".join(str(one) for one in value)
    if value is True:
        return "是"
    return {"retired": "停用", "none": "没有用到", "shown": "用到了"}.get(str(value), str(value))
