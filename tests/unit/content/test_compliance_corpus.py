"""The check agrees with people about sentences that were written apart from its rules."""

from __future__ import annotations

import pytest

from bench.compliance import FILES, PRECISION, RECALL, judge, read
from content.compliance import Checker


@pytest.mark.parametrize("name", FILES)
def test_the_check_agrees_with_people(name: str) -> None:
    sentences = read(name)

    score = judge(Checker.load(), sentences)

    assert len(sentences) >= 300
    assert len({one.text for one in sentences}) == len(sentences)
    assert score.precision >= PRECISION, [one.text for one in score.wronged]
    assert score.recall >= RECALL, [one.text for one in score.missed]
