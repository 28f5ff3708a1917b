"""Journeys of a patient by the API: looking ahead, starting one and stopping one by hand."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from console.api import problems
from console.api.access import ACTOR
from console.api.documents import Page
from console.api.fields import Plain, RowNumber
from console.api.operation import Answer, Call, Operation
from console.api.patient_requests import PatientPath
from console.api.patients import patient_at
from console.api.problems import Problem
from console.api.requests import Body, Nothing
from console.hands import hand_of
from sop.journeys import by_hand

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from console.deps import Deps
    from sop.journeys.by_hand import Hand

TAG: Final = "journeys"
_HERE: Final = "/patients/{external_userid}/journeys"
Key = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$", description="计划的 key")]
Why = Annotated[Plain, Field(max_length=100)]


class JourneyLook(Body):
    plan: Key


class JourneyOrder(JourneyLook):
    """A journey to start by hand."""

    mark: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,100}$")] = Field(
        description="你给这次开始起的名字：同一个名字重复发送，只开始一次"
    )
    reason: Why = Field(default="", description="为什么，给人看；会写进记录和她的经过")


class StopOrder(Body):
    reason: Why = Field(default="", description="为什么，给人看；会写进记录和她的经过")


class JourneyPath(PatientPath):
    id: RowNumber = Field(description="旅程的 id")


class JourneyDocument(BaseModel):
    """A journey she is in."""

    id: int
    plan: str
    title: str
    cause: str = Field(description="为什么开始")
    since: datetime
    next_step: str = Field(description="下一步；空 = 都走完了，还有没发出去的")
    next_at: datetime | None
    by_hand: bool = Field(description="是不是手动开始的")


class StepDocument(BaseModel):
    """A step as it would come."""

    key: str
    title: str
    channel: Literal["mass", "todo", "kf", "card", "tag", "stage", "survey", "invite_group", "branch"]
    at: datetime
    sender: str = Field(description="由哪位成员；空 = 不由谁发")
    held: str = Field(description="上限会怎样拦它、为什么；空 = 现在没有拦")
    skipped: str = Field(description="照现在的情况会跳过的原因；空 = 不会")
    ways: list[str] = Field(description="分岔：什么情况走到哪里，一句一条；别的步骤没有")
    turn: str = Field(description="分岔：照现在的情况走到哪里，后面列的是那条路；空 = 不是分岔")


class AheadDocument(BaseModel):
    """What a start would bring."""

    plan: str
    title: str
    purpose: Literal["care", "marketing"]
    version: int
    refused: str = Field(description="为什么不能开始；空 = 可以")
    steps: list[StepDocument]
    more: bool = Field(description="后面还有没列出的步骤")


async def list_running(call: Call[PatientPath, Nothing, Nothing]) -> Answer:
    """Return the journeys a patient is in."""
    deps = call.deps
    async with deps.database.read() as session:
        hand = await _hand(session, deps, call.path.external_userid)
        return Answer(content=await _running(hand, deps))


async def preview(call: Call[PatientPath, Nothing, JourneyLook]) -> Answer:
    """Say what a start would send, and start nothing."""
    deps = call.deps
    async with deps.database.read() as session:
        hand = await _hand(session, deps, call.path.external_userid)
        try:
            ahead = await hand.foresee(call.body.plan)
        except by_hand.NoSuchJourney as exc:
            raise problems.invalid("plan", str(exc)) from None
    steps = [
        {
            "key": step.key,
            "title": step.title,
            "channel": step.channel,
            "at": step.at.astimezone(deps.zone),
            "sender": step.userid,
            "held": step.held,
            "skipped": step.note,
            "ways": step.ways,
            "turn": step.turn,
        }
        for step in ahead.steps
    ]
    return Answer(
        content=AheadDocument.model_validate(
            {
                "plan": ahead.plan,
                "title": ahead.title,
                "purpose": ahead.purpose,
                "version": ahead.version,
                "refused": ahead.refused,
                "steps": steps,
                "more": ahead.more,
            }
        )
    )


async def start(call: Call[PatientPath, Nothing, JourneyOrder]) -> Answer:
    """Let a patient begin a journey."""
    deps, body = call.deps, call.body
    async with deps.database.write() as session:
        hand = await _hand(session, deps, call.path.external_userid)
        try:
            fresh = await hand.start(body.plan, mark=body.mark, reason=body.reason, actor=ACTOR)
        except by_hand.NoSuchJourney as exc:
            raise problems.invalid("plan", str(exc)) from None
        except by_hand.NotStarted as exc:
            raise Problem(kind=problems.NOT_POSSIBLE, detail=f"不能开始：{exc}") from None
        shown = await _running(hand, deps)
    return Answer(status=201 if fresh else 200, content=shown)


async def stop(call: Call[JourneyPath, Nothing, StopOrder]) -> Answer:
    """End a journey; what has not gone out is withdrawn."""
    deps = call.deps
    async with deps.database.write() as session:
        hand = await _hand(session, deps, call.path.external_userid)
        try:
            await hand.stop(call.path.id, reason=call.body.reason, actor=ACTOR)
        except by_hand.NoSuchJourney as exc:
            raise Problem(kind=problems.NOT_FOUND, detail=str(exc)) from None
        return Answer(content=await _running(hand, deps))


async def _hand(session: AsyncSession, deps: Deps, external_userid: str) -> Hand:
    return await hand_of(session, await patient_at(session, external_userid), deps, now=deps.clock.now())


async def _running(hand: Hand, deps: Deps) -> Page[JourneyDocument]:
    items = [
        JourneyDocument(
            id=one.id,
            plan=one.plan,
            title=one.title,
            cause=one.cause,
            since=one.since.astimezone(deps.zone),
            next_step=one.step,
            next_at=one.due_at.astimezone(deps.zone) if one.due_at else None,
            by_hand=one.by_hand,
        )
        for one in await hand.running()
    ]
    return Page[JourneyDocument](items=items, next=None)


def operations() -> tuple[Operation[Any, Any, Any], ...]:
    """Return the operations on a patient's journeys."""
    now = ("她在走的旅程", Page[JourneyDocument])
    return (
        Operation(
            name="listPatientJourneys",
            method="GET",
            path=_HERE,
            tag=TAG,
            summary="她在走的旅程，新开始的在前",
            run=list_running,
            answers={200: now},
            path_model=PatientPath,
            query=Nothing,
            body=Nothing,
        ),
        Operation(
            name="previewJourney",
            method="POST",
            path=f"{_HERE}/preview",
            tag=TAG,
            summary="手动开始之前先看：什么时候会发什么，上限会拦下什么",
            description="什么都不会开始。按现在知道的推算：她约了、来了、回复了，后面的就不发。",
            run=preview,
            answers={200: ("会发生什么", AheadDocument)},
            path_model=PatientPath,
            query=Nothing,
            body=JourneyLook,
        ),
        Operation(
            name="startJourney",
            method="POST",
            path=_HERE,
            tag=TAG,
            summary="手动开始一个旅程",
            description="计划自己的规矩照样算：只给谁、能不能再走一次、是不是好友。开始错了就停止它。",
            run=start,
            answers={201: now, 200: ("这个 mark 早已开始过", Page[JourneyDocument])},
            path_model=PatientPath,
            query=Nothing,
            body=JourneyOrder,
            problems=(problems.NOT_POSSIBLE,),
        ),
        Operation(
            name="stopJourney",
            method="POST",
            path=f"{_HERE}/{{id}}/stop",
            tag=TAG,
            summary="手动停止一个旅程：还没发出去的都撤下",
            description="停了不能接着走，要走就从头开始。已经结束的再停一次不会改变什么。",
            run=stop,
            answers={200: now},
            path_model=JourneyPath,
            query=Nothing,
            body=StopOrder,
            body_required=False,
        ),
    )
