"""Which tags she wears: the newest word counts, one of a group drives out the others, people before rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from clinic.rules.wearing import RULE, STAFF, Word, difference, worn

NOW = datetime(2026, 11, 23, 1, tzinfo=UTC)
EXCLUSIVE = frozenset({"阶段"})


def word(
    path: str, day: int, *, on: bool = True, origin: str = RULE, userid: str = "", until: int | None = None
) -> Word:
    return Word(
        key=f"{path}:{day}:{on}:{origin}:{userid}:{until}",
        path=path,
        present=on,
        at=NOW - timedelta(days=100 - day),
        origin=origin,
        reason="因为",
        rule="one" if origin == RULE else None,
        userid=userid,
        expires_at=None if until is None else NOW - timedelta(days=100 - until),
    )


def tags(*words: Word, userid: str = "") -> set[str]:
    return set(worn(words, exclusive=EXCLUSIVE, now=NOW, userid=userid))


def test_the_newest_word_counts_whatever_came_first() -> None:
    on, off = word("需求/种植", 1), word("需求/种植", 2, on=False)

    assert tags(on, off) == tags(off, on) == set()
    assert tags(off, word("需求/种植", 3)) == {"需求/种植"}


def test_a_tag_of_an_exclusive_group_drives_out_the_others_only_there() -> None:
    said = [word("阶段/已预约", 1), word("阶段/已到店", 2), word("需求/种植", 1), word("需求/洁牙", 2)]

    assert tags(*said) == {"阶段/已到店", "需求/种植", "需求/洁牙"}


def test_an_older_word_that_comes_late_drives_out_nobody() -> None:
    assert tags(word("阶段/已到店", 2), word("阶段/已预约", 1)) == {"阶段/已到店"}


def test_at_one_instant_a_persons_word_counts_more_than_a_rules() -> None:
    assert tags(word("需求/种植", 1), word("需求/种植", 1, on=False, origin=STAFF)) == set()


def test_a_tag_expires_but_one_that_is_said_again_stays_for_the_longer() -> None:
    short, long = word("需求/种植", 1, until=90), word("需求/种植", 2, until=110)

    assert tags(short) == set()
    assert tags(short, long) == tags(word("需求/种植", 1, until=110), word("需求/种植", 2, until=90))
    assert tags(short, long) == {"需求/种植"}
    assert tags(word("需求/种植", 1), word("需求/种植", 2, until=90)) == {"需求/种植"}


def test_what_a_member_changed_concerns_his_relation_only() -> None:
    said = [word("需求/种植", 1), word("需求/种植", 2, on=False, origin=STAFF, userid="xiaohu")]

    assert tags(*said, userid="xiaohu") == set()
    assert tags(*said, userid="zhang.wei") == {"需求/种植"}


def test_wecom_is_asked_for_the_difference_only() -> None:
    change = difference({"a/1", "a/2"}, {"a/2", "a/3"})

    assert (change.add, change.remove) == (("a/1",), ("a/3",))
    assert not difference({"a/1"}, {"a/1"})


_words = st.lists(
    st.builds(
        word,
        st.sampled_from(["阶段/已预约", "阶段/已到店", "需求/种植"]),
        st.integers(1, 5),
        on=st.booleans(),
        origin=st.sampled_from([RULE, STAFF]),
        userid=st.sampled_from(["", "xiaohu"]),
        until=st.sampled_from([None, 90, 110]),
    ),
    max_size=10,
)


@given(_words, st.randoms(use_true_random=False))
def test_order_and_repetition_make_no_difference_and_groups_stay_exclusive(
    words: list[Word], random: Random
) -> None:
    told = [*words, *words[::2]]
    random.shuffle(told)

    once = worn(words, exclusive=EXCLUSIVE, now=NOW, userid="xiaohu")

    assert worn(told, exclusive=EXCLUSIVE, now=NOW, userid="xiaohu") == once
    assert sum(path.startswith("阶段/") for path in once) <= 1
