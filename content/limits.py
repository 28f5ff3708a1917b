"""How much WeCom takes: lengths of texts and titles, attachments, pictures."""

from __future__ import annotations

MOMENT_CHARS = 2000  # doc 95094
MOMENT_BYTES = 4000  # doc 95094
MESSAGE_BYTES = 4000  # mass send and welcome: doc 92135, 92137
KF_BYTES = 2048  # a text in 微信客服: doc 94677
GROUP_WELCOME_BYTES = 3000  # doc 92366
LINK_TITLE_BYTES = 128  # doc 92135, 95094
LINK_DESC_BYTES = 512  # doc 92135
LINK_URL_BYTES = 1024  # errcode 40039; the message docs say 2048, the stricter one counts
MINIPROGRAM_TITLE_BYTES = 64  # doc 92135
ATTACHMENTS = 9  # doc 92135, 92137; pictures of a moment: doc 95094
PICTURE_BYTES = 10 * 1024 * 1024  # doc 90253, 95098
PICTURE_SHORT_SIDE = 1080  # px, moments: doc 95098
PICTURE_LONG_SIDE = 10_800  # px, moments: doc 95098
VIDEO_BYTES = 10 * 1024 * 1024  # doc 90253, 95098
VIDEO_SECONDS = 30  # moments: doc 95094, 95098
MIN_MEDIA_BYTES = 6  # every media file is larger than 5 bytes: doc 90253
NICKNAME_CHARS = 32  # the longest patient name a welcome is measured with


def size(text: str) -> int:
    """Return the length of a text as WeCom counts it: bytes of UTF-8."""
    return len(text.encode("utf-8", "replace"))
