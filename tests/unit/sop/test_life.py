"""The life of a post as a graph: no way around an approval, no end that is left again by accident."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sop.life import CANCELLABLE, EDITABLE, ENDS, LABELS, NEXT, NotPossible, PostState, check_step

STATES = st.sampled_from(list(PostState))


def reachable(start: PostState, *, without: PostState | None = None) -> set[PostState]:
    """Every state that can follow ``start``, never passing through ``without``."""
    seen: set[PostState] = set()
    ahead = [start]
    while ahead:
        for following in NEXT[ahead.pop()] - seen:
            if following is not without:
                seen.add(following)
                ahead.append(following)
    return seen


def test_no_path_leads_to_a_task_without_an_approval() -> None:
    sent = {PostState.CREATING, PostState.AWAITING_SENDER, PostState.PUBLISHED, PostState.PARTIAL}

    assert not reachable(PostState.DRAFT, without=PostState.APPROVED) & sent
    assert not reachable(PostState.IN_REVIEW, without=PostState.APPROVED) & sent


def test_only_an_approved_post_or_one_being_looked_for_starts_creating() -> None:
    assert {state for state in PostState if PostState.CREATING in NEXT[state]} == {
        PostState.APPROVED,
        PostState.UNKNOWN,
    }


def test_every_state_has_a_label_and_every_open_state_an_end_ahead() -> None:
    assert set(LABELS) == set(NEXT) == set(PostState)
    for state in set(PostState) - ENDS:
        assert reachable(state) & ENDS, state


def test_ends_stay_ends_but_for_late_deliveries() -> None:
    assert {state: NEXT[state] for state in ENDS if NEXT[state]} == {
        PostState.PARTIAL: frozenset({PostState.PUBLISHED})
    }


def test_what_is_on_its_way_cannot_be_edited_and_what_is_being_created_cannot_be_cancelled() -> None:
    assert not EDITABLE & {PostState.CREATING, PostState.UNKNOWN, PostState.AWAITING_SENDER, *ENDS}
    assert not CANCELLABLE & {PostState.CREATING, PostState.UNKNOWN, *ENDS}


@given(state=STATES, wanted=STATES)
def test_a_step_is_taken_or_refused_in_words(state: PostState, wanted: PostState) -> None:
    if wanted in NEXT[state]:
        check_step(7, state, wanted)
        return
    with pytest.raises(NotPossible, match=LABELS[state]):
        check_step(7, state, wanted)
