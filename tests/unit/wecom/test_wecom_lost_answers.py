"""The table of lost answers has a row for every call that must not simply be repeated."""

from __future__ import annotations

import importlib
import pkgutil
from datetime import timedelta

import pytest

import wecom.api
from wecom.exchange import Endpoint
from wecom.lost_answers import LOST_ANSWERS, LostAnswer


def creating_calls() -> set[str]:
    modules = [
        importlib.import_module(f"wecom.api.{m.name}") for m in pkgutil.iter_modules(wecom.api.__path__)
    ]
    endpoints = [
        value for module in modules for value in vars(module).values() if isinstance(value, Endpoint)
    ]
    return {endpoint.path for endpoint in endpoints if endpoint.creates}


def test_every_creating_call_has_a_row_and_no_row_is_without_its_call() -> None:
    assert set(LOST_ANSWERS) == creating_calls()


@pytest.mark.parametrize(("call", "rule"), LOST_ANSWERS.items(), ids=LOST_ANSWERS)
def test_every_row_says_by_what_and_where_that_is_documented(call: str, rule: LostAnswer) -> None:
    assert rule.by, call
    assert rule.source.startswith("doc ")
    assert rule.within is None or (rule.then == "again" and rule.within > timedelta())
