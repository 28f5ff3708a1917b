"""The stage is what all moves make, whatever order they came in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from clinic.stages import ADDED_KEY, LOST_KEY, MOVED_KEY, Move, Stage, connection_key, fold

START = datetime(2026, 11, 2, 9, tzinfo=UTC)


def added(userid: str, minute: int) -> Move:
    at = START + timedelta(minutes=minute)
    return Move(key=connection_key(ADDED_KEY, userid, at), stage=Stage.ADDED, at=at)


def lost(userid: str, minute: int) -> Move:
    at = START + timedelta(minutes=minute)
    return Move(key=connection_key(LOST_KEY, userid, at), stage=Stage.LOST, at=at)


def moved(stage: Stage, minute: int, *, key: str = "") -> Move:
    return Move(key=key or f"visit:{stage}:{minute}", stage=stage, at=START + timedelta(minutes=minute))


def test_nobody_goes_backwards_by_accident() -> None:
    standing = fold([added("lin.mei", 0), moved(Stage.TREATING, 10), moved(Stage.BOOKED, 20)])

    assert standing.stage is Stage.TREATING
    assert standing.since == START + timedelta(minutes=10)


def test_a_person_may_set_any_stage() -> None:
    standing = fold([moved(Stage.TREATING, 10), moved(Stage.CONSULTED, 20, key="set:chen.jing:20")])

    assert standing.stage is Stage.CONSULTED


def test_who_is_still_connected_to_somebody_is_not_lost() -> None:
    standing = fold([added("lin.mei", 0), added("li.na", 5), lost("lin.mei", 10)])

    assert standing.stage is Stage.ADDED


def test_who_is_handed_over_is_never_lost_in_between() -> None:
    away = Move(
        key=connection_key(MOVED_KEY, "lin.mei", START + timedelta(minutes=10)),
        stage=Stage.LOST,
        at=START + timedelta(minutes=10),
    )

    assert fold([added("lin.mei", 0), away]).stage is Stage.ADDED
    assert fold([added("lin.mei", 0), away, added("li.na", 11), lost("li.na", 20)]).stage is Stage.LOST


def test_a_return_shows_again_how_far_she_had_come() -> None:
    moves = [added("lin.mei", 0), moved(Stage.VISITED, 5), lost("lin.mei", 10)]

    assert fold(moves).stage is Stage.LOST
    back = fold([*moves, added("li.na", 30)])
    assert (back.stage, back.since, back.returns) == (Stage.VISITED, START + timedelta(minutes=30), 1)


def test_a_visit_does_not_reconnect_but_is_remembered() -> None:
    moves = [added("lin.mei", 0), lost("lin.mei", 10), moved(Stage.VISITED, 20)]

    assert fold(moves).stage is Stage.LOST
    assert fold(moves).way is Stage.VISITED


def test_anything_wakes_a_dormant_patient() -> None:
    asleep = [added("lin.mei", 0), moved(Stage.VISITED, 5), moved(Stage.DORMANT, 100)]

    assert fold(asleep).stage is Stage.DORMANT
    assert fold([*asleep, moved(Stage.BOOKED, 120)]).stage is Stage.VISITED


def test_a_deletion_in_the_second_of_the_addition_counts() -> None:
    assert fold([lost("lin.mei", 0), added("lin.mei", 0)]).stage is Stage.LOST


_moves = st.lists(
    st.one_of(
        st.builds(added, st.sampled_from(["a", "b", "c"]), st.integers(0, 30)),
        st.builds(lost, st.sampled_from(["a", "b", "c"]), st.integers(0, 30)),
        st.builds(
            moved,
            st.sampled_from([s for s in Stage if s not in (Stage.ADDED, Stage.LOST)]),
            st.integers(0, 30),
        ),
    ),
    max_size=12,
)


@given(_moves, st.randoms(use_true_random=False))
def test_order_and_repetition_make_no_difference(moves: list[Move], random: object) -> None:
    told = [*moves, *moves[::2]]
    random.shuffle(told)  # type: ignore[attr-defined]

    assert fold(told) == fold(moves)
