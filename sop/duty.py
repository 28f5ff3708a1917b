"""Who stands behind a channel's live code now: a pure decision from the pack, today's counts and the clock.

WeCom picks among the members of a code by itself and knows no hours and no limits, so the code's members are
changed as hours pass and counts grow (update_contact_way; printed codes stay good).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import orjson

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from datetime import date, datetime

    from content.channel_specs import ChannelSpec, CodeSpec

WHY_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Who receives now, and why; nobody at all means that whoever comes must be accepted by hand."""

    userids: tuple[str, ...]
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What a code should be like: its members, and whether they accept everybody without being asked."""

    userids: tuple[str, ...]
    skip_verify: bool
    why: str


def on_duty(code: CodeSpec, *, local: datetime, added: Mapping[str, int], away: Collection[str] = ()) -> Duty:
    """Decide who receives patients.

    Those on duty with room left; else the substitutes; else the overflow, which has no limit; else members
    who are off duty but have room. Nobody who reached the limit is ever chosen, and nobody away.

    Args:
        local: the moment on the clinic's wall clock.
        added: how many patients each member got through this channel today; absent = none.
        away: members who left or cannot serve.
    """

    def free(userids: Iterable[str], *, limited: bool = True) -> tuple[str, ...]:
        return tuple(
            userid
            for userid in dict.fromkeys(userids)
            if userid not in away
            and not (limited and code.daily_cap is not None and added.get(userid, 0) >= code.daily_cap)
        )

    planned = _planned(code, local)
    present = [userid for userid in planned if userid not in away]
    lacking = "当班的今天都加满了" if present else "当班的都不在" if planned else "现在没有人当班"
    for userids, why in (
        (free(planned), "当班"),
        (free(code.substitutes), f"{lacking}，由替班接待"),
        (free(code.overflow, limited=False), f"{lacking}，由不限人数的同事接待"),
        (free(code.members), f"{lacking}，由不当班但还有空的同事接待"),
    ):
        if userids:
            return Duty(userids=userids, why=why)
    there = any(userid not in away for userid in code.everyone)
    why = "今天都加满了，新来的要同意后才能加上" if there else "活码上的人都不在，请换人"
    return Duty(userids=(), why=why)


def _planned(code: CodeSpec, local: datetime) -> tuple[str, ...]:
    if not code.shifts:
        return code.members
    return tuple(
        dict.fromkeys(userid for shift in code.shifts if shift.span.covers(local) for userid in shift.members)
    )


def over(code: CodeSpec, *, today: date) -> bool:
    """Tell whether the code's last day has passed."""
    return code.expires_on is not None and today > code.expires_on


def shape_of(code: CodeSpec, duty: Duty, *, paused: bool, standing: Collection[str] = ()) -> Shape:
    """Say what the code should be like.

    WeCom keeps no code without members. So when nobody has room, or while the code is paused, it stays with
    people, but they accept by hand.

    Args:
        standing: who is on the code now; they stay when there is nobody better.
    """
    userids = duty.userids or tuple(standing) or code.members
    return Shape(
        userids=tuple(sorted(userids)),
        skip_verify=code.skip_verify and not paused and bool(duty.userids),
        why="已暂停：要同意后才能加上" if paused else duty.why,
    )


def digest_of(channel: ChannelSpec, code: CodeSpec, shape: Shape) -> str:
    """Name everything that WeCom is asked for, so that a change of any of it is noticed."""
    asked = [channel.state, list(shape.userids), shape.skip_verify, code.exclusive, remark_of(channel, code)]
    return sha256(orjson.dumps(asked)).hexdigest()


def remark_of(channel: ChannelSpec, code: CodeSpec) -> str:
    """Return what the code is called in WeCom's records: at most 30 characters."""
    return (code.remark or channel.title)[:30]
