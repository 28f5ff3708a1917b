"""What the API is given: paths, queries and bodies. Anything unknown is refused, nothing is guessed."""

from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator
from pydantic_core import PydanticCustomError

from console.api.fields import CommaSeparated, Day, Digest, Instant, Moment, Plain, RowNumber, optional
from sop.attachments import MAX_CARDS
from sop.life import PostState
from sop.posts import PAGE, PAGE_MAX

REASON_CHARS: Final = 500
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_NAME: Final = r"^[A-Za-z0-9._@-]+$"


class Parameters(BaseModel):
    """Path and query parameters arrive as texts, so numbers are read from texts."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Body(BaseModel):
    """A JSON body: a number is not a text, a text is not a number."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Nothing(Parameters):
    """No parameter, no body."""


class PostPath(Parameters):
    id: RowNumber = Field(description="内容的编号")


class PostQuery(Parameters):
    state: Annotated[list[PostState], CommaSeparated] = Field(
        default=[], description="只要这些状态；可以重复，也可以用逗号分隔"
    )
    from_: Moment | None = Field(
        default=None, alias="from", description="发送时间不早于它；日期指诊所时区当天 0 点"
    )
    to: Moment | None = Field(default=None, description="发送时间早于它；写日期时包含当天（诊所时区）")
    persona: Annotated[str, Field(pattern=_NAME, max_length=60)] | None = Field(
        default=None, description="只要这个人设的"
    )
    batch: RowNumber | None = Field(default=None, description="只要这一批的")
    cursor: Annotated[str, Field(max_length=40)] | None = Field(
        default=None, description="上一页答复里的 next"
    )
    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX, description="一页最多几条")


class GroupQuery(Parameters):
    cursor: Annotated[str, Field(pattern=_NAME, max_length=64)] | None = Field(
        default=None, description="上一页答复里的 next"
    )
    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX, description="一页最多几条")


class LibraryAttachment(Body):
    """A picture, video, link or mini-program of the content pack, by its key.

    What a listed attachment carries beside its key may be given back; it is read from the pack again.
    """

    asset: Annotated[Plain, Field(min_length=1, max_length=120, description="素材的 key")]
    kind: Literal["image", "video", "link", "miniprogram"] = Field(
        default="image", json_schema_extra=optional
    )
    title: str = Field(default="", json_schema_extra=optional)
    url: str = Field(default="", json_schema_extra=optional)
    desc: str = Field(default="", json_schema_extra=optional)
    appid: str = Field(default="", json_schema_extra=optional)
    page: str = Field(default="", json_schema_extra=optional)
    sha256: str = Field(default="", json_schema_extra=optional)


class LinkAttachment(Body):
    """A link written by hand."""

    kind: Literal["link"]
    title: Annotated[Plain, Field(min_length=1, max_length=64)]
    url: Annotated[Plain, Field(pattern=r"^https?://", max_length=2048, json_schema_extra={"format": "uri"})]
    desc: Annotated[Plain, Field(max_length=170)] = ""


LIBRARY: Final = "library"
LINK: Final = "link"


def _which(value: Any) -> str:
    known = value if isinstance(value, dict) else {}
    return LIBRARY if isinstance(value, LibraryAttachment) or "asset" in known else LINK


Attachment = Annotated[
    Annotated[LibraryAttachment, Tag(LIBRARY)] | Annotated[LinkAttachment, Tag(LINK)], Discriminator(_which)
]


CHANGES: Final = ("text", "attachments", "scheduled_at")


class PostEdit(Body):
    """New content for a post; what is not sent stays as it is."""

    model_config = ConfigDict(json_schema_extra={"anyOf": [{"required": [name]} for name in CHANGES]})

    text: Annotated[Plain, Field(max_length=8000)] = Field(
        default="", json_schema_extra=optional, description="新的文字；首尾空白会去掉"
    )
    attachments: Annotated[list[Attachment], Field(max_length=MAX_CARDS)] = Field(
        default=[], json_schema_extra=optional, description="新的全部附件；[] 去掉所有附件"
    )
    scheduled_at: Instant = Field(
        default=_EPOCH, json_schema_extra=optional, description="新的发送时间，带时区，必须在将来"
    )
    digest: Digest = Field(
        default="", json_schema_extra=optional, description="给出时：内容已不是这个 digest 就不改（409）"
    )

    @model_validator(mode="after")
    def changes_something(self) -> Self:
        if self.model_fields_set.isdisjoint(CHANGES):
            raise PydanticCustomError("nothing", f"至少给出 {'、'.join(CHANGES)} 中的一个")
        return self

    def has(self, field: str) -> bool:
        return field in self.model_fields_set


class Decision(Body):
    """A decision on exactly the content that was read."""

    digest: Digest
    reason: Annotated[Plain, Field(max_length=REASON_CHARS)] = Field(
        default="", description="为什么，给人看；会写进记录"
    )


class ResendOrder(Body):
    """To whom a post is sent again, and when."""

    scheduled_at: Instant = Field(
        default=_EPOCH, json_schema_extra=optional, description="发送时间；不给时是一小时后（避开免打扰时间）"
    )
    also: Annotated[list[Literal["capped", "not_friend", "unreachable"]], Field(max_length=3)] = Field(
        default=[], description="除了没有发出的，还要再试的：次数已满、已不是好友、被企业微信排除"
    )

    def has(self, field: str) -> bool:
        return field in self.model_fields_set


class WeekOrder(Body):
    """Which week to plan."""

    start: Day | None = Field(
        default=None, description="周一的日期；不给时是下一个要排的周一（今天是周一就是今天）"
    )
