"""All tables of refusals together, and what they prove of one API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.refusal_checks import ANYWHERE
from tests.support.refused import ENFORCED as OF_MESSAGES
from tests.support.refused import (
    acquisition,
    contact_ways,
    contacts,
    group_welcomes,
    groups,
    identity,
    intercepts,
    join_ways,
    members,
    on_demand,
    people_on_demand,
    tags,
    transfers,
    ways_on_demand,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.support.refusal_stage import Act, Case, Given
    from tests.support.wecom_rows import Row

# What the sandbox enforces by its rules, and the client by itself.
ENFORCED: list[Case] = [
    *OF_MESSAGES,
    *members.CASES,
    *contacts.CASES,
    *transfers.CASES,
    *tags.CASES,
    *groups.CASES,
    *identity.CASES,
    *contact_ways.CASES,
    *join_ways.CASES,
    *acquisition.CASES,
    *group_welcomes.CASES,
    *intercepts.CASES,
]
# What a fault on demand says.
SAID: list[Case] = [*on_demand.CASES, *people_on_demand.CASES, *ways_on_demand.CASES]
CASES: list[Case] = [*ENFORCED, *SAID]
USUAL: dict[str, tuple[Given, Act]] = {**on_demand.USUAL, **people_on_demand.USUAL, **ways_on_demand.USUAL}


def of_row(row: Row) -> str:
    """Return in few words what one API refuses, without what WeCom may say to any call.

    "–": the method calls it on its way, and is refused by its other API only.
    """
    method = f"{row.group}.{row.method}"
    mine = [case for case in ENFORCED if (case.method, case.api) == (method, row.path)]
    said = {case.errcode for case in SAID if (case.method, case.api) == (method, row.path) and case.errcode}
    if not said:
        return "–"
    ruled = {case.errcode for case in mine if case.errcode}
    fields = dict.fromkeys(case.says for case in mine if case.errcode is None)
    told = said - ruled - ANYWHERE.keys()
    parts = [
        _codes(ruled),
        f"told: {_codes(told)}" if told else "",
        f"unsent: {', '.join(f'`{field}`' for field in fields)}" if fields else "",
    ]
    return "; ".join(part for part in parts if part) or "as any call"


def _codes(codes: Iterable[int]) -> str:
    """Return errcodes in order, three and more in a row as a span."""
    runs: list[list[int]] = []
    for code in sorted(codes):
        if runs and code == runs[-1][-1] + 1:
            runs[-1].append(code)
        else:
            runs.append([code])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
