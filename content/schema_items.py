"""moments/*.yaml, groups/*.yaml and direct/*.yaml as staff write them: the texts of a pack."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from content.schema import (
    DAY,
    AgeModel,
    Attachments,
    Category,
    KeptModel,
    Key,
    Keys,
    Strict,
    TagPaths,
    Text,
)

DirectCategory = Literal["关怀", "科普", "活动", "节日"]
Months = Annotated[list[Annotated[int, Field(ge=1, le=12)]], Field(description="只在这些月份用；不写 = 全年")]

_FAR = 60  # days; what is further away is a season, and ``months`` says it


class OnModel(Strict):
    day: Annotated[str, Field(pattern=DAY, max_length=40, description="日历里的 key，或 MM-DD")]
    start: int = Field(default=-3, alias="from", ge=-_FAR, le=_FAR, description="从前几天起；-3 = 前三天")
    end: int = Field(default=3, alias="until", ge=-_FAR, le=_FAR, description="到后几天为止；0 = 当天")

    @model_validator(mode="after")
    def ends_after_it_starts(self) -> Self:
        if self.end < self.start:
            raise ValueError("until 比 from 还早；把两个数换过来")
        return self


def _spelled_out(value: Any) -> Any:
    return {"day": value} if isinstance(value, str | int) and not isinstance(value, bool) else value


On = Annotated[
    OnModel | None,
    BeforeValidator(_spelled_out, json_schema_input_type=OnModel | str | None),
    Field(description="只在这一天前后用，如 term.lichun；不写 = 不限"),
]


class ItemModel(KeptModel):
    """What all texts have in common."""

    key: Key
    text: Text
    attachments: Attachments = Field(default=[])
    months: Months = Field(default=[])
    on: On = None
    tags: TagPaths = Field(default=[], description="写给有其中一个标签的人；不写 = 所有人")
    age: AgeModel | None = Field(default=None, description="写给这个年龄段的人；不写 = 所有人")
    expires_on: str | None = Field(default=None, description='最后一天，如 "2026-12-31"；过了就不再挑它')

    @field_validator("expires_on")
    @classmethod
    def is_a_day(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                date.fromisoformat(value)
            except ValueError:
                raise ValueError('没有这一天；写成 "2026-12-31" 的样子') from None
        return value

    @model_validator(mode="after")
    def is_timely_one_way(self) -> Self:
        if self.on is not None and self.months:
            raise ValueError("months 和 on 只能写一个；on 已经说了是哪几天，删掉 months")
        return self


class MomentModel(ItemModel):
    category: Category
    audience: Keys = Field(alias="for", min_length=1, description="角色 key，或 assistant / doctor")
    weight: int = Field(default=1, ge=1, le=10)


class MomentsFile(Strict):
    """moments/*.yaml"""

    items: list[MomentModel]


class GroupPostModel(ItemModel):
    category: Category
    roles: Keys = Field(min_length=1)
    audience: Keys = Field(default=[], alias="for", description="群主的角色；不写 = 都可以")
    weight: int = Field(default=1, ge=1, le=10)


class GroupPostsFile(Strict):
    """groups/*.yaml"""

    items: list[GroupPostModel]


class DirectModel(ItemModel):
    """One text; with a key that ends in ``.todo`` staff send it by hand, so that it may name the patient."""

    category: DirectCategory
    audience: Keys = Field(
        default=[], alias="for", description="谁说：角色 key，或 assistant / doctor；不写 = 都可以"
    )


class DirectFile(Strict):
    """direct/*.yaml"""

    items: list[DirectModel]
