"""WeCom's limits, checked before a call: each failure is a ``ValueError`` that names the field and the
number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sized

MASS_TEXT_BYTES = 4000  # mass send, welcome and moments; about 1333 Chinese characters
ATTACHMENTS = 9


def check_bytes(field: str, text: str, most: int) -> None:
    """Refuse ``text`` longer than ``most`` bytes of UTF-8."""
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        raise ValueError(f"{field}: holds half a character (a lone surrogate)") from None
    if size > most:
        raise ValueError(f"{field}: {size} bytes of UTF-8, WeCom takes at most {most}")


def check_chars(field: str, text: str, most: int) -> None:
    """Refuse ``text`` longer than ``most`` characters."""
    check_bytes(field, text, 4 * most)
    if len(text) > most:
        raise ValueError(f"{field}: {len(text)} characters, WeCom takes at most {most}")


def check_count(field: str, things: Sized, most: int, *, least: int = 0) -> None:
    """Refuse fewer than ``least`` or more than ``most`` things."""
    if not least <= len(things) <= most:
        raise ValueError(f"{field}: {len(things)} given, WeCom takes {least} to {most}")


def check_present(field: str, text: str) -> None:
    """Refuse an empty or blank ``text``."""
    if not text.strip():
        raise ValueError(f"{field}: is required")


def check_url(field: str, url: str, most: int = 2048) -> None:
    """Refuse what is no absolute http(s) address of at most ``most`` bytes."""
    if not url.startswith(("http://", "https://")):
        raise ValueError(f"{field}: must start with http:// or https://")
    check_bytes(field, url, most)
