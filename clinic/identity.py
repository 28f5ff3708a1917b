"""What names a person: how phones and names are written, compared and shown. Decisions only."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

GRAMS_PER_NAME: Final = 24  # of a remark as long as WeCom allows, the beginning is what people look for
GRAMS_ASKED: Final = 6
_MOBILE: Final = re.compile(r"1[3-9]\d{9}", re.ASCII)
_LANDLINE: Final = re.compile(r"0\d{9,11}", re.ASCII)
_ABROAD: Final = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)
_BETWEEN: Final = re.compile(r"[\s().·•\-‐-―]+")
_TAIL: Final = re.compile(r"\d{4}", re.ASCII)
_FILLERS: Final = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs, says Unicode, that show nothing
_ID: Final = re.compile(r"(?:local:|w[mo])[A-Za-z0-9_-]{4,62}", re.ASCII)


class NotAPhone(ValueError):
    """A text is no phone number; the message says what one looks like."""

    def __init__(self) -> None:
        super().__init__("不是电话号码：请写 11 位手机号，或带区号的固定电话，国外号码以 + 开头")


def canonical_phone(raw: str) -> str:
    """Return a phone number in the one form it is stored and found by: ``13800138000``, ``+85291234567``.

    Blanks, dashes and a leading +86, 0086 or 86 make no difference.

    Raises:
        NotAPhone: neither a mainland number nor an international one with its +.
    """
    digits = _BETWEEN.sub("", unicodedata.normalize("NFKC", raw))
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    for prefix in ("+86", "86"):
        rest = digits.removeprefix(prefix)
        if rest != digits and (
            _MOBILE.fullmatch(rest) or (prefix == "+86" and _LANDLINE.fullmatch("0" + rest))
        ):
            return rest if _MOBILE.fullmatch(rest) else "0" + rest
    if _MOBILE.fullmatch(digits) or _LANDLINE.fullmatch(digits):
        return digits
    if _ABROAD.fullmatch(digits) and not digits.startswith("+86"):
        return digits
    raise NotAPhone


def phone_tail(phone: str) -> str:
    """Return the last four digits of a canonical phone: what people at the desk ask for."""
    return phone[-4:]


def mask_phone(phone: str) -> str:
    """Return ``138****0000``: enough to recognise one's own, too little to call."""
    if _MOBILE.fullmatch(phone):
        return f"{phone[:3]}****{phone[-4:]}"
    return "****" + phone[-4:]


def mask_name(name: str) -> str:
    """Return ``王**``: the family name only."""
    return name[:1] + "*" * min(max(len(name) - 1, 1), 3)


def fold(name: str) -> str:
    """Return a name as it is compared: width, case, blanks, signs and emoji make no difference."""
    return "".join(c for c in unicodedata.normalize("NFKC", name).casefold() if c.isalnum())


def grams(name: str, *, most: int = GRAMS_PER_NAME) -> tuple[str, ...]:
    """Return the pairs of neighbouring characters of a folded name (itself when it is one character)."""
    folded = fold(name)
    if len(folded) == 1:
        return (folded,)
    pairs = dict.fromkeys(folded[i : i + 2] for i in range(len(folded) - 1))
    return tuple(pairs)[:most]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What somebody may mean by the words typed into the search box; empty = not that.

    ``number`` is tried as the clinic's own number and as WeCom's unionid.
    """

    external_userid: str = ""
    phone: str = ""
    tail: str = ""
    number: str = ""
    real_name: str = ""
    grams: tuple[str, ...] = ()


def read_wanted(text: str) -> Wanted:
    """Return everything that ``text`` may mean."""
    words = unicodedata.normalize("NFKC", text).strip()
    if _ID.fullmatch(words):
        return Wanted(external_userid=words, number=words)
    try:
        phone = canonical_phone(words)
    except NotAPhone:
        phone = ""
    return Wanted(
        phone=phone,
        tail=words if _TAIL.fullmatch(words) else "",
        number=words if len(words) <= 64 and not re.search(r"\s", words) else "",
        real_name=fold(words),
        # A phone's digits are nobody's nickname, and would ask for everybody who has any two of them.
        grams=() if phone else grams(words, most=GRAMS_ASKED),
    )


def erasure_mark(external_userid: str) -> str:
    """Return by what an erased person is recognised who comes back: a digest of an id that says nothing."""
    return sha256(f"erased\0{external_userid}".encode()).hexdigest()[:32]


def visible(name: str) -> str:
    """Return a name as it is, and nothing for one of blanks and characters that show nothing."""
    shown = any(unicodedata.category(char)[0] in "LNPS" and char not in _FILLERS for char in name)
    return name if shown else ""
