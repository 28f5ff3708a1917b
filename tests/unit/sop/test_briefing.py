"""What the app answers a member: short, true, and never cut inside a link."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sop.briefing import Briefing, Item, hello_words, help_words, meant_by, today_words
from wecom.messages import Text

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
NOTHING = Briefing(todos=(), todo_count=0, reviews=0, taps=(), today=())


def words(found: Briefing, *, name: str = "李娜", public_url: str = "https://xiaohu.example/") -> str:
    return today_words(found, name=name, now=NOW, zone=ZONE, public_url=public_url)


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        pytest.param("今日", "today", id="the word"),
        pytest.param(" 待办。 ", "today", id="blanks and a full stop"),
        pytest.param("TODO", "today", id="capitals"),
        pytest.param("帮助！", "help", id="an exclamation"),
        pytest.param("？", "help", id="a question mark alone"),
        pytest.param("今日份的快乐", "other", id="more than the word"),
        pytest.param("", "other", id="nothing"),
    ],
)
def test_what_a_member_means(said: str, meant: str) -> None:
    assert meant_by(said) == meant


def test_a_free_day_is_said_so() -> None:
    assert words(NOTHING) == "李娜，今天没有等你处理的事，安心忙吧。\n发“帮助”看我能做什么。"
    assert words(NOTHING, name="").startswith("今天没有")


def test_todos_come_with_when_they_are_due_and_how_many_more_there_are() -> None:
    found = Briefing(
        todos=(
            Item(text="回访", at=NOW - timedelta(hours=1)),
            Item(text="补额度", at=NOW + timedelta(days=1)),
        ),
        todo_count=4,
        reviews=3,
        taps=(Item(text="朋友圈 #7"),),
        today=(Item(text="群消息 #9", at=NOW + timedelta(hours=3)),),
    )

    said = words(found)

    assert "· 回访（已过 11-23 08:00）" in said
    assert "· 补额度（11-24 09:00）" in said
    assert "· 还有 2 件" in said
    assert '<a href="https://xiaohu.example/console/todos">打开待办</a>' in said
    assert "等你审核 3 条内容" in said
    assert "· 12:00 群消息 #9" in said
    assert (
        hello_words(found, name="李娜")
        == "李娜，今天有 4 件待办、3 条内容等你审核、1 条等你点发送。发“今日”看明细。"
    )


@given(
    st.lists(st.text(max_size=120), max_size=5),
    st.integers(0, 10_000),
    st.text(max_size=64).filter(lambda name: "\x00" not in name),
)
def test_whatever_waits_fits_one_message_and_no_link_is_cut(
    titles: list[str], reviews: int, name: str
) -> None:
    items = tuple(Item(text=title.replace("<", "")) for title in titles)
    said = words(
        Briefing(todos=items, todo_count=len(items), reviews=reviews, taps=items, today=()),
        name=name.replace("<", ""),
        public_url="https://xiaohu.example/" + "a" * 200,
    )

    Text(content=said)  # refuses what WeCom would refuse
    assert said.count("<a href=") == said.count("</a>")


def test_help_names_the_words_that_are_understood() -> None:
    said = help_words(name="")

    assert {meant_by(word) for word in ("今日", "帮助") if word in said} == {"today", "help"}
