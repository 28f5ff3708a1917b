"""``house:`` of pack.yaml as staff write it: caps, quiet hours, WeCom's quota, the two-person rule."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from content.house import WecomQuota

_CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
Clock = Annotated[str, Field(pattern=_CLOCK, description="诊所当地时间，如 21:00")]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


class MarketingModel(_Strict):
    a_week: int = Field(default=2, ge=0, le=14, description="任意连续 7 天里最多几次营销；0 = 完全不发营销")
    hours_apart: int = Field(default=48, ge=0, le=336, description="两次营销至少隔几小时")
    one_journey: bool = Field(default=True, description="一位客户同时只走一个营销旅程")


class QuietModel(_Strict):
    start: Clock = Field(default="21:00", alias="from", description="从这时起不打扰客户")
    end: Clock = Field(default="09:00", alias="until", description="到这时为止；不晚于 from 就是第二天")

    @model_validator(mode="after")
    def leaves_some_time(self) -> Self:
        if self.start == self.end:
            raise ValueError(
                "免打扰的开始和结束相同，一天里就没有能发的时间；把 from 和 until 写成不同的时间"
            )
        return self


class HouseModel(_Strict):
    marketing: MarketingModel = Field(default=MarketingModel(), description="营销的上限；关怀不受它限制")
    quiet: QuietModel = Field(
        default_factory=QuietModel, description="免打扰时间，所有会到客户手里的消息都算"
    )
    wecom_quota: WecomQuota = Field(
        default="days_of_month",
        description="企业微信后台“群发助手 → 设置群发规则”选的哪一种："
        "days_of_month 每月不超过当月天数，week_7 每周 7 条，day_1 每天 1 条",
    )
    two_person: bool = Field(default=False, description="true = 每条内容要两个人先后审核通过")
