"""What the API answers about patients. Phones and real names are masked; to reveal them is its own step."""

from datetime import date, datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from clinic.stages import Stage


class FollowDocument(BaseModel):
    """One member's relation to the patient."""

    userid: str
    channel: str = Field(description="渠道的 state")
    add_way: int | None = Field(description="企业微信的 add_way")
    first_added_at: datetime | None = Field(description="第一次添加；早于 added_at 说明是回来的客户")
    added_at: datetime | None
    lost_at: datetime | None
    lost_by: str | None = Field(description="patient 客户删除，member 成员删除，sync 对账发现")
    half: bool = Field(description="客户已申请，成员还没有确认")
    remark: str = Field(description="成员给客户的备注")
    record: str = Field(description="属于哪一份档案的 external_userid")


class PatientTagDocument(BaseModel):
    """A tag on the patient as one member's follow carries it."""

    group: str
    name: str
    userid: str
    origin: str
    reason: str
    rule: str | None = Field(description="打上它的规则")
    at: datetime
    expires_at: datetime | None


class StageMoveDocument(BaseModel):
    """A fact that moves the patient along her way."""

    stage: Stage
    at: datetime
    actor: str
    rule: str | None
    reason: str


class MembershipDocument(BaseModel):
    """A customer group that the patient is in."""

    chat_id: str
    name: str
    joined_at: datetime | None


class PatientVisitDocument(BaseModel):
    """A visit."""

    number: str = Field(description="来源系统里的编号")
    at: datetime
    treatment: str = Field(description="项目名称")
    status: str
    doctor: str
    amount_fen: int | None


class ConsentDocument(BaseModel):
    """A consent: given with a proof, until it runs out or is withdrawn."""

    id: int
    kind: Literal["record", "care", "marketing", "case"]
    purpose: str
    proof: str = Field(description="凭据在哪里")
    given_at: datetime
    until: datetime | None
    withdrawn_at: datetime | None
    recorded_by: str
    standing: Literal["holds", "expired", "withdrawn"]


class TimelineEntry(BaseModel):
    """Something that happened to the patient, and why."""

    at: datetime
    actor: str
    actor_name: str = Field(description="actor 叫什么；不知道时和 actor 一样")
    action: str
    reason: str
    rule: str | None = Field(description="内容包里决定它的规则")
    record: str = Field(description="属于哪一份档案的 external_userid")
    detail: dict[str, Any]


class PatientSummary(BaseModel):
    """A patient in a list."""

    external_userid: str = Field(description="只有诊所系统认识的客户以 local: 开头")
    name: str = Field(description="微信昵称；不知道时为空")
    real_name: str = Field(description="真实姓名，已遮挡")
    phone: str = Field(description="电话，已遮挡")
    clinic_number: str | None = Field(description="病历号")
    stage: Stage
    first_seen_at: datetime


class PatientDocument(PatientSummary):
    """A patient: who, whose, how labelled, what happened. A merged record answers as the one it became."""

    unionid: str | None
    gender: int = Field(description="0 未知，1 男，2 女")
    born_on: date | None
    stage_at: datetime | None
    records: list[str] = Field(description="这位客户的全部档案；第一份代表其余的")
    suggested: list[str] = Field(description="可能是同一个人的档案")
    follows: list[FollowDocument]
    tags: list[PatientTagDocument]
    stages: list[StageMoveDocument] = Field(description="从旧到新")
    groups: list[MembershipDocument]
    visits: list[PatientVisitDocument] = Field(description="从新到旧，最近 50 次")
    consents: list[ConsentDocument] = Field(description="从新到旧")
    timeline: list[TimelineEntry] = Field(description="从旧到新，最近 200 件；更早的见 /timeline")


class IdentityDocument(BaseModel):
    """Real name and phone in clear. That they were asked for stands in the audit trail."""

    real_name: str
    phone: str


class ErasedDocument(BaseModel):
    """A person was forgotten."""

    erased: int = Field(description="删除了几份档案")
