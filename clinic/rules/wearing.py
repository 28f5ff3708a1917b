"""Which tags a patient wears: what was said about them, the newest word last.

Words come from rules and from people, in any order and more than once. Nothing but their set matters.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet
    from datetime import datetime

RULE: Final = "rule"
STAFF: Final = "staff"  # a member, on the phone
WECOM: Final = "wecom"  # there when we first looked


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """Somebody or some rule said that a tag is on (``present``) or off, for one member's relation or all."""

    key: str
    path: str  # 组/标签
    present: bool
    at: datetime
    origin: str
    reason: str
    rule: str | None = None
    userid: str = ""  # empty: all relations
    expires_at: datetime | None = None

    @property
    def group(self) -> str:
        return self.path.partition("/")[0]


def worn(
    words: Iterable[Word], *, exclusive: AbstractSet[str], now: datetime, userid: str = ""
) -> Mapping[str, Word]:
    """Return the tags on one member's relation, each with the word that put it there.

    A tag of an exclusive group drives out the others. A tag said twice stays for the longer of the two. At
    one instant a person's word counts more than a rule's.

    Args:
        exclusive: names of the groups of which a patient wears one tag at most.
        userid: the member; empty: whatever was said about all.
    """
    mine = {word.key: word for word in words if word.userid in ("", userid) or not userid}
    on: dict[str, Word] = {}
    for word in sorted(mine.values(), key=lambda w: (w.at, w.origin != RULE, not w.present, w.key)):
        if not word.present:
            on.pop(word.path, None)
            continue
        before = on.get(word.path)
        if word.group in exclusive:
            on = {path: other for path, other in on.items() if other.group != word.group}
        on[word.path] = before if before is not None and _lasts_longer(before, word) else word
    return {path: word for path, word in on.items() if word.expires_at is None or word.expires_at > now}


def _lasts_longer(one: Word, other: Word) -> bool:
    if one.expires_at is None:
        return True
    return other.expires_at is not None and other.expires_at <= one.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What WeCom must be asked to change on one relation."""

    add: tuple[str, ...]
    remove: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.add or self.remove)


def difference(wanted: AbstractSet[str], asked: AbstractSet[str]) -> Change:
    """Compare the tags that should be there with those that will be once everything queued is done."""
    return Change(add=tuple(sorted(wanted - asked)), remove=tuple(sorted(asked - wanted)))
