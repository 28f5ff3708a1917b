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
    start = _offset(cursor) if cursor else 0
    end = start + limit
    following = _cursor(end) if end < len(items) else ""
    return items[start:end], following


def _cursor(offset: int) -> str:
    return base64.urlsafe_b64encode(f"{_MARK}{offset}".encode()).decode()


def _offset(cursor: str) -> int:
    try:
        text = base64.urlsafe_b64decode(cursor.encode()).decode()
    except (binascii.Error, ValueError):
        raise Refusal(50100) from None
    number = text.removeprefix(_MARK)
    if not text.startswith(_MARK) or not number.isdecimal() or len(number) > 12:
        raise Refusal(50100)
    return int(number)
