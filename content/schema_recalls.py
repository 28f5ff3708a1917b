"""recalls.yaml as staff write it: after which treatment whom to ask about what, and when to come back.

Each row becomes an ordinary journey (`content.plans.recalls`).
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from content.plans.models import MAX_DAYS, Clock, Speaker, Template, WhenModel
from content.schema import Key, Keys, Line, Strict, one_or_many
from content.schema_rules import Treatments

MAX_POINTS = 20
Again = Annotated[
    Keys,
    Field(
        max_length=4,
        description="第二次起：同事一对一发的内容（key 以 .todo 结尾）；写几个就一次一个；不写 = 通用的一句",
    ),
]


class PointModel(Strict):
    """When something is said, and what: by one of ``days``, ``weeks``, ``months`` and ``years``."""

    days: int | None = Field(default=None, ge=0, le=MAX_DAYS, description="就诊后第几天；0 = 当天")
    weeks: int | None = Field(default=None, ge=1, le=520)
    months: int | None = Field(default=None, ge=1, le=120, description="日历月")
    years: int | None = Field(default=None, ge=1, le=10)
    at: Clock | None = Field(default=None, description="几点；不写 = 10:30")
    channel: Literal["mass", "todo"] | None = Field(
        default=None, description="群发，或给同事待办；不写 = 看内容的 key 是不是以 .todo 结尾"
    )
    content: Keys = Field(
        default=[], max_length=8, description="direct/*.yaml 里的 key；写几个就平均分给顾客"
    )
    text: Template = ""

    @model_validator(mode="after")
    def has_one_time(self) -> Self:
        if sum(value is not None for value in (self.days, self.weeks, self.months, self.years)) != 1:
            raise ValueError("days、weeks、months、years 要写一个且只写一个；如 days: 3")
        if self.content and self.text:
            raise ValueError("content 和 text 只能写一个；删掉一个")
        return self


class DueModel(PointModel):
    again: Again = Field(default=[])

    @model_validator(mode="after")
    def says_something(self) -> Self:
        if not (self.content or self.text):
            raise ValueError("没有写说什么；加上 content 或 text")
        return self


class YearlyModel(Strict):
    start: int = Field(default=2, alias="from", ge=1, le=10, description="从第几年起")
    end: int = Field(default=5, alias="until", ge=1, le=10, description="到第几年为止")
    at: Clock | None = None
    content: Key
    again: Again = Field(default=[])

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        if self.end < self.start:
            raise ValueError("until 比 from 还早；把两个数换过来")
        return self


class ReactivateModel(Strict):
    months: int = Field(ge=2, le=60, description="就诊后几个月还没有来往，再轻轻问一次")
    content: Key
    at: Clock | None = None


Sentence = Annotated[str, Field(min_length=1, max_length=300)]


class RecallModel(Strict):
    key: Key = Field(max_length=50, description="旅程的 key 是 recall. 加上它；用起来以后不要改名")
    title: Annotated[Line, Field(max_length=40)]
    treatment: Treatments = Field(min_length=1, description="做完哪些项目以后开始")
    persona: Speaker = "assistant"
    only: WhenModel | None = Field(default=None, description="只给这样的顾客")
    care: Sentence = Field(description="怎么护理：给同事看；没有写 content 的关怀就说这一句")
    call_us: Annotated[list[Sentence], one_or_many(str)] = Field(
        min_length=1, max_length=10, description="出现哪些情况要打电话给我们"
    )
    follow_up: list[PointModel] = Field(
        default=[], max_length=MAX_POINTS, description="术后关怀：照样发，不因为约好了就停"
    )
    due: list[DueModel] = Field(default=[], max_length=MAX_POINTS, description="到期该回来：约好了就不提醒")
    every_year: YearlyModel | None = Field(default=None, description="以后每年一次")
    attempts: int = Field(default=2, ge=1, le=5, description="每次到期最多联系几次")
    days_between: int = Field(default=14, ge=1, le=90, description="同一次到期，两次联系隔几天")
    min_days: int = Field(default=1, ge=0, le=60, description="这个计划的任何两次联系至少隔几天")
    stop_when_booked: bool = Field(default=True, description="约好了就不提醒")
    returned: Treatments = Field(
        default=[], description="做了其中一项就算回来了，这一轮结束；不写 = treatment"
    )
    reactivate: ReactivateModel | None = Field(default=None, description="一直没有回来，过些时候再问一次")

    @model_validator(mode="after")
    def does_something(self) -> Self:
        if not (self.follow_up or self.due or self.every_year):
            raise ValueError("没有写什么时候联系；加上 follow_up、due 或 every_year")
        return self

    @model_validator(mode="after")
    def says_no_more_than_it_asks(self) -> Self:
        contacts: list[DueModel | YearlyModel] = [*self.due]
        if self.every_year is not None:
            contacts.append(self.every_year)
        for due in contacts:
            if len(due.again) > max(self.attempts - 1, 1):
                raise ValueError(
                    f"again 写了 {len(due.again)} 条，attempts: {self.attempts} 时只用得到"
                    f" {self.attempts - 1} 条；删掉多的，或把 attempts 写大"
                )
        return self


class RecallsFile(Strict):
    """recalls.yaml"""

    recalls: list[RecallModel]
