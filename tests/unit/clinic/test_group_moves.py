"""A move is written once, whoever tells it, in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.group_moves import ONE_MOVE, Move, known_already

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def move(kind: str, at: datetime) -> Move:
    return Move(person="wm-anna", external=True, kind=kind, at=at)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("history", "known"),
    [
        pytest.param([], False, id="nothing known"),
        pytest.param([(NOON, "joined")], True, id="the same"),
        pytest.param([(NOON - 3 * SECOND, "joined")], True, id="dated a little earlier by the listing"),
        pytest.param([(NOON + 3 * SECOND, "joined")], True, id="dated a little later"),
        pytest.param([(NOON - ONE_MOVE - SECOND, "joined")], False, id="long before: she must have left"),
        pytest.param([(NOON - 3 * SECOND, "left")], False, id="after she left"),
        pytest.param(
            [(NOON - 5 * SECOND, "joined"), (NOON - 3 * SECOND, "left")], False, id="back within seconds"
        ),
    ],
)
def test_whether_a_coming_is_news(history: list[tuple[datetime, str]], known: bool) -> None:
    assert known_already(move("joined", NOON), history) is known


@given(st.permutations([("joined", 0), ("left", 30), ("joined", 3600), ("left", 7200)]), st.data())
def test_any_order_with_repetitions_ends_in_the_same_history(
    order: list[tuple[str, int]], data: st.DataObject
) -> None:
    repeated = data.draw(st.permutations([*order, *order]))
    history: list[tuple[datetime, str]] = []
    for kind, after_s in repeated:
        told = move(kind, NOON + timedelta(seconds=after_s))
        if not known_already(told, history):
            history.append((told.at, told.kind))

    assert sorted(history) == sorted((NOON + timedelta(seconds=s), kind) for kind, s in order)
