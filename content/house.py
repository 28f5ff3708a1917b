"""The house rules of a clinic: how often and when its patients may be written to, and who decides."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

# 群发助手 → 设置群发规则 (doc 92135): as many mass messages a month as it has days, 7 a week, or 1 a day.
WecomQuota = Literal["days_of_month", "week_7", "day_1"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseRules:
    """What holds whatever a plan says. Times of day are the clinic's wall clock.

    Marketing: at most ``marketing_a_week`` contacts of one patient in any 7 days, each ``marketing_apart``
    from the next, and one marketing journey at a time. Between ``quiet_from`` and ``quiet_until`` nothing
    reaches a patient. ``two_person``: a post needs two different approvers.
    """

    marketing_a_week: int = 2
    marketing_apart: timedelta = timedelta(hours=48)
    one_marketing_journey: bool = True
    quiet_from: time = time(21)
    quiet_until: time = time(9)
    wecom_quota: WecomQuota = "days_of_month"
    two_person: bool = False

    @property
    def approvals(self) -> int:
        """Return how many people must approve a post."""
        return 2 if self.two_person else 1

    def is_quiet(self, at: datetime, zone: ZoneInfo) -> bool:
        """Tell whether nothing may reach a patient at an instant; ``quiet_until`` itself is allowed."""
        clock = at.astimezone(zone).time()
        if self.quiet_from < self.quiet_until:
            return self.quiet_from <= clock < self.quiet_until
        return clock >= self.quiet_from or clock < self.quiet_until

    def after_quiet(self, at: datetime, zone: ZoneInfo) -> datetime:
        """Return ``at``, or the end of the quiet hours it falls into, in the zone of ``at``."""
        if not self.is_quiet(at, zone):
            return at
        local = at.astimezone(zone)
        day = local.date()
        if local.time() >= self.quiet_until:
            day += timedelta(days=1)
        return datetime.combine(day, self.quiet_until, tzinfo=zone).astimezone(at.tzinfo)
