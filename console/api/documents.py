"""What the API answers with: every document, field by field. The OpenAPI document is made from these."""

from datetime import date, datetime
from typing import Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from sop.life import PostState

T = TypeVar("T")


class Page(BaseModel, Generic[T]):
    """Part of a list; ``next`` asks for what follows."""

    items: list[T]
    next: str | None = Field(description="下一页的 cursor；没有更多时为 null")


class FindingDocument(BaseModel):
    """What the content check found: ``text[start:end]``, in characters."""

    level: Literal["block", "warn", "hint"]
    start: int
    end: int
    rule: str
    ground: str = Field(description="依据")
    advice: str = Field(description="建议")


class AttachmentDocument(BaseModel):
    """An attachment as it will be sent; fields that a kind does not have are absent."""

    model_config = ConfigDict(extra="allow")

    kind: Literal["image", "video", "link", "miniprogram"]
    asset: str = Field(default="", description="内容包里的素材；手写的链接没有")
    title: str = ""
    url: str = ""
    desc: str = ""
    appid: str = ""
    page: str = ""
    sha256: str = Field(default="", description="图片或封面文件的摘要，是审核内容的一部分")


class AudienceDocument(BaseModel):
    """Who receives the post: customer groups, the customers of members (moments), or single customers."""

    model_config = ConfigDict(extra="allow")

    chat_ids: list[str] = Field(default=[], description="客户群")
    members: list[str] = Field(default=[], description="这些成员的客户（朋友圈）")
    tags: list[str] = Field(default=[], description="只给有其中一个标签的客户看（朋友圈）")
    external_userids: list[str] = Field(default=[], description="客户（一对一）；只在单条内容里列出")
    count: int = Field(default=0, description="客户人数（一对一）")


class PostDocument(BaseModel):
    """A post in the queue."""

    id: int
    kind: Literal["moment", "group", "direct"]
    state: PostState
    persona: str
    sender: str = Field(description="发送成员的 userid")
    text: str
    attachments: list[AttachmentDocument]
    audience: AudienceDocument
    scheduled_at: datetime = Field(description="诊所时区")
    digest: str = Field(description="内容、受众、发送人和时间的摘要；审核绑定在它上面")
    revision: int = Field(description="从 1 起，每次修改加 1")
    category: str
    content_key: str | None = Field(description="来自内容包的哪一条")
    batch_id: int
    findings: list[FindingDocument]
    reason: str = Field(description="为什么在这个状态，给人看")
    created_at: datetime
    updated_at: datetime


class ApprovalDocument(BaseModel):
    """A decision about a post, bound to the digest it was made on."""

    digest: str
    decision: Literal["approve", "reject", "cancel"]
    actor: str
    via: str
    reason: str
    at: datetime


class PushCounts(BaseModel):
    """Recipients of a task by what became of it there."""

    sent: int
    waiting: int
    not_friend: int = Field(description="已不是好友")
    capped: int = Field(description="当期已收过，达到上限")
    unreachable: int = Field(description="创建任务时企业微信就拒绝的")


class PushDocument(BaseModel):
    """The WeCom task of a post and what is known of its delivery."""

    remote_id: str | None = Field(description="企业微信的任务号；朋友圈任务还在创建时为 null")
    created_at: datetime
    expires_at: datetime = Field(description="到这时还没有人确认发送，任务会被撤销")
    closed_at: datetime | None
    sent_by_member_at: datetime | None = Field(description="看到成员确认发送的时间")
    reminders: int
    counts: PushCounts


class PostDetail(PostDocument):
    """A post with its decisions and its delivery."""

    approvals: list[ApprovalDocument]
    push: PushDocument | None


class WeekDocument(Page[PostDocument]):
    """The posts of a planned week."""

    week: date = Field(description="这一周的周一")
    notices: list[str] = Field(description="排不满的地方和原因；早已排好的一周没有")


class GroupDocument(BaseModel):
    """A customer group."""

    chat_id: str
    name: str
    owner: str = Field(description="群主的 userid")
    members: int
    role: str = Field(description="内容包里的群类型，按群名匹配")


class PersonaDocument(BaseModel):
    """A persona, and who stands behind it now."""

    key: str
    kind: Literal["assistant", "doctor"]
    name: str
    title: str
    speakers: list[str] = Field(description="以它的身份发送的成员")
    reviewers: list[str] = Field(description="可以审核它的内容的人")
