"""Channels by the API: their codes as they stand, and what became of who came."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, Field

from clinic import channels as records
from console.api.documents import Page
from console.api.operation import Answer, Call, Operation
from console.api.requests import Nothing
from sop import channels

if TYPE_CHECKING:
    from clinic.care_tables import ChannelCode
    from clinic.channels import Result
    from content.channel_specs import ChannelSpec


class CodeDocument(BaseModel):
    """A channel's live code."""

    status: Literal["creating", "live", "paused", "failed", "ending", "gone"]
    config_id: str | None
    qr_code: str = Field(description="企业微信存放二维码图片的地址")
    userids: list[str] = Field(description="现在接待的成员")
    reason: str = Field(description="失败或停用的原因")
    expires_on: date | None = Field(description="最后一天")


class ChannelResults(BaseModel):
    """What became of the patients of a channel, each counted once."""

    added: int
    friends: int = Field(description="现在还有成员是好友的")
    waiting: int = Field(description="加了、成员还没有同意的")
    lost: int
    visited: int = Field(description="到过店的")
    closed: int = Field(description="成交过的")
    today: int = Field(description="今天添加的次数")


class ChannelDocument(BaseModel):
    """A channel: where patients come from."""

    state: str
    title: str = Field(description="内容包里没有这个渠道时等于 state")
    known: bool = Field(description="内容包里有没有这个渠道")
    tags: list[str]
    persona: str | None
    welcome: str | None
    stage: str | None
    journey: str | None
    region: str
    code: CodeDocument | None = Field(description="没有由小护建过活码时为 null")
    results: ChannelResults


async def list_channels(call: Call[Nothing, Nothing, Nothing]) -> Answer:
    """Return the pack's channels, then those that only the records know."""
    pack = call.deps.pack
    async with call.deps.database.read() as session:
        codes = await channels.codes(session)
        found = await records.results(session)
        seen = await channels.look(session, pack, at=call.deps.clock.now())
    specs = {spec.state: spec for spec in pack.channels}
    items = [
        _document(
            state,
            specs.get(state),
            codes.get(state),
            found.get(state, records.Result()),
            today=sum(seen.added.get(state, {}).values()),
        )
        for state in dict.fromkeys((*specs, *codes, *sorted(found)))
    ]
    return Answer(content=Page[ChannelDocument](items=items, next=None))


def _document(
    state: str, spec: ChannelSpec | None, code: ChannelCode | None, result: Result, *, today: int
) -> ChannelDocument:
    return ChannelDocument(
        state=state,
        title=spec.title if spec else state,
        known=spec is not None,
        tags=list(spec.tags) if spec else [],
        persona=spec.persona if spec else None,
        welcome=spec.welcome if spec else None,
        stage=spec.stage if spec else None,
        journey=spec.journey if spec else None,
        region=spec.region if spec else "",
        code=CodeDocument.model_validate(code, from_attributes=True) if code else None,
        results=ChannelResults(
            added=result.added,
            friends=result.friends,
            waiting=result.waiting,
            lost=result.lost,
            visited=result.visited,
            closed=result.closed,
            today=today,
        ),
    )


def operations() -> tuple[Operation[Any, Any, Any], ...]:
    """Return the operations on channels."""
    return (
        Operation(
            name="listChannels",
            method="GET",
            path="/channels",
            tag="channels",
            summary="列出渠道、活码和结果",
            description="内容包里的渠道在前；内容包里没有、但有人从那里来的在后。",
            run=list_channels,
            answers={200: ("全部渠道", Page[ChannelDocument])},
            path_model=Nothing,
            query=Nothing,
            body=Nothing,
        ),
    )
