"""Approving for good in the console, and ending it; sending again to who was not reached."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import update

from sop import push
from sop.tables import Post, Receipt
from tests.support.plans import journey, publish

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

LIST = "/console/standing"


async def direct_post(desk: Desk, **values: object) -> str:
    """Make the first post one of a journey; return its page."""
    await desk.plan()
    async with desk.database.write() as session:
        await session.execute(
            update(Post)
            .where(Post.id == 1)
            .values(
                kind="direct",
                plan_key="care",
                step="day-3",
                state="approved",
                audience={"external_userids": ["wm-1", "wm-2"]},
                **values,
            )
        )
    return "/console/posts/1"


async def test_a_care_content_is_approved_for_good_listed_and_ended(desk: Desk) -> None:
    path = await direct_post(desk)
    shown = await desk.get(path)
    assert "以后同样的内容自动通过" in shown.text

    answer = await desk.send(shown, f"{path}/standing")

    assert (answer.status, answer.location) == (303, path)
    assert "同样的内容会自动通过" in (await desk.get(path)).text
    listed = await desk.get(LIST)
    assert "步骤 day-3" in listed.text
    await desk.send(listed, f"{LIST}/1/revoke")
    assert "还没有自动通过的内容" in (await desk.get(LIST)).text
    assert "取消过的" in (await desk.get(LIST)).text


async def test_the_list_names_plan_step_and_wording_as_staff_do(desk: Desk) -> None:
    wordings = [{"key": "warm", "share": 1, "text": "在吗？"}, {"key": "short", "share": 1, "text": "好吗？"}]
    steps = [{"key": "day-3", "channel": "todo", "after": {"days": 3}, "variants": wordings}]
    await publish(desk.database, desk.pack, journey("care", steps=steps), now=desk.clock.now())
    path = await direct_post(desk, variant="short")
    await desk.send(await desk.get(path), f"{path}/standing")

    listed = await desk.get(LIST)

    assert "旅程 care 第 1 步（同事手发，第 3 天） · 第 2 种写法" in listed.text
    assert "计划“旅程 care”的“第 1 步（同事手发，第 3 天）”" in (await desk.get(path)).text
    await desk.send(listed, f"{LIST}/1/revoke")
    assert "旅程 care · 第 1 步（同事手发，第 3 天） · 第 2 种写法：" in (await desk.get(LIST)).text


async def test_marketing_offers_no_such_button(desk: Desk) -> None:
    path = await direct_post(desk, purpose="marketing")

    assert "以后同样的内容自动通过" not in (await desk.get(path)).text


async def test_a_message_that_reached_some_says_so_when_nobody_is_left_to_send_to(desk: Desk) -> None:
    path = await direct_post(desk)
    async with desk.database.write() as session:
        post = await session.get_one(Post, 1)
        task = await push.created(session, post, now=desk.clock.now(), remote_id="m-1")
        post.state = "partial"
        session.add_all(
            Receipt(push_id=task.id, userid=post.sender, recipient=who, status=status)
            for who, status in (("wm-1", "sent"), ("wm-2", "waiting"))
        )
    shown = await desk.get(path)
    assert "补发没收到的" in shown.text

    answer = await desk.send(shown, f"{path}/resend")

    assert answer.location == path
    assert "没有要补发的人" in (await desk.get(path)).text, "nobody knows these patients"
