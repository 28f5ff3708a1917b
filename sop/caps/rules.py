"""Caps as pure rules: may one more contact of a patient happen at an instant, and if not, when.

A contact that is allowed keeps every rule for the contacts around it, before and after: so whatever the
order in which contacts are decided, there are never more than allowed.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from zoneinfo import ZoneInfo

    from content.house import HouseRules, WecomQuota

Rule = Literal["", "never", "quiet", "apart", "week", "day", "quota"]

WEEK: Final = timedelta(days=7)
DAY: Final = timedelta(days=1)
# No rule holds a contact longer than a month, so what has to be counted lies within it.
REACH: Final = timedelta(days=32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A contact of a patient that counts, planned or made.

    ``quota``: it was, or will be, a mass message. ``full``: no contact, but WeCom said at this moment that
    her quota of mass messages was used up (members send some that we never hear of).
    """

    at: datetime
    marketing: bool = False
    quota: bool = False
    persona: str = ""
    full: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """One more contact. ``latest``: until when it may be put off; None: as long as it takes.

    ``persona`` may contact her ``most_a_day`` times; empty: nobody's, without such a limit.
    """

    at: datetime
    marketing: bool
    quota: bool
    persona: str = ""
    most_a_day: int = 2
    latest: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """``at`` is when the contact may happen: at the wished moment if no rule stands against it, later, or
    never (None). ``rule`` and ``reason`` say what stood in its way.
    """

    at: datetime | None
    rule: Rule = ""
    reason: str = ""

    @property
    def allowed(self) -> bool:
        return not self.rule


def rule(wish: Wish, counted: Sequence[Counted], *, house: HouseRules, zone: ZoneInfo) -> Ruling:
    """Judge one contact against those that count already.

    What may not be when it was wished may be at the end of the pause that stands against it, or at the same
    hour of a day that follows: the first of those moments that every rule allows.

    Args:
        counted: all contacts of the patient within :data:`REACH` of the wish, in any order.
    """
    against, reason = _obstacle(wish, wish.at, counted, house, zone)
    if not against:
        return Ruling(at=wish.at)
    if against == "never":
        return Ruling(at=None, rule=against, reason=reason)
    latest = wish.latest if wish.latest is not None else wish.at + REACH
    for moment in _moments(wish, counted, house, zone, latest):
        if not _obstacle(wish, moment, counted, house, zone)[0]:
            return Ruling(at=moment, rule=against, reason=reason)
    return Ruling(at=None, rule=against, reason=reason)


def counts_as(wish: Wish, at: datetime) -> Counted:
    """Return what a wish counts as once it is granted for ``at``."""
    return Counted(at=at, marketing=wish.marketing, quota=wish.quota, persona=wish.persona)


def window(quota: WecomQuota, at: datetime, zone: ZoneInfo) -> tuple[datetime, datetime, int]:
    """Return WeCom's window that holds ``at``, and how many mass messages fit into it (doc 92135).

    The calendar's month, its week from Monday, its day; the end is exclusive.
    """
    midnight = at.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    if quota == "day_1":
        return midnight, midnight + DAY, 1
    if quota == "week_7":
        monday = midnight - timedelta(days=midnight.weekday())
        return monday, monday + WEEK, 7
    days = calendar.monthrange(midnight.year, midnight.month)[1]
    first = midnight.replace(day=1)
    return first, first + timedelta(days=days), days


def _moments(
    wish: Wish, counted: Sequence[Counted], house: HouseRules, zone: ZoneInfo, latest: datetime
) -> Iterator[datetime]:
    """Yield, in order, the moments at which a rule that stands against the wish may cease to."""
    found = {wish.at}
    if wish.marketing:
        found |= {one.at + pause for one in counted for pause in (house.marketing_apart, WEEK)}
    day = wish.at.astimezone(zone)
    while day <= latest:  # the same hour of the days that follow: a new day, week or month may have begun
        day += DAY
        found.add(day)
    moments = {house.after_quiet(moment, zone).astimezone(wish.at.tzinfo) for moment in found}
    yield from sorted(moment for moment in moments if wish.at <= moment <= latest)


def _obstacle(
    wish: Wish, at: datetime, counted: Sequence[Counted], house: HouseRules, zone: ZoneInfo
) -> tuple[Rule, str]:
    """Return the rule that stands against a contact at ``at``, with the reason for staff; empty: none."""
    if house.is_quiet(at, zone):
        return "quiet", f"{house.quiet_from:%H:%M}–{house.quiet_until:%H:%M} 不打扰客户"
    if not counted and not (wish.marketing and house.marketing_a_week == 0):
        return "", ""
    if wish.marketing:
        against = _marketing(at, counted, house, zone)
        if against[0]:
            return against
    if wish.persona:
        day = at.astimezone(zone).date()
        same = sum(
            one.persona == wish.persona and not one.full and one.at.astimezone(zone).date() == day
            for one in counted
        )
        if same >= wish.most_a_day:
            return "day", f"同一账号当天已给这位客户 {same} 条消息"
    return _quota(at, counted, house, zone) if wish.quota else ("", "")


def _marketing(
    at: datetime, counted: Sequence[Counted], house: HouseRules, zone: ZoneInfo
) -> tuple[Rule, str]:
    most = house.marketing_a_week
    if most == 0:
        return "never", "诊所设置为不发营销消息"
    times = sorted(one.at for one in counted if one.marketing)
    for other in times:
        if abs(at - other) < house.marketing_apart:
            hours = int(house.marketing_apart.total_seconds() // 3600)
            return "apart", f"与另一次营销（{other.astimezone(zone):%m-%d %H:%M}）相隔不到 {hours} 小时"
    ordered = sorted([*times, at])
    for first, last in zip(ordered, ordered[most:], strict=False):
        # Only windows that hold this contact: what was granted before is not undone.
        if first <= at <= last and last - first < WEEK:
            return "week", f"7 天内的营销已有 {most} 次"
    return "", ""


def _quota(at: datetime, counted: Sequence[Counted], house: HouseRules, zone: ZoneInfo) -> tuple[Rule, str]:
    begin, end, most = window(house.wecom_quota, at, zone)
    inside = [one for one in counted if begin <= one.at < end]
    if any(one.full for one in inside):
        return "quota", "企业微信这段时间的群发次数已满"
    sent = sum(one.quota for one in inside)
    if sent >= most:
        return "quota", f"企业微信的群发次数已满（{most} 次）"
    return "", ""
