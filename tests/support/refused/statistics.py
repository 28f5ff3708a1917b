"""What windows of listings and statistics refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import Any

from tests.support.refusal_stage import (
    HIDDEN,
    IDLE,
    Case,
    Stage,
    drain,
    forbids,
    refuses,
)
from wecom.errors import NeedsAdmin

WINDOWS = {
    "mass.list": (31, lambda s, start, end: drain(s.client.mass.list("single", start, end))),
    "moments.list": (30, lambda s, start, end: drain(s.client.moments.list(start, end))),
    "statistics.behaviour": (
        30,
        lambda s, start, end: s.client.statistics.behaviour(start, end, userids=["xiaohu"]),
    ),
    "statistics.groups_by_owner": (
        30,
        lambda s, start, end: drain(s.client.statistics.groups_by_owner(start, end, ["xiaohu"])),
    ),
    "statistics.groups_by_day": (
        30,
        lambda s, start, end: s.client.statistics.groups_by_day(start, end, ["xiaohu"]),
    ),
    "kf_customers.numbers": (31, lambda s, start, end: s.client.kf_customers.numbers("wk", start, end)),
    "kf_customers.servicer_numbers": (
        31,
        lambda s, start, end: s.client.kf_customers.servicer_numbers("wk", start, end),
    ),
}


def windows(method: str, days: int, act: Any) -> list[Case]:
    return [
        forbids(method, "days after", "too long a span", lambda s, _: act(s, s.day(days + 2), s.day(1))),
        forbids(method, "days after", "the end is before the start", lambda s, _: act(s, s.day(1), s.day(2))),
        forbids(
            method,
            "UTC offset",
            "an instant of no zone",
            lambda s, _: act(s, s.day(2).replace(tzinfo=None), s.day(1).replace(tzinfo=None)),
        ),
    ]


def kept(method: str, act: Any) -> list[Case]:
    return [
        refuses(method, 40058, "today's numbers", lambda s, _: act(s, s.day(1), s.day(0))),
        refuses(method, 40058, "181 days ago", lambda s, _: act(s, s.day(181), s.day(170))),
    ]


def behaviour(**wanted: Any) -> Any:
    return lambda s, _: s.client.statistics.behaviour(s.day(2), s.day(1), **wanted)


def owners(name: str, *userids: str) -> Any:
    def act(s: Stage, _: Any) -> Any:
        numbers = getattr(s.client.statistics, name)(s.day(2), s.day(1), list(userids))
        return drain(numbers) if name == "groups_by_owner" else numbers

    return act


STATISTICS = [
    *(case for method, (days, act) in WINDOWS.items() for case in windows(method, days, act)),
    *(
        case
        for method, (_, act) in WINDOWS.items()
        if method.startswith("statistics.")
        for case in kept(method, act)
    ),
    refuses("statistics.behaviour", 40003, "the member is nobody", behaviour(userids=["nobody"])),
    refuses(
        "statistics.behaviour", 60011, "the member is hidden", behaviour(userids=[HIDDEN]), error=NeedsAdmin
    ),
    refuses(
        "statistics.behaviour", 84074, "the member serves nobody", behaviour(userids=[IDLE]), error=NeedsAdmin
    ),
    refuses("statistics.behaviour", 60123, "the department is none", behaviour(department_ids=[99])),
    forbids("statistics.behaviour", "userids", "101 members", behaviour(userids=["u"] * 101)),
    forbids("statistics.behaviour", "department_ids", "101", behaviour(department_ids=[1] * 101)),
    forbids("statistics.behaviour", "userids", "nobody is named", behaviour()),
    *(
        case
        for name in ("groups_by_owner", "groups_by_day")
        for case in (
            refuses(f"statistics.{name}", 40003, "the owner is nobody", owners(name, "nobody")),
            refuses(
                f"statistics.{name}",
                60011,
                "the owner is out of sight",
                owners(name, HIDDEN),
                error=NeedsAdmin,
            ),
            forbids(f"statistics.{name}", "owner_ids", "no owner", owners(name)),
            forbids(f"statistics.{name}", "owner_ids", "101 owners", owners(name, *["u"] * 101)),
        )
    ),
]


CASES: list[Case] = STATISTICS
