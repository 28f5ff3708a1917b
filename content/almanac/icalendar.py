"""A year as an iCalendar file (RFC 5545): whole-day events that any calendar app can subscribe to.

UIDs are made from the key and the season of an entry, not from its date: when the State Council publishes a
year, or somebody moves a campaign, the next import moves the event instead of adding a second one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID, uuid5

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content.almanac.entries import Entry
    from content.almanac.year_plan import YearPlan

MAX_LINE: Final = 75  # octets without the line break, RFC 5545 §3.1
_NAMESPACE: Final = UUID("6f4a1f0e-57e5-4c55-9b5b-1d1c6f0f6b3a")  # ours; changing it doubles every event
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")  # §3.1: none but HTAB within a value


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One whole-day event. ``uid_of`` is what stays the same when the event moves."""

    uid_of: str
    start: date
    end: date  # inclusive; the file says the day after
    summary: str
    description: str
    category: str
    tentative: bool = False


def almanac_events(entries: Iterable[Entry]) -> Iterator[Event]:
    """Turn what the almanac says into events."""
    for entry in entries:
        notes = [entry.note] if entry.note else []
        if entry.solemn:
            notes.append("纪念日，不做促销")
        yield Event(
            uid_of=f"day:{entry.key}:{entry.season}",
            start=entry.start,
            end=entry.end,
            summary=entry.title,
            description="\n".join(notes),
            category=entry.kind,
            tentative=entry.provisional,
        )


def plan_events(plan: YearPlan) -> Iterator[Event]:
    """Turn a year plan into events: each campaign, the day its preparation begins, each weekly theme."""
    place = f"plan:{plan.name}:{plan.year}"
    titles = {slot.key: slot.title for slot in plan.campaigns}
    for slot in plan.campaigns:
        joins = f"\n和“{titles[slot.joins]}”一起办" if slot.joins else ""
        yield Event(
            uid_of=f"{place}:{slot.key}",
            start=slot.start,
            end=slot.end,
            summary=slot.title,
            description=f"{slot.idea}\n{slot.review_on:%m-%d} 复盘{joins}",
            category=f"{slot.tier}主题",
        )
        yield Event(
            uid_of=f"{place}:{slot.key}:prepare",
            start=slot.prepare_on,
            end=slot.prepare_on,
            summary=f"开始准备：{slot.title}",
            description=f"{slot.start:%m-%d} 开始",
            category="准备",
        )
    for term in plan.terms:
        yield Event(
            uid_of=f"{place}:term.{term.key}",
            start=term.day,
            end=term.day,
            summary=f"{term.title}：{term.tip}",
            description="",
            category="节气主题",
        )
    for week in plan.weeks:
        if week.theme is not None:
            yield Event(
                uid_of=f"{place}:{week.theme.key}",
                start=week.monday,
                end=week.sunday,
                summary=f"本周主题：{week.theme.title}",
                description="",
                category="每周主题",
            )


def to_icalendar(events: Iterable[Event], *, name: str, stamp: datetime) -> bytes:
    """Write events as an iCalendar file.

    Args:
        name: the calendar's name as apps show it.
        stamp: the aware instant the file is made; apps take the later of two versions of an event.

    Raises:
        ValueError: ``stamp`` has no UTC offset.
    """
    if stamp.utcoffset() is None:
        raise ValueError(f"stamp {stamp!r} has no UTC offset")
    made = f"{stamp.astimezone(UTC):%Y%m%dT%H%M%SZ}"
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Xiaohu//Almanac//ZH", "CALSCALE:GREGORIAN"]
    lines += [f"X-WR-CALNAME:{_text(name)}", "X-WR-TIMEZONE:Asia/Shanghai"]
    for event in events:
        lines += _event(event, made)
    lines.append("END:VCALENDAR")
    return b"".join(_fold(line) for line in lines)


def _event(event: Event, made: str) -> Iterator[str]:
    yield "BEGIN:VEVENT"
    yield f"UID:{uuid5(_NAMESPACE, event.uid_of)}"
    yield f"DTSTAMP:{made}"
    yield f"DTSTART;VALUE=DATE:{event.start:%Y%m%d}"
    yield f"DTEND;VALUE=DATE:{event.end + timedelta(days=1):%Y%m%d}"
    yield f"SUMMARY:{_text(event.summary)}"
    if event.description:
        yield f"DESCRIPTION:{_text(event.description)}"
    yield f"CATEGORIES:{_text(event.category)}"
    yield f"STATUS:{'TENTATIVE' if event.tentative else 'CONFIRMED'}"
    yield "TRANSP:TRANSPARENT"  # the day is not busy
    yield "END:VEVENT"


def _text(value: str) -> str:
    """Escape a TEXT value, §3.3.11."""
    value = value.replace("\r\n", "\n").replace("\r", "\n")
    value = value.replace("\\", "\\\\").replace(";", "\\;").replace(",", "\\,").replace("\n", "\\n")
    return _CONTROL.sub("", value)


def _fold(line: str) -> bytes:
    """Break a line after at most 75 octets, never inside a character: some apps unfold text, not bytes."""
    folded, room, width = bytearray(), MAX_LINE, 0
    for character in line:
        octets = character.encode()
        if width + len(octets) > room:
            folded += b"\r\n "
            width = 1  # the space that marks the continuation
        folded += octets
        width += len(octets)
    return bytes(folded + b"\r\n")
