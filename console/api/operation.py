"""One row of the API's table: from it the route is made, and its page in the OpenAPI document."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import structlog
from aiohttp import web

from console.api import problems
from console.api.access import check_key
from console.api.intake import BODY_BYTES, JSON_TYPE, read_body, read_path, read_query
from console.api.problems import Problem
from console.api.requests import Body, Nothing, Parameters
from console.deps import DEPS, Deps
from store.trouble import will_pass
from store.vault import SealBroken

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pydantic import BaseModel

    from console.api.problems import Kind

log = structlog.get_logger()

P = TypeVar("P", bound=Parameters)
Q = TypeVar("Q", bound=Parameters)
B = TypeVar("B", bound=Body | Nothing)

ROOT: Final = "/api/v1"
RETRY_S: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Call(Generic[P, Q, B]):
    """A request that has been let in and understood."""

    deps: Deps
    path: P
    query: Q
    body: B


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an operation answers when it did what was asked."""

    content: BaseModel
    status: int = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[P, Q, B]):
    """An operation of the API: where it is, what it takes, what it answers, how it can fail.

    Every operation can also fail in the ways of :meth:`all_problems` that follow from what it takes.
    """

    name: str
    method: str
    path: str
    tag: str
    summary: str
    run: Callable[[Call[P, Q, B]], Awaitable[Answer]]
    answers: Mapping[int, tuple[str, type[BaseModel]]]
    path_model: type[P]
    query: type[Q]
    body: type[B]
    body_required: bool = True
    body_bytes: int = BODY_BYTES
    problems: tuple[Kind, ...] = ()
    description: str = ""

    @property
    def takes_body(self) -> bool:
        return issubclass(self.body, Body)

    def all_problems(self) -> tuple[Kind, ...]:
        """Return every kind of problem this operation can answer."""
        of_body = (problems.NOT_JSON, problems.BAD_REQUEST, problems.TOO_LARGE, problems.MEDIA_TYPE)
        return (
            *(of_body if self.takes_body else ()),
            problems.UNAUTHORIZED,
            problems.CLOSED,
            *((problems.NOT_FOUND,) if self.path_model is not Nothing else ()),
            problems.INVALID,
            *self.problems,
            problems.INTERNAL,
            problems.BUSY,
        )

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one request, whatever happens."""
        return await guarded(request, self._answer)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        check_key(request)
        body: Any = Nothing()
        path = read_path(self.path_model, request.match_info)
        query = read_query(self.query, request)
        if self.takes_body:
            body = await read_body(self.body, request, required=self.body_required, most=self.body_bytes)
        answer = await self.run(Call(deps=request.app[DEPS], path=path, query=query, body=body))
        return web.Response(
            status=answer.status,
            body=answer.content.model_dump_json(by_alias=True, exclude_unset=True).encode(),
            content_type=JSON_TYPE,
            headers={"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"},
        )


async def guarded(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Call ``handler``; whatever goes wrong becomes a problem that tells nothing of our insides."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except web.HTTPException as exc:
        if exc.status < 400:
            raise
        return _of_server(exc).response()
    except SealBroken as exc:
        _note(request, exc)
        return Problem(
            kind=problems.SEAL_BROKEN,
            detail="姓名解不开：XIAOHU_SECRET_KEY 不是加密时的那一个，或数据已损坏；请恢复原来的密钥",
        ).response()
    except Exception as exc:
        _note(request, exc)
        if will_pass(exc):
            return Problem(
                kind=problems.BUSY,
                detail=f"数据库暂时不可用，什么都没有改变，请 {RETRY_S} 秒后重试",
                headers={"Retry-After": str(RETRY_S)},
            ).response()
        return Problem(
            kind=problems.INTERNAL, detail="服务器出错，什么都没有改变；请查看服务日志里的 api.failed"
        ).response()


def _of_server(exc: web.HTTPException) -> Problem:
    kind, detail = problems.BY_STATUS.get(
        exc.status,
        (problems.Kind(code=f"http-{exc.status}", status=exc.status, title="请求不能处理"), "请检查请求"),
    )
    allow = exc.headers.get("Allow")
    return Problem(kind=kind, detail=detail, headers={"Allow": allow} if allow else {})


def _note(request: web.Request, exc: Exception) -> None:
    # The route, not the path: it holds ids of patients. The class, not the text: it may quote rows.
    resource = request.match_info.route.resource
    log.error(
        "api.failed",
        method=request.method,
        route=resource.canonical if resource is not None else "",
        error=type(exc).__name__,
    )
