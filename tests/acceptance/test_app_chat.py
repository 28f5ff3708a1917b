"""Members write to the app, open it and tap its menu: each is answered once, with what waits for him."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from clinic import todos
from tests.support.quiet import quiet

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.clinic import Clinic

SEND = "message/send"


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """SQLite only: words are the same on every database."""
    return f"sqlite+aiosqlite:///{tmp_path / 'xiaohu.db'}"


async def answers(clinic: Clinic, userid: str) -> list[str]:
    """The texts that the app wrote to a member, oldest first."""
    chat = (await clinic.phone("members", userid))["app_chat"]["messages"]
    return [
        message["text"] for message in chat if message["kind"] == "text" and message["from"]["kind"] == "app"
    ]


async def say(clinic: Clinic, userid: str, text: str) -> str:
    await clinic.act("member-writes-app", userid=userid, text=text)
    await quiet(clinic)
    return (await answers(clinic, userid))[-1]


async def newcomer(clinic: Clinic) -> str:
    """Hire somebody for whom nothing is planned and nothing waits."""
    await clinic.act("member-joins", userid="he.yan", name="何燕")
    await quiet(clinic)
    return "he.yan"


async def ask(clinic: Clinic, assignee: str, title: str) -> None:
    async with clinic.runtime.database.write() as session:
        await todos.ask(
            session,
            key=f"test:{title}",
            kind="test",
            assignee=assignee,
            title=title,
            body="",
            now=clinic.clock.now(),
        )


async def test_today_lists_todos_reviews_and_posts_of_whoever_asks(clinic: Clinic) -> None:
    await clinic.plan()
    await ask(clinic, "zhang.wei", "回访一位顾客")
    await ask(clinic, todos.MANAGER, "补充获客额度")

    doctor = await say(clinic, "zhang.wei", "今日")
    manager = await say(clinic, "chen.jing", " 待办。")

    assert "回访一位顾客" in doctor
    assert "补充获客额度" not in doctor
    assert "等你审核" in doctor
    assert "今天以你的账号发" in doctor
    assert "补充获客额度" in manager
    assert f'<a href="{clinic.settings.public_url}/console/todos">' in manager


async def test_help_explains_and_the_rest_gets_a_friendly_hint(clinic: Clinic) -> None:
    nurse = await newcomer(clinic)

    assert "何燕，我是小护" in await say(clinic, nurse, "帮助")
    assert "发“帮助”看我能做什么" in await say(clinic, nurse, "晚上吃什么")
    assert "没有等你处理的事" in await say(clinic, nurse, "今天")


async def test_one_message_has_one_answer_however_often_it_comes(clinic: Clinic) -> None:
    await say(clinic, "li.na", "帮助")
    for _ in range(3):
        await clinic.sandbox.callbacks.redeliver()
    await quiet(clinic)
    assert len(await answers(clinic, "li.na")) == 1

    await say(clinic, "li.na", "帮助")
    assert len(await answers(clinic, "li.na")) == 2


async def test_opening_the_app_says_hello_once_and_later_only_when_something_waits(clinic: Clinic) -> None:
    nurse = await newcomer(clinic)
    for _ in range(3):
        await clinic.act("member-enters-app", userid=nurse)
        clinic.clock.advance(timedelta(seconds=2))
    await quiet(clinic)
    assert len(await answers(clinic, nurse)) == 1

    await ask(clinic, nurse, "回访一位顾客")
    for _ in range(3):
        await clinic.act("member-enters-app", userid=nurse)
        clinic.clock.advance(timedelta(seconds=2))
    await quiet(clinic)

    said = await answers(clinic, nurse)
    assert len(said) == 2
    assert said[1] == "何燕，今天有 1 件待办。发“今日”看明细。"


async def test_menu_keys_mean_what_the_words_mean(clinic: Clinic) -> None:
    nurse = await newcomer(clinic)
    fields = {"MsgType": "event", "Event": "click", "EventKey": "MENU_TODO", "AgentID": 1000002}
    await clinic.act("emit-callback", sender=nurse, fields=fields)
    await quiet(clinic)
    await clinic.act("emit-callback", sender=nurse, fields=fields | {"EventKey": "帮助"})
    await quiet(clinic)

    first, second = await answers(clinic, nurse)
    assert "没有等你处理的事" in first
    assert "今日：看今天的待办" in second


async def test_a_menu_of_a_card_decides_nothing_and_is_answered(clinic: Clinic) -> None:
    await clinic.plan()
    await quiet(clinic)
    card = next(call for call in clinic.journal(SEND) if call.body["msgtype"] == "template_card")
    task_id = card.body["template_card"]["task_id"]

    await clinic.act("tap-card", userid="chen.jing", task_id=task_id, key="approve", menu=True)
    await quiet(clinic)

    assert "今日：看今天的待办" in (await answers(clinic, "chen.jing"))[-1]
    assert {post["state"] for post in await clinic.posts()} <= {"in_review", "draft"}
