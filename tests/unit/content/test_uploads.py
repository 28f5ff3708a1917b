"""Pictures that staff bring are checked, shrunk, and keep nothing but their pixels."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import pytest
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from content.library import uploads
from content.library.uploads import PictureRefused, clean

SECRET = b"Pixel 9 Pro"


def photo(width: int = 800, height: int = 600, kind: str = "JPEG", mode: str = "RGB", **options) -> bytes:
    image = Image.new(mode, (width, height), "white")
    ImageDraw.Draw(image).rectangle((0, 0, width // 2, height // 3), fill="teal")
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def with_exif(orientation: int = 6) -> bytes:
    exif = Image.Exif()
    exif[0x0110] = SECRET.decode()
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[2] = (31.0, 12.0, 5.0)  # where it was taken
    return photo(exif=exif.tobytes(), comment=b"for " + SECRET)


def opened(data: bytes) -> Image.Image:
    image = Image.open(BytesIO(data))
    image.load()
    return image


def test_what_a_phone_writes_into_a_photo_is_gone_and_it_stands_upright():
    before = with_exif()
    assert SECRET in before

    kept = clean(before)

    assert SECRET not in kept.data
    image = opened(kept.data)
    assert not image.getexif()
    assert not {"exif", "comment", "icc_profile", "photoshop", "xmp"} & image.info.keys()
    assert (kept.width, kept.height) == image.size == (600, 800)  # orientation 6: turned by a quarter
    assert kept.suffix == "jpg"


def test_texts_inside_a_png_are_gone_and_its_transparency_stays():
    info = PngInfo()
    info.add_text("Author", SECRET.decode())
    image = Image.new("RGBA", (300, 200), (0, 128, 128, 120))
    out = BytesIO()
    image.save(out, "PNG", pnginfo=info)

    kept = clean(out.getvalue())

    assert SECRET not in kept.data
    assert (kept.suffix, opened(kept.data).mode) == ("png", "RGBA")


@pytest.mark.parametrize(
    ("width", "height", "size"),
    [
        pytest.param(4000, 3000, (1440, 1080), id="a camera's photo"),
        pytest.param(1080, 9000, (1080, 9000), id="a long picture that fits"),
        pytest.param(600, 12000, (540, 10800), id="one that is too long"),
        pytest.param(640, 480, (640, 480), id="a small one is not blown up"),
    ],
)
def test_it_is_made_no_larger_than_wecom_takes(width, height, size):
    kept = clean(photo(width, height))

    assert (kept.width, kept.height) == opened(kept.data).size == size


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("WEBP", "RGB"),
        ("PNG", "L"),
        ("PNG", "P"),
        ("PNG", "LA"),
        ("PNG", "1"),
        ("JPEG", "CMYK"),
        ("JPEG", "L"),
    ],
)
def test_every_kind_that_phones_and_programs_make_is_understood(kind, mode):
    image = Image.new("RGB", (200, 100), "white").convert(mode)
    out = BytesIO()
    image.save(out, kind)

    kept = clean(out.getvalue())

    assert opened(kept.data).size == (200, 100)
    assert opened(kept.data).format in ("PNG", "JPEG")


def test_the_same_picture_gives_the_same_bytes():
    assert clean(with_exif()).digest == clean(with_exif()).digest


def bomb(width: int, height: int) -> bytes:
    """A PNG that is small and says it is huge."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    packed = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", packed) + chunk(b"IEND", b"")


def moving() -> bytes:
    frames = [Image.new("RGB", (100, 100), colour) for colour in ("red", "blue")]
    out = BytesIO()
    frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:])
    return out.getvalue()


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"", "没有选图片", id="nothing"),
        pytest.param(b"<svg onload=alert(1)>" * 9, "不是完好的", id="an svg"),
        pytest.param(b"\x89PNG\r\n\x1a\n" + bytes(64), "不是完好的", id="a broken png"),
        pytest.param(photo()[:900], "不是完好的", id="half a photo"),
        pytest.param(photo(kind="GIF"), "不是完好的", id="a gif"),
        pytest.param(bomb(8000, 8000), "像素太多", id="too many pixels"),
        pytest.param(bomb(60_000, 60_000), "像素太多", id="a bomb"),
        pytest.param(moving(), "动图", id="moving"),
        pytest.param(photo(40, 40), "太小", id="an icon"),
        pytest.param(bytes(uploads.MOST_BYTES + 1), "请压缩", id="too many bytes"),
    ],
)
def test_what_is_no_usable_picture_is_refused_with_the_reason(data, says):
    with pytest.raises(PictureRefused, match=says):
        clean(data)
