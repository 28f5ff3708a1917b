"""The library's entries as pages show them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clinic.stages import Stage
from console.highlights import Segment, gravest, segments
from console.views import Attachment, Face, attachment_of, face_of
from console.wording import Sign
from content.library.reading import readings, speakers_of
from content.written import ASSETS, POSTS
from sop.attachments import from_item
from sop.library_use import Result
from sop.posts import finding_document

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from console.deps import Deps
    from content.library.fitness import Fault
    from content.library.reading import Reading
    from content.pack import Pack
    from content.written import Written

KINDS: Final = {
    "moment": "朋友圈",
    "group": "群内容",
    "direct": "一对一",
    "script": "话术",
    "answer": "客服回答",
    "image": "图片",
    "video": "视频",
    "link": "链接",
    "miniprogram": "小程序",
}
ICONS: Final = {
    "moment": "moment",
    "group": "group",
    "direct": "direct",
    "script": "keys",
    "answer": "question",
    "image": "picture",
    "video": "play",
    "link": "link",
    "miniprogram": "spark",
}
STATES: Final = {"active": "在用", "retired": "已停用", "offered": "有可用的更新", "unfit": "现在不能用"}
SIGNS: Final = {
    "active": Sign(label="在用", tone="teal", icon="check"),
    "retired": Sign(label="已停用", tone="grey", icon="cross"),
    "unfit": Sign(label="现在不能用", tone="red", icon="alert"),
}
BOTH: Final = {"assistant": "各位小助理", "doctor": "各位医生"}
TITLES: Final = {"direct": "一对一，每人单独收到", "script": "跟一位客户说", "answer": "微信客服"}
EXCERPT: Final = 90
STAGES: Final = {stage.value: stage.title for stage in Stage}


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An entry in a list."""

    shelf: str
    key: str
    kind: str
    kind_name: str
    icon: str
    category: str
    title: str
    excerpt: str
    who: str
    state: str
    sign: Sign
    offered: bool
    edited: bool
    needs_consent: bool
    result: Result
    plans: int
    picture: str | None

    @property
    def href(self) -> str:
        return f"/console/library/{self.shelf}/{self.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sketch:
    """A text on a phone before there is a post: what the preview asks of one."""

    id: str
    kind: str
    face: Face
    segments: tuple[Segment, ...]
    attachments: tuple[Attachment, ...]
    scheduled_at: datetime
    groups: tuple[str, ...]
    title: str = ""  # of the chat, where it is no customer group

    @property
    def images(self) -> tuple[Attachment, ...]:
        return tuple(card for card in self.attachments if card.kind == "image")

    @property
    def cards(self) -> tuple[Attachment, ...]:
        return tuple(card for card in self.attachments if card.kind != "image")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a page says of a text being written."""

    sketch: Sketch
    segments: tuple[Segment, ...]
    findings: tuple[dict[str, Any], ...]
    level: str
    faults: tuple[Fault, ...]
    chars: int
    size: int
    limit: int
    too_long: bool
    others: tuple[str, ...]  # personas, not the one shown, for whom it is blocked


def line_of(
    entry: Written,
    *,
    pack: Pack,
    usable: bool,
    offered: bool,
    edited: bool,
    result: Result | None = None,
    plans: int = 0,
) -> Line:
    """Return an entry as lists show it."""
    document = entry.document
    words = str(document.get("text") or document.get("situation") or document.get("desc") or "")
    title = title_of(document) or entry.key
    retired = document.get("state") == "retired"
    state = "retired" if retired else "active" if usable else "unfit"
    category = str(document.get("category") or document.get("objection") or "")
    shown = document.get("patient") == "shown"
    return Line(
        shelf=entry.shelf,
        key=entry.key,
        kind=entry.kind,
        kind_name=KINDS[entry.kind],
        icon=ICONS[entry.kind],
        category=category,
        title=title,
        excerpt=" ".join(words.split())[:EXCERPT],
        who=who_says(entry.kind, document, pack),
        state=state,
        sign=SIGNS[state],
        offered=offered,
        edited=edited,
        needs_consent=shown or (category in ("案例", "口碑") and "patient" not in document),
        result=result or Result(),
        plans=plans,
        picture=_picture(entry, pack),
    )


def who_says(kind: str, document: Mapping[str, Any], pack: Pack) -> str:
    """Name who may say an entry."""
    if kind in ASSETS or kind == "answer":
        return ""
    named = document.get("for") or ()
    names = {persona.key: persona.name for persona in pack.personas}
    return "、".join(BOTH.get(key) or names.get(key, key) for key in named) or "都可以"


def verdict_on(
    deps: Deps,
    pack: Pack,
    kind: str,
    document: Mapping[str, Any],
    *,
    persona: str,
    faults: tuple[Fault, ...],
    now: datetime,
) -> Verdict:
    """Judge a text as ``persona`` says it, or the first who may; the others are named where it is blocked."""
    read = readings(kind, document, pack, renderer=deps.renderer, checker=deps.checker)
    shown = next((one for one in read if one.persona.key == persona), read[0] if read else None)
    text = shown.text if shown else str(document.get("text", ""))
    findings = tuple(finding_document(found) for found in shown.findings) if shown else ()
    pieces = segments(text, findings)
    speaker = shown.persona.key if shown else persona or pack.default_persona
    limit = shown.limit if shown else 4000
    size = len(text.encode())
    return Verdict(
        sketch=sketch_of(kind, document, pack, persona=speaker, pieces=pieces, now=now),
        segments=pieces,
        findings=findings,
        level=gravest([str(found["level"]) for found in findings]),
        faults=faults,
        chars=len(text),
        size=size,
        limit=limit,
        too_long=size > limit,
        others=tuple(one.persona.name for one in read if one is not shown and one.blocked),
    )


def sketch_of(
    kind: str,
    document: Mapping[str, Any],
    pack: Pack,
    *,
    persona: str,
    pieces: tuple[Segment, ...],
    now: datetime,
) -> Sketch:
    """Return a text as a phone shows it."""
    known = {asset.key for asset in pack.assets}
    keys = [key for key in document.get("attachments", ()) if key in known]
    roles = {role.key: role.title for role in pack.roles}
    return Sketch(
        id="library",
        kind=kind if kind in POSTS else "direct",
        face=face_of(pack, persona),
        segments=pieces,
        attachments=tuple(attachment_of(card, pack) for card in from_item(keys, pack)),
        scheduled_at=now,
        groups=tuple(roles.get(key, key) for key in document.get("roles", ())),
        title=TITLES.get(kind, ""),
    )


def faces_for(kind: str, document: Mapping[str, Any], pack: Pack) -> tuple[Face, ...]:
    """Return who may say an entry, to choose whose preview is shown."""
    return tuple(face_of(pack, persona.key) for persona in speakers_of(kind, document, pack))


def blocked_for(read: Sequence[Reading]) -> str:
    """Say why a text must not be kept, or nothing."""
    for one in read:
        for found in one.findings:
            if found.level == "block":
                words = one.text[found.start : found.end]
                return f"“{words}”不能用（{one.persona.name}）：{found.advice}"
    return ""


def title_of(document: Mapping[str, Any]) -> str:
    """Return what people call an entry: its title, else the first line of its text."""
    lines = str(document.get("title") or document.get("text") or "").split("\n")
    return next((line.strip() for line in lines if line.strip()), "")[:40]


def _picture(entry: Written, pack: Pack) -> str | None:
    """Return the asset whose picture stands for an entry."""
    if entry.kind == "image":
        return entry.key
    if entry.kind in ASSETS:
        return str(entry.document["picture"]) if entry.document.get("picture") else None
    known = {asset.key: asset for asset in pack.assets}
    for key in entry.document.get("attachments", ()):
        asset = known.get(key)
        if asset is not None and (asset.kind == "image" or asset.picture):
            return str(key)
    return None


def says(entry: Written, words: str) -> bool:
    """Tell whether all of some words stand in an entry, whatever their case."""
    said = f"{entry.key} {' '.join(_texts(entry.document))}".casefold()
    return all(word in said for word in words.casefold().split())


def _texts(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for inner in value.values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _texts(inner)
