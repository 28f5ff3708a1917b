"""Pictures brought into the library through the console."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import aiohttp
import pytest
from PIL import Image
from sqlalchemy import select

from content.library import keeping
from content.library.importing import keep_up
from content.library.tables import LibraryPicture
from tests.support.api_driver import MONDAY
from tests.support.console_driver import Page
from tests.support.films import WHERE, film

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

NEW = "/console/library/new"
BRUSH = "/console/library/asset/brush-card"


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    await keep_up(desk.database, desk.pack, now=MONDAY)
    return desk


def photo(colour: str = "teal", size: tuple[int, int] = (300, 200)) -> bytes:
    exif = Image.Exif()
    exif[0x0110] = "Pixel 9 Pro"
    out = BytesIO()
    Image.new("RGB", size, colour).save(out, "JPEG", exif=exif.tobytes())
    return out.getvalue()


async def upload(desk: Desk, path: str, data: bytes | None, *, kind: str = "image", **changes: str) -> Page:
    """Send an entry's form with a picture or video, as a browser does."""
    shown = await desk.get(f"{path}?kind={kind}" if path == NEW else path)
    fields = dict(shown.form(path)) | changes
    form = aiohttp.FormData()
    for name, value in fields.items():
        form.add_field(name, value)
    if data is not None:
        form.add_field("upload", BytesIO(data), filename="IMG_2093.jpg", content_type="image/jpeg")
    async with desk.http.post(desk.url + path, data=form, allow_redirects=False) as response:
        return Page(status=response.status, headers=response.headers, html=await response.text())


async def test_a_photo_is_kept_clean_and_can_be_attached_at_once(desk: Desk) -> None:
    made = await upload(desk, NEW, photo(), title="候诊区")

    shown = await desk.follow(made)
    assert "已经放进内容库" in shown.text
    key = made.location.rpartition("/")[2]
    async with desk.http.get(f"{desk.url}/console/assets/{key}") as response:
        data = await response.read()
    assert response.content_type == "image/jpeg"
    assert b"Pixel" not in data
    assert "候诊区" in (await desk.get("/console/library/text/moment.assistant.rain")).text
    async with desk.http.get(f"{desk.url}/console/assets/{key}?size=small") as response:
        small = Image.open(BytesIO(await response.read()))
    assert max(small.size) <= 240


async def test_another_picture_under_the_same_key_is_a_new_version_and_the_old_one_stays(desk: Desk) -> None:
    saved = await upload(desk, BRUSH, photo("navy"))

    assert saved.status == 303
    async with desk.database.read() as session:
        first, second = reversed(await keeping.history(session, "asset", "brush-card"))
        held = set(await session.scalars(select(LibraryPicture.sha256)))
    assert first.picture != second.picture
    assert {first.picture, second.picture} <= held
    assert second.document["file"] == "brush-card.jpg"


async def test_a_title_can_be_changed_without_another_picture(desk: Desk) -> None:
    assert (await upload(desk, BRUSH, None, title="怎么刷")).status == 303

    async with desk.database.read() as session:
        first, second = reversed(await keeping.history(session, "asset", "brush-card"))
    assert (second.document["title"], second.picture) == ("怎么刷", first.picture)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(None, "请选一张图片", id="none"),
        pytest.param(b"<svg onload=alert(1)>" * 9, "不是完好的", id="no picture"),
        pytest.param(photo(size=(20, 20)), "太小", id="an icon"),
        pytest.param(bytes(3 * 1024 * 1024), "不是完好的", id="larger than other forms may be"),
    ],
)
async def test_what_cannot_be_kept_says_why(desk: Desk, data: bytes | None, says: str) -> None:
    refused = await upload(desk, NEW, data, title="候诊区")

    assert (refused.status, says in refused.text) == (422, True)
    assert "候诊区" in refused.html


async def test_the_same_picture_twice_is_refused_with_the_name_of_the_first(desk: Desk) -> None:
    first = await upload(desk, NEW, photo(), title="候诊区")

    refused = await upload(desk, NEW, photo(), title="再来一次")

    assert refused.status == 422
    assert f"素材 {first.location.rpartition('/')[2]}" in refused.text


async def test_a_video_is_kept_shown_with_its_size_and_played_by_parts(desk: Desk) -> None:
    made = await upload(desk, NEW, film(telltale=True, frames=bytes(2_000_000)), kind="video", title="跟着刷")

    shown = await desk.follow(made)
    key = made.location.rpartition("/")[2]
    assert (
        f'<video class="asset-picture" controls preload="metadata" src="/console/assets/{key}' in shown.html
    )
    assert "2.0 MB" in shown.text
    async with desk.http.get(f"{desk.url}/console/assets/{key}", headers={"Range": "bytes=4-7"}) as part:
        assert (part.status, part.content_type, await part.read()) == (206, "video/mp4", b"ftyp")
        assert part.headers["Content-Range"].startswith("bytes 4-7/20")
    async with desk.http.get(f"{desk.url}/console/assets/{key}", headers={"Range": "bytes=9000000-"}) as past:
        assert past.status == 416
    async with desk.http.get(f"{desk.url}/console/assets/{key}") as whole:
        assert WHERE not in await whole.read()
    async with desk.http.get(f"{desk.url}/console/assets/{key}?size=small") as small:
        assert small.status == 404  # nobody draws frames here
    listed = await desk.get("/console/library?kind=asset")
    assert ("跟着刷" in listed.text, f"assets/{key}" in listed.html) == (True, False)


async def test_a_video_is_offered_where_wecom_takes_it_and_refused_beside_a_picture(desk: Desk) -> None:
    key = (await upload(desk, NEW, film(), kind="video", title="跟着刷")).location.rpartition("/")[2]
    path = "/console/library/text/moment.assistant.rain"
    shown = await desk.get(path)
    fields = [(name, value) for name, value in shown.form(path) if name != "attachments"]
    assert "跟着刷" in shown.text

    alone = await desk.post(path, [*fields, ("attachments", key)])
    refused = await desk.post(path, [*fields, ("attachments", "brush-card"), ("attachments", key)])

    assert (alone.status, refused.status) == (303, 422)
    assert "朋友圈的图片、视频和链接不能混用" in refused.text
    assert (
        f'<video class="phone-video" controls preload="metadata" src="/console/assets/{key}"'
        in (await desk.get(path)).html
    )


async def test_a_video_that_wecom_would_refuse_is_refused_at_its_field(desk: Desk) -> None:
    refused = await upload(desk, NEW, film(45), kind="video", title="跟着刷")

    assert refused.status == 422
    assert "视频有 45 秒，朋友圈最多 30 秒；剪短到 30 秒以内" in refused.text
