"""The library in the console: found, edited with the check at one's elbow, sent to review, put away."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from content.library import keeping
from content.library.importing import keep_up
from content.loader import load_pack
from sop.life import PostState
from sop.tables import Batch, ReviewCard
from tests.support.api_driver import MONDAY
from tests.support.console_driver import HTMX, Desk

if TYPE_CHECKING:
    from tests.support.console_driver import Page

LIST = "/console/library"
RAIN = "/console/library/text/moment.assistant.rain"
BRUSH = "/console/library/text/moment.doctor.brush"
BAD = "我们是全城最好的牙科。"
GOOD = "雨停了，路还有点滑，慢慢走。"


@pytest.fixture(autouse=True)
async def library(visitor: Desk) -> None:
    await keep_up(visitor.database, visitor.pack, now=MONDAY)


async def save(desk: Desk, path: str, **changes: str) -> Page:
    return await desk.send(await desk.get(path), path, **changes)


async def kept(desk: Desk, key: str, shelf: str = "text") -> keeping.Kept:
    async with desk.database.read() as session:
        return await keeping.get(session, shelf, key)


class TestFinding:
    async def test_every_text_is_listed_and_found_by_kind_category_persona_state_and_words(
        self, desk: Desk
    ) -> None:
        everything = (await desk.get(LIST)).text
        assert "下雨天路滑" in everything
        assert "今天大家刷牙了吗" in everything

        for query, there, gone in (
            ("kind=group", "今天大家刷牙了吗", "下雨天路滑"),
            ("category=科普", "刷牙时把刷毛", "下雨天路滑"),
            ("persona=doctor-zhang", "刷牙时把刷毛", "下雨天路滑"),
            ("q=路滑 慢慢", "下雨天路滑", "刷牙时把刷毛"),
            ("state=active&kind=moment", "下雨天路滑", "今天大家刷牙了吗"),
            ("kind=asset", "在线预约", "下雨天路滑"),
        ):
            text = (await desk.get(f"{LIST}?{query}")).text
            assert there in text, query
            assert gone not in text, query
        assert "没有找到" in (await desk.get(f"{LIST}?q=没有这几个字")).text

    async def test_an_unknown_page_or_kind_is_refused_and_an_unknown_entry_is_not_there(
        self, desk: Desk
    ) -> None:
        assert (await desk.get(f"{LIST}?page=x")).status == 422
        assert (await desk.get(f"{LIST}/new?kind=poem")).status == 422
        assert (await desk.get(f"{LIST}/text/nothing")).status == 404

    async def test_the_list_says_how_often_a_text_was_used(self, desk: Desk) -> None:
        await desk.plan()

        assert "排在" in (await desk.get(f"{LIST}?q=路滑")).text


class TestEditing:
    async def test_saving_makes_a_version_that_the_next_week_says(self, desk: Desk) -> None:
        saved = await save(desk, RAIN, text=GOOD)

        assert "已存为第 2 版" in (await desk.follow(saved)).text
        version = (await kept(desk, "moment.assistant.rain")).version
        assert (version.document["text"], version.author, version.origin) == (GOOD, "admin", "staff")
        assert version.document["attachments"] == ["brush-card"]
        assert "+" in (await desk.get(f"{RAIN}/versions/2")).text or GOOD in (await desk.get(RAIN)).text

    async def test_what_the_check_blocks_is_not_kept_and_the_words_are_named(self, desk: Desk) -> None:
        refused = await save(desk, RAIN, text=BAD)

        assert refused.status == 422
        assert "“全城最好”不能用（小护）" in refused.text
        assert BAD in refused.html
        assert (await kept(desk, "moment.assistant.rain")).item.version == 1

    async def test_a_mistake_is_told_as_the_command_line_tells_it(self, desk: Desk) -> None:
        refused = await save(desk, RAIN, text="停车在{{ clinic.parking }}。")

        assert refused.status == 422
        assert "没有变量 clinic.parking" in refused.text

    async def test_while_writing_the_findings_stand_at_their_words(self, desk: Desk) -> None:
        form = dict((await desk.get(RAIN)).form(RAIN))

        checked = await desk.post(f"{LIST}/check", [*(form | {"text": BAD}).items()], headers=HTMX)

        assert checked.status == 200
        assert '<mark class="finding-block">全城最好' in checked.html
        assert "有必须修改的地方" in checked.text
        assert 'hx-swap-oob="innerHTML"' in checked.html

    async def test_two_people_at_once_lose_nothing(self, desk: Desk) -> None:
        form = await desk.get(RAIN)
        await save(desk, RAIN, text=GOOD)

        late = await desk.send(form, RAIN, text="雨天慢慢走。")

        assert late.status == 409
        assert "刚刚被 admin 改成第 2 版" in late.text
        assert "雨天慢慢走。" in late.html
        again = await desk.send(late, RAIN)  # having seen both
        assert "已存为第 3 版" in (await desk.follow(again)).text

    async def test_an_older_version_can_be_taken_again(self, desk: Desk) -> None:
        before = (await kept(desk, "moment.assistant.rain")).version.document["text"]
        await save(desk, RAIN, text=GOOD)

        older = await desk.get(f"{RAIN}?from=1")
        assert "下面是第 1 版的写法" in older.text
        await desk.send(older, RAIN)

        assert (await kept(desk, "moment.assistant.rain")).version.document["text"] == before

    async def test_new_texts_of_every_kind_can_be_written(self, desk: Desk) -> None:
        texts = {
            "moment": [("text", "今天天气好。"), ("for", "assistant")],
            "group": [("text", "大家早。"), ("roles", "community")],
            "direct": [("text", "昨天还好吗？"), ("for", "assistant")],
            "script": [
                *(("title", "怕疼"), ("stage", "consulted"), ("situation", "他说怕疼")),
                *(("say", "先看看，不急。"), ("never", "不疼的")),
            ],
            "answer": [("title", "停车"), ("asks", "能停车吗"), ("words", "停车"), ("text", "门口有车位。")],
        }
        for kind, fields in texts.items():
            blank = await desk.get(f"{LIST}/new?kind={kind}")
            token = dict(blank.form(f"{LIST}/new"))["csrf"]
            base = [("csrf", token), ("kind", kind), ("category", "日常" if kind != "direct" else "关怀")]
            made = await desk.post(f"{LIST}/new", [*base, *fields])
            assert "已经放进内容库" in (await desk.follow(made)).text, kind
        assert "今天天气好" in (await desk.get(f"{LIST}?kind=moment")).text

    async def test_a_link_of_a_moment_keeps_its_cover(self, desk: Desk) -> None:
        path = f"{LIST}/asset/booking"

        assert "已存为第 2 版" in (await desk.follow(await save(desk, path, title="预约看牙"))).text
        refused = await save(desk, path, picture="")

        assert refused.status == 422
        assert "封面" in refused.text


class TestPuttingAway:
    async def test_a_retired_text_is_not_drawn_and_can_come_back(self, desk: Desk) -> None:
        page = await desk.get(RAIN)
        await desk.send(page, f"{RAIN}/retire")
        await desk.plan()
        assert "moment.assistant.rain" not in [post.content_key for post in await desk.posts()]

        back = await desk.follow(await desk.send(await desk.get(RAIN), f"{RAIN}/restore"))

        assert "已恢复使用" in back.text

    async def test_what_somebody_uses_is_not_deleted_and_the_users_are_named(self, desk: Desk) -> None:
        token = dict((await desk.get(RAIN)).form(RAIN))["csrf"]

        refused = await desk.follow(await desk.post(f"{RAIN}/delete", [("csrf", token)]))

        assert "它是内容包带来的，只能停用" in refused.text

    async def test_a_newer_wording_of_the_pack_is_shown_and_taken_or_declined(
        self, desk: Desk, tmp_path
    ) -> None:
        from tests.support.api_pack import FILES, tiny_pack

        await save(desk, RAIN, text=GOOD)
        await save(desk, BRUSH, text="刷牙要慢。")
        tiny_pack(tmp_path / "newer")
        daily = (
            FILES["moments/daily.yaml"].replace("慢慢走。", "看好脚下。").replace("轻轻颤动。", "轻轻地。")
        )
        (tmp_path / "newer" / "moments" / "daily.yaml").write_text(daily, "utf-8")
        await keep_up(desk.database, load_pack(tmp_path / "newer"), now=MONDAY)

        assert "内容包有 2 条更新" in (await desk.get(LIST)).text
        shown = await desk.get(RAIN)
        assert "看好脚下" in shown.text
        await desk.send(shown, f"{RAIN}/take")
        await desk.send(await desk.get(BRUSH), f"{BRUSH}/decline")

        assert "看好脚下" in (await kept(desk, "moment.assistant.rain")).version.document["text"]
        assert (await kept(desk, "moment.doctor.brush")).version.document["text"] == "刷牙要慢。"
        assert "条更新" not in (await desk.get(LIST)).text


class TestSendingToReview:
    async def test_a_text_becomes_a_post_that_waits_with_a_card(self, desk: Desk) -> None:
        await save(desk, RAIN, text=GOOD)

        sent = await desk.send(
            await desk.get(RAIN), f"{RAIN}/send", persona="assistant", hour="2025-06-12T12:10"
        )

        shown = await desk.follow(sent)
        assert "已送去审核：1 条" in shown.text
        (post,) = await desk.posts()
        assert (post.text, post.state, post.content_key) == (
            GOOD,
            PostState.IN_REVIEW,
            "moment.assistant.rain",
        )
        assert len(await desk.rows(ReviewCard)) == 1
        again = await desk.send(
            await desk.get(RAIN), f"{RAIN}/send", persona="assistant", hour="2025-06-12T12:10"
        )
        assert again.status == 303
        assert len(await desk.posts()) == 1

    async def test_the_week_it_is_sent_to_is_still_planned(self, desk: Desk) -> None:
        await desk.send(await desk.get(RAIN), f"{RAIN}/send", persona="assistant", hour="2025-06-02T18:00")

        posts = await desk.plan()

        assert len(posts) > 3
        # One moment a day: the hand-picked one took the assistant's Monday.
        mondays = [
            p for p in posts if p.persona == "assistant" and p.kind == "moment" and p.scheduled_at.day == 2
        ]
        assert [post.content_key for post in mondays] == ["moment.assistant.rain"]
        assert len({batch.week for batch in await desk.rows(Batch)}) == 1

    @pytest.mark.parametrize(
        ("persona", "hour", "says"),
        [
            pytest.param("assistant", "2025-06-01T12:00", "已经过去", id="a gone hour"),
            pytest.param("assistant", "", "请选择发送时间", id="no hour"),
            pytest.param("doctor-zhang", "2025-06-12T12:10", "张医生不说这一条", id="another persona"),
            pytest.param("nobody", "2025-06-12T12:10", "请选择由谁来发", id="no persona"),
        ],
    )
    async def test_what_cannot_be_sent_says_why(self, desk: Desk, persona: str, hour: str, says: str) -> None:
        page = await desk.get(RAIN)

        refused = await desk.follow(await desk.send(page, f"{RAIN}/send", persona=persona, hour=hour))

        assert says in refused.text
        assert await desk.posts() == []
