"""Time windows in requests: unix seconds, a closed interval, not too long."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from .fields import Fields

LATEST = 4_102_444_800  # 2100-01-01: beyond it a number is no time of this century


def window(body: Fields, *, longest: timedelta) -> tuple[datetime, datetime]:
    """Return [start_time, end_time] as instants, the whole last second included.

    Raises:
        Refusal: 40058 one is missing, they are reversed, or further apart than ``longest``.
    """
    if not body.has("start_time") or not body.has("end_time"):
        raise Refusal(40058, "invalid Request Parameter: start_time and end_time are required")
    start = datetime.fromtimestamp(body.integer("start_time", high=LATEST), UTC)
    end = datetime.fromtimestamp(body.integer("end_time", high=LATEST), UTC)
    if not start <= end <= start + longest:
        raise Refusal(40058, f"invalid Request Parameter: end_time must be within {longest.days} days")
    return start, end + timedelta(microseconds=999_999)
