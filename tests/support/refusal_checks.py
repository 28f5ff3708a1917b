"""How a row of a table of refusals is checked, and whether the tables hold what the docstrings promise."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refusal_stage import API, Case, Stage, refuses
from wecom.errors import Busy, NeedsAdmin, RateLimited, WeComError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.refusal_stage import Act, Given

_CODES = re.compile(r"\b([348]\d{5}|[3-9]\d{4})\b(?: to\s+(\d+))?")

# What WeCom may say to any call.
ANYWHERE: dict[int, tuple[str, type[Exception]]] = {
    -1: ("WeCom is busy", Busy),
    45009: ("called too often", RateLimited),
    48002: ("the app may not", NeedsAdmin),
    60020: ("a strange address", NeedsAdmin),
}


async def awaited(value: Any) -> Any:
    return await value if inspect.isawaitable(value) else value


async def check_forbidden(stage: Stage, case: Case) -> None:
    """The client itself refuses the call, and says which field is wrong."""
    with pytest.raises(case.error, match=case.says):
        await awaited(case.act(stage, None))
    assert list(stage.tenant.journal.calls()) == []


async def check_refused(stage: Stage, case: Case) -> None:
    """WeCom refuses the call: the error has its class and errcode, and the tenant looks as before."""
    there = await awaited(case.given(stage))
    stage.tenant.journal.clear()
    before = stage.look()
    with pytest.raises(case.error) as caught:
        await awaited(case.act(stage, there))
    assert stage.look() == before
    calls = [(call.api, call.errcode) for call in stage.tenant.journal.calls()]
    error = caught.value
    assert type(error) is case.error
    assert isinstance(error, WeComError)
    assert (error.call, error.errcode) == (case.api, case.errcode)
    assert calls[-1] == (case.api, case.errcode if case.answered is None else case.answered)


async def check_answered(stage: Stage, method: str, usual: tuple[Given, Act], *, changes: bool) -> None:
    """A good call is answered; the tenant looks different afterwards exactly if it ``changes`` something."""
    given, act = usual
    there = await awaited(given(stage))
    stage.tenant.journal.clear()
    before, told = stage.look(), len(stage.sandbox.callbacks.log())
    await awaited(act(stage, there))
    assert (stage.look() != before) == changes
    assert stage.sandbox.callbacks.log()[told:] == [], "WeCom tells an app nothing of what it did itself"
    calls = [(call.api, call.errcode) for call in stage.tenant.journal.calls()]
    assert calls[-1] == (API[method], 0)


def said(method: str, usual: tuple[Given, Act], errcode: int, when: str, error: type[Exception]) -> Case:
    """Return the case in which a fault on demand refuses a good call."""
    given, act = usual

    async def and_a_fault(s: Stage) -> Any:
        there = await awaited(given(s))
        s.tenant.faults.add("errcode", API[method], errcode=errcode)
        return there

    return refuses(method, errcode, when, act, given=and_a_fault, error=error)


def methods_of(groups: Mapping[str, type]) -> list[str]:
    """Return ``group.method`` for every public method of the client's groups."""
    return [
        f"{group}.{name}"
        for group, class_ in groups.items()
        for name, method in vars(class_).items()
        if inspect.isfunction(method) and not name.startswith("_")
    ]


def promised(method: str, groups: Mapping[str, type]) -> set[int]:
    """Return the errcodes that a docstring names as raised; "42027 to 42051" are all of them."""
    group, _, name = method.partition(".")
    raised = (getattr(groups[group], name).__doc__ or "").partition("Raises:")[2]
    found: set[int] = set()
    for first, last in _CODES.findall(raised):
        found |= set(range(int(first), int(last or first) + 1))
    return found
