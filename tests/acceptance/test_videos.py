"""A video of the library goes out: in a moment by the moments' upload, to groups by the messages', and anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest

from bot.media import MediaLibrary
from content.library import keeping, pictures
from content.library.view import Library
from content.pack import AssetSpec
from content.places import Place
from content.written import Written
from tests.acceptance.test_week import approve
from tests.support.clinic import Clinic, running_clinic
from tests.support.films import film
from tests.support.quiet import quiet

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack

KEY = "own-video.brushing"


async def shelve(clinic: Clinic) -> None:
    """Put a video into the library, as the console does."""
    digest, now = sha256(film()).hexdigest(), clinic.clock.now()
    document = {"key": KEY, "kind": "video", "file": "brushing.mp4", "title": "跟着刷"}
    async with clinic.runtime.database.write() as session:
        await pictures.keep(session, digest, film(), now=now)
        entry = Written(kind="video", key=KEY, file="", document=document, picture=digest)
        await keeping.add(session, entry, author="admin", now=now)


async def with_video(clinic: Clinic, post: dict[str, Any]) -> dict[str, Any]:
    edit = {"attachments": [{"asset": KEY}]}
    changed: dict[str, Any] = await clinic.api("PATCH", f"/posts/{post['id']}", edit)
    return changed


@pytest.mark.parametrize(
    ("kind", "call", "scene"),
    [
        pytest.param("moment", "externalcontact/add_moment_task", "moment", id="moment"),
        pytest.param("group", "externalcontact/add_msg_template", "upload", id="groups"),
    ],
)
async def test_a_post_with_a_video_is_created_with_the_videos_media_id(
    clinic: Clinic, kind: str, call: str, scene: str
) -> None:
    await shelve(clinic)
    post = await with_video(clinic, next(p for p in await clinic.plan() if p["kind"] == kind))
    await approve(clinic, post)

    clinic.clock.advance_to(datetime.fromisoformat(post["scheduled_at"]) + timedelta(seconds=1))
    await clinic.state_of(post["id"], "awaiting_sender")

    (asked,) = clinic.journal(call)
    (sent,) = asked.body["attachments"]
    media = clinic.tenant.media.find(sent["video"]["media_id"])
    assert (sent["msgtype"], media.kind, media.scene, media.blob) == ("video", "video", scene, film())


async def test_a_video_is_uploaded_again_before_its_id_expires(clinic: Clinic) -> None:
    await shelve(clinic)
    library = Library(clinic.runtime.database, clinic.pack)
    media = MediaLibrary(clinic.runtime.database, clinic.runtime.client, library, clock=clinic.clock)

    first = await media.fresh(KEY, "moment")
    same = await media.fresh(KEY, "moment")
    clinic.clock.advance(timedelta(days=2, hours=1))
    again = await media.fresh(KEY, "moment")

    assert first == same
    assert again != first


async def test_a_greeting_carries_a_video_that_was_uploaded_beforehand(
    database_url: str, pack: Pack, tmp_path: Path
) -> None:
    file = tmp_path / "hello.mp4"
    file.write_bytes(film())
    digest = sha256(film()).hexdigest()
    video = AssetSpec(
        key=KEY,
        kind="video",
        title="",
        file=file,
        sha256=digest,
        place=Place(file="assets/assets.yaml", line=1),
    )
    welcomes = tuple(replace(welcome, attachments=(KEY,), variants=()) for welcome in pack.welcomes)
    pack = replace(pack, assets=(*pack.assets, video), welcomes=welcomes)
    async with running_clinic(database_url, pack) as clinic:
        await clinic.until(
            lambda: clinic.journal("media/upload") and clinic.tenant_read(), what="the video is uploaded"
        )
        await quiet(clinic)

        await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴")
        (asked,) = await clinic.until(
            lambda: clinic.journal("externalcontact/send_welcome_msg"), what="she is greeted"
        )

    (sent,) = asked.body["attachments"]
    assert clinic.tenant.media.find(sent["video"]["media_id"]).blob == film()
