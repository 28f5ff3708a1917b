"""groups.yaml and keywords.yaml as staff write them: what customer groups are for, and which words matter."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from content.schema import Key, Line, SlotModel, Strict, one_or_many

QuitAlert = Literal["owner", "manager"]


class GroupWelcomeModel(Strict):
    text: Annotated[
        str,
        Field(min_length=1, max_length=3000, description="入群欢迎语；写 %NICKNAME% 的地方变成新成员的昵称"),
    ]
    attachment: Key | None = Field(default=None, description="一张图片、一个链接或一个小程序：素材的 key")


class RoleModel(Strict):
    key: Key
    title: Line
    match: Annotated[list[Line], one_or_many(Line)] = Field(default=[])
    default: bool = False
    one_per_patient: bool = Field(default=False, description="一位顾客只进一个这样的群，进了第二个就提醒群主")
    quit_alert: QuitAlert | None = Field(default=None, description="有顾客退群时提醒谁；不写 = 不提醒")
    welcome: GroupWelcomeModel | None = None
    week: list[SlotModel] = Field(default=[])


class GroupsFile(Strict):
    """groups.yaml"""

    roles: list[RoleModel] = Field(min_length=1)


class KeywordModel(Strict):
    key: Key
    title: Line
    words: Annotated[list[Line], one_or_many(Line)] = Field(
        min_length=1, max_length=50, description="说到其中一个就算；不分大小写"
    )
    without: Annotated[list[Line], one_or_many(Line)] = Field(
        default=[], max_length=50, description="同一句里有这些字就不算，如 不想、没有"
    )


class KeywordsFile(Strict):
    """keywords.yaml"""

    keywords: list[KeywordModel]
