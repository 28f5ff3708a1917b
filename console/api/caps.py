"""Caps by the API: what a campaign would meet before anybody queues it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, Field

from console.api.fields import Instant, Plain  # noqa: TC001  (pydantic reads the fields' types)
from console.api.operation import Answer, Call, Operation
from console.api.problems import invalid
from console.api.requests import Body, Nothing
from sop.caps import budget

MOST: Final = 50_000
BODY_BYTES: Final = 4 * 1024 * 1024
LATE_HOURS: Final = 24


class CampaignOrder(Body):
    """Who is selected, and what they are to get."""

    external_userids: Annotated[
        list[Annotated[Plain, Field(min_length=1, max_length=64)]], Field(min_length=1, max_length=MOST)
    ] = Field(description="选中的客户")
    at: Instant = Field(description="打算什么时候发")
    purpose: Literal["care", "marketing"] = Field(default="marketing", description="关怀不受营销上限限制")
    channel: Literal["mass", "todo", "kf"] = Field(default="mass", description="群发才算企业微信的次数")
    persona: Annotated[Plain, Field(max_length=60)] = Field(default="", description="以哪个角色发")
    sender: Annotated[Plain, Field(max_length=64)] = Field(default="", description="由哪位成员发；空 = 不限")
    patience_hours: Annotated[int, Field(ge=0, le=24 * 31)] = Field(
        default=LATE_HOURS, description="营销最多顺延几小时"
    )


class HeldBack(BaseModel):
    """People whom one rule stands against."""

    rule: str
    title: str
    count: int


class BudgetDocument(BaseModel):
    """What would become of a campaign, counted in people."""

    selected: int
    able: int = Field(description="可以按时收到的")
    later: int = Field(description="会顺延的")
    dropped: int = Field(description="不会收到的")
    held_back: list[HeldBack]
    summary: str = Field(description="一句话，给人看")
    at: datetime


async def preview(call: Call[Nothing, Nothing, CampaignOrder]) -> Answer:
    """Judge a campaign without queueing anything."""
    deps, body, now = call.deps, call.body, call.deps.clock.now()
    if body.at < now - timedelta(minutes=5):
        raise invalid("at", "时间已经过去，请写将来的时间")
    if body.persona and body.persona not in {persona.key for persona in deps.pack.personas}:
        raise invalid("persona", "没有这个角色")
    asked = budget.Asked(
        at=body.at,
        purpose=body.purpose,
        quota=body.channel == "mass",
        persona=body.persona,
        sender=body.sender,
        patience=timedelta(hours=body.patience_hours),
    )
    async with deps.database.read() as session:
        found = await budget.ids_of(session, list(dict.fromkeys(body.external_userids)))
        # Ids that nobody knows are told apart by numbers that no record has.
        ids = [one or -place for place, one in enumerate(found, 1)]
        result = await budget.preview(session, ids, asked, pack=deps.pack, now=now)
    return Answer(
        content=BudgetDocument(
            selected=result.selected,
            able=len(result.able),
            later=result.later,
            dropped=result.dropped,
            held_back=[
                HeldBack(rule=rule, title=budget.WORDS[rule], count=count) for rule, count in result.reasons
            ],
            summary=result.told,
            at=body.at.astimezone(deps.zone),
        )
    )


def operations() -> tuple[Operation[Any, Any, Any], ...]:
    """Return the operations on caps."""
    return (
        Operation(
            name="previewCampaign",
            method="POST",
            path="/caps/preview",
            tag="caps",
            summary="发之前先看：选中的人里，多少人能收到，多少人被上限拦下、为什么",
            description="只是预看，什么都不会排进去；正式排的时候再按那时的情况算。",
            run=preview,
            answers={200: ("预看的结果", BudgetDocument)},
            path_model=Nothing,
            query=Nothing,
            body=CampaignOrder,
            body_bytes=BODY_BYTES,
        ),
    )
