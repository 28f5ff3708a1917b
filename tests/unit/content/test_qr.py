"""Reading codes that a program drew, also when a portrait lies over their middle."""

from __future__ import annotations

import io
from random import Random

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from content.qr import Unreadable, read_code

ADDRESS = "https://work.weixin.qq.com/ca/cawcde0123456789abcdef"


def drawn(content: str, *, scale: int = 6, border: int = 4, **options: object) -> bytes:
    out = io.BytesIO()
    segno.make(content, micro=False, **options).save(out, kind="png", scale=scale, border=border)
    return out.getvalue()


def with_portrait(picture: bytes, share: float) -> bytes:
    """Lay a grey square over the middle, ``share`` of the width wide."""
    with Image.open(io.BytesIO(picture)) as opened:
        image = opened.convert("RGB")
    side = image.width * share
    start, end = (image.width - side) / 2, (image.width + side) / 2
    ImageDraw.Draw(image).rectangle((start, start, end, end), fill="#555555", outline="white", width=3)
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


@settings(max_examples=40, deadline=None)
@given(
    content=st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=120)
    | st.from_regex(r"https://[a-z]{3,12}\.example/[A-Za-z0-9/_-]{1,200}", fullmatch=True)
    | st.from_regex(r"[0-9]{1,60}", fullmatch=True)
    | st.from_regex(r"[A-Z0-9 $%*+./:-]{1,60}", fullmatch=True),
    error=st.sampled_from("lmqh"),
    mask=st.integers(0, 7),
    scale=st.integers(1, 9),
    border=st.integers(0, 6),
)
def test_whatever_a_program_draws_is_read_again(content, error, mask, scale, border):
    options = {"encoding": "utf-8"} if not content.isascii() else {}
    picture = drawn(content, error=error, mask=mask, scale=scale, border=border, boost_error=False, **options)

    assert read_code(picture) == content


@pytest.mark.parametrize("version", range(1, 41))
def test_every_size_of_code_is_read(version):
    picture = drawn("A1b2", version=version, error="l", scale=2, boost_error=False)

    assert read_code(picture) == "A1b2"


@pytest.mark.parametrize("error", ["q", "h"])
def test_what_a_portrait_hides_is_mended(error):
    assert read_code(with_portrait(drawn(ADDRESS, error=error), 0.24)) == ADDRESS


def test_a_code_too_much_of_which_is_hidden_is_not_guessed():
    with pytest.raises(Unreadable):
        read_code(with_portrait(drawn(ADDRESS, error="l", boost_error=False), 0.5))


def test_a_photograph_of_compression_is_read_too():
    with Image.open(io.BytesIO(drawn(ADDRESS, error="m", scale=7))) as opened:
        out = io.BytesIO()
        opened.convert("RGB").save(out, "JPEG", quality=60)

    assert read_code(out.getvalue()) == ADDRESS


@pytest.mark.parametrize("seed", range(8))
def test_what_is_no_code_is_refused_and_nothing_else_happens(seed):
    random = Random(seed)
    image = Image.new("L", (90, 90), "white")
    for _ in range(seed * 300):
        image.putpixel((random.randrange(90), random.randrange(90)), random.randrange(256))
    out = io.BytesIO()
    image.save(out, "PNG")

    for data in (out.getvalue(), random.randbytes(200), b"", drawn(ADDRESS)[:300]):
        with pytest.raises(Unreadable):
            read_code(data)
