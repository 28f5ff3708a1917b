"""Kill switches by the API: what stands still, letting more stand still, letting it go on."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import BaseModel, Field

from console.api.access import ACTOR
from console.api.documents import Page
from console.api.fields import Plain  # noqa: TC001  (pydantic reads the fields' types)
from console.api.operation import Answer, Call, Operation
from console.api.problems import NOT_FOUND, Problem, invalid
from console.api.requests import Body, Nothing, Parameters
from sop import pauses

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sop.pauses import Switch

SCOPE = rf"^(?:{pauses.SCOPE.pattern})$"
_SAID = "all 全部、persona:角色的 key，或 plan:计划的 key"
Scope = Annotated[str, Field(pattern=SCOPE, max_length=80, description=_SAID)]


class PauseDocument(BaseModel):
    """Something that stands still."""

    scope: str = Field(description=_SAID)
    title: str = Field(description="怎么称呼它，给人看")
    at: datetime = Field(description="从什么时候起，诊所时区")
    by: str = Field(description="谁停的；计划自己停着时为空")
    reason: str


class PauseOrder(Body):
    """Let something stand still."""

    scope: Scope
    reason: Annotated[Plain, Field(max_length=pauses.REASON_CHARS)] = Field(
        default="", description="为什么，给人看；会写进记录"
    )


class PausePath(Parameters):
    scope: Scope


async def list_pauses(call: Call[Nothing, Nothing, Nothing]) -> Answer:
    """Return what stands still."""
    return Answer(content=await _standing_still(call))


async def throw(call: Call[Nothing, Nothing, PauseOrder]) -> Answer:
    """Let something stand still, before the next call to WeCom."""
    deps = call.deps
    async with deps.database.write() as session:
        try:
            fresh = await pauses.throw(
                session,
                call.body.scope,
                pack=deps.pack,
                by=ACTOR,
                reason=call.body.reason,
                now=deps.clock.now(),
            )
        except pauses.UnknownScope as exc:
            raise invalid("scope", str(exc)) from None
    return Answer(status=201 if fresh else 200, content=await _standing_still(call))


async def lift(call: Call[PausePath, Nothing, Nothing]) -> Answer:
    """Let something go on."""
    deps, scope = call.deps, call.path.scope
    async with deps.database.write() as session:
        if not await pauses.lift(session, scope, by=ACTOR, now=deps.clock.now()):
            raise Problem(kind=NOT_FOUND, detail=f"{scope} 没有被暂停，不用恢复")
    deps.wake()
    return Answer(content=await _standing_still(call))


async def _standing_still(call: Call[Any, Any, Any]) -> Page[PauseDocument]:
    deps = call.deps
    async with deps.database.read() as session:
        paused = await pauses.load(session, deps.pack)
    ordered = sorted(paused.switches.values(), key=lambda one: (one.scope != pauses.ALL, one.scope))
    return Page[PauseDocument](items=[_document(one, deps.zone) for one in ordered], next=None)


def _document(switch: Switch, zone: ZoneInfo) -> PauseDocument:
    return PauseDocument(
        scope=switch.scope,
        title=switch.title,
        at=switch.at.astimezone(zone),
        by=switch.by,
        reason=switch.reason,
    )


def operations() -> tuple[Operation[Any, Any, Any], ...]:
    """Return the operations on kill switches."""
    tag, now = "pauses", ("现在停着的全部", Page[PauseDocument])
    return (
        Operation(
            name="listPauses",
            method="GET",
            path="/pauses",
            tag=tag,
            summary="列出停着的：全部、角色或计划",
            run=list_pauses,
            answers={200: now},
            path_model=Nothing,
            query=Nothing,
            body=Nothing,
        ),
        Operation(
            name="pause",
            method="POST",
            path="/pauses",
            tag=tag,
            summary="暂停发送：在下一次调用企业微信之前生效",
            description="等着的内容都保留。已经停着的再停一次不会改变什么（200）。",
            run=throw,
            answers={201: now, 200: now},
            path_model=Nothing,
            query=Nothing,
            body=PauseOrder,
        ),
        Operation(
            name="resume",
            method="DELETE",
            path="/pauses/{scope}",
            tag=tag,
            summary="恢复发送",
            description="等着的内容继续发送；错过时间的按各自的规则处理。",
            run=lift,
            answers={200: now},
            path_model=PausePath,
            query=Nothing,
            body=Nothing,
        ),
    )
