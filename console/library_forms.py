"""Forms of the library's entries, made into their documents: what is left empty is left out."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from console.forms import strings
from content.written import ordered

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from multidict import MultiDictProxy

# The fields that a form of each kind holds; a document's other fields stay as they are.
FIELDS: Final[dict[str, tuple[str, ...]]] = {
    "moment": (
        *("category", "for", "text", "attachments", "months", "on", "tags", "age", "expires_on", "weight"),
        "patient",
    ),
    "group": (
        *("category", "for", "roles", "text", "attachments", "months", "on", "tags", "age", "expires_on"),
        *("weight", "patient"),
    ),
    "direct": (
        *("category", "for", "text", "attachments", "months", "on", "tags", "age", "expires_on"),
        "patient",
    ),
    "script": ("title", "stage", "objection", "for", "situation", "say", "never", "hand_over"),
    "answer": ("title", "asks", "words", "without", "text", "attachments", "urgent"),
    "image": ("title", "patient"),
    "video": ("title", "patient"),
    "link": ("title", "desc", "url", "picture", "patient"),
    "miniprogram": ("title", "appid", "page", "picture", "patient"),
}
PREFIX: Final = {
    "moment": "moment.own",
    "group": "group.own",
    "direct": "direct.own",
    "script": "script.own",
    "answer": "answer.own",
    "image": "own-picture",
    "video": "own-video",
    "link": "own-link",
    "miniprogram": "own-mini",
}
MOST_CHARS: Final = 20_000


@dataclass(frozen=True, slots=True)
class Raw:
    """The values of a form as they were sent."""

    form: MultiDictProxy[Any]

    def text(self, name: str) -> str:
        value = self.form.get(name, "")
        plain = value.replace("\r\n", "\n").replace("\r", "\n") if isinstance(value, str) else ""
        return plain.strip()[:MOST_CHARS]

    def many(self, name: str) -> list[str]:
        return [value.strip() for value in strings(self.form, name) if value.strip()]

    def lines(self, name: str) -> list[str]:
        """Return what stands one per line."""
        return [line.strip() for line in self.text(name).split("\n") if line.strip()]

    def number(self, name: str) -> int | str | None:
        """Return a number; what is none is returned as it is, to be refused by its name."""
        text = self.text(name)
        return int(text) if text.isascii() and text.isdigit() else (text or None)


def document_from(kind: str, base: Mapping[str, Any], form: MultiDictProxy[Any]) -> dict[str, Any]:
    """Return the document that a form means, on top of the one it was made from."""
    raw = Raw(form)
    document = {name: value for name, value in base.items() if name not in FIELDS[kind]}
    for name in FIELDS[kind]:
        value = _READ.get(name, _text)(raw, name)
        if value not in (None, "", [], {}):
            document[name] = value
    return ordered(document)


def _text(raw: Raw, name: str) -> Any:
    return raw.text(name)


def _many(raw: Raw, name: str) -> Any:
    return raw.many(name)


def _lines(raw: Raw, name: str) -> Any:
    return raw.lines(name)


def _months(raw: Raw, name: str) -> Any:
    months = {int(value) for value in raw.many(name) if value.isascii() and value.isdigit()}
    return sorted(months) if len(months) < 12 else []


def _weight(raw: Raw, name: str) -> Any:
    weight = raw.number(name)
    return None if weight == 1 else weight


def _age(raw: Raw, name: str) -> Any:
    limits = {"from": raw.number(f"{name}_from"), "below": raw.number(f"{name}_below")}
    return {bound: value for bound, value in limits.items() if value not in (None, 0)}


def _on(raw: Raw, name: str) -> Any:
    if not raw.text(name):
        return None
    around = {"from": raw.text(f"{name}_from"), "until": raw.text(f"{name}_until")}
    window = {bound: _signed(value) for bound, value in around.items() if value}
    defaults = {"from": -3, "until": 3}
    return {"day": raw.text(name)} | {b: v for b, v in window.items() if v != defaults[b]}


def _signed(value: str) -> int | str:
    digits = value.removeprefix("-")
    return int(value) if digits.isascii() and digits.isdigit() else value


def _urgent(raw: Raw, name: str) -> Any:
    return True if raw.text(name) else None


_READ: Final[dict[str, Callable[[Raw, str], Any]]] = {
    **dict.fromkeys(("for", "roles", "attachments", "tags", "stage", "say"), _many),
    **dict.fromkeys(("asks", "words", "without", "never"), _lines),
    "months": _months,
    "weight": _weight,
    "age": _age,
    "on": _on,
    "urgent": _urgent,
}


def new_key(kind: str, document: Mapping[str, Any], now: datetime, *, salt: str = "") -> str:
    """Return a key for something new: staff have better things to think of than names nobody sees."""
    said = sha256(f"{document!r}{now.isoformat()}{salt}".encode()).hexdigest()[:6]
    return f"{PREFIX[kind]}.{now:%y%m%d}-{said}"
