"""channels.yaml and welcomes.yaml as staff write them: where patients come from, and what they hear first."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from content.schema import (
    STATE,
    TAG_REFERENCE,
    Attachments,
    Key,
    Line,
    PersonaKind,
    SpanModel,
    Strict,
    Text,
    UserId,
    one_or_many,
)

# The way of a patient, as clinic.stages names it; being lost or dormant is nowhere to begin.
StageWord = Literal["added", "consulted", "booked", "visited", "closed", "treating", "member", "referring"]
MAX_MEMBERS = 100  # of one code: doc 92572
MAX_VARIANTS = 4
REMARK_CHARS = 30  # doc 92572

UserIds = Annotated[list[UserId], one_or_many(UserId), Field(max_length=MAX_MEMBERS)]
TagReferences = Annotated[
    list[Annotated[str, Field(pattern=TAG_REFERENCE, description="组名/标签名")]],
    one_or_many(Annotated[str, Field(pattern=TAG_REFERENCE)]),
]
Region = Annotated[str, Field(min_length=1, max_length=20, description="地区，如 城东、龙华")]
Share = Annotated[int, Field(ge=1, le=100, description="占多少份；各条的份数加起来是全部")]


class ShiftModel(SpanModel):
    members: UserIds = Field(min_length=1, description="这段时间当班的成员 userid")


class CodeModel(Strict):
    members: UserIds = Field(min_length=1, description="接待的成员 userid；不写 shifts 时全天都当班")
    shifts: list[ShiftModel] = Field(default=[], max_length=50, description="谁在什么时候当班")
    substitutes: UserIds = Field(default=[], description="没有人当班，或当班的都满了，由谁替班")
    daily_cap: int | None = Field(default=None, ge=1, le=5000, description="每位成员每天从这个渠道最多加几位")
    overflow: UserIds = Field(default=[], description="都满了以后谁来接，不限人数")
    skip_verify: bool = Field(default=True, description="扫码直接通过；false = 成员逐个同意")
    exclusive: bool = Field(default=False, description="一位顾客只能加其中一位成员")
    expires_on: str | None = Field(default=None, description='最后一天，如 "2026-12-31"；过了就删掉活码')
    remark: str = Field(default="", max_length=REMARK_CHARS, description="只给自己看，如 前台立牌")

    @field_validator("expires_on")
    @classmethod
    def is_a_day(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                date.fromisoformat(value)
            except ValueError:
                raise ValueError('没有这一天；写成 "2026-12-31" 的样子') from None
        return value


class ChannelModel(Strict):
    # ≤ 30 characters: doc 92572
    state: Annotated[str, Field(pattern=STATE, max_length=30, description="渠道活码的 state")]
    title: Line
    tags: TagReferences = Field(default=[])
    persona: Key | None = None
    welcome: Key | None = Field(default=None, description="固定用哪条欢迎语，等于那条写了这个渠道")
    stage: StageWord | None = Field(default=None, description="从这个渠道来的人从哪一步开始；不写 = 新添加")
    journey: Key | None = Field(default=None, description="之后走哪个一对一计划")
    region: Region | None = None
    code: CodeModel | None = Field(default=None, description="由小护建的活码；不写 = 在企业微信后台建好的")


class ChannelsFile(Strict):
    """channels.yaml"""

    channels: list[ChannelModel]


class VariantModel(Strict):
    key: Key
    text: Text
    attachments: Attachments = Field(default=[])
    share: Share = 1


class WelcomeModel(Strict):
    key: Key
    persona: Key | None = None
    kind: PersonaKind | None = None
    channels: Annotated[list[str], one_or_many(str)] = Field(default=[])
    tags: TagReferences = Field(default=[], description="已经有其中一个标签的人")
    regions: Annotated[list[Region], one_or_many(Region)] = Field(default=[], description="渠道所在的地区")
    contact: Literal["first", "again"] | None = Field(
        default=None, description="first 第一次加，again 删了又加；不写 = 都可以"
    )
    when: Literal["open", "closed"] | None = Field(
        default=None, description="open 营业时间内，closed 营业时间外；不写 = 任何时候"
    )
    text: Text
    attachments: Attachments = Field(default=[])
    share: Share = 1
    variants: list[VariantModel] = Field(
        default=[], max_length=MAX_VARIANTS - 1, description="和 text 做对比的另外几种写法"
    )

    @model_validator(mode="after")
    def speaks_for_one(self) -> Self:
        if (self.persona is None) == (self.kind is None):
            raise ValueError("persona 和 kind 要写一个且只写一个；写 persona: 角色key 或 kind: doctor")
        return self


class WelcomesFile(Strict):
    """welcomes.yaml"""

    welcomes: list[WelcomeModel] = Field(min_length=1)
