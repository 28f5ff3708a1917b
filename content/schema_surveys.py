"""surveys.yaml as staff write it: short forms for patients, and which answers call for somebody at once."""

from __future__ import annotations

from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from content.schema import WEB, Key, Line, Strict, one_or_many

MOOD: Final = "mood"  # the answer that is not asked for: what the others say of how she felt

Paragraph = Annotated[str, Field(max_length=300)]
Choice = Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[^\r\n]+$")]
Choices = Annotated[list[Choice], one_or_many(Choice), Field(max_length=12)]


class QuestionModel(Strict):
    key: Annotated[str, Field(min_length=1, max_length=30, pattern=r"^[^\r\n]+$")] = Field(
        description="回答记在这个名下，规则和旅程按它问；用起来以后不要改"
    )
    ask: Line = Field(description="问顾客的话")
    options: Choices = Field(default=[], description="可以选的回答；不写 = 让她自己写几句")
    many: bool = Field(default=False, description="可以选几个")
    required: bool = True
    happy: Choices = Field(default=[], description="算满意的回答；也可以写别的系统的写法，如 5")
    unhappy: Choices = Field(default=[], description="算不满意的回答：店长马上会收到待办和卡片")

    @model_validator(mode="after")
    def makes_sense(self) -> Self:
        if self.key == MOOD:
            raise ValueError(f"{MOOD} 是小护自己用的；换一个 key，如 满意度")
        if len(self.options) == 1:
            raise ValueError("只有一个选项，没有可选的；再写一个，或删掉 options 让她自己写")
        if len(set(self.options)) < len(self.options):
            raise ValueError("选项写了两次；删掉一处")
        if self.many and not self.options:
            raise ValueError("没有选项，many 没有意义；写上 options，或删掉 many")
        both = set(self.happy) & set(self.unhappy)
        if both:
            raise ValueError(f"“{min(both)}”既算满意又算不满意；从 happy 或 unhappy 里删掉")
        return self


class SurveyModel(Strict):
    key: Key
    title: Line
    intro: Paragraph = Field(default="", description="表单开头的一两句话")
    thanks: Paragraph = Field(default="谢谢你抽空告诉我们。", description="交了以后看到的话")
    sorry: Paragraph = Field(default="", description="不满意的人交了以后看到的话；不写 = 和 thanks 一样")
    days: int = Field(default=14, ge=1, le=90, description="邀请多少天内可以填")
    url: Annotated[str, Field(pattern=WEB, max_length=500)] | None = Field(
        default=None, description="用别的问卷时写它的网址；回答从接口或文件导入"
    )
    questions: list[QuestionModel] = Field(default=[], max_length=12)

    @model_validator(mode="after")
    def asks_something(self) -> Self:
        if not self.questions and self.url is None:
            raise ValueError("没有问题可答；写上 questions，或用 url 指向别的问卷")
        keys = [one.key for one in self.questions]
        if len(set(keys)) < len(keys):
            raise ValueError("两个问题用了同一个 key；换一个")
        return self


class SurveysFile(Strict):
    """surveys.yaml"""

    surveys: list[SurveyModel]
