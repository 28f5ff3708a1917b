"""Plans as staff write them: one format for journeys, group plans and moments plans, nothing unknown allowed.

They judge one field at a time; what fields mean together, and whether what they name exists, is
`content.plans.check`'s matter.
"""

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from content.plans.specs import (
    ContactChannel,
    DateKind,
    LateKind,
    Purpose,
    StepChannel,
    StopOn,
    TriggerKind,
    Workday,
)
from content.schema import (
    CLOCK,
    AgeModel,
    Attachments,
    Category,
    Key,
    Keys,
    Line,
    SlotModel,
    Strict,
    TagPaths,
    one_or_many,
)
from content.schema_rules import (
    Answers,
    RuleStage,
    SpentModel,
    States,
    Treatments,
    VisitStatus,
)

END = "end"
MAX_STEPS = 120
MAX_DAYS = 3660

Clock = Annotated[str, Field(pattern=CLOCK, description="诊所当地时间，如 10:00")]
Stages = Annotated[list[RuleStage | Literal["added", "lost"]], one_or_many(str)]
Days = Annotated[int, Field(ge=1, le=MAX_DAYS)]
Share = Annotated[int, Field(ge=0, le=100, description="占多少份；各份加起来是全部")]
Template = Annotated[str, Field(max_length=8000, description="Jinja 模板")]
Speaker = Annotated[
    Key, Field(description="谁说：角色的 key，assistant 或 doctor（这一类），或 follow（她加的那位）")
]
Title = Annotated[str, Field(max_length=60)]


def _short(field: str) -> BeforeValidator:
    """Let staff write ``booked`` for ``{on: booked}``."""

    def spelled_out(value: Any) -> Any:
        return {field: value} if isinstance(value, str) else value

    return BeforeValidator(spelled_out)


class WhenModel(Strict):
    """What must be true of a patient: everything that is written here."""

    age: AgeModel | None = None
    treated: Treatments = Field(default=[], description="做过其中一项")
    not_treated: Treatments = Field(default=[], description="这些都没有做过")
    tags: TagPaths = Field(default=[], description="这些标签都有")
    not_tags: TagPaths = Field(default=[], description="这些标签都没有")
    stage: Stages = Field(default=[], description="处在其中一个阶段")
    spent: SpentModel | None = Field(default=None, description="到店消费累计，单位元")
    visits: int | None = Field(default=None, ge=1, le=100_000, description="到店至少几次")
    referred: int | None = Field(default=None, ge=1, le=100_000, description="至少介绍来几位")
    inactive_days: Days | None = Field(default=None, description="多少天没有到店，也没有联系")
    channel: States = Field(default=[], description="从其中一个渠道来")
    persona: Keys = Field(default=[], description="加了其中一个角色：角色的 key，或 assistant / doctor")
    group_role: Keys = Field(default=[], description="在其中一种客户群里")
    booked: bool | None = Field(default=None, description="后面有（没有）预约")
    replied_days: Days | None = Field(default=None, description="多少天内说过话或填过问卷")
    came_days: Days | None = Field(default=None, description="多少天内到过店")
    answers: dict[Key, dict[str, Answers]] = Field(default={}, description="问卷: {问题: [算数的回答]}")
    consent: Annotated[list[Literal["record", "care", "marketing", "case"]], one_or_many(str)] = Field(
        default=[], description="这些同意都有效"
    )
    gender: Literal["male", "female"] | None = None
    any_of: list["WhenModel"] = Field(default=[], max_length=20, description="其中至少一个成立")
    none_of: list["WhenModel"] = Field(default=[], max_length=20, description="一个也不成立")

    @model_validator(mode="after")
    def asks_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("没有条件；写上 age、treated、tags 等至少一个，或删掉这一项")
        return self


class TriggerModel(Strict):
    on: TriggerKind = Field(description="什么时候开始")
    channel: States = Field(default=[], description="added：只算这些渠道")
    persona: Keys = Field(default=[], description="added：加的是这些角色")
    tags: TagPaths = Field(default=[], description="tag_gained、tag_lost：其中一个标签")
    stage: Stages = Field(default=[], description="stage：到了其中一个阶段")
    visit: Annotated[list[VisitStatus], one_or_many(str)] = Field(
        default=["done"], min_length=1, description="visit：就诊的状态"
    )
    treatment: Treatments = Field(
        default=[], description="visit：做了其中一项；date: appointment：约的是其中一项；不写 = 任何项目"
    )
    date: DateKind | None = Field(default=None, description="date：哪个日子")
    offset_days: int = Field(default=0, ge=-366, le=366, description="date：负数 = 提前几天")
    days: int = Field(default=0, ge=0, le=MAX_DAYS, description="dormant、unused_benefit：多少天")
    survey: Key | None = Field(default=None, description="survey：哪份问卷")
    answers: dict[str, Answers] = Field(default={}, description="survey：问题: [算数的回答]")


class AgainModel(Strict):
    after_days: int = Field(ge=0, le=MAX_DAYS, description="离上次开始满多少天，可以再来一次")


class StopModel(Strict):
    on: StopOn
    tags: TagPaths = Field(default=[])
    stage: Stages = Field(default=[])
    treatment: Treatments = Field(default=[], description="booked、visited：只算这些项目")
    survey: Key | None = Field(default=None, description="survey：只算这份问卷")
    answers: dict[str, Answers] = Field(default={}, description="survey：问题: [算数的回答]")


Stops = list[Annotated[StopModel, _short("on")]]


class AfterModel(Strict):
    since: Literal["trigger", "previous"] = Field(
        default="trigger", description="从触发那天算，还是从上一步该做的时候算"
    )
    days: int = Field(default=0, ge=-MAX_DAYS, le=MAX_DAYS)
    hours: int = Field(default=0, ge=-24 * 60, le=24 * 60)
    months: int = Field(default=0, ge=-120, le=120, description="日历月")


class WindowModel(Strict):
    start: Clock = Field(alias="from")
    end: Clock = Field(alias="until", description="不含这一分钟")


class LateModel(Strict):
    policy: LateKind = "within"
    hours: int = Field(default=24, ge=0, le=24 * 31, description="晚了多少小时以内还做")


class VariantModel(Strict):
    key: Key
    share: Share
    content: Key | None = None
    text: Template = ""


class WayModel(Strict):
    go: Key = Field(description=f"后面某一步的 key，或 {END}")
    when: WhenModel | None = None
    share: Share = 1


class StepModel(Strict):
    key: Key
    channel: StepChannel
    after: AfterModel = AfterModel()
    at: Clock | None = Field(default=None, description="几点；不写 = 触发时的时刻")
    window: WindowModel | None = Field(default=None, description="只在这段时间里做，不在就挪进去")
    workday: Workday = Field(default="any", description="遇到休息日：any 照做，next 顺延，skip 不做")
    title: Title = ""
    content: Key | None = Field(default=None, description="direct/*.yaml 里一条内容的 key")
    text: Template = ""
    attachments: Attachments = Field(default=[])
    variants: list[VariantModel] = Field(default=[], max_length=8)
    when: WhenModel | None = Field(default=None, description="不成立就跳过这一步")
    late: Annotated[LateModel, _short("policy")] = LateModel()
    stops: Stops = Field(default=[])
    purpose: Purpose | None = Field(default=None, description="不写 = 同整个计划")
    to: Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], one_or_many(str)] = Field(
        default=[], description="todo、card：member、assistant、doctor、manager，或成员的 userid"
    )
    within_hours: int = Field(default=24, ge=1, le=24 * 31, description="todo、invite_group：多久办完")
    fallback: ContactChannel | None = Field(default=None, description="kf：窗口没有开时改用什么")
    via: ContactChannel = Field(default="mass", description="survey：用什么发")
    survey: Key | None = None
    add: TagPaths = Field(default=[])
    remove: TagPaths = Field(default=[])
    stage: RuleStage | None = None
    group_role: Key | None = Field(default=None, description="invite_group：邀请进哪种群")
    ways: list[WayModel] = Field(default=[], max_length=20, description="branch：走哪条路")
    next: Key | None = Field(default=None, description=f"后面某一步的 key，或 {END}；不写 = 下面一步")


class PlanBase(Strict):
    format: Literal[1] = Field(default=1, description="计划格式的版本，现在是 1")
    key: Key
    title: Line
    purpose: Purpose = Field(default="care", description="care 关怀，marketing 营销（受次数限制）")
    summary: str = Field(default="", max_length=500, description="给同事看：这个计划为了什么")
    starts_active: bool = Field(default=True, description="内容包第一次带来时就启用")


class JourneyModel(PlanBase):
    kind: Literal["journey"]
    persona: Speaker = "follow"
    trigger: list[TriggerModel] = Field(min_length=1, max_length=20)
    again: AgainModel | None = Field(default=None, description="不写 = 每人只一次")
    only: WhenModel | None = Field(default=None, description="只给这样的顾客")
    stops: Stops = Field(default=[])
    goal: Stops = Field(default=[], description="做到了就圆满结束")
    min_days_between: int = Field(default=0, ge=0, le=365, description="两次联系至少隔几天")
    max_contacts: int | None = Field(default=None, ge=1, le=1000, description="最多联系几次")
    steps: list[StepModel] = Field(min_length=1, max_length=MAX_STEPS)


class DaySlotModel(Strict):
    day: int = Field(ge=0, le=3660, description="第几天；0 = 当天")
    at: Clock
    content: Key | None = None
    categories: list[Category] = Field(default=[])


def _is_a_day(value: str) -> str:
    try:
        date.fromisoformat(value)
    except ValueError:
        raise ValueError(f"不是日期：{value}；写成 2026-12-31 的样子") from None
    return value


class CampaignModel(Strict):
    on: str
    at: Clock
    content: Key

    @field_validator("on")
    @classmethod
    def is_a_day(cls, value: str) -> str:
        return _is_a_day(value)


class GroupPlanModel(PlanBase):
    kind: Literal["group"]
    persona: Speaker = "follow"
    roles: Keys = Field(min_length=1, description="哪些客户群")
    slots: list[SlotModel] = Field(default=[], max_length=50)
    after_creation: list[DaySlotModel] = Field(default=[], max_length=100, description="建群以后第几天")
    after_joining: list[DaySlotModel] = Field(default=[], max_length=100, description="有人入群以后第几天")
    campaigns: list[CampaignModel] = Field(default=[], max_length=200, description="固定的日子")
    max_a_week: int = Field(default=3, ge=1, le=21, description="一个群一周最多几条")
    quiet: list[Annotated[str, Field(min_length=1, max_length=64)]] = Field(
        default=[], description="不打扰的群（chat_id）"
    )
    rotation_days: int = Field(default=28, ge=1, le=365)


class CalendarSlotModel(Strict):
    on: Annotated[str, Field(min_length=1, max_length=64, description="年历或年度计划里的 key，或日期")]
    at: Clock
    content: Key
    offset_days: int = Field(default=0, ge=-60, le=60, description="负数 = 提前几天")


class MomentsPlanModel(PlanBase):
    kind: Literal["moments"]
    persona: Speaker
    slots: list[SlotModel] = Field(default=[], max_length=50)
    mix: dict[Category, Annotated[int, Field(ge=0, le=100)]] = Field(
        default={}, description="一周里各类占几份"
    )
    rotation_days: int = Field(default=28, ge=1, le=365)
    calendar: list[CalendarSlotModel] = Field(default=[], max_length=200, description="节日等，优先于平日")
    tags: TagPaths = Field(default=[], description="只给有其中一个标签的顾客看；不写 = 所有人")
    max_a_day: int = Field(default=1, ge=1, le=3)


PlanModel = Annotated[JourneyModel | GroupPlanModel | MomentsPlanModel, Field(discriminator="kind")]


class PlansFile(Strict):
    """plans/*.yaml"""

    plans: list[PlanModel]
