"""A message to single patients as staff see it: how many it goes to, never who they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sop.posts import refresh_digest
from sop.tables import Post

if TYPE_CHECKING:
    from tests.support.console_driver import Desk


async def queued(desk: Desk) -> Post:
    """Turn a planned group post into one for three patients of the same member."""
    planned = next(post for post in await desk.plan() if post.kind == "group")
    async with desk.database.write() as session:
        post = await session.get_one(Post, planned.id)
        post.kind, post.audience = "direct", {"external_userids": ["wm-1", "wm-2", "wm-3"]}
        refresh_digest(post)
    return await desk.one(planned.id)


async def test_a_message_to_patients_is_shown_with_their_number_on_every_page(desk: Desk) -> None:
    post = await queued(desk)

    detail = await desk.get(f"/console/posts/{post.id}")
    review = await desk.get(f"/console/review/{post.batch_id}")
    for page in (detail, review, await desk.get(f"/console/posts/{post.id}/edit")):
        assert page.status == 200
        assert "一对一" in page.text
        assert "3 位客户" in page.text
        assert "wm-1" not in page.html
    assert "3 位客户，每人单独收到" in detail.text
    assert "一对一消息预览" in detail.html
    assert "一对一" in (await desk.get("/console/posts")).text


async def test_a_message_to_patients_is_approved_like_any_other(desk: Desk) -> None:
    post = await queued(desk)
    page = await desk.get(f"/console/posts/{post.id}")

    await desk.follow(await desk.send(page, f"/console/posts/{post.id}/approve"))

    assert (await desk.one(post.id)).state == "approved"
