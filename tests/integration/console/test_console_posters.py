"""Posters in the console: looked at, checked, kept as a picture."""

from __future__ import annotations

import re
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
import segno
from PIL import Image

from clinic.care_tables import ChannelCode
from content.fonts import NoFont, find_face
from content.library import keeping
from content.library.importing import keep_up
from content.posters import HEIGHT, WIDTH
from tests.support.api_driver import MONDAY

if TYPE_CHECKING:
    from tests.support.console_driver import Desk, Page

HERE = "/console/library/posters"
LINK = "https://clinic.example/booking"


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    try:
        find_face()
    except NoFont:
        pytest.skip("no Chinese font here: install fonts-noto-cjk to see posters drawn")
    await keep_up(desk.database, desk.pack, now=MONDAY)
    return desk


async def make(desk: Desk, **fields: str) -> Page:
    return await desk.send(await desk.get(HERE), HERE, **({"title": "好好刷牙", "link": LINK} | fields))


async def has_code(desk: Desk, state: str, *, status: str, says: str) -> None:
    """Let a channel have a code as WeCom draws it."""
    picture = BytesIO()
    segno.make(says, error="m", micro=False).save(picture, kind="png", scale=5)
    row = ChannelCode(
        state=state, status=status, picture=picture.getvalue(), created_at=MONDAY, changed_at=MONDAY
    )
    async with desk.database.write() as session:
        session.add(row)


def drawn_in(page: Page) -> str:
    """Return the picture that a page shows, as it stands in the page."""
    found = re.search(r'src="data:image/png;base64,([^"]+)"', page.html)
    assert found
    return found[1]


async def test_a_poster_is_looked_at_and_nothing_is_kept(desk: Desk) -> None:
    shown = await make(desk, do="look")

    assert shown.status == 200
    assert 'src="data:image/png;base64,' in shown.html
    assert "内容检查没有发现问题" in shown.text
    async with desk.database.read() as session:
        assert len(await keeping.stock(session, shelf="asset")) == 3


async def test_a_kept_poster_is_a_picture_that_can_be_attached(desk: Desk) -> None:
    kept = await make(desk, do="keep")

    assert "海报已放进素材" in (await desk.follow(kept)).text
    key = kept.location.rpartition("/")[2]
    async with desk.http.get(f"{desk.url}/console/assets/{key}") as response:
        assert Image.open(BytesIO(await response.read())).size == (WIDTH, HEIGHT)
    assert "海报：好好刷牙" in (await desk.get("/console/library/text/moment.assistant.rain")).text


async def test_a_poster_carries_the_live_code_of_a_channel(desk: Desk) -> None:
    await has_code(desk, "douyin", status="live", says="https://work.example/ca/douyin")

    offered = await desk.get(HERE)
    by_channel = await make(desk, do="look", code="channel:douyin", link="")
    by_hand = await make(desk, do="look", link="https://work.example/ca/douyin")

    assert (offered.status, 'value="channel:douyin"' in offered.html) == (200, True)
    assert by_channel.status == 200
    assert drawn_in(by_channel) == drawn_in(by_hand)


async def test_the_code_of_a_channel_that_was_ended_is_put_on_no_poster(desk: Desk) -> None:
    await has_code(desk, "douyin", status="gone", says="https://work.example/ca/douyin")

    refused = await make(desk, do="look", code="channel:douyin", link="")

    assert (refused.status, "还没有活码" in refused.text) == (422, True)
    assert 'value="channel:douyin"' not in (await desk.get(HERE)).html


async def test_words_that_the_check_blocks_are_shown_and_not_kept(desk: Desk) -> None:
    refused = await make(desk, do="keep", title="全城最好的牙科")

    assert refused.status == 422
    assert "有必须修改的地方" in refused.text
    assert '<mark class="finding-block">' in refused.html


async def test_a_doctors_poster_is_checked_as_the_doctors_words(desk: Desk) -> None:
    refused = await make(desk, do="keep", title="种植活动，名额有限", doctor="doctor-zhang")

    assert refused.status == 422


async def test_a_poster_of_a_patients_words_needs_her_consent(desk: Desk) -> None:
    kept = await make(desk, do="keep", patient="1")

    assert "还没有有效的同意" in (await desk.follow(kept)).text


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        pytest.param({"title": ""}, "请写上标题", id="no title"),
        pytest.param({"link": "ftp://x"}, "https:// 开头", id="no web address"),
        pytest.param({"code": "channel:douyin"}, "还没有活码", id="a channel without a code"),
        pytest.param({"layout": "nothing"}, "没有这个样式", id="no such layout"),
    ],
)
async def test_what_cannot_be_drawn_says_why_and_keeps_what_was_typed(
    desk: Desk, fields: dict[str, str], says: str
) -> None:
    refused = await make(desk, **({"text": "睡前刷牙。"} | fields))

    assert (refused.status, says in refused.text) == (422, True)
    assert "睡前刷牙。" in refused.html
