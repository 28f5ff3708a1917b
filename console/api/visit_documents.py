"""What the API answers about visits and filled-in surveys."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, Field

from clinic.visits import VisitStatus

Outcome = Literal["added", "changed", "same", "older"]


class TakenDocument(BaseModel):
    """What became of one visit or survey that was told."""

    number: str
    outcome: Outcome = Field(
        description="added 新记录，changed 已更新，same 和记录的一样，older 比记录的旧、没有改变"
    )
    external_userid: str = Field(description="记在谁名下；local: 开头的是只有诊所系统知道的人")
    notice: str = Field(description="要留意的事，如治疗目录里没有这个项目；没有时为空")


class TakenPage(BaseModel):
    """What became of all that was told, in its order."""

    items: list[TakenDocument]
    added: int
    changed: int
    unchanged: int


class VisitDocument(BaseModel):
    """A visit. Its note is not given: it may hold what the patient said in confidence."""

    source: str
    number: str
    external_userid: str
    status: VisitStatus
    at: datetime
    treatment: str | None = Field(description="治疗目录里的 key；不认识时为 null")
    treatment_title: str
    treatment_code: str = Field(description="来源系统写的项目")
    doctor: str
    amount_fen: int | None
    created_at: datetime
    changed_at: datetime = Field(description="这个状态是什么时候的")
