"""Changing a post: checked while writing, back to review when saved."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from sop.life import PostState
from sop.posts import refresh_digest
from sop.tables import Post, ReviewCard
from tests.support.api_driver import ZONE
from tests.support.console_driver import HTMX, Desk

if TYPE_CHECKING:
    from tests.support.console_driver import Page

GOOD = "雨停了，路还有点滑，慢慢走。\n伞放门口就好。"


async def test_the_form_shows_the_post_as_it_is(desk: Desk) -> None:
    first, *_ = await desk.plan()

    form = dict((await desk.get(f"/console/posts/{first.id}/edit")).form(f"/console/posts/{first.id}/edit"))

    assert form["text"] == first.text
    assert form["hour"] == "2025-06-02T12:10"
    assert form["digest"] == first.digest
    assert form["attachments"] == "asset:brush-card"


async def test_saving_makes_a_new_version_that_waits_for_review_with_a_new_card(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    first, *_ = await desk.plan()

    saved = await save(desk, first, text=GOOD.replace("\n", "\r\n"), hour="2025-06-02T15:00")

    assert saved.status == 303
    assert "已改为第 2 版，重新待审" in (await desk.follow(saved)).text
    post = await desk.one(first.id)
    assert (post.text, post.state, post.revision) == (GOOD, PostState.IN_REVIEW, 2)
    assert post.scheduled_at == datetime(2025, 6, 2, 15, 0, tzinfo=ZONE)
    assert [(card.revision, card.closed_at is None) for card in await cards(desk)] == [(1, False), (2, True)]


async def test_editing_an_approved_post_takes_the_approval_back(desk: Desk) -> None:
    first, *_ = await desk.plan()
    await desk.send(await desk.get("/console/review/1"), f"/console/posts/{first.id}/approve")

    await save(desk, first, text=GOOD)

    assert (await desk.one(first.id)).state == PostState.IN_REVIEW


async def test_saving_without_a_change_changes_nothing(desk: Desk) -> None:
    first, *_ = await desk.plan()
    async with desk.database.write() as session:  # an hour with seconds, which the form cannot show
        post = await session.get_one(Post, first.id)
        post.scheduled_at += timedelta(seconds=7)
        refresh_digest(post)

    saved = await save(desk, first)

    assert "内容没有变化" in (await desk.follow(saved)).text
    assert (await desk.one(first.id)).revision == 1
    assert len(await cards(desk)) == 1


async def test_words_the_check_blocks_are_not_saved_and_shown_in_place(desk: Desk) -> None:
    first, *_ = await desk.plan()

    refused = await save(desk, first, text="我们的种植牙全城最好，百分百无痛。")

    assert refused.status == 422
    assert "内容检查未通过" in refused.text
    assert '<mark class="finding-block">' in refused.html
    assert "必须修改" in refused.text
    assert (
        dict(refused.form(f"/console/posts/{first.id}/edit"))["text"] == "我们的种植牙全城最好，百分百无痛。"
    )
    assert (await desk.one(first.id)).text == first.text


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        pytest.param({"hour": "2025-06-01T10:00"}, "发送时间已经过去", id="past hour"),
        pytest.param({"hour": "tomorrow"}, "发送时间要写成", id="no hour"),
        pytest.param({"hour": "2025-06-03T10:00+08:00"}, "不带时区", id="hour with an offset"),
        pytest.param({"text": "好" * 1400}, "最多 4000 字节", id="too long"),
        pytest.param(
            {"link_title": "看", "link_url": "https://a.example/1"}, "封面", id="link without a cover"
        ),
        pytest.param({"attachments": "asset:nope"}, "没有素材", id="unknown asset"),
    ],
)
async def test_a_mistake_is_told_at_the_form_and_nothing_typed_is_lost(
    desk: Desk, changes: dict[str, str], words: str
) -> None:
    first, *_ = await desk.plan()

    refused = await save(desk, first, **({"text": GOOD} | changes))

    assert refused.status == 422
    assert words in refused.text
    kept = dict(refused.form(f"/console/posts/{first.id}/edit"))
    assert kept["text"] == changes.get("text", GOOD)
    assert (await desk.one(first.id)).revision == 1


async def test_attachments_come_from_the_library_or_are_links_written_by_hand(desk: Desk) -> None:
    _, _, _, group = sorted(await desk.plan(), key=lambda post: post.kind == "group")
    page = await desk.get(f"/console/posts/{group.id}/edit")
    assert "预约小程序" in page.text

    fields = [
        (name, value) for name, value in page.form(f"/console/posts/{group.id}/edit") if name != "attachments"
    ]
    own = {"link_title": "看路线", "link_url": "https://clinic.example/way", "link_desc": "怎么来"}
    fields = [(name, own.get(name, value)) for name, value in fields]
    chosen = [("attachments", "asset:shop"), ("attachments", "asset:brush-card")]
    await desk.post(f"/console/posts/{group.id}/edit", [*fields, *chosen])

    first = (await desk.one(group.id)).attachments
    assert [card["kind"] for card in first] == ["miniprogram", "image", "link"]
    assert first[2]["url"] == "https://clinic.example/way"

    # Shown again, the hand-written link is an attachment like the others.
    await save(desk, group, text="今天的路线在这里。")
    assert (await desk.one(group.id)).attachments == first


@pytest.mark.parametrize(
    ("link", "words"),
    [
        pytest.param({"link_url": "https://a.example"}, "要有标题", id="no title"),
        pytest.param(
            {"link_title": "看", "link_url": "javascript:alert(1)"}, "http 开头", id="no web address"
        ),
    ],
)
async def test_a_hand_written_link_must_be_one(desk: Desk, link: dict[str, str], words: str) -> None:
    *_, group = sorted(await desk.plan(), key=lambda post: post.kind == "group")

    refused = await save(desk, group, **link)

    assert refused.status == 422
    assert words in refused.text
    assert dict(refused.form(f"/console/posts/{group.id}/edit"))["link_url"] == link["link_url"]


async def test_a_moment_takes_pictures_or_one_link(desk: Desk) -> None:
    first, *_ = await desk.plan()
    form = await desk.get(f"/console/posts/{first.id}/edit")
    fields = form.form(f"/console/posts/{first.id}/edit")

    refused = await desk.post(f"/console/posts/{first.id}/edit", [*fields, ("attachments", "asset:booking")])

    assert refused.status == 422
    assert "不能与图片混用" in refused.text


async def test_somebody_elses_change_wins_and_what_was_typed_is_kept_to_copy(desk: Desk) -> None:
    first, *_ = await desk.plan()
    form = await desk.get(f"/console/posts/{first.id}/edit")
    await save(desk, first, text="同事先改好了。")

    late = await desk.send(form, f"/console/posts/{first.id}/edit", text=GOOD)

    assert late.status == 409
    assert "同事先改好了。" in late.text
    assert "雨停了，路还有点滑" in late.text
    assert (await desk.one(first.id)).text == "同事先改好了。"


async def test_a_post_on_its_way_has_no_form(desk: Desk) -> None:
    first, *_ = await desk.plan()
    async with desk.database.write() as session:
        (await session.get_one(Post, first.id)).state = PostState.AWAITING_SENDER

    refused = await desk.get(f"/console/posts/{first.id}/edit")

    assert refused.status == 409
    assert "不能再修改" in refused.text


async def test_htmx_edits_in_place(desk: Desk) -> None:
    first, *_ = await desk.plan()
    opened = await desk.get(f"/console/posts/{first.id}/edit", headers=HTMX)
    assert "<html" not in opened.html

    saved = await desk.send(opened, f"/console/posts/{first.id}/edit", headers=HTMX, text=GOOD)

    assert saved.status == 200
    assert "第 2 版" in saved.text
    assert f"{first.id}:{(await desk.one(first.id)).digest}" in saved.html
    card = await desk.get(f"/console/posts/{first.id}/card", headers=HTMX)
    assert "雨停了" in card.text


async def test_a_text_is_checked_while_it_is_written(desk: Desk) -> None:
    first, *_ = await desk.plan()
    form = dict((await desk.get(f"/console/posts/{first.id}/edit")).form(f"/console/posts/{first.id}/edit"))

    said = await desk.post(
        "/console/check", list((form | {"text": "全城最好的种植牙"}).items()), headers=HTMX
    )
    fine = await desk.post("/console/check", list((form | {"text": GOOD}).items()), headers=HTMX)

    assert said.status == 200
    assert "有必须修改的地方" in said.text
    assert '<mark class="finding-block">' in said.html
    assert "内容检查没有发现问题" in fine.text


@pytest.mark.parametrize("changes", [{"persona": "nobody"}, {"kind": "fax"}, {"post": "x"}])
async def test_a_check_of_something_unknown_is_refused(desk: Desk, changes: dict[str, str]) -> None:
    first, *_ = await desk.plan()
    form = dict((await desk.get(f"/console/posts/{first.id}/edit")).form(f"/console/posts/{first.id}/edit"))

    assert (await desk.post("/console/check", list((form | changes).items()))).status in {404, 422}


async def test_what_somebody_wrote_is_text_never_markup(desk: Desk) -> None:
    first, *_ = await desk.plan()
    wild = "<script>alert(1)</script><b>粗</b> &amp;"

    await save(desk, first, text=wild)

    for path in (
        "/console/review/1",
        f"/console/posts/{first.id}",
        "/console/week",
        "/console/posts",
        "/console/",
    ):
        html = (await desk.get(path)).html
        assert "<script>alert" not in html
        assert "<b>粗" not in html
    assert (
        dict((await desk.get(f"/console/posts/{first.id}/edit")).form(f"/console/posts/{first.id}/edit"))[
            "text"
        ]
        == wild
    )


async def save(desk: Desk, post: Post, **changes: str) -> Page:
    form = await desk.get(f"/console/posts/{post.id}/edit?back=/console/review/1")
    return await desk.send(form, f"/console/posts/{post.id}/edit", **changes)


async def cards(desk: Desk) -> list[ReviewCard]:
    async with desk.database.read() as session:
        found = await session.scalars(
            select(ReviewCard).where(ReviewCard.batch_id == 1).order_by(ReviewCard.revision)
        )
        return list(found)
