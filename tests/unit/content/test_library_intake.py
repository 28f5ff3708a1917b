"""What becomes of a file's entry when the library has it already."""

from __future__ import annotations

import pytest

from content.library.intake import Fate, Known, fate, fate_of_file, gone
from content.written import Written


def entry(text: str = "甲", key: str = "moment.a") -> Written:
    return Written(kind="moment", key=key, file="moments/a.yaml", document={"key": key, "text": text})


PACK, STAFF, NEWER = entry("甲").digest, entry("乙").digest, entry("丙").digest


@pytest.mark.parametrize(
    ("now", "known", "expected"),
    [
        pytest.param("甲", None, Fate.NEW, id="never seen"),
        pytest.param("甲", Known(digest=PACK, pack_digest=PACK), Fate.SAME, id="nothing changed"),
        pytest.param("丙", Known(digest=PACK, pack_digest=PACK), Fate.FOLLOWS, id="only the pack changed"),
        pytest.param("甲", Known(digest=STAFF, pack_digest=PACK), Fate.SAME, id="only staff changed it"),
        pytest.param("丙", Known(digest=STAFF, pack_digest=PACK), Fate.OFFERED, id="both changed it"),
        pytest.param("乙", Known(digest=STAFF, pack_digest=PACK), Fate.AGREES, id="both wrote the same"),
        pytest.param("丙", Known(digest=STAFF, pack_digest=""), Fate.OFFERED, id="staff had made that key"),
    ],
)
def test_what_staff_edited_stays_and_the_rest_follows_the_pack(now, known, expected):
    assert fate(entry(now), known) is expected


def test_a_folder_somebody_brings_in_counts_whatever_stands():
    assert fate_of_file(entry("丙"), Known(digest=STAFF, pack_digest=PACK)) is Fate.FOLLOWS
    assert fate_of_file(entry("乙"), Known(digest=STAFF, pack_digest=PACK)) is Fate.SAME


def test_only_what_came_from_the_pack_and_nobody_edited_leaves_with_it():
    known = {
        ("text", "left"): Known(digest=PACK, pack_digest=PACK),
        ("text", "edited"): Known(digest=STAFF, pack_digest=PACK),
        ("text", "made-by-staff"): Known(digest=STAFF, pack_digest=""),
        ("text", "put-away"): Known(digest=PACK, pack_digest=PACK, state="retired"),
        ("text", "moment.a"): Known(digest=PACK, pack_digest=PACK),
        ("asset", "moment.a"): Known(digest=PACK, pack_digest=PACK),
    }

    assert gone([entry()], known) == (("text", "left"), ("asset", "moment.a"))
