"""What uploads and downloads refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import Case, Stage, forbids, refuses
from tests.support.sandbox_driver import mp4, picture
from wecom.errors import RateLimited

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act

from tests.support.refused.messages import old_image

MB = 1024 * 1024
AMR_MINUTE = b"#!AMR\n" + bytes(13 * 3001)  # frames of 20 ms, 13 bytes each


def file(kind: str, data: bytes, name: str = "a.bin") -> Act:
    return lambda s, _: s.client.media.upload(kind, name, data, "application/octet-stream")  # type: ignore[arg-type]


def attachment(kind: str, data: bytes, name: str = "a.bin", **wanted: Any) -> Act:
    return lambda s, _: s.client.media.upload_attachment(kind, name, data, "image/png", **wanted)  # type: ignore[arg-type]


def picture_url(data: bytes, name: str = "a.png") -> Act:
    return lambda s, _: s.client.media.upload_image(name, data, "image/png")


def by_url(**wanted: Any) -> Act:
    fields = {
        "kind": "file",
        "filename": "a.pdf",
        "url": "http://127.0.0.1:9/a.pdf",
        "md5": "0" * 32,
    } | wanted
    return lambda s, _: s.client.media.upload_by_url(**fields)


def thousand_pictures(s: Stage) -> None:
    for _ in range(1_000):
        s.tenant.limits.count("media/uploadimg")


def three_thousand_pictures(s: Stage) -> None:
    for _ in range(3):
        thousand_pictures(s)
        s.later(days=1)


async def hour_old_job(s: Stage) -> str:
    jobid = s.tenant.remote.start(kind="file", filename="a", url="http://127.0.0.1:9/a", md5="0").jobid
    await s.tenant.remote.fetch_waiting()
    s.later(minutes=60, seconds=1)
    return jobid


def large_file(s: Stage) -> str:
    return s.tenant.media.keep_remote("file", filename="a.bin", blob=bytes(20 * MB + 1)).media_id


def fetched(s: Stage, media_id: str) -> Any:
    return s.client.media.get(media_id)


NAMES = {"missing": " ", "129 bytes": "x" * 129, "a line break": "a\n.png"}
MEDIA = [
    refuses("media.upload", 40123, "a damaged picture", file("image", picture()[:40])),
    refuses("media.upload", 40123, "a picture that is a text", file("image", b"not a picture")),
    refuses("media.upload", 40005, "a voice that is no AMR", file("voice", b"ID3 not an AMR")),
    refuses("media.upload", 40005, "a video that is no MP4", file("video", b"not a video")),
    refuses("media.upload", 45007, "a voice of more than a minute", file("voice", AMR_MINUTE)),
    forbids("media.upload", "kind", "a kind that is none", file("sticker", bytes(9))),
    forbids("media.upload", "data", "five bytes", file("file", bytes(5))),
    *(
        forbids("media.upload", "data", f"{kind} over {most} MB", file(kind, bytes(most * MB + 1)))
        for kind, most in {"image": 10, "voice": 2, "video": 10, "file": 20}.items()
    ),
    *(
        forbids("media.upload", "filename", when, file("file", bytes(9), name))
        for when, name in NAMES.items()
    ),
    refuses("media.upload_attachment", 40123, "a damaged picture", attachment("image", picture()[:40])),
    refuses(
        "media.upload_attachment",
        41081,
        "a picture of 1081 by 1081",
        attachment("image", picture(1081, 1081)),
    ),
    refuses(
        "media.upload_attachment", 41081, "a picture 10801 long", attachment("image", picture(10_801, 9))
    ),
    refuses("media.upload_attachment", 41082, "a video of 31 seconds", attachment("video", mp4(31))),
    refuses("media.upload_attachment", 41090, "a video that is no MP4", attachment("video", b"not a video")),
    forbids("media.upload_attachment", "kind", "a file for moments", attachment("file", bytes(9))),
    forbids(
        "media.upload_attachment", "kind", "a video for albums", attachment("video", mp4(), attachment_type=2)
    ),
    forbids(
        "media.upload_attachment",
        "kind",
        "for what is none",
        attachment("image", bytes(9), attachment_type=3),
    ),
    forbids("media.upload_attachment", "data", "over 10 MB", attachment("image", bytes(10 * MB + 1))),
    forbids("media.upload_attachment", "data", "five bytes", attachment("image", bytes(5))),
    *(
        forbids("media.upload_attachment", "filename", when, attachment("image", bytes(9), name))
        for when, name in NAMES.items()
    ),
    refuses("media.upload_image", 40123, "a damaged picture", picture_url(picture()[:40])),
    refuses(
        "media.upload_image",
        45009,
        "the day's thousand are used",
        picture_url(picture()),
        given=thousand_pictures,
        error=RateLimited,
    ),
    refuses(
        "media.upload_image",
        45009,
        "the month's three thousand are used",
        picture_url(picture()),
        given=three_thousand_pictures,
        error=RateLimited,
    ),
    forbids("media.upload_image", "data", "over 2 MB", picture_url(bytes(2 * MB + 1))),
    forbids("media.upload_image", "data", "five bytes", picture_url(bytes(5))),
    *(
        forbids("media.upload_image", "filename", when, picture_url(bytes(9), name))
        for when, name in NAMES.items()
    ),
    refuses(
        "media.upload_by_url", 830001, "an address it cannot fetch", by_url(url="https://h5.example/a.pdf")
    ),
    refuses("media.upload_by_url", 40004, "a picture", by_url(kind="image")),
    forbids("media.upload_by_url", "url", "no address", by_url(url="ftp://x")),
    forbids("media.upload_by_url", "url", "2049 bytes", by_url(url="http://127.0.0.1/" + "x" * 2048)),
    forbids("media.upload_by_url", "md5", "31 digits", by_url(md5="0" * 31)),
    forbids("media.upload_by_url", "filename", "129 bytes", by_url(filename="x" * 129)),
    forbids("media.upload_by_url", "filename", "missing", by_url(filename="")),
    refuses(
        "media.upload_result", 40058, "an unknown job", lambda s, _: s.client.media.upload_result("jobNobody")
    ),
    refuses(
        "media.upload_result",
        40058,
        "after an hour",
        lambda s, jobid: s.client.media.upload_result(jobid),
        given=hour_old_job,
    ),
    forbids("media.upload_result", "jobid", "no job", lambda s, _: s.client.media.upload_result("")),
    refuses("media.get", 40007, "after three days", fetched, given=old_image),
    refuses("media.get", 40007, "an unknown id", lambda s, _: fetched(s, "MEDIA")),
    refuses("media.get", 830002, "more than 20 MB", fetched, given=large_file),
    refuses(
        "media.get",
        45001,
        "more than the caller wants",
        lambda s, media_id: s.client.media.get(media_id, most_bytes=9),
        given=Stage.image,
        answered=0,
    ),
    forbids("media.get", "media_id", "no id", lambda s, _: fetched(s, "")),
]


CASES: list[Case] = MEDIA
