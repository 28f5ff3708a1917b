"""A good call of every method with one part of it replaced by what nobody should send: refused or done, never a 500.

Random JSON (``test_sandbox_properties``) seldom gets past the first rule; this starts behind all of them.
"""

from __future__ import annotations

import copy
import json
import random
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.refusal_checks import awaited
from tests.support.refusal_stage import API, open_stage
from tests.support.refused.proven import USUAL

if TYPE_CHECKING:
    from collections.abc import Iterator

HOSTILE: list[Any] = [
    None, True, 0, -1, 2**31, 2**64, 10**40, -0.5, 1e308, "", " ", "\x00", "\ud800", "a" * 5000, "长" * 2000,
    "\u202e", "😀" * 200, [], {}, [[]], [{}], {"": ""}, [None], [True], [1] * 2000, {"a": {"b": [1]}}, "-1", "1e9", "２",
    "xiaohu|", "@all", "http://[", "http://a\nb", "javascript:alert(1)", "../../etc", "<img src=x onerror=x>", "9" * 5000,
]  # fmt: skip
TRIES = 16


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    if isinstance(value, dict | list):
        for key, inner in value.items() if isinstance(value, dict) else enumerate(value):
            yield from places(inner, (*path, key))


def replaced(value: Any, path: tuple[Any, ...], by: Any) -> Any:
    if not path:
        return by
    changed = copy.deepcopy(value)
    inner = changed
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = by
    return changed


@pytest.mark.parametrize("method", USUAL)
async def test_a_good_call_with_one_part_replaced_is_answered(method: str) -> None:
    async with open_stage() as stage:
        given, act = USUAL[method]
        there = await awaited(given(stage))
        stage.tenant.journal.clear()
        await awaited(act(stage, there))
        good = list(stage.tenant.journal.calls(API[method]))[-1]
        token = (await stage.client.transport.tokens.get()).value
        url = f"{stage.sandbox.api_base}/cgi-bin/{API[method]}"
        chance = random.Random(method)

        for _ in range(TRIES):
            part, body, query = chance.choice(HOSTILE), good.body, dict(good.query)
            if isinstance(body, dict) and body:
                body = replaced(body, chance.choice([*places(body)]), part)
            elif query:
                query[chance.choice([*query])] = str(part)[:500].encode("utf-8", "replace").decode()
            async with stage.http.request(
                good.method,
                url,
                params={**query, "access_token": token},
                data=json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass"),
                headers={"Content-Type": "application/json"},
            ) as answer:
                assert answer.status == 200, (part, await answer.text())
                told = await answer.read()
            if good.method == "POST":
                assert isinstance(json.loads(told)["errcode"], int), part

        for view in ("state", "journal", "kf", "phones/members/xiaohu", f"phones/patients/{stage.patient}"):
            async with stage.http.get(f"{stage.sandbox.api_base}/sandbox/api/{view}") as answer:
                assert answer.status == 200, view
                await answer.json()
