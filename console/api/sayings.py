"""Pydantic's complaints in the words of our readers: which field, what is wrong, what would be right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from console.api.problems import FieldError
from console.api.requests import LIBRARY, LINK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic import ValidationError
    from pydantic_core import ErrorDetails

WHOLE: Final = "body"
_TAGS: Final = frozenset({LIBRARY, LINK})  # which member of a union was meant: not part of the place

_SAYINGS: Final = {
    "missing": "缺少这个字段",
    "string_type": "要写成文字",
    "string_unicode": "不是有效的文字",
    "string_too_short": "不能为空",
    "string_too_long": "太长，最多 {max_length} 个字",
    "int_type": "要写成整数",
    "int_parsing": "要写成整数",
    "int_parsing_size": "数字太大",
    "int_from_float": "要写成整数",
    "list_type": "要写成列表 […]",
    "dict_type": "要写成对象 {{…}}",
    "model_type": "要写成对象 {{…}}",
    "model_attributes_type": "要写成对象 {{…}}",
    "too_short": "不能为空",
    "too_long": "太多，最多 {max_length} 项",
    "greater_than_equal": "太小，最小 {ge}",
    "less_than_equal": "太大，最大 {le}",
    "literal_error": "只能是 {expected}",
    "enum": "只能是 {expected}",
}
_PATTERNS: Final = {
    "digest": "要原样写回读到的 digest（64 位小写十六进制）",
    "url": "要以 http:// 或 https:// 开头",
}


def field_errors(exc: ValidationError, known: Iterable[str]) -> list[FieldError]:
    """Return one error per place; ``known`` are the fields that may be written at the top."""
    names = "、".join(known)
    found = [FieldError(field=_place(error), message=_say(error, names)) for error in exc.errors()]
    return list({error.field: error for error in reversed(found)}.values())[::-1]


def _place(error: ErrorDetails) -> str:
    return ".".join(str(part) for part in error["loc"] if part not in _TAGS) or WHOLE


def _say(error: ErrorDetails, names: str) -> str:
    kind, loc = error["type"], error["loc"]
    context: dict[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        if len(loc) > 1:
            return "没有这个字段，请删掉"
        return f"没有这个字段；可以写：{names}" if names else "这里不接受任何字段，请删掉"
    if kind == "string_pattern_mismatch":
        return _PATTERNS.get(str(loc[-1]), "含有不允许的字符，只用字母、数字和 . _ - @")
    saying = _SAYINGS.get(kind)
    if saying is not None:
        return saying.format(**context)
    # Our own types already speak Chinese; what else pydantic may say one day is better than silence.
    return error["msg"]
