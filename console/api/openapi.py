"""The OpenAPI 3.1 document, made from the table of operations and the models they name."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from console.api import problems
from console.api.intake import JSON_TYPE
from console.api.operation import ROOT
from console.api.problems import CONTENT_TYPE, ProblemDocument
from console.api.requests import Nothing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pydantic import BaseModel
    from pydantic.json_schema import JsonSchemaMode

    from console.api.operation import Operation
    from console.api.problems import Kind

VERSION: Final = "1.0.0"
SECURITY: Final = "apiKey"
DOCUMENT: Final = "/api/openapi.json"
_REF: Final = "#/components/schemas/{model}"
_DESCRIPTION: Final = """\
小护的 JSON API。每个请求都要带 `Authorization: Bearer <XIAOHU_API_KEY>`；
没有设置 `XIAOHU_API_KEY` 时 API 关闭。
时间一律是带时区的 ISO 8601，返回时用诊所时区。列表返回 `{"items": [...], "next": cursor 或 null}`。
所有错误都是 `application/problem+json`（RFC 9457）；`type` 供程序判断，`detail` 写给人看。
通过 API 做的决定在审计记录里的名字是 `api`。"""
_HEADERS: Final = {
    401: {"WWW-Authenticate": "说明如何出示密钥"},
    405: {"Allow": "这个地址支持的方法"},
    503: {"Retry-After": "多少秒后重试"},
}

_SELF: Final = {
    "operationId": "describe",
    "summary": "这份文档本身；不需要密钥",
    "security": [],
    "responses": {
        "200": {"description": "OpenAPI 3.1 文档", "content": {JSON_TYPE: {"schema": {"type": "object"}}}}
    },
}


def build(operations: Sequence[Operation[Any, Any, Any]], *, server: str) -> dict[str, Any]:
    """Return the document that describes exactly ``operations``."""
    schemas = _Schemas(operations)
    paths: dict[str, Any] = {}
    for operation in operations:
        paths.setdefault(ROOT + operation.path, {})[operation.method.lower()] = _operation(operation, schemas)
    paths[DOCUMENT] = {"get": _SELF}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "小护 API",
            "version": VERSION,
            "description": _DESCRIPTION,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": server.rstrip("/") or "/"}],
        "security": [{SECURITY: []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(operation.tag for operation in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas.components,
            "securitySchemes": {
                SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "环境变量 XIAOHU_API_KEY 的值",
                }
            },
        },
    }


class _Schemas:
    """The schemas of all models; those of parameters are taken apart, they are not components."""

    def __init__(self, operations: Sequence[Operation[Any, Any, Any]]) -> None:
        wanted: dict[tuple[type[BaseModel], JsonSchemaMode], None] = {
            (ProblemDocument, "serialization"): None
        }
        for operation in operations:
            taken = (operation.path_model, operation.query, operation.body)
            wanted |= dict.fromkeys((model, "validation") for model in taken if model is not Nothing)
            wanted |= dict.fromkeys((model, "serialization") for _, model in operation.answers.values())
        refs, whole = models_json_schema(list(wanted), ref_template=_REF)
        self.components: dict[str, Any] = whole["$defs"]
        self._refs = refs
        self._parameters: dict[type[BaseModel], dict[str, Any]] = {}
        for model in dict.fromkeys(
            m for operation in operations for m in (operation.path_model, operation.query) if m is not Nothing
        ):
            name = refs[model, "validation"]["$ref"].rpartition("/")[2]
            self._parameters[model] = self.components.pop(name)

    def ref(self, model: type[BaseModel], mode: JsonSchemaMode) -> dict[str, Any]:
        return self._refs[model, mode]

    def parameters(self, model: type[BaseModel], place: str) -> list[dict[str, Any]]:
        schema = self._parameters.get(model, {})
        return [
            _parameter(name, dict(shape), place, required=name in schema.get("required", ()))
            for name, shape in schema.get("properties", {}).items()
        ]


def _parameter(name: str, schema: dict[str, Any], place: str, *, required: bool) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": name, "in": place, "required": required}
    if "description" in schema:
        shown["description"] = schema.pop("description")
    schema.pop("title", None)
    if schema.get("default", ...) in (None, []):
        schema.pop("default")
    if "anyOf" in schema:
        # A parameter is absent, never null.
        kinds = [kind for kind in schema.pop("anyOf") if kind != {"type": "null"}]
        schema |= kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    if schema.get("type") == "array":
        shown |= {"style": "form", "explode": True}
    return shown | {"schema": schema}


def _operation(operation: Operation[Any, Any, Any], schemas: _Schemas) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "operationId": operation.name,
        "tags": [operation.tag],
        "summary": operation.summary,
    }
    if operation.description:
        shown["description"] = operation.description
    parameters = schemas.parameters(operation.path_model, "path") + schemas.parameters(
        operation.query, "query"
    )
    if parameters:
        shown["parameters"] = parameters
    if operation.takes_body:
        shown["requestBody"] = {
            "required": operation.body_required,
            "content": {JSON_TYPE: {"schema": schemas.ref(operation.body, "validation")}},
        }
    answers = {
        str(status): {
            "description": said,
            "content": {JSON_TYPE: {"schema": schemas.ref(model, "serialization")}},
        }
        for status, (said, model) in operation.answers.items()
    }
    shown["responses"] = answers | _problems(operation.all_problems(), schemas)
    return shown


def _problems(kinds: Sequence[Kind], schemas: _Schemas) -> dict[str, Any]:
    """Describe the problems by status; the default stands for those of the address, like 405."""
    content = {CONTENT_TYPE: {"schema": schemas.ref(ProblemDocument, "serialization")}}
    shown: dict[str, Any] = {}
    for status, same in groupby(sorted(kinds, key=lambda kind: kind.status), key=lambda kind: kind.status):
        said = "；".join(f"{kind.title}（{kind.type}）" for kind in dict.fromkeys(same))
        shown[str(status)] = {"description": said, "content": content} | _headers(status)
    other = problems.METHOD_NOT_ALLOWED
    shown["default"] = {"description": f"其他错误，如 {other.status} {other.title}", "content": content}
    return shown


def _headers(status: int) -> dict[str, Any]:
    if status not in _HEADERS:
        return {}
    return {
        "headers": {
            name: {"description": said, "schema": {"type": "string"}}
            for name, said in _HEADERS[status].items()
        }
    }
