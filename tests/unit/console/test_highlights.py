"""Findings are marked exactly where they are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from console.highlights import segments


def finding(start: int, end: int, level: str = "warn") -> dict[str, object]:
    return {"level": level, "start": start, "end": end}


def test_a_finding_is_cut_out_with_its_number() -> None:
    pieces = segments("全城最好的牙", [finding(0, 4, "block")])

    assert [(piece.text, piece.numbers, piece.level, piece.ends) for piece in pieces] == [
        ("全城最好", (1,), "block", (1,)),
        ("的牙", (), "", ()),
    ]


def test_where_findings_overlap_the_gravest_colours_and_each_is_numbered_once() -> None:
    pieces = segments("abcdef", [finding(0, 4, "hint"), finding(2, 6, "block")])

    assert [(piece.text, piece.level) for piece in pieces] == [
        ("ab", "hint"),
        ("cd", "block"),
        ("ef", "block"),
    ]
    assert [piece.ends for piece in pieces] == [(), (1,), (2,)]


def test_a_text_without_findings_is_one_piece() -> None:
    assert [piece.text for piece in segments("好", [])] == ["好"]
    assert segments("", [finding(0, 3)]) == ()


@given(
    st.text(max_size=30),
    st.lists(st.tuples(st.integers(-3, 40), st.integers(-3, 40), st.sampled_from(["block", "warn", "hint"]))),
)
def test_no_character_is_lost_or_doubled_whatever_the_spans(
    text: str, spans: list[tuple[int, int, str]]
) -> None:
    pieces = segments(text, [finding(*span) for span in spans])

    assert "".join(piece.text for piece in pieces) == text
    assert all((piece.level != "") == bool(piece.numbers) for piece in pieces)
    ends = [number for piece in pieces for number in piece.ends]
    assert len(ends) == len(set(ends))
