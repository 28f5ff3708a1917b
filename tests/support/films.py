"""Small MP4 files: real containers, with nothing in them that a player could show."""

from __future__ import annotations

WHERE = b"+31.2304+121.4737/"  # as a phone writes where it stood
PHONE = b"Pixel 9 Pro"


def box(name: bytes, *content: bytes) -> bytes:
    inside = b"".join(content)
    return (len(inside) + 8).to_bytes(4) + name + inside


def film(
    seconds: float = 5,
    *,
    brand: bytes = b"isom",
    handler: bytes = b"vide",
    wide: bool = False,
    telltale: bool = False,
    frames: bytes = b"frames",
) -> bytes:
    """Return an MP4 that states a length; with ``telltale`` one that a phone made, with where and by what."""
    size = 8 if wide else 4
    times = bytes(2 * size) + (1000).to_bytes(4) + round(seconds * 1000).to_bytes(size)
    header = box(b"mvhd", bytes([wide, 0, 0, 0]), times, bytes(80))
    track = box(b"trak", box(b"mdia", box(b"hdlr", bytes(8), handler, bytes(13))))
    said = [box(b"udta", box(b"\xa9xyz", WHERE)), box(b"meta", PHONE)] if telltale else []
    movie = box(b"moov", header, track, *said)
    return box(b"ftyp", brand, bytes(4), b"isomiso2") + movie + box(b"mdat", frames)
