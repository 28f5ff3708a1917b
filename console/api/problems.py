"""What the API says when it does not do as asked: RFC 9457 problems, one kind per remedy."""

from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, Field

from console.api.documents import FindingDocument

CONTENT_TYPE: Final = "application/problem+json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of problem: clients tell them apart by ``type``, which ends in ``code``."""

    code: str
    status: int
    title: str

    @property
    def type(self) -> str:
        return f"urn:xiaohu:problem:{self.code}"


NOT_JSON: Final = Kind(code="not-json", status=400, title="请求体不是有效的 JSON")
BAD_REQUEST: Final = Kind(code="bad-request", status=400, title="请求读不懂")
UNAUTHORIZED: Final = Kind(code="unauthorized", status=401, title="需要有效的密钥")
CLOSED: Final = Kind(code="closed", status=403, title="API 没有开启")
NOT_FOUND: Final = Kind(code="not-found", status=404, title="没有找到")
METHOD_NOT_ALLOWED: Final = Kind(code="method-not-allowed", status=405, title="这个地址不支持这种方法")
OUTDATED: Final = Kind(code="outdated", status=409, title="内容已被修改")
NOT_POSSIBLE: Final = Kind(code="not-possible", status=409, title="现在的状态不允许")
TOO_LARGE: Final = Kind(code="too-large", status=413, title="请求体太大")
MEDIA_TYPE: Final = Kind(code="media-type", status=415, title="请求体必须是 JSON")
INVALID: Final = Kind(code="invalid", status=422, title="有字段不合要求")
CONTENT_REFUSED: Final = Kind(code="content-refused", status=422, title="内容检查未通过")
REASON_NEEDED: Final = Kind(code="reason-needed", status=422, title="要写明理由")
INTERNAL: Final = Kind(code="internal", status=500, title="服务器出错")
SEAL_BROKEN: Final = Kind(code="seal-broken", status=500, title="加密的数据打不开")
BUSY: Final = Kind(code="busy", status=503, title="暂时无法处理")
WEEK_NOT_PLANNABLE: Final = Kind(code="week-not-plannable", status=503, title="现在不能排这一周")

# What an error raised by the web server itself becomes.
BY_STATUS: Final = {
    400: (BAD_REQUEST, "请检查请求的格式"),
    404: (NOT_FOUND, "没有这个地址；全部地址见 /api/openapi.json"),
    405: (METHOD_NOT_ALLOWED, "请改用响应头 Allow 里列出的方法"),
    413: (TOO_LARGE, "请缩短请求体后重试"),
}


class FieldError(BaseModel):
    """One field that is not as it must be."""

    field: str = Field(
        description="参数名，或请求体里的路径，如 attachments.0.url；body 指整个请求体",
    )
    message: str = Field(description="哪里不对、怎么改")


class ProblemDocument(BaseModel):
    """A problem as RFC 9457 writes it."""

    type: str = Field(description="问题的种类，固定不变，供程序判断")
    title: str
    status: int
    detail: str = Field(description="发生了什么、怎么办")
    errors: list[FieldError] = Field(default=[], description="逐个字段的错误（422）")
    findings: list[FindingDocument] = Field(
        default=[], description="内容检查的全部发现（content-refused 和 reason-needed 时）"
    )
    digest: str = Field(default="", description="内容现在的摘要（409）")
    revision: int = Field(default=0, description="内容现在是第几版（409）")
    state: str = Field(default="", description="内容现在的状态（409）")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the post stands that a request could not change."""

    digest: str
    revision: int
    state: str


@dataclass(slots=True, kw_only=True, eq=False)
class Problem(Exception):
    """A request that is not done; it becomes the answer."""

    kind: Kind
    detail: str
    errors: tuple[FieldError, ...] = ()
    findings: tuple[FindingDocument, ...] = ()
    standing: Standing | None = None
    headers: dict[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.kind.code}: {self.detail}"

    def document(self) -> ProblemDocument:
        given: dict[str, Any] = {
            "type": self.kind.type,
            "title": self.kind.title,
            "status": self.kind.status,
            "detail": self.detail,
        }
        if self.errors:
            given["errors"] = list(self.errors)
        if self.findings:
            given["findings"] = list(self.findings)
        if self.standing is not None:
            given |= {
                "digest": self.standing.digest,
                "revision": self.standing.revision,
                "state": self.standing.state,
            }
        return ProblemDocument(**given)

    def response(self) -> web.Response:
        return web.Response(
            status=self.kind.status,
            body=self.document().model_dump_json(exclude_unset=True).encode(),
            content_type=CONTENT_TYPE,
            headers=self.headers,
        )


def invalid(field_name: str, message: str) -> Problem:
    """Return the problem of one field."""
    return invalid_fields([FieldError(field=field_name, message=message)])


def invalid_fields(errors: list[FieldError]) -> Problem:
    """Return the problem of all the fields that are wrong; the detail names each place."""
    said = "；".join(f"{error.field}：{error.message}" for error in errors[:5])
    more = f"；共 {len(errors)} 处" if len(errors) > 5 else ""
    return Problem(kind=INVALID, detail=f"{said}{more}", errors=tuple(errors))
