"""scripts.yaml and answers.yaml as staff write them: what people say at the desk, what 微信客服 answers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from content.schema import Attachments, Key, Keys, Line, StoredModel, Strict, Text, one_or_many

ScriptStage = Literal[
    "added", "consulted", "booked", "visited", "closed", "treating", "member", "referring", "dormant"
]
Said = Annotated[str, Field(min_length=1, max_length=600)]


class ScriptModel(StoredModel):
    key: Key
    title: Annotated[Line, Field(max_length=20, description="同事找它时看的名字，如 怕疼")]
    stage: Annotated[list[ScriptStage], one_or_many(str)] = Field(
        min_length=1, description="顾客走到哪一步时会用到"
    )
    objection: Annotated[str, Field(max_length=20)] = Field(
        default="", description="顾客的顾虑归哪一类，如 价格、时间；不是顾虑就不写"
    )
    audience: Keys = Field(default=[], alias="for", description="谁用：角色 key，或 assistant / doctor")
    situation: Annotated[str, Field(min_length=1, max_length=200, description="什么情形，顾客多半怎么说")]
    say: Annotated[list[Text], one_or_many(Text)] = Field(
        min_length=1, max_length=5, description="可以这样说；Jinja 模板，可以称呼顾客"
    )
    never: Annotated[list[Said], one_or_many(Said)] = Field(
        min_length=1, max_length=8, description="不要这样说"
    )
    hand_over: Annotated[str, Field(max_length=100)] = Field(default="", description="什么时候请谁来接")


class ScriptsFile(Strict):
    """scripts.yaml"""

    scripts: list[ScriptModel]


class AnswerModel(StoredModel):
    key: Key
    title: Annotated[Line, Field(max_length=20)]
    asks: Annotated[list[Line], one_or_many(Line)] = Field(
        min_length=1, max_length=20, description="顾客会怎么问；检查时会试，都要找得到这一条"
    )
    words: Annotated[list[Line], one_or_many(Line)] = Field(
        min_length=1,
        max_length=50,
        description="说到其中一个就算；用 + 连起来的要都说到，如 拔牙+吃；不分大小写",
    )
    without: Annotated[list[Line], one_or_many(Line)] = Field(
        default=[], max_length=50, description="有这些字就不算"
    )
    text: Text
    attachments: Attachments = Field(default=[])
    urgent: bool = Field(default=False, description="急事：排在别的回答前面，同时叫人来")


class AnswersFile(Strict):
    """answers.yaml"""

    answers: list[AnswerModel]
