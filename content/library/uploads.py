"""Pictures that staff bring: checked, made small enough for WeCom, freed from what they tell about people.

A phone's photo carries the place where it was taken, the phone and the hour. Nothing of that is kept: the
picture is drawn anew, so that only its pixels remain.
"""

from __future__ import annotations

import struct
import warnings
import zlib
from dataclasses import dataclass
from hashlib import sha256
from io import BytesIO
from typing import Final

from PIL import Image, ImageCms, ImageOps

from content import limits

MOST_BYTES: Final = 20 * 1024 * 1024  # what is uploaded; what is kept fits WeCom's 10 MB
MOST_PIXELS: Final = 40_000_000  # decoded it takes four bytes each
LEAST_SIDE: Final = 60  # px; smaller is an icon, no picture
FORMATS: Final = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp"}
QUALITY: Final = (88, 80, 70)  # of JPEG, tried until it is small enough
KEEP_PNG_BYTES: Final = 2 * 1024 * 1024  # a drawing stays sharp as PNG unless it is larger

# What Pillow raises for a file that is not the picture it claims to be.
_DAMAGED: Final = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, KeyError)


class PictureRefused(ValueError):
    """A file cannot be kept as a picture; the message says why and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as it is kept: clean, and within WeCom's limits."""

    data: bytes
    suffix: str  # png or jpg
    width: int
    height: int

    @property
    def digest(self) -> str:
        return sha256(self.data).hexdigest()


def clean(data: bytes) -> Picture:
    """Return a picture drawn anew: upright, in sRGB, at most as large as WeCom takes, without any metadata.

    It costs up to a second and 200 MB: call it in a thread, one at a time.

    Raises:
        PictureRefused: too large, too many pixels, moving, damaged, or no PNG, JPEG or WebP.
    """
    if len(data) > MOST_BYTES:
        raise PictureRefused(
            f"图片有 {len(data) // 1024 // 1024} MB，最多 {MOST_BYTES // 1024 // 1024} MB，请压缩后再传"
        )
    if len(data) < limits.MIN_MEDIA_BYTES:
        raise PictureRefused("没有选图片，或文件是空的")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(BytesIO(data), formats=list(FORMATS)) as image:
                return _drawn_anew(image)
    except PictureRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureRefused(_too_many()) from None
    except _DAMAGED:
        raise PictureRefused(
            "不是完好的 PNG、JPEG 或 WebP 图片。iPhone 的 HEIC 照片请先截图，"
            "或在“设置 → 相机 → 格式”里选“兼容性最佳”"
        ) from None


def _drawn_anew(image: Image.Image) -> Picture:
    width, height = image.size
    # Judged from the header, before a byte of it is unpacked.
    if width * height > MOST_PIXELS:
        raise PictureRefused(_too_many())
    if min(width, height) < LEAST_SIDE:
        raise PictureRefused(f"图片只有 {width}×{height} 像素，太小了")
    if getattr(image, "n_frames", 1) > 1:
        raise PictureRefused("动图发不出去，请换成一张静态图片")
    drawing = image.format == "PNG"
    upright = ImageOps.exif_transpose(_in_srgb(image))
    fitted = _fitted(upright)
    if drawing:
        kept = _saved(
            fitted.convert("RGB") if _opaque(fitted) else fitted.convert("RGBA"), "PNG", optimize=True
        )
        if len(kept) <= KEEP_PNG_BYTES or not _opaque(fitted):
            return _checked(kept, "png", fitted.size)
    plain = _on_white(fitted)
    for quality in QUALITY:
        kept = _saved(plain, "JPEG", quality=quality, optimize=True, progressive=True)
        if len(kept) <= limits.PICTURE_BYTES:
            break
    return _checked(kept, "jpg", fitted.size)


def _in_srgb(image: Image.Image) -> Image.Image:
    """Return the picture in the colours that phones assume when nothing is said."""
    profile = image.info.get("icc_profile")
    image.load()
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image.convert(
            "RGBA" if "transparency" in image.info or image.mode in ("LA", "PA") else image.mode
        )
    try:
        target = "RGBA" if image.mode == "RGBA" else "RGB"
        converted = ImageCms.profileToProfile(
            image,
            ImageCms.ImageCmsProfile(BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode=target,
        )
    except (ImageCms.PyCMSError, *_DAMAGED):
        return image  # a profile that cannot be read: the colours may be a little off
    if converted is None:
        return image
    converted.info = dict(image.info)  # where up is
    return converted


def _fitted(image: Image.Image) -> Image.Image:
    """Return the picture no larger than WeCom takes in moments (doc 95098)."""
    short, long = sorted(image.size)
    factor = min(limits.PICTURE_SHORT_SIDE / short, limits.PICTURE_LONG_SIDE / long, 1)
    if factor == 1:
        return image
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    modes = image if image.mode in ("RGB", "RGBA", "L") else image.convert("RGBA")
    return modes.resize(size, Image.Resampling.LANCZOS)


def _opaque(image: Image.Image) -> bool:
    if image.mode in ("RGB", "L", "1", "CMYK"):
        return True
    lowest, _ = image.convert("RGBA").getchannel("A").getextrema()
    return lowest == 255


def _on_white(image: Image.Image) -> Image.Image:
    if _opaque(image):
        return image.convert("RGB")
    clear = image.convert("RGBA")
    white = Image.new("RGB", clear.size, "white")
    white.paste(clear, mask=clear.getchannel("A"))
    return white


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    # Copied pixel by pixel: whatever hung on the old image (EXIF, XMP, comments) does not come along.
    bare = Image.frombytes(image.mode, image.size, image.tobytes())
    out = BytesIO()
    bare.save(out, kind, **options)
    return out.getvalue()


def _checked(data: bytes, suffix: str, size: tuple[int, int]) -> Picture:
    if len(data) > limits.PICTURE_BYTES:
        raise PictureRefused("图片压缩后还是超过 10 MB，请换一张小一些的")
    return Picture(data=data, suffix=suffix, width=size[0], height=size[1])


def _too_many() -> str:
    return f"图片的像素太多，最多 {MOST_PIXELS // 10_000} 万像素，请缩小后再传"
