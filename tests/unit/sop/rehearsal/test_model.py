"""The people of a rehearsal: some have packages, and a seed makes the same ones again."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from sop.rehearsal.model import people

if TYPE_CHECKING:
    from content.pack import Pack

START = datetime(2026, 11, 30, 0, tzinfo=UTC)


def test_some_bought_a_package_before_it_begins_and_have_not_used_it_up(pack: Pack) -> None:
    cast = list(people(pack, ["xiaohu"], count=400, seed=7, start=START, days=90))

    cards = [(person, person.card) for person in cast if person.card is not None]
    assert 15 < len(cards) < 80
    for person, card in cards:
        assert person.added_at.date() <= card.issued_on < START.date()
        assert card.used < card.total
        assert (card.used_on is None) == (card.used == 0)
    assert cast == list(people(pack, ["xiaohu"], count=400, seed=7, start=START, days=90))
