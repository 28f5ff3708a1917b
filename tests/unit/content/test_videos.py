"""Videos that staff bring are judged by their container, and tell nothing about who made them where."""

from __future__ import annotations

import pytest

from content import videos
from content.videos import VideoRefused
from tests.support.films import PHONE, WHERE, film


@pytest.mark.parametrize(
    ("data", "says", "remedy"),
    [
        pytest.param(b"", "文件是空的", "选一个 MP4", id="empty"),
        pytest.param(film() + bytes(10 * 1024 * 1024), "10.0 MB，企业微信最多 10 MB", "剪短", id="too large"),
        pytest.param(film(31), "31 秒，朋友圈最多 30 秒", "链接卡", id="too long"),
        pytest.param(film(31, wide=True), "31 秒，朋友圈最多 30 秒", "链接卡", id="too long, wide header"),
        pytest.param(film(brand=b"qt  "), "MOV", "MP4", id="QuickTime"),
        pytest.param(b"RIFF" + bytes(40), "不是 MP4", "导出", id="something else"),
        pytest.param(film()[:-3], "不完整", "再传一次", id="broken off"),
        pytest.param(film()[:24], "没有画面", "再传一次", id="no movie in it"),
        pytest.param(film(handler=b"soun"), "没有画面", "再传一次", id="only sound"),
    ],
)
def test_what_wecom_would_refuse_is_refused_with_a_remedy(data: bytes, says: str, remedy: str) -> None:
    with pytest.raises(VideoRefused) as refused:
        videos.seconds_of(data)

    assert says in refused.value.says
    assert remedy in refused.value.remedy


@pytest.mark.parametrize("seconds", [0.5, 30])
def test_a_film_within_the_limits_is_taken(seconds: float) -> None:
    assert videos.seconds_of(film(seconds)) == seconds


def test_where_and_by_which_phone_is_blanked_and_nothing_moves() -> None:
    data = film(telltale=True)

    kept = videos.clean(data)

    assert (WHERE in data, PHONE in data) == (True, True)
    assert (WHERE in kept.data, PHONE in kept.data) == (False, False)
    assert (len(kept.data), kept.data.index(b"mdat")) == (len(data), data.index(b"mdat"))
    assert videos.clean(kept.data) == kept


def test_what_tells_nothing_stays_byte_by_byte() -> None:
    assert videos.clean(film()).data == film()


def test_boxes_in_boxes_in_boxes_are_refused_and_exhaust_nothing() -> None:
    nested = b""
    for _ in range(20_000):
        nested = (len(nested) + 8).to_bytes(4) + b"moov" + nested

    with pytest.raises(VideoRefused, match="没有画面"):
        videos.seconds_of(film()[:24] + nested)
