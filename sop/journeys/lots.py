"""Lots that are drawn once for each patient: wordings of a step, ways out of a branch. Pure."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Protocol

    class Shared(Protocol):
        """Something that is drawn by lot."""

        @property
        def share(self) -> int: ...


def lot(shares: Sequence[Shared], plan: str, step: str, patient_id: int) -> int:
    """Draw by lot, in exact shares, so that one patient always draws the same."""
    digest = sha256(f"{plan}:{step}:{patient_id}".encode()).digest()
    drawn = int.from_bytes(digest[:8]) % sum(one.share for one in shares)
    for place, one in enumerate(shares):
        drawn -= one.share
        if drawn < 0:
            return place
    raise ValueError(f"{plan}:{step}: no shares to draw from")
