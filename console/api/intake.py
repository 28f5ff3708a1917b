"""Reading a request: query and JSON body, each as a model or as a problem that names the place."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar, get_origin

from aiohttp import web
from pydantic import BaseModel, ValidationError

from console.api import problems
from console.api.problems import FieldError, Problem, invalid_fields
from console.api.sayings import WHOLE, field_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

M = TypeVar("M", bound=BaseModel)

BODY_BYTES: Final = 256 * 1024  # the longest edit is a tenth of it
JSON_TYPE: Final = "application/json"


def read_path(model: type[M], values: Mapping[str, str]) -> M:
    """Return the path's parameters; what could not be an id names nothing that exists."""
    try:
        return model.model_validate(dict(values))
    except ValidationError:
        shown = "、".join(values)
        raise Problem(kind=problems.NOT_FOUND, detail=f"没有找到：地址里的 {shown} 不是有效的编号") from None


def read_query(model: type[M], request: web.Request) -> M:
    """Return the query's parameters. An empty value counts as not given; only lists may be repeated.

    Raises:
        Problem: an unknown, repeated or malformed parameter.
    """
    fields = {info.alias or name: info for name, info in model.model_fields.items()}
    values: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name in dict.fromkeys(request.query):
        given = [value for value in request.query.getall(name) if value]
        if name in fields and get_origin(fields[name].annotation) is list:
            values[name] = given
        elif len(given) > 1:
            errors.append(FieldError(field=name, message="只能给出一次"))
        elif given or name not in fields:
            values[name] = given[0] if given else ""
    try:
        parsed = model.model_validate(values)
    except ValidationError as exc:
        errors += field_errors(exc, fields)
    if errors:
        raise invalid_fields(errors)
    return parsed


async def read_body(model: type[M], request: web.Request, *, required: bool, most: int = BODY_BYTES) -> M:
    """Return the JSON body; an absent one counts as ``{}`` when it is not required.

    Raises:
        Problem: 413 too large, 415 not JSON by its type, 400 not JSON by its content, 422 wrong fields.
    """
    raw = await _read(request, most)
    if raw:
        _check_type(request)
    elif required:
        _refuse_json("它是空的")
    else:
        raw = b"{}"
    _check_json(raw)
    try:
        return model.model_validate_json(raw)
    except ValidationError as exc:
        broken = next((e for e in exc.errors() if e["type"] == "json_invalid"), None)
        if broken is not None:  # what Python's parser lets through: lone surrogates, for one
            _refuse_json(str(broken.get("ctx", {}).get("error", "格式不对")))
        raise invalid_fields(field_errors(exc, model.model_fields)) from None


async def _read(request: web.Request, most: int) -> bytes:
    # Counted here: the size of a compressed body is only known while it is opened.
    raw = bytearray()
    try:
        async for chunk in request.content.iter_any():
            raw += chunk
            if len(raw) > most:
                raise Problem(kind=problems.TOO_LARGE, detail=f"请求体超过 {most // 1024} KiB，请缩短后重试")
    except (web.RequestPayloadError, ConnectionError):
        detail = "请求体不完整，或不是 Content-Encoding 所说的压缩格式"
        raise Problem(kind=problems.BAD_REQUEST, detail=detail) from None
    return bytes(raw)


def _check_type(request: web.Request) -> None:
    if request.content_type == JSON_TYPE and (request.charset or "utf-8").lower() in {"utf-8", "utf8"}:
        return
    raise Problem(
        kind=problems.MEDIA_TYPE,
        detail="请用 UTF-8 的 JSON 作为请求体，并写上请求头 Content-Type: application/json",
        headers={"Accept": JSON_TYPE},
    )


def _check_json(raw: bytes) -> None:
    """Refuse what JSON parsers disagree about: NaN, repeated names, other encodings, endless nesting."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as exc:
        _refuse_json(f"第 {exc.start + 1} 个字节起不是 UTF-8")
    repeated: list[str] = []

    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        names = [name for name, _ in pairs]
        repeated.extend(name for name in dict.fromkeys(names) if names.count(name) > 1)
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=unique, parse_constant=_refuse_constant)
    except json.JSONDecodeError as exc:
        _refuse_json(f"第 {exc.lineno} 行第 {exc.colno} 个字符处格式不对")
    except RecursionError:
        _refuse_json("嵌套太深")
    except ValueError:
        _refuse_json("数字太长")
    if repeated:
        raise invalid_fields(
            [
                FieldError(field=_printable(name) or WHOLE, message="同一个字段写了多次")
                for name in repeated[:5]
            ]
        )


def _refuse_constant(name: str) -> NoReturn:
    _refuse_json(f"{name} 不是 JSON 的数字")


def _refuse_json(what: str) -> NoReturn:
    raise Problem(kind=problems.NOT_JSON, detail=f"请求体不是有效的 JSON：{what}") from None


def _printable(name: str) -> str:
    # A lone surrogate in a name could not be written into the answer.
    return name.encode("utf-8", "replace").decode()[:60]
