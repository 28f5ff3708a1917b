"""The check agrees with people about sentences that were written apart from its rules."""

from __future__ import annotations

import pytest

from bench.compliance import FILES, PRECISION, RECALL, judge, read
from tests.support.checking import packaged_checker


@pytest.mark.parametrize("name", FILES)
def test_the_check_agrees_with_people(name: str) -> None:
    sentences = read(name)

    score = judge(packaged_checker(), sentences)

    assert len(sentences) >= 300
    assert len({one.text for one in sentences}) == len(sentences)
    assert score.precision >= PRECISION, [one.text for one in score.wronged]
    assert score.recall >= RECALL, [one.text for one in score.missed]
