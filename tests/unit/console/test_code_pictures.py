"""The print of a code: drawn anew, free in the middle, and still read by whoever scans it."""

from __future__ import annotations

import asyncio
import io

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from console.code_pictures import printable
from content.qr import read_code

ADDRESSES = st.from_regex(r"https://[a-z]{3,12}\.example/[A-Za-z0-9/_-]{1,300}", fullmatch=True)


@pytest.fixture(scope="module")
def logo():
    """The worst there is: a black square that fills its place."""
    out = io.BytesIO()
    Image.new("RGB", (200, 200), "black").save(out, "PNG")
    return out.getvalue()


def drawn(content: str) -> bytes:
    out = io.BytesIO()
    segno.make(content, error="l", micro=False, boost_error=False).save(out, kind="png", scale=3)
    return out.getvalue()


@settings(max_examples=8, deadline=None)
@given(content=ADDRESSES)
def test_a_code_of_any_length_is_read_with_a_logo_over_its_middle(logo, content):
    data, content_type = asyncio.run(printable(drawn(content), "png", logo=logo))

    assert content_type == "image/png"
    assert read_code(data) == content


def test_the_logo_stands_in_both_prints(logo):
    png, _ = asyncio.run(printable(drawn("https://clinic.example/a"), "png", logo=logo))
    svg, content_type = asyncio.run(printable(drawn("https://clinic.example/a"), "svg", logo=logo))

    with Image.open(io.BytesIO(png)) as image:
        assert image.convert("L").getpixel((image.width // 2, image.height // 2)) == 0
    assert content_type == "image/svg+xml"
    assert b'<image x="' in svg
    assert b"data:image/png;base64," in svg
