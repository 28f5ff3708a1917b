"""What the API is given about patients. Words that name somebody come in bodies: addresses end up in logs."""

from datetime import UTC, datetime
from typing import Annotated, Final, Literal

from pydantic import Field

from clinic.finding import PAGE, PAGE_MAX
from clinic.stages import Stage
from console.api.fields import Instant, Plain, RowNumber, optional
from console.api.requests import REASON_CHARS, Body, Parameters

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
PATIENT: Final = r"^(local:)?[A-Za-z0-9._@-]+$"
TAG: Final = r"^[^/]{1,60}/[^/]{1,60}$"

ExternalUserid = Annotated[
    str, Field(pattern=PATIENT, max_length=64, description="企业微信的外部联系人 id，或 local: 开头的档案号")
]
Reason = Annotated[Plain, Field(max_length=REASON_CHARS)]


class PatientPath(Parameters):
    external_userid: ExternalUserid


class ConsentPath(PatientPath):
    consent: RowNumber = Field(description="同意的 id")


class PatientQuery(Parameters):
    stage: Stage | None = Field(default=None, description="只要这个阶段的")
    tag: Annotated[Plain, Field(pattern=TAG)] | None = Field(
        default=None, description="只要有这个标签的：组/标签"
    )
    member: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]+$", max_length=64)] | None = Field(
        default=None, description="只要这位成员现在的客户"
    )
    cursor: RowNumber | None = Field(default=None, description="上一页答复里的 next")
    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX, description="一页最多几位")


class TimelineQuery(Parameters):
    cursor: Annotated[str, Field(pattern=r"^-?\d{1,18}-\d{1,2}-\d{1,18}$")] | None = Field(
        default=None, description="上一页答复里的 next"
    )
    limit: int = Field(default=50, ge=1, le=200, description="一页最多几件")


class PatientSearch(Body):
    """Whom to look for; all that is given must fit."""

    q: Annotated[Plain, Field(max_length=100)] = Field(
        default="",
        description="昵称或备注的一部分、完整的真实姓名、电话或后四位、病历号、external_userid 或 unionid",
    )
    stage: Stage | None = Field(default=None)
    tag: Annotated[Plain, Field(pattern=TAG)] | None = Field(default=None)
    member: Annotated[str, Field(pattern=r"^[A-Za-z0-9._@-]+$", max_length=64)] | None = Field(default=None)
    cursor: RowNumber | None = Field(default=None, description="上一页答复里的 next")
    limit: int = Field(default=PAGE, ge=1, le=PAGE_MAX)


class WhyBody(Body):
    """Why something is done; it stands in the audit trail."""

    reason: Annotated[Reason, Field(min_length=1, description="为什么，给人看；会写进记录")]


class MergeBody(WhyBody):
    other: ExternalUserid = Field(description="要并进来的另一份档案；企业微信里有的那一份总是代表两者")


class EraseBody(WhyBody):
    confirm: ExternalUserid = Field(description="再写一次要删除的 external_userid，确认不是误操作")


class ConsentBody(Body):
    """Something a patient agreed to."""

    kind: Literal["record", "care", "marketing", "case"] = Field(
        description="record 建档，care 随访提醒，marketing 活动信息，case 病例与照片"
    )
    proof: Annotated[Plain, Field(min_length=1, max_length=300, description="凭据在哪里，如同意书编号")]
    purpose: Annotated[Plain, Field(max_length=200)] = Field(default="", description="用来做什么")
    until: Instant = Field(
        default=_EPOCH, json_schema_extra=optional, description="到什么时候为止；不写就是直到撤回"
    )
