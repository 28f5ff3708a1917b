"""Every documented return code, told over a socket to a call that reads and to one that creates."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.refusal_checks import awaited
from tests.support.refusal_stage import API, Stage, open_stage
from tests.support.refused.proven import USUAL
from wecom.errcodes import RULES, Action
from wecom.errors import (
    TOKEN_CODES,
    Busy,
    NotDone,
    RateLimited,
    Refused,
    TokenRejected,
    Unlisted,
    WeComError,
    error_for,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

READS, CREATES = "members.get", "mass.create"
NOBODY_KNOWS = 846_601  # in no list of ours


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    async with open_stage() as stage:
        yield stage


async def refused(stage: Stage, method: str, errcode: int) -> WeComError:
    """Let a fresh client make one call that is answered with an errcode, and return what it raises."""
    given, act = USUAL[method]
    stage.client = stage.other_client()
    there = await awaited(given(stage))
    stage.tenant.journal.clear()
    fault = stage.tenant.faults.add("errcode", API[method], errcode=errcode, times=None)
    with pytest.raises(WeComError) as caught:
        await awaited(act(stage, there))
    stage.tenant.faults.remove(fault.id)
    times = len(list(stage.tenant.journal.calls(API[method])))
    assert times == (2 if errcode in TOKEN_CODES else 1), (errcode, times)  # once more with a fresh token
    return caught.value


@pytest.mark.parametrize("method", [READS, CREATES])
async def test_every_documented_code_ends_a_call_as_the_table_says_and_changes_nothing(
    stage: Stage, method: str
) -> None:
    before = stage.look()
    for errcode, rule in RULES.items():
        error = await refused(stage, method, errcode)
        assert type(error) is type(error_for("", errcode, "")), errcode
        assert (error.errcode, error.call) == (errcode, API[method])
        again = rule.action in {Action.REFRESH, Action.RETRY, Action.LATER}
        assert isinstance(error, NotDone if again else Refused), errcode
        assert error.remedy
    assert stage.look() == before


@pytest.mark.parametrize("method", [READS, CREATES])
async def test_a_code_that_nobody_documents_is_final_and_flagged(stage: Stage, method: str) -> None:
    error = await refused(stage, method, NOBODY_KNOWS)
    assert type(error) is Unlisted


@pytest.mark.parametrize(
    ("errcode", "error"),
    [
        *((errcode, TokenRejected) for errcode in (40001, 40013, 40091, 41002, 41004, 60020)),
        (45009, RateLimited),
        (-1, Busy),
    ],
)
async def test_no_call_is_made_while_wecom_gives_no_token(
    stage: Stage, errcode: int, error: type[WeComError]
) -> None:
    stage.client = stage.other_client()
    stage.tenant.journal.clear()
    stage.tenant.faults.add("errcode", "gettoken", errcode=errcode)
    with pytest.raises(WeComError) as caught:
        await stage.client.members.get("xiaohu")
    assert (caught.value.call, caught.value.errcode) == ("gettoken", errcode)
    assert type(caught.value) is error
    assert caught.value.remedy == error_for("", errcode, caught.value.errmsg).remedy
    assert list(stage.tenant.journal.calls(API[READS])) == []
