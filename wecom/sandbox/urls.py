"""URLs that came from outside: taken apart without an exception."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def parts_of(url: str) -> SplitResult:
    """Take a URL apart; one that is broken (such as ``http://[``) has no scheme, host or path."""
    try:
        return urlsplit(url)
    except ValueError:
        return urlsplit("")
