"""What a template card must look like, part by part (messages-and-cards.md §2)."""

from __future__ import annotations

from typing import Any

import pytest

from wecom.sandbox.cards import check_card, without_nulls
from wecom.sandbox.refusal import Refusal

LINK = {"type": 1, "url": "https://a.example"}
OPTION = {"id": "1", "text": "一"}
CARDS: dict[str, dict[str, Any]] = {
    "text": {"card_type": "text_notice", "main_title": {"title": "a"}, "card_action": LINK},
    "news": {
        "card_type": "news_notice",
        "main_title": {"title": "a"},
        "card_action": LINK,
        "card_image": {"url": "https://a.example/a.png"},
    },
    "vote": {
        "card_type": "vote_interaction",
        "main_title": {"title": "a"},
        "task_id": "v-1",
        "checkbox": {"question_key": "q", "option_list": [OPTION]},
        "submit_button": {"text": "a", "key": "k"},
    },
    "lists": {
        "card_type": "multiple_interaction",
        "main_title": {"title": "a"},
        "task_id": "m-1",
        "select_list": [{"question_key": "q", "option_list": [OPTION]}],
        "submit_button": {"text": "a", "key": "k"},
    },
}


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param("text", {"quote_area": {"type": 1, "title": "a"}}, id="a quoted link leads nowhere"),
        pytest.param(
            "text", {"quote_area": {"type": 2, "title": "a"}}, id="a quoted mini-program has no appid"
        ),
        pytest.param("text", {"jump_list": [{"type": 3, "title": "a"}]}, id="no such kind of jump"),
        pytest.param("text", {"jump_list": [{"type": 1, "title": "a"}]}, id="a jump leads nowhere"),
        pytest.param("text", {"jump_list": [{"type": 2, "title": "a"}]}, id="a jump has no appid"),
        pytest.param(
            "text",
            {"horizontal_content_list": [{"type": 2, "keyname": "a", "value": "b"}]},
            id="a row has no file",
        ),
        pytest.param(
            "text", {"horizontal_content_list": [{"type": 3, "keyname": "a"}]}, id="a row has no member"
        ),
        pytest.param("news", {"card_image": {"url": "a", "aspect_ratio": 1.29}}, id="too tall"),
        pytest.param("news", {"card_image": {"url": "a", "aspect_ratio": 2.26}}, id="too wide"),
        pytest.param("news", {"card_image": {"url": "a", "aspect_ratio": "2"}}, id="a ratio in words"),
        pytest.param(
            "news", {"image_text_area": {"image_url": "a", "type": 1}}, id="a picture leads nowhere"
        ),
        pytest.param("news", {"image_text_area": {"image_url": "a", "type": 2}}, id="a picture has no appid"),
        pytest.param(
            "news", {"image_text_area": {"image_url": "a", "type": 3}}, id="no such kind of picture"
        ),
        pytest.param(
            "vote",
            {"checkbox": {"question_key": "q", "option_list": [OPTION | {"is_checked": "yes"}]}},
            id="checked in words",
        ),
        pytest.param(
            "lists",
            {"select_list": [{"question_key": "q", "option_list": [OPTION]}] * 2},
            id="two questions with one key",
        ),
    ],
)
def test_a_part_that_wecom_could_not_show_is_refused(kind: str, change: dict[str, Any]) -> None:
    check_card(CARDS[kind])

    with pytest.raises(Refusal) as refusal:
        check_card(CARDS[kind] | change)
    assert refusal.value.errcode in range(42027, 42052)


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        pytest.param("text", {"quote_area": {"type": 0, "quote_text": "a"}}, id="a quote"),
        pytest.param("text", {"quote_area": LINK | {"title": "a"}}, id="a quoted link"),
        pytest.param("text", {"jump_list": [LINK | {"title": "a"}, {"type": 0, "title": "b"}]}, id="jumps"),
        pytest.param("news", {"card_image": {"url": "a", "aspect_ratio": 2}}, id="a whole ratio"),
        pytest.param("news", {"card_image": {"url": "a", "aspect_ratio": 2.25}}, id="the widest"),
        pytest.param(
            "news", {"image_text_area": {"image_url": "a", "title": "b"}}, id="a picture with words"
        ),
        pytest.param(
            "vote",
            {"checkbox": {"question_key": "q", "option_list": [OPTION | {"is_checked": True}]}},
            id="checked",
        ),
    ],
)
def test_a_part_that_wecom_shows_is_taken(kind: str, change: dict[str, Any]) -> None:
    check_card(CARDS[kind] | change)


def test_null_counts_as_absent_however_deep_it_stands() -> None:
    card = CARDS["text"] | {"source": None, "jump_list": [LINK | {"title": "a", "appid": None}]}

    plain = without_nulls(card)

    assert plain == CARDS["text"] | {"jump_list": [LINK | {"title": "a"}]}
    check_card(plain)
