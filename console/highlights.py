"""Cuts a text where findings of the content check begin and end, so that each can be marked in place."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from console.wording import LEVEL_ORDER

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A piece of text with the numbers (from 1) of the findings that cover it; level is the gravest."""

    text: str
    numbers: tuple[int, ...] = ()
    level: str = ""
    ends: tuple[int, ...] = ()  # findings whose last piece this is: their number is printed here


def segments(text: str, findings: Sequence[dict[str, Any]]) -> tuple[Segment, ...]:
    """Return the pieces of ``text`` in order; spans outside the text or empty are left unmarked."""
    spans = [
        (number, max(int(f["start"]), 0), min(int(f["end"]), len(text)), str(f["level"]))
        for number, f in enumerate(findings, start=1)
    ]
    spans = [span for span in spans if span[1] < span[2]]
    cuts = sorted({0, len(text), *(cut for _, start, end, _ in spans for cut in (start, end))})
    pieces = []
    for start, end in pairwise(cuts):
        over = [span for span in spans if span[1] <= start and end <= span[2]]
        pieces.append(
            Segment(
                text=text[start:end],
                numbers=tuple(number for number, *_ in over),
                level=gravest([level for *_, level in over]),
                ends=tuple(number for number, _, stop, _ in over if stop == end),
            )
        )
    return tuple(pieces)


def gravest(levels: Sequence[str]) -> str:
    """Return the gravest of some levels, or an empty string."""
    return next((level for level in LEVEL_ORDER if level in levels), "")
