"""Posters: drawn within their edges, with a code that can be read, and a clear word where no font is."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from content import posters
from content.fonts import Face, NoFont, find_face
from content.posters import HEIGHT, LAYOUTS, WIDTH, Poster, PosterRefused, draw, wrapped
from content.qr import read_code

LINK = "https://work.weixin.qq.com/ca/cawcde1234567890"


@pytest.fixture(scope="module")
def face() -> Face:
    try:
        return find_face()
    except NoFont:
        pytest.skip("no Chinese font here: install fonts-noto-cjk to see posters drawn")


def poster(**changes: str) -> Poster:
    words = {"layout": "share", "clinic": "微笑口腔", "title": "好好刷牙", "link": LINK, "hint": "扫码加小护"}
    return Poster(**(words | changes))


@pytest.mark.parametrize("layout", [layout.key for layout in LAYOUTS])
def test_every_layout_is_drawn_and_its_code_is_read(face, layout):
    data = draw(
        poster(
            layout=layout, text="饭后漱口，睡前刷牙。", doctor="张医生 · 种植修复", contact="示例市 18 号"
        ),
        face,
    )

    image = Image.open(BytesIO(data)).convert("RGB")
    assert image.size == (WIDTH, HEIGHT)
    size = posters._code(LINK).width
    left, top = WIDTH - posters.MARGIN - size, HEIGHT - posters.MARGIN - posters.CODE
    out = BytesIO()
    image.crop((left, top, left + size, top + size)).save(out, "PNG")
    assert read_code(out.getvalue()) == LINK


def test_the_same_poster_gives_the_same_bytes_and_without_a_link_there_is_no_code(face):
    assert draw(poster(), face) == draw(poster(), face)
    assert draw(poster(link=""), face) != draw(poster(), face)


@pytest.mark.parametrize("text", ["牙" * 160, "Mississippi" * 14, "一，" * 80, "第一行\n第二行\n\n第四行"])
def test_no_line_is_wider_than_its_room_and_no_word_is_lost(face, text):
    font = face.at(50)

    lines = wrapped(text, font, 888)

    # A closing mark may hang over the edge by its own width, as in print.
    assert all(font.getlength(line) <= 888 + 50 for line in lines)
    assert "".join(lines) == text.replace("\n", "")
    assert not any(line.startswith(("，", "。")) for line in lines)


def test_a_word_is_not_torn_apart(face):
    font = face.at(50)
    room = round(font.getlength("Invisalign")) + 10

    assert wrapped("看看 Invisalign 吧", font, room) == ["看看", "Invisalign", "吧"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"title": " "}, "title", id="no title"),
        pytest.param({"title": "牙" * 25}, "title", id="a long title"),
        pytest.param({"text": "牙" * 161}, "text", id="a long text"),
        pytest.param({"link": "javascript:alert(1)"}, "link", id="no web address"),
        pytest.param({"link": "https://a.example/" + "x" * 300}, "link", id="a long address"),
        pytest.param({"layout": "nothing"}, "layout", id="no such layout"),
    ],
)
def test_what_cannot_be_drawn_says_which_field(changes, field):
    nowhere = Face(regular=Path("/nowhere"), bold=Path("/nowhere"))

    with pytest.raises(PosterRefused) as caught:
        draw(poster(**changes), nowhere)

    assert caught.value.field == field


def test_a_machine_without_a_font_says_what_to_install():
    with pytest.raises(NoFont, match="fonts-noto-cjk"):
        find_face([Face(regular=Path("/nowhere/a.ttc"), bold=Path("/nowhere/b.ttc"))])
