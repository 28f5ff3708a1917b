"""People of a large corp, computed instead of stored: the same seed and number give the same patient.

A patient's number gives her id, and her id gives her number back, so that nothing of 300 000 patients has
to be kept before somebody asks for one. Who follows whom is arithmetic for the same reason: a member's
customers are every n-th patient of the clinic, hence the 5 000th is as near as the first.
"""

from __future__ import annotations

import base64
import hashlib
from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, TypeVar

from .ids import ALPHANUMERIC
from .state import Customer, Follow

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

STATES = {
    "front-desk": "前台扫码",
    "dr-zhang-card": "张医生名片",
    "dr-li-card": "李医生名片",
    "douyin": "抖音",
    "meituan": "美团",
    "old-friend": "老带新",
    "free-clinic": "义诊",
    "wechat-oa": "公众号",
}
HISTORY = timedelta(days=730)  # the first patient came so long ago, the last one just now
MOST_PATIENTS = 1_000_000
LOST_OF_256 = 11  # some 4 % of the relations: the patient deleted the member
MET_WITHIN = timedelta(minutes=256)  # after she first came: her other followers met her a little later
AIDE_EVERY, MANAGER_EVERY, DOCTOR_EVERY = 9, 90, 3

_BASE = len(ALPHANUMERIC)
_DIGITS = 6
_CODES = _BASE**_DIGITS
_STRIDE = 15_485_863  # a prime; it shares no factor with 62**6, so that it can be undone
_UNDO = pow(_STRIDE, -1, _CODES)
_VALUE = {letter: value for value, letter in enumerate(ALPHANUMERIC)}

_SURNAMES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林罗高郑梁谢宋唐许邓冯韩曹曾彭萧蔡潘田董袁于余"
_GIVEN = "伟芳娜敏静丽强磊洋艳勇军杰娟涛明超霞平刚桂英文华建国慧玲雨桐子轩梓涵一诺思远欣怡嘉宁浩然佳琪"
_CHILDREN = "乐豆安壮糖果米宝贝朵朵妞圆团萌可心依诺泽恩"
_FIRST = ("云淡", "静待", "向阳", "清风", "一叶", "知足", "岁月", "平安", "星河", "山高", "顺其", "初夏")
_LAST = ("风轻", "花开", "而生", "明月", "知秋", "常乐", "静好", "是福", "万里", "水长", "自然", "微凉")
_LATIN = ("Cindy", "Kevin", "Momo", "Lily", "Jason", "Vivian", "Echo", "Leo", "Amy", "Tina", "Eric", "Sunny")
_ADD_WAYS = (1, 1, 1, 1, 1, 2, 3, 3, 6, 9, 16)  # mostly scanned a code
_GENDERS = (2, 2, 2, 1, 1, 0)  # WeChat users need not say
_STATE_KEYS = (*STATES, "")

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True, kw_only=True)
class Clinic:
    """One clinic of the corp: its staff, and which patients are its own: [first, first + patients)."""

    name: str
    first: int
    patients: int
    assistants: tuple[str, ...]
    doctors: tuple[str, ...]
    aides: tuple[str, ...]
    manager: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """Every ``step``-th patient from ``first`` on, ``count`` of them."""

    first: int
    step: int
    count: int

    def at(self, place: int) -> int:
        return self.first + place * self.step

    def place_of(self, number: int) -> int | None:
        """Return at which place a patient stands, or None when she is not in the series."""
        place, rest = divmod(number - self.first, self.step)
        return place if rest == 0 and 0 <= place < self.count else None


def series_in(clinic: Clinic, offset: int, step: int, *, most: int | None = None) -> Series:
    """Return every ``step``-th patient of a clinic, beginning with its ``offset``-th; at most so many."""
    count = max(0, -(-(clinic.patients - offset) // step))
    return Series(first=clinic.first + offset, step=step, count=count if most is None else min(count, most))


class KeptFollow(Follow):
    """A computed relation. It lives as long as somebody holds it, or for good once it was changed."""

    __slots__ = ("__weakref__", "_keep")

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        keep = getattr(self, "_keep", None)
        if keep is not None:
            keep(self)


class Population:
    """Computes patients and their relations.

    Args:
        seed: the tenant's.
        clinics: in the order of their patients' numbers.
        now: when the last patient came; earlier ones spread over ``HISTORY`` before.
        tags: ids of corp tags, by tag group; a relation carries at most one of each group.
    """

    def __init__(
        self, *, seed: int | str, clinics: Sequence[Clinic], now: datetime, tags: Sequence[Sequence[str]]
    ) -> None:
        self.clinics = tuple(clinics)
        self.total = sum(clinic.patients for clinic in clinics)
        self.gone_tags: set[str] = set()  # deleted since: computed relations no longer carry them
        self._firsts = [clinic.first for clinic in clinics]
        self._key = hashlib.blake2b(f"xiaohu-sandbox-people:{seed}".encode(), digest_size=32).digest()
        self._shift = int.from_bytes(self._key[:4]) % _CODES
        self._now = now
        self._tags = [list(group) for group in tags]

    # -- ids ------------------------------------------------------------------------------------------

    def _draw(self, number: int) -> bytes:
        return hashlib.blake2b(number.to_bytes(4), key=self._key).digest()

    def id_of(self, number: int) -> str:
        """Return a patient's external_userid: 32 characters, of which six hide her number."""
        return self._id(number, self._draw(number))

    def _id(self, number: int, drawn: bytes) -> str:
        code = (number * _STRIDE + self._shift) % _CODES
        letters = []
        for _ in range(_DIGITS):
            code, digit = divmod(code, _BASE)
            letters.append(ALPHANUMERIC[digit])
        return f"wm{''.join(letters)}{base64.urlsafe_b64encode(drawn[:18]).decode()}"

    def number_of(self, external_userid: str) -> int | None:
        """Return whose id this is, or None when it was not computed here."""
        code = 0
        for letter in reversed(external_userid[2 : 2 + _DIGITS]):
            if letter not in _VALUE:
                return None
            code = code * _BASE + _VALUE[letter]
        number: int = (code - self._shift) * _UNDO % _CODES
        if number >= self.total or self.id_of(number) != external_userid:
            return None
        return number

    # -- people ---------------------------------------------------------------------------------------

    def customer(self, number: int) -> Customer:
        """Return a patient as WeChat knows her."""
        drawn = self._draw(number)
        return Customer(
            external_userid=self._id(number, drawn),
            name=_nickname(drawn[40:48]),
            gender=_GENDERS[drawn[48] % len(_GENDERS)],
            unionid="o" + base64.urlsafe_b64encode(drawn[18:39]).decode()[:27],
        )

    def name_of(self, number: int) -> str:
        """Return a patient's nickname; cheaper than all of her."""
        return _nickname(self._draw(number)[40:48])

    def clinic_of(self, number: int) -> Clinic:
        return self.clinics[bisect_right(self._firsts, number) - 1]

    # -- relations ------------------------------------------------------------------------------------

    def series(self, clinic: Clinic, userid: str) -> Series:
        """Return which patients of the clinic a member of its staff follows."""
        if userid in clinic.assistants:
            return series_in(clinic, clinic.assistants.index(userid), len(clinic.assistants))
        if userid in clinic.doctors:
            step = DOCTOR_EVERY
            return series_in(clinic, step * clinic.doctors.index(userid), step * len(clinic.doctors))
        if userid in clinic.aides:
            step = AIDE_EVERY
            return series_in(clinic, step * clinic.aides.index(userid), step * len(clinic.aides))
        return series_in(clinic, 1, MANAGER_EVERY)

    def followers(self, number: int) -> list[str]:
        """Return the one to three members who follow a patient, in the order she met them."""
        clinic = self.clinic_of(number)
        local = number - clinic.first
        found = [clinic.assistants[local % len(clinic.assistants)]]
        if local % DOCTOR_EVERY == 0:
            found.append(clinic.doctors[local // DOCTOR_EVERY % len(clinic.doctors)])
        if local % AIDE_EVERY == 0:
            found.append(clinic.aides[local // AIDE_EVERY % len(clinic.aides)])
        if local % MANAGER_EVERY == 1:
            found.append(clinic.manager)
        return found

    def came_at(self, number: int) -> datetime:
        """Return when a patient first came; a later number came later."""
        clinic = self.clinic_of(number)
        return self._now - HISTORY * (clinic.patients - (number - clinic.first)) / (clinic.patients + 1)

    def tags_of(self, number: int, userid: str) -> list[str]:
        """Return the tags that a relation begins with."""
        return self._picked_tags(self._draw_pair(number, userid))

    def _draw_pair(self, number: int, userid: str) -> bytes:
        return hashlib.blake2b(number.to_bytes(4) + userid.encode(), key=self._key, digest_size=32).digest()

    def _picked_tags(self, drawn: bytes) -> list[str]:
        picked = []
        for place, group in enumerate(self._tags[:8]):
            choice = drawn[8 + place] % (2 * len(group))  # every other relation has no tag of a group
            if choice < len(group) and group[choice] not in self.gone_tags:
                picked.append(group[choice])
        return picked

    def may_have_moved(self, number: int, userid: str, start: datetime, end: datetime) -> bool:
        """Tell cheaply whether a relation can have begun or ended in [start, end); True may be wrong."""
        came = self.came_at(number)
        if came >= end + timedelta(seconds=1):
            return False
        return came >= start - MET_WITHIN or self._draw_pair(number, userid)[2] < LOST_OF_256

    def follow(self, number: int, userid: str) -> KeptFollow:
        """Return the relation of a patient and one of her followers as it was when the scene began."""
        drawn = self._draw_pair(number, userid)
        came = self.came_at(number)
        later = timedelta(minutes=drawn[0]) if drawn[1] & 1 else timedelta()
        met = min(came + later, self._now).replace(microsecond=0)
        lost = drawn[2] < LOST_OF_256
        drawn_patient = self._draw(number)
        external_userid = self._id(number, drawn_patient)
        return KeptFollow(
            userid=userid,
            external_userid=external_userid,
            createtime=met,
            state=_pick(_STATE_KEYS, drawn[3]),
            add_way=_pick(_ADD_WAYS, drawn[4]),
            remark=_nickname(drawn_patient[40:48]),
            tags=self._picked_tags(drawn),
            oper_userid=external_userid,
            lost_at=met + (self._now - met) * drawn[5] / 256 if lost else None,
        )


def _pick(options: Sequence[Item], byte: int) -> Item:
    return options[byte % len(options)]


def _nickname(drawn: bytes) -> str:
    style = drawn[0] % 8
    if style < 3:
        second = _pick(_GIVEN, drawn[3]) if drawn[4] & 1 else ""
        return _pick(_SURNAMES, drawn[1]) + _pick(_GIVEN, drawn[2]) + second
    if style == 3:
        return _pick("小阿大", drawn[1]) + _pick(_GIVEN, drawn[2])
    if style == 4:
        return _pick(_CHILDREN, drawn[1]) * 2 + _pick(("妈妈", "妈", "爸", "麻麻", "爸爸"), drawn[2])
    if style == 5:
        return _pick(_FIRST, drawn[1]) + _pick(_LAST, drawn[2])
    if style == 6:
        return _pick(_LATIN, drawn[1]) + (_pick(_SURNAMES, drawn[2]) if drawn[3] & 1 else "")
    return _pick(_SURNAMES, drawn[1]) + _pick(("姐", "阿姨", "先生", "女士", "哥", "叔"), drawn[2])
