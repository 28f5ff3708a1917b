"""How WeCom tells a published content back: enough to recognise our own after a lost answer."""

from datetime import datetime, timedelta
from typing import Any

from wecom.answers import Answer


class PostedText(Answer):
    """The text of a listed task."""

    content: str = ""


class PostedAttachment(Answer):
    """An attachment of a listed mass send, as WeCom spells it: ``msgtype`` and an object of that name."""

    msgtype: str = ""


def window(start: datetime, end: datetime, *, longest: timedelta) -> dict[str, Any]:
    """Return ``start_time`` and ``end_time`` of a listing.

    Raises:
        ValueError: an instant without UTC offset, the wrong order, or a span that WeCom refuses.
    """
    if start.utcoffset() is None or end.utcoffset() is None:
        raise ValueError("start: an instant without UTC offset")
    if not timedelta() <= end - start <= longest:
        raise ValueError(f"end: must be 0 to {longest.days} days after start")
    return {"start_time": int(start.timestamp()), "end_time": int(end.timestamp())}
