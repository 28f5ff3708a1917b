"""The states of a plan and which may follow which; every service asks here."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal

Inside = Literal["stay", "move", "restart"]  # what a new version does to the people who are in an older one


class PlanState(StrEnum):
    """Only an active plan begins with anybody; a paused one holds what is due; a retired one has ended."""

    DRAFT = "draft"
    ACTIVE = "active"
    PAUSED = "paused"
    RETIRED = "retired"

    @property
    def title(self) -> str:  # type: ignore[override]  # nobody asks a state for Title Case
        """Return the state as staff call it."""
        return _TITLES[self]


_TITLES: Final = {
    PlanState.DRAFT: "草稿",
    PlanState.ACTIVE: "启用",
    PlanState.PAUSED: "暂停",
    PlanState.RETIRED: "停用",
}
_NEXT: Final = {
    PlanState.DRAFT: frozenset({PlanState.ACTIVE, PlanState.RETIRED}),
    PlanState.ACTIVE: frozenset({PlanState.PAUSED, PlanState.RETIRED}),
    PlanState.PAUSED: frozenset({PlanState.ACTIVE, PlanState.RETIRED}),
    # Whoever was in it is out of it: it begins again from nothing.
    PlanState.RETIRED: frozenset({PlanState.ACTIVE}),
}


def may_become(state: PlanState, to: PlanState) -> bool:
    """Tell whether a plan may go from ``state`` to ``to``."""
    return to in _NEXT[state]


def after_publication(state: PlanState) -> PlanState:
    """Return the state of a plan that got a new version: it runs, unless somebody paused it."""
    return PlanState.PAUSED if state is PlanState.PAUSED else PlanState.ACTIVE
