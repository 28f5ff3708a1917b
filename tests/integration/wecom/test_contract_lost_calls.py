"""Every method of the client whose connection breaks: what created is unknown, what only reads may be repeated."""

from __future__ import annotations

import ast
import inspect
from typing import TYPE_CHECKING

import pytest

from tests.integration.wecom import test_contract_knowledge, test_contract_lost_answers
from tests.support.refusal_checks import awaited
from tests.support.refusal_stage import API, Stage, open_stage
from tests.support.refused.proven import USUAL
from wecom.errors import Busy, OutcomeUnknown
from wecom.lost_answers import LOST_ANSWERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CREATES = [method for method in USUAL if API[method] in LOST_ANSWERS]
REPEATABLE = [method for method in USUAL if API[method] not in LOST_ANSWERS]


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


async def lose(
    stage: Stage, method: str, fault: str, error: type[Exception], *, times: int | None = 1
) -> tuple[bool, int]:
    """Break the connection of a good call; return whether the tenant changed, and how often it was called."""
    given, act = USUAL[method]
    there = await awaited(given(stage))
    stage.tenant.journal.clear()
    before = stage.look()
    stage.tenant.faults.add(fault, API[method], times=times)
    with pytest.raises(error) as caught:
        await awaited(act(stage, there))
    assert type(caught.value) is error
    return stage.look() != before, len(list(stage.tenant.journal.calls(API[method])))


@pytest.mark.parametrize("method", CREATES)
async def test_a_creating_call_without_an_answer_was_made_once_and_is_unknown(
    stage: Stage, method: str
) -> None:
    assert await lose(stage, method, "reset_after", OutcomeUnknown) == (True, 1)


@pytest.mark.parametrize("method", CREATES)
async def test_a_creating_call_that_broke_off_before_the_act_is_unknown_too(
    stage: Stage, method: str
) -> None:
    assert await lose(stage, method, "reset_before", OutcomeUnknown) == (False, 1)


@pytest.mark.parametrize("method", REPEATABLE)
async def test_any_other_call_without_an_answer_may_be_made_again(stage: Stage, method: str) -> None:
    await lose(stage, method, "reset_after", Busy, times=None)  # a reading one is made again at once


def test_every_rule_for_a_lost_answer_is_proven_by_what_is_found_or_not_doubled() -> None:
    lost = {
        node.args[1].value
        for module in (test_contract_lost_answers, test_contract_knowledge)
        for node in ast.walk(ast.parse(inspect.getsource(module)))
        if isinstance(node, ast.Call)
        and getattr(node.func, "id", "") == "lose"
        and isinstance(node.args[1], ast.Constant)
    }
    assert lost == set(LOST_ANSWERS)
