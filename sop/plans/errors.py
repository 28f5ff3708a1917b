"""What can be wrong with something that is asked of a plan."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from content.problems import Problem

_TOLD = 3


class PlanRefused(ValueError):
    """What was asked of a plan cannot be done; the message says why and what to do instead."""


class PlanFaulty(PlanRefused):
    """A document has faults; ``problems`` holds all of them, each with its field."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        told = "；".join(f"{p.field}：{p.message}（{p.remedy}）" for p in self.problems[:_TOLD])
        more = f"……共 {len(self.problems)} 处" if len(self.problems) > _TOLD else ""
        super().__init__(f"计划有错：{told}{more}")
