"""Forms as they arrive, made into values that cannot be wrong."""

from __future__ import annotations

import re
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from zoneinfo import ZoneInfo

    from multidict import MultiDictProxy

REASON_CHARS: Final = 200
_LOCAL: Final = re.compile(r"/console/[A-Za-z0-9/_.-]*(\?[A-Za-z0-9=&%_.-]*)?(#[A-Za-z0-9_-]*)?")
T = TypeVar("T", bound=BaseModel)
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class FormRefused(ValueError):
    """A form cannot be accepted; ``field`` names the place, the message says the remedy."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class PlainForm(BaseModel):
    """A form of a page: blanks around a value and fields that nobody asked for do not matter."""

    model_config = ConfigDict(frozen=True, extra="ignore", str_strip_whitespace=True)


class DecisionForm(PlainForm):
    """Approve or cancel what has this digest."""

    digest: Digest
    reason: Annotated[str, StringConstraints(max_length=REASON_CHARS)] = ""


class RejectForm(PlainForm):
    """Reject what has this digest, and say why."""

    digest: Digest
    reason: Annotated[str, StringConstraints(min_length=1, max_length=REASON_CHARS)]


class CheckForm(PlainForm):
    """A text on trial, for the post that it may become part of."""

    post: Annotated[int, Field(ge=1, lt=10**18)]
    persona: Annotated[str, StringConstraints(min_length=1, max_length=60)]
    kind: Annotated[str, StringConstraints(pattern=r"^(moment|group|direct)$")]
    text: Annotated[str, StringConstraints(max_length=20_000)] = ""


class EditForm(PlainForm):
    """What an editor sends; ``hour`` is the clinic's wall clock."""

    digest: Digest
    text: Annotated[str, StringConstraints(max_length=20_000)] = ""
    hour: datetime
    link_title: Annotated[str, StringConstraints(max_length=64)] = ""
    link_url: Annotated[str, StringConstraints(max_length=1024)] = ""
    link_desc: Annotated[str, StringConstraints(max_length=170)] = ""

    def scheduled_at(self, zone: ZoneInfo) -> datetime:
        """Return the instant meant; an hour with an offset of its own is refused."""
        if self.hour.utcoffset() is not None:
            raise FormRefused("hour", "发送时间请写诊所当地时间，不带时区")
        return self.hour.replace(tzinfo=zone)


class PlanForm(PlainForm):
    """Which week to draft; none = the coming one."""

    week: date | None = None


_WORDS: Final = {
    "digest": "这个表单已经过期，请刷新页面再试",
    "reason": f"请写明退回的原因（不超过 {REASON_CHARS} 字）",
    "hour": "发送时间要写成 2026-11-24 12:10 的样子",
    "since": "从哪天起，要写成 2026-11-23 的样子",
    "until": "到哪天为止，要写成 2026-11-30 的样子",
    "week": "周一的日期要写成 2026-11-23 的样子",
    "text": "文字太长",
    "link_title": "链接标题不超过 64 字",
    "link_url": "链接地址太长",
    "link_desc": "链接描述不超过 170 字",
    "other": "请写另一份档案的编号（只有数字，在档案页的地址里）",
    "kind": "请选择同意的内容",
    "proof": "凭据不超过 300 字",
    "purpose": "用途不超过 200 字",
    "real_name": "姓名不超过 40 字",
    "phone": "电话号码太长",
    "clinic_number": "病历号不超过 64 个字符",
}


def parse(model: type[T], fields: Mapping[str, Any]) -> T:
    """Return the form, or say which field is wrong and what to write there.

    Raises:
        FormRefused: the first field that is wrong.
    """
    try:
        return model.model_validate({key: value for key, value in fields.items() if value != ""})
    except ValidationError as exc:
        place = str(exc.errors()[0]["loc"][0])
        raise FormRefused(place, _WORDS.get(place, f"“{place}”这一项不对")) from exc


def strings(post: MultiDictProxy[Any], name: str) -> list[str]:
    """Return the values of a repeated field; uploaded files are not values."""
    return [value for value in post.getall(name, []) if isinstance(value, str)]


def local_path(raw: str | None, default: str = "/console/") -> str:
    """Return a path of the console to go to, or ``default``: never another site."""
    return raw if raw and len(raw) <= 500 and _LOCAL.fullmatch(raw) else default
