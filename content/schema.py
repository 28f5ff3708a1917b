"""The files of a content pack as staff write them: pydantic models, one per file, nothing unknown allowed.

They judge one file at a time. What spans files (does that tag exist?) is `content.crosscheck`'s matter.
"""

from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from content.schema_house import HouseModel

PersonaKind = Literal["assistant", "doctor"]
AssetKind = Literal["image", "video", "link", "miniprogram"]
Shown = Literal["none", "shown"]
Category = Literal["科普", "案例", "口碑", "日常", "活动", "节日", "关怀"]

MAX_ATTACHMENTS = 9  # doc 92135, 92137, 95094

_KEY = r"^[a-z0-9]+([._-][a-z0-9]+)*$"
_USERID = r"^[A-Za-z0-9][A-Za-z0-9_.@-]*$"
_LINE = r"^[^\r\n]+$"
_TAG = r"^[^/\r\n]+$"
TAG_REFERENCE = r"^[^/\r\n]+/[^/\r\n]+$"
CLOCK = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"
STATE = r"^[A-Za-z0-9_.-]+$"
_APPID = r"^wx[0-9A-Za-z]{6,30}$"
WEB = r"^https?://[^\s]+$"
_VARIABLE = r"^[a-z][a-z0-9_]*$"
DAY = r"^[a-z0-9]+([.-][a-z0-9]+)*$"
TREATMENT = r"^[a-z0-9]+([._-][a-z0-9]+)*(\.\*)?$"

PATTERN_REMEDIES = {
    _KEY: "只用小写字母、数字，中间可用 . - _",
    _USERID: "写企业微信的 userid，只用字母、数字和 _ - @ .",
    _LINE: "写成一行文字",
    _TAG: "写成一行文字，不用斜杠",
    TAG_REFERENCE: "写成 组名/标签名，如 来源/抖音",
    CLOCK: "写成 24 小时制的 HH:MM，如 09:30",
    STATE: "只用字母、数字和 _ - .",
    _APPID: "写小程序的 appid，以 wx 开头",
    WEB: "写完整的网址，以 https:// 开头",
    _VARIABLE: "变量名用小写字母开头，只用小写字母、数字和 _",
    DAY: "写日历里的 key（xiaohu almanac 会列出），如 term.lichun、christmas；或 MM-DD，如 10-18",
    TREATMENT: "写 treatments.yaml 里的 key；连同各个步骤写成 implant.*",
}


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def one_or_many(item: Any) -> BeforeValidator:
    """Let staff write ``for: doctor`` for ``for: [doctor]``: the slip is common and unambiguous."""
    return BeforeValidator(_listed, json_schema_input_type=list[item] | item)


Key = Annotated[
    str,
    Field(
        pattern=_KEY,
        max_length=64,
        description="小写字母、数字和 . - _；它是唯一编号的一部分，用起来以后不要改名",
    ),
]
UserId = Annotated[str, Field(pattern=_USERID, max_length=64, description="企业微信成员的 userid")]
Line = Annotated[str, Field(min_length=1, max_length=100, pattern=_LINE)]
TagName = Annotated[str, Field(min_length=1, max_length=30, pattern=_TAG)]  # ≤ 30 chars: doc 92696
Text = Annotated[str, Field(min_length=1, max_length=8000, description="Jinja 模板")]
Keys = Annotated[list[Key], one_or_many(Key)]
Attachments = Annotated[
    list[Key], one_or_many(Key), Field(max_length=MAX_ATTACHMENTS, description="素材的 key")
]
TagPath = Annotated[str, Field(pattern=TAG_REFERENCE, max_length=61, description="组名/标签名")]
TagPaths = Annotated[list[TagPath], one_or_many(TagPath), Field(max_length=20)]
Categories = Annotated[list[Category], one_or_many(Category), Field(min_length=1)]


class Strict(BaseModel):
    """Base of all: unknown fields are errors; a number where a text belongs is read as text."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, coerce_numbers_to_str=True, str_strip_whitespace=True
    )


class SpanModel(Strict):
    days: list[Annotated[int, Field(ge=1, le=7)]] = Field(
        default=[1, 2, 3, 4, 5, 6, 7], min_length=1, description="1 = 周一 … 7 = 周日；不写 = 每天"
    )
    start: str = Field(alias="from", pattern=CLOCK, description="诊所当地时间，如 09:00")
    end: str = Field(alias="until", pattern=CLOCK, description="不含这一分钟；不晚于 from 就是到第二天")


class AgeModel(Strict):
    from_: int = Field(default=0, alias="from", ge=0, le=120, description="满这个岁数起")
    below: int | None = Field(default=None, ge=1, le=130, description="不到这个岁数")

    @model_validator(mode="after")
    def somebody_is_that_old(self) -> Self:
        if self.below is not None and self.below <= self.from_:
            raise ValueError("没有人在这个年龄段里；below 要大于 from，如 from: 25、below: 35")
        return self


class PackFile(Strict):
    """pack.yaml"""

    format: Literal[1] = Field(description="内容包格式的版本，现在是 1")
    name: Key
    title: Line
    version: Line
    default_persona: Key = Field(description="没有绑定角色的成员用哪个角色说话")
    timezone: Line = "Asia/Shanghai"
    rotation_days: int = Field(default=28, ge=1, le=365, description="同一条内容多少天内不重复")
    clinic: dict[Annotated[str, Field(pattern=_VARIABLE, max_length=40)], str] = Field(
        description="诊所信息，文案里写作 {{ clinic.name }}"
    )
    opening: list[SpanModel] = Field(
        default=[], max_length=50, description="营业时间，决定用哪条欢迎语；不写 = 一直算营业"
    )
    house: HouseModel = Field(
        default_factory=HouseModel, description="家规：多久联系一次、几点不打扰、几个人审核；不写 = 用缺省的"
    )

    @field_validator("timezone")
    @classmethod
    def zone_exists(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("没有这个时区；例如写 Asia/Shanghai") from None
        return value

    @field_validator("clinic")
    @classmethod
    def clinic_has_a_name(cls, value: dict[str, str]) -> dict[str, str]:
        if not value.get("name"):
            raise ValueError("缺少 name（诊所名称）；加一行 name: 诊所名称")
        return value


class TagGroupModel(Strict):
    name: TagName
    exclusive: bool = Field(default=False, description="同组只留一个标签")
    tags: list[TagName] = Field(min_length=1)


class TagsFile(Strict):
    """tags.yaml"""

    groups: list[TagGroupModel]


class SlotModel(Strict):
    day: int = Field(ge=1, le=7, description="1 = 周一 … 7 = 周日")
    at: str = Field(pattern=CLOCK, description="诊所当地时间，如 12:10")
    categories: Categories = Field(description="优先的类别在前")


class PersonaModel(Strict):
    key: Key
    kind: PersonaKind
    name: Line
    title: Line
    intro: str = ""
    voice: str = Field(default="", description="这个角色怎么说话，给写文案的人看")
    members: list[UserId] = Field(min_length=1)
    delegates: list[UserId] = []
    approvers: list[UserId] = []
    categories: Categories
    max_moments_per_day: int = Field(default=1, ge=1, le=3)
    max_direct_per_day: int = Field(
        default=2, ge=1, le=9, description="同一位客户一天最多收到这个角色几条一对一消息"
    )
    week: list[SlotModel] = []

    @model_validator(mode="after")
    def somebody_approves(self) -> Self:
        if self.kind == "assistant" and not self.approvers:
            raise ValueError("小助理角色没有审核人；在 approvers 里写上店长等审核人的 userid")
        return self


class PersonasFile(Strict):
    """personas.yaml"""

    personas: list[PersonaModel] = Field(min_length=1)


class StoredModel(Strict):
    """What the library keeps may be put away."""

    state: Literal["active", "retired"] = Field(
        default="active", description="retired = 停用：不再挑它，已排好的不变"
    )


class KeptModel(StoredModel):
    """What may show a patient."""

    patient: Shown | None = Field(
        default=None, description="none = 没有用到任何患者；shown = 展示或引用了患者，要登记同意才能发"
    )


class ImageModel(KeptModel):
    key: Key
    kind: Literal["image"]
    file: Annotated[str, Field(min_length=1, max_length=200, description="assets/ 里的 PNG 或 JPEG")]
    title: str = ""


class VideoModel(KeptModel):
    key: Key
    kind: Literal["video"]
    file: Annotated[
        str,
        Field(
            min_length=1,
            max_length=200,
            description="assets/ 里的 MP4：最大 10 MB，最长 30 秒；朋友圈只能附这一个，不能和图片、链接混用",
        ),
    ]
    title: str = ""


class LinkModel(KeptModel):
    key: Key
    kind: Literal["link"]
    title: Line
    desc: str = ""
    url: Annotated[str, Field(min_length=1)]
    picture: Key | None = Field(default=None, description="封面：一张图片素材的 key；用在朋友圈时必须有")


class MiniProgramModel(KeptModel):
    key: Key
    kind: Literal["miniprogram"]
    title: Line
    appid: Annotated[str, Field(pattern=_APPID)]
    page: Annotated[str, Field(min_length=1, max_length=1024)]
    picture: Key = Field(description="封面：一张图片素材的 key")


AssetModel = Annotated[ImageModel | VideoModel | LinkModel | MiniProgramModel, Field(discriminator="kind")]


class AssetsFile(Strict):
    """assets/assets.yaml"""

    assets: list[AssetModel]
