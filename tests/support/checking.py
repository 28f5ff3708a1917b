"""The content check with the packaged rules, read once per run: it keeps no state and is shared freely."""

from __future__ import annotations

from functools import cache

from content.compliance import Checker


@cache
def packaged_checker() -> Checker:
    """Return the check that the program has by default."""
    return Checker.load()
