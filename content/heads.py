"""How a rule's matches can begin: the first two characters, worked out from its pattern.

Seventy rules of hundreds of words each would each search the whole text. Knowing the possible beginnings of
every alternative, one walk through the text finds the few places where any of them can match, and asks only
those there. Understands the dialect of `content.rulebook` and nothing more; what it does not know it calls
unknown, which costs time but never a finding.
"""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

MAX_HEADS = 60_000
_MAX_NEEDS = 2_000
_WIDE = 64  # a class of more characters than that is as good as unknown


_PLAIN = re.compile(r"[^()\[\]{}?\\^$]*")


class _AnywhereError(Exception):
    """A match may begin with any character."""


def alternatives(pattern: str) -> list[str]:
    """Part a pattern at its outermost ``|``."""
    parts: list[str] = []
    depth = start = at = 0
    while at < len(pattern):
        character = pattern[at]
        if character == "\\":
            at += 2
            continue
        if character == "[":
            at = pattern.index("]", at + 2) + 1
            continue
        depth += {"(": 1, ")": -1}.get(character, 0)
        if character == "|" and not depth:
            parts.append(pattern[start:at])
            start = at + 1
        at += 1
    return [*parts, pattern[start:]]


def heads(pattern: str) -> frozenset[str] | None:
    """Return the beginnings (one or two characters) of everything a pattern matches, or None for anything.

    A beginning of one character means that the second is not known.
    """
    group = _leading_group(pattern)
    if group:  # thousands of names are worked out once and not for each pattern that begins with one
        known = _heads(group)
        if known and all(len(head) == 2 for head in known):
            return known
    return _heads(pattern)


def needs(pattern: str) -> frozenset[str] | None:
    """Return words of one or two characters of which every match has one later on; None: not known."""
    found: list[frozenset[str]] = []
    walk = _Walk(pattern)
    at = 0
    while at < len(pattern):
        try:
            _, end = walk.atom(at)
        except _AnywhereError:
            return None
        least, _, end = walk.times(end)
        if at and least and pattern[at] != "[" and not pattern.startswith("(?!", at):
            known = _heads(pattern[at:])
            if known and len(known) <= _MAX_NEEDS:
                found.append(known)
        at = end
    # Single characters are common: they tell least.
    return min(found, key=lambda some: (any(len(word) == 1 for word in some), len(some)), default=None)


def core(pattern: str) -> str:
    """Return a pattern without what it may begin with but need not: it is found wherever the pattern is."""
    walk = _Walk(pattern)
    at = 0
    while at < len(pattern):
        try:
            _, end = walk.atom(at)
        except _AnywhereError:
            break
        least, _, end = walk.times(end)
        if least:
            break
        at = end
    return pattern[at:]


def longest(pattern: str) -> int:
    """Return the most characters that a pattern matches."""
    return _Walk(pattern).longest(0)[0]


def _close(pattern: str, at: int) -> int:
    """Return where the group that opens at ``at`` closes."""
    depth = 0
    while True:
        character = pattern[at]
        if character == "\\":
            at += 1
        elif character == "[":
            at = pattern.index("]", at + 2)
        elif character == "(":
            depth += 1
        elif character == ")":
            depth -= 1
            if not depth:
                return at
        at += 1


@cache
def _words(body: str) -> frozenset[str] | None:
    """Return the first two characters of each word of ``a|b|c``, or None where it is more than words."""
    if not _PLAIN.fullmatch(body):
        return None
    return frozenset(word[:2] for word in body.split("|"))


def _leading_group(pattern: str) -> str:
    """Return the group a pattern must begin with, or nothing."""
    if not pattern.startswith("(?:"):
        return ""
    at = _close(pattern, 0) + 1
    return "" if pattern[at : at + 1] in ("?", "{") else pattern[:at]


@cache
def _heads(pattern: str) -> frozenset[str] | None:
    walk = _Walk(pattern)
    try:
        left, end = walk.alternatives(0, {""})
    except _AnywhereError:
        return None
    if end != len(pattern) or "" in left or len(walk.done | left) > MAX_HEADS:
        return None
    return frozenset(walk.done | left)


class _Walk:
    """Walks a pattern, growing beginnings; those that are complete are put aside in ``done``."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self.done: set[str] = set()

    def alternatives(self, at: int, open_: set[str]) -> tuple[set[str], int]:
        """Walk ``a|b|c`` from ``at``; answers the unfinished beginnings after it and where it ends."""
        result: set[str] = set()
        while True:
            after, at = self._sequence(at, open_)
            result |= after
            if self._pattern[at : at + 1] != "|":
                return result, at
            at += 1

    def longest(self, at: int) -> tuple[int, int]:
        """Measure ``a|b|c`` from ``at``; answers the most characters and where it ends."""
        pattern = self._pattern
        most = here = 0
        while at < len(pattern) and pattern[at] != ")":
            width = 1
            if pattern[at] == "|":
                most, here = max(most, here), 0
                at += 1
                continue
            if pattern.startswith("(?!", at):
                _, end = self.longest(at + 3)
                width, end = 0, end + 1
            elif pattern.startswith("(?:", at):
                width, end = self.longest(at + 3)
                end += 1
            elif pattern[at] == "[":
                end = pattern.index("]", at + 2) + 1
            else:
                end = at + (2 if pattern[at] == "\\" else 1)
            _, times, at = self.times(end)
            here += width * times
        return max(most, here), at

    def _sequence(self, at: int, open_: set[str]) -> tuple[set[str], int]:
        pattern = self._pattern
        while at < len(pattern) and pattern[at] not in "|)":
            grow, at = self.atom(at)
            least, most, at = self.times(at)
            for _ in range(min(least, 2)):
                open_ = grow(open_)
            reached = open_
            for _ in range(min(most, 2) - min(least, 2)):
                open_ = grow(open_)
                reached = reached | open_
            open_ = reached
        return open_, at

    def atom(self, at: int) -> tuple[Callable[[set[str]], set[str]], int]:
        """Return how one atom lengthens beginnings, and where the atom ends."""
        pattern = self._pattern
        if pattern[at] == "(":
            return self._group(at), _close(pattern, at) + 1
        if pattern[at] == "[":
            characters, end = self._class(at)
            return (lambda open_: self._lengthen(open_, characters)), end
        if pattern[at] == "\\":
            return (lambda open_: self._lengthen(open_, {pattern[at + 1]})), at + 2
        if pattern[at] in "^$":
            return (lambda open_: open_), at + 1
        return (lambda open_: self._lengthen(open_, {pattern[at]})), at + 1

    def _group(self, at: int) -> Callable[[set[str]], set[str]]:
        pattern = self._pattern
        if pattern.startswith("(?!", at):  # a promise about what follows: it only makes matches fewer
            return lambda open_: open_
        if not pattern.startswith("(?:", at):
            raise _AnywhereError
        words = _words(pattern[at + 3 : _close(pattern, at)])
        if words is not None:
            return lambda open_: self._lengthen(open_, words)
        return lambda open_: self.alternatives(at + 3, open_)[0]

    def _lengthen(self, open_: set[str], words: Collection[str] | None) -> set[str]:
        """Go on with one of some characters or words."""
        if words is None:  # any character may follow
            if "" in open_:
                raise _AnywhereError
            self.done |= open_
            return set()
        longer = {(head + word)[:2] for head in open_ for word in words}
        unfinished = {head for head in longer if len(head) < 2}
        self.done |= longer - unfinished
        if len(self.done) > MAX_HEADS:
            raise _AnywhereError
        return unfinished

    def _class(self, at: int) -> tuple[set[str] | None, int]:
        pattern = self._pattern
        end = pattern.index("]", at + 2)
        body = pattern[at + 1 : end]
        if body.startswith("^") or "\\" in body:
            return None, end + 1
        found: set[str] = set()
        position = 0
        while position < len(body):
            if body[position + 1 : position + 2] == "-" and position + 2 < len(body):
                first, last = ord(body[position]), ord(body[position + 2])
                if last - first > _WIDE:
                    return None, end + 1
                found |= {chr(code) for code in range(first, last + 1)}
                position += 3
            else:
                found.add(body[position])
                position += 1
        return found, end + 1

    def times(self, at: int) -> tuple[int, int, int]:
        """Read ``?``, ``{n}``, ``{m,n}``; answers least, most and where it ends."""
        pattern = self._pattern
        if pattern[at : at + 1] == "?":
            return 0, 1, at + 1
        if pattern[at : at + 1] != "{":
            return 1, 1, at
        end = pattern.index("}", at)
        least, _, most = pattern[at + 1 : end].partition(",")
        return int(least), int(most or least), end + 1
