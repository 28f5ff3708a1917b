"""Phones and names: one way to write them, one way to compare them, and a mask for the screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic.identity import (
    NotAPhone,
    canonical_phone,
    fold,
    grams,
    mask_name,
    mask_phone,
    read_wanted,
    visible,
)

mobiles = st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True)
decorations = st.sampled_from(["{}", "+86{}", "+86 {}", "86{}", "0086{}", " {} ", "(+86) {}", "+86-{}"])


@given(mobile=mobiles, how=decorations, cut=st.booleans())
def test_a_mobile_number_is_one_number_however_it_is_written(mobile: str, how: str, cut: bool) -> None:
    written = f"{mobile[:3]} {mobile[3:7]}-{mobile[7:]}" * cut or mobile

    assert canonical_phone(how.format(written)) == mobile


@pytest.mark.parametrize(
    ("raw", "stored"),
    [
        pytest.param("１３８００１３８０００", "13800138000", id="full width"),
        pytest.param("0571-8888 6666", "057188886666", id="landline"),
        pytest.param("+86 571 88886666", "057188886666", id="landline with country code"),
        pytest.param("+852 9123 4567", "+85291234567", id="abroad"),
        pytest.param("00852 91234567", "+85291234567", id="abroad with zeros"),
    ],
)
def test_other_numbers_are_brought_into_one_form_too(raw: str, stored: str) -> None:
    assert canonical_phone(raw) == stored


@pytest.mark.parametrize("raw", ["", "1380013800", "12345678901", "王芳", "138001380001", "+86123", "+", "0"])
def test_what_is_no_phone_is_refused(raw: str) -> None:
    with pytest.raises(NotAPhone, match="11 位手机号"):
        canonical_phone(raw)


@given(mobile=mobiles)
def test_a_masked_phone_shows_seven_digits_only(mobile: str) -> None:
    assert mask_phone(mobile) == f"{mobile[:3]}****{mobile[-4:]}"
    assert mask_phone("+85291234567") == "****4567"


@pytest.mark.parametrize(
    ("name", "shown"), [("王", "王*"), ("王芳", "王*"), ("王小明", "王**"), ("欧阳小小明", "欧***")]
)
def test_a_masked_name_shows_how_it_begins(name: str, shown: str) -> None:
    assert mask_name(name) == shown


def test_emoji_width_case_and_blanks_make_no_difference_to_a_name() -> None:
    assert fold("🌸Ａnna 小明·妈妈🌸") == "anna小明妈妈"
    assert grams("小 明~妈妈") == ("小明", "明妈", "妈妈")
    assert grams("芳🌸") == ("芳",)
    assert grams("🌸") == ()


@given(name=st.text(max_size=40), start=st.integers(0, 38))
def test_any_part_of_a_name_asks_for_pairs_that_the_name_has(name: str, start: int) -> None:
    part = fold(name)[start : start + 5]
    asked = read_wanted(part).grams

    assert len(part) < 2 or fold(part) != part or set(asked) <= set(grams(name, most=100))


def test_the_words_of_a_search_are_read_as_everything_they_may_mean() -> None:
    assert read_wanted(" +86 138-0013-8000 ").phone == "13800138000"
    assert read_wanted("13800138000").grams == ()
    assert (read_wanted("8000").tail, read_wanted("8000").number) == ("8000", "8000")
    assert read_wanted("wmABC_1-x").external_userid == "wmABC_1-x"
    assert read_wanted("local:0a1b2c").external_userid == "local:0a1b2c"
    assert read_wanted("王 芳").real_name == "王芳"
    assert read_wanted("B-2024/17").number == "B-2024/17"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("晓晴🌷", "晓晴🌷", id="a name"),
        pytest.param(" A.", " A.", id="as it is"),
        pytest.param("🌸", "🌸", id="a flower"),
        pytest.param("...", "...", id="dots"),
        pytest.param("  ", "", id="blanks"),
        pytest.param("\u200b\u200d\u202e", "", id="nothing that shows"),
        pytest.param("\u3164", "", id="a filler"),
        pytest.param("", "", id="none"),
    ],
)
def test_a_name_that_shows_nothing_is_none(name: str, shown: str) -> None:
    assert visible(name) == shown
