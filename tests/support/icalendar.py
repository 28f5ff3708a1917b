"""A strict reader of iCalendar files (RFC 5545): what a calendar app may refuse, this refuses."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime

_LINE = re.compile(
    r"(?P<name>[A-Z][A-Z0-9-]*)(?P<params>(;[A-Z-]+=[^;:,\"\x00-\x1f]+)*):(?P<value>.*)", re.DOTALL
)
_ONCE = {"UID", "DTSTAMP", "DTSTART", "DTEND", "SUMMARY", "STATUS", "TRANSP"}
_KNOWN = {*_ONCE, "DESCRIPTION", "CATEGORIES"}
_TEXT = {"SUMMARY", "DESCRIPTION", "CATEGORIES", "X-WR-CALNAME"}


@dataclass
class Read:
    """A parsed calendar: its own properties, and one dict per event."""

    properties: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, str]] = field(default_factory=list)


def read(data: bytes) -> Read:
    assert data.endswith(b"\r\n")
    physical = data[:-2].split(b"\r\n")
    for line in physical:
        assert b"\r" not in line, f"a bare CR or LF: {line!r}"
        assert b"\n" not in line, f"a bare CR or LF: {line!r}"
        assert len(line) <= 75, f"{len(line)} octets: {line!r}"
        line.decode()  # folded between characters
    lines = data[:-2].replace(b"\r\n ", b"").decode().split("\r\n")
    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-1] == "END:VCALENDAR"
    calendar, event = Read(), None
    for line in lines[1:-1]:
        match = _LINE.fullmatch(line)
        assert match, f"no content line: {line!r}"
        name, params, value = match["name"], match["params"], match["value"]
        assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f]", value), f"control character: {line!r}"
        if name == "BEGIN":
            assert value == "VEVENT"
            assert event is None
            event = {}
        elif name == "END":
            assert value == "VEVENT"
            assert event is not None
            calendar.events.append(event)
            event = None
        else:
            owner = calendar.properties if event is None else event
            assert name not in owner, f"{name} twice"
            assert event is None or name in _KNOWN, name
            assert params == (";VALUE=DATE" if name in {"DTSTART", "DTEND"} else "")
            owner[name] = text(value) if name in _TEXT else value
    assert event is None
    assert calendar.properties["VERSION"] == "2.0"
    assert calendar.properties["PRODID"]
    for found in calendar.events:
        assert found.keys() >= _ONCE, f"missing {_ONCE - found.keys()}"
        assert found["STATUS"] in {"CONFIRMED", "TENTATIVE"}
        assert found["TRANSP"] in {"OPAQUE", "TRANSPARENT"}
        datetime.strptime(found["DTSTAMP"], "%Y%m%dT%H%M%S%z")
        assert day(found["DTSTART"]) < day(found["DTEND"])
    uids = [found["UID"] for found in calendar.events]
    assert len(set(uids)) == len(uids), "a UID twice"
    return calendar


def day(value: str) -> date:
    assert re.fullmatch(r"\d{8}", value)
    return date.fromisoformat(value)


def text(value: str) -> str:
    """Unescape a TEXT value; a bare comma, semicolon or backslash is a fault."""
    assert re.fullmatch(r"([^\\,;]|\\[\\,;nN])*", value, re.DOTALL), f"badly escaped: {value!r}"
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] in "nN" else found[1], value)
