"""A move is written once, whoever tells it, in whatever order."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.group_moves import ONE_MOVE, UNSEEN, Move, known_as

NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)
LONG = timedelta(hours=5)


def move(kind: str, at: datetime, scene: int = 0) -> Move:
    return Move(person="wm-anna", external=True, kind=kind, at=at, scene=scene)  # type: ignore[arg-type]


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
    found = known_as(move("joined", NOON), [move(kind, at) for at, kind in history])

    assert (found is not None) is known


@pytest.mark.parametrize(
    ("told", "history", "known"),
    [
        pytest.param(move("left", NOON, UNSEEN), [move("left", NOON - LONG)], True, id="seen late"),
        pytest.param(move("left", NOON - LONG), [move("left", NOON, UNSEEN)], True, id="told late"),
        pytest.param(move("left", NOON), [move("left", NOON - LONG)], False, id="left twice"),
        pytest.param(
            move("left", NOON, UNSEEN),
            [move("left", NOON - LONG), move("joined", NOON - SECOND)],
            False,
            id="gone once more",
        ),
    ],
)
def test_a_leaving_that_only_a_listing_shows_is_the_one_that_an_event_told_of(
    told: Move, history: list[Move], known: bool
) -> None:
    assert (known_as(told, history) is not None) is known


@given(st.permutations([("joined", 0), ("left", 30), ("joined", 3600), ("left", 7200)]), st.data())
def test_any_order_with_repetitions_ends_in_the_same_history(
    order: list[tuple[str, int]], data: st.DataObject
) -> None:
    repeated = data.draw(st.permutations([*order, *order]))
    history: list[Move] = []
    for kind, after_s in repeated:
        told = move(kind, NOON + timedelta(seconds=after_s))
        if known_as(told, history) is None:
            history.append(told)

    assert sorted((one.at, one.kind) for one in history) == sorted(
        (NOON + timedelta(seconds=s), kind) for kind, s in order
    )
