"""Cursors: opaque to the caller, an offset to us."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, TypeVar

from wecom.sandbox.refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

Item = TypeVar("Item")
_MARK = "xiaohu-sandbox:"


def page(items: Sequence[Item], *, cursor: str, limit: int) -> tuple[Sequence[Item], str]:
    """Return one page and the cursor of the next, empty at the end.

    Raises:
        Refusal: 50100 the cursor is none of ours.
    """
    start = offset_of(cursor)
    end = start + limit
    return items[start:end], cursor_at(end) if end < len(items) else ""


def cursor_at(offset: int) -> str:
    """Return the cursor that continues at ``offset``."""
    return base64.urlsafe_b64encode(f"{_MARK}{offset}".encode()).decode()


def offset_of(cursor: str) -> int:
    """Return where a cursor continues, 0 for none; 50100 for one that is not ours."""
    if not cursor:
        return 0
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        raise Refusal(50100) from None
    number = text.removeprefix(_MARK)
    if not text.startswith(_MARK) or not number.isdecimal() or len(number) > 12:
        raise Refusal(50100)
    return int(number)
