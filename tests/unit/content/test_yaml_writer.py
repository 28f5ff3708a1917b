"""What is written as YAML is read back as it was, and written again with the same bytes."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from content.sources import parse_document
from content.yaml_writer import write_entries

# What a text may hold: no control characters (the reader refuses them), one kind of line end.
CHARACTERS = st.characters(
    exclude_categories=["Cs", "Cc"], exclude_characters="\u2028\u2029\ufeff\ufffe\uffff"
)
TEXT = st.text(st.one_of(CHARACTERS, st.sampled_from("\n：:#-{}[]'\"|>&*!%@` 1")), min_size=1, max_size=60)
ENTRY = st.fixed_dictionaries(
    {"key": st.just("moment.a"), "text": TEXT},
    optional={
        "for": st.lists(TEXT.map(lambda text: text.replace("\n", "")), max_size=3),
        "months": st.lists(st.integers(1, 12), max_size=3),
        "age": st.fixed_dictionaries({}, optional={"from": st.integers(1, 99), "below": st.integers(1, 99)}),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ENTRY, max_size=3))
def test_entries_are_read_back_as_they_were_written(entries):
    written = write_entries("items", entries, comment="一行说明")
    document, problems = parse_document(written, file="moments/a.yaml")

    assert problems == []
    assert document is not None
    assert document.data == {"items": entries}
    assert write_entries("items", document.data["items"], comment="一行说明") == written


def test_a_text_of_several_lines_is_written_the_way_people_write_it():
    entry = {"key": "moment.a", "for": ["doctor"], "text": "第一行：\n\n第二行", "expires_on": "2026-12-31"}

    assert write_entries("items", [entry], comment="说明").splitlines() == [
        "# 说明",
        "items:",
        "  - key: moment.a",
        "    for: [doctor]",
        "    text: |-",
        "      第一行：",
        "",
        "      第二行",
        "    expires_on: '2026-12-31'",
    ]
