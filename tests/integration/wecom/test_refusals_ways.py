"""Each documented refusal of ways in, acquisition links, group-welcome templates and rules against words.

Every case runs on a tenant of its own, over a socket: the error has its class and errcode, the journal shows
that the refused call arrived (or, for a limit of the client's own, that none did), and the tenant looks as
before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.refusal_checks import (
    ANYWHERE,
    check_answered,
    check_forbidden,
    check_refused,
    methods_of,
    promised,
)
from tests.support.refusal_stage import Case, Stage, open_stage
from tests.support.refused import (
    acquisition,
    contact_ways,
    group_welcomes,
    intercepts,
    join_ways,
    ways_on_demand,
)
from wecom.api.acquisition import Acquisition
from wecom.api.contact_ways import ContactWays
from wecom.api.group_welcomes import GroupWelcomes
from wecom.api.intercepts import Intercepts
from wecom.api.join_ways import JoinWays

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

# What the sandbox enforces, and the client by itself.
ENFORCED: list[Case] = [
    *contact_ways.CASES,
    *join_ways.CASES,
    *acquisition.CASES,
    *group_welcomes.CASES,
    *intercepts.CASES,
]
CASES: list[Case] = [*ENFORCED, *ways_on_demand.CASES]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


@pytest.mark.parametrize("case", [one for one in CASES if one.errcode is None], ids=lambda case: case.name)
async def test_the_client_refuses_it_before_any_call(stage: Stage, case: Case) -> None:
    await check_forbidden(stage, case)


@pytest.mark.parametrize(
    "case", [one for one in CASES if one.errcode is not None], ids=lambda case: case.name
)
async def test_it_is_refused_and_changes_nothing(stage: Stage, case: Case) -> None:
    await check_refused(stage, case)


CHANGES = {
    "contact_ways.add",
    "contact_ways.update",
    "contact_ways.delete",
    "contact_ways.close_temp_chat",
    "join_ways.add",
    "join_ways.update",
    "join_ways.delete",
    "acquisition.create",
    "acquisition.update",
    "acquisition.delete",
    "group_welcomes.add",
    "group_welcomes.edit",
    "group_welcomes.delete",
    "intercepts.add",
    "intercepts.update",
    "intercepts.delete",
}


@pytest.mark.parametrize("method", ways_on_demand.USUAL)
async def test_a_good_call_is_answered_and_what_it_changes_can_be_seen(stage: Stage, method: str) -> None:
    await check_answered(stage, method, ways_on_demand.USUAL[method], changes=method in CHANGES)


GROUPS = {
    "contact_ways": ContactWays,
    "join_ways": JoinWays,
    "acquisition": Acquisition,
    "group_welcomes": GroupWelcomes,
    "intercepts": Intercepts,
}
METHODS = methods_of(GROUPS)


@pytest.mark.parametrize("method", METHODS)
def test_every_errcode_that_a_method_documents_has_its_case(method: str) -> None:
    assert promised(method, GROUPS) <= {case.errcode for case in CASES if case.method == method}


@pytest.mark.parametrize("method", METHODS)
def test_every_errcode_that_has_a_case_is_documented(method: str) -> None:
    enforced = {case.errcode for case in ENFORCED if case.method == method and case.errcode}
    said = {case.errcode for case in ways_on_demand.CASES if case.method == method}
    assert enforced | (said - ANYWHERE.keys()) <= promised(method, GROUPS)


def test_every_method_has_a_call_that_is_answered() -> None:
    assert set(METHODS) == set(ways_on_demand.USUAL)
