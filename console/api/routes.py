"""The table of the API's operations: routes and OpenAPI document are both made from it."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

import orjson
from aiohttp import web

from console.api import (
    caps,
    channels,
    directory,
    journeys,
    patient_routes,
    pauses,
    posts,
    problems,
    visits,
    weeks,
)
from console.api.access import check_key
from console.api.documents import (
    GroupDocument,
    Page,
    PersonaDocument,
    PostDetail,
    PostDocument,
    WeekDocument,
)
from console.api.intake import JSON_TYPE
from console.api.openapi import DOCUMENT, build
from console.api.operation import ROOT, Operation, guarded
from console.api.requests import (
    Decision,
    GroupQuery,
    Nothing,
    PostEdit,
    PostPath,
    PostQuery,
    ResendOrder,
    WeekOrder,
)
from console.deps import DEPS

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

PREFIX: Final = "/api"

_POSTS: Final = "posts"
_DECIDED: Final = {200: ("决定之后的内容；重复同一个决定不会改变什么", PostDetail)}
_DIGEST: Final = "digest 必须是读到的那一个；内容已被修改时得到 409，什么都不改变。"
_DECISION_WORDS: Final = {
    "approve": _DIGEST
    + "内容检查有提醒（warn）的要在 reason 里写明为什么可以这样发，否则得到 422 reason-needed；"
    "展示或引用患者而没有有效同意的得到 409。",
    "reject": _DIGEST,
    "cancel": _DIGEST,
}
_DECISION_PROBLEMS: Final = (problems.OUTDATED, problems.NOT_POSSIBLE)


def operations() -> tuple[Operation[Any, Any, Any], ...]:
    """Return every operation of the API."""
    return (
        Operation(
            name="listPosts",
            method="GET",
            path="/posts",
            tag=_POSTS,
            summary="按发送时间列出内容",
            run=posts.list_posts,
            answers={200: ("一页内容", Page[PostDocument])},
            path_model=Nothing,
            query=PostQuery,
            body=Nothing,
        ),
        Operation(
            name="readPost",
            method="GET",
            path="/posts/{id}",
            tag=_POSTS,
            summary="读一条内容，连同审核记录和发送结果",
            run=posts.read_post,
            answers={200: ("这条内容", PostDetail)},
            path_model=PostPath,
            query=Nothing,
            body=Nothing,
        ),
        Operation(
            name="editPost",
            method="PATCH",
            path="/posts/{id}",
            tag=_POSTS,
            summary="修改内容，重新待审",
            description="没有给出的字段不变。真正改变了内容时，版本加 1，digest 更新，原来的审核作废。",
            run=posts.edit_post,
            answers={200: ("修改后的内容", PostDetail)},
            path_model=PostPath,
            query=Nothing,
            body=PostEdit,
            problems=(problems.OUTDATED, problems.NOT_POSSIBLE, problems.CONTENT_REFUSED),
        ),
        _decision("approve", "审核通过：到点创建发送任务", posts.approve_post),
        _decision("reject", "退回：不会发送", posts.reject_post),
        _decision("cancel", "取消：还没有成员确认的任务也会撤销", posts.cancel_post),
        Operation(
            name="resendPost",
            method="POST",
            path="/posts/{id}/resend",
            tag=_POSTS,
            summary="补发：只发给没有收到的，成为一条新的待审核内容",
            description="只有部分送达的群消息和一对一消息能补发；计划自己会再发的人不重复。"
            "补发还没有结束时再调用，得到的是同一条。",
            run=posts.resend_post,
            answers={201: ("新的待审核内容", PostDetail)},
            path_model=PostPath,
            query=Nothing,
            body=ResendOrder,
            body_required=False,
            problems=(problems.NOT_POSSIBLE,),
        ),
        Operation(
            name="planWeek",
            method="POST",
            path="/plans/week",
            tag="plans",
            summary="排一周的内容（周一到周日），每条都待审核",
            description="同一周只排一次：重复调用得到已经排好的内容（200）。",
            run=weeks.plan_week,
            answers={201: ("刚排好的一周", WeekDocument), 200: ("早已排好的一周", WeekDocument)},
            path_model=Nothing,
            query=Nothing,
            body=WeekOrder,
            body_required=False,
            problems=(problems.WEEK_NOT_PLANNABLE,),
        ),
        *patient_routes.operations(),
        *journeys.operations(),
        *visits.operations(),
        *channels.operations(),
        *pauses.operations(),
        *caps.operations(),
        Operation(
            name="listGroups",
            method="GET",
            path="/groups",
            tag="groups",
            summary="列出客户群",
            run=directory.list_groups,
            answers={200: ("一页客户群", Page[GroupDocument])},
            path_model=Nothing,
            query=GroupQuery,
            body=Nothing,
        ),
        Operation(
            name="listPersonas",
            method="GET",
            path="/personas",
            tag="personas",
            summary="列出人设和背后的成员",
            run=directory.list_personas,
            answers={200: ("全部人设", Page[PersonaDocument])},
            path_model=Nothing,
            query=Nothing,
            body=Nothing,
        ),
    )


def _decision(verb: str, summary: str, run: Any) -> Operation[PostPath, Nothing, Decision]:
    return Operation(
        name=f"{verb}Post",
        method="POST",
        path=f"/posts/{{id}}/{verb}",
        tag=_POSTS,
        summary=summary,
        description=_DECISION_WORDS[verb],
        run=run,
        answers=_DECIDED,
        path_model=PostPath,
        query=Nothing,
        body=Decision,
        problems=(*_DECISION_PROBLEMS, problems.REASON_NEEDED) if verb == "approve" else _DECISION_PROBLEMS,
    )


def setup_api(app: web.Application) -> None:
    """Serve ``/api/v1`` and ``/api/openapi.json`` with what the app holds as :data:`console.deps.DEPS`.

    Everything below ``/api/`` that goes wrong, in whatever middleware, is answered as a problem.
    """

    async def describe(request: web.Request) -> web.Response:
        return web.Response(body=_document(request.app[DEPS].public_url), content_type=JSON_TYPE)

    for operation in operations():
        app.router.add_route(operation.method, ROOT + operation.path, operation.handle)
    app.router.add_route("GET", DOCUMENT, describe)
    # Outermost, so that no other middleware's refusal reaches a client of the API as a page.
    app.middlewares.insert(0, _problems_only)


@lru_cache(maxsize=8)
def _document(server: str) -> bytes:
    """Return the OpenAPI document, which is the same for every app of a process behind one address."""
    return orjson.dumps(build(operations(), server=server))


@web.middleware
async def _problems_only(request: web.Request, handler: Handler) -> web.StreamResponse:
    if request.path != PREFIX and not request.path.startswith(PREFIX + "/"):
        return await handler(request)

    async def known(request: web.Request) -> web.StreamResponse:
        if request.match_info.http_exception is not None and request.path.startswith(ROOT + "/"):
            check_key(request)  # strangers do not learn which addresses exist
        return await handler(request)

    return await guarded(request, known)
