"""What the clinic's records ask of WeCom: documents in the outbox, made by the courier."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SendWelcome(_Effect):
    """Spend a welcome code (20 s, once) on a greeting of the pack."""

    kind: ClassVar[str] = "send_welcome"
    welcome_code: str
    userid: str
    external_userid: str
    persona: str
    welcome: str


class MarkTags(_Effect):
    """Put corp tags, named ``组/标签``, on one member's follow of one patient."""

    kind: ClassVar[str] = "mark_tags"
    userid: str
    external_userid: str
    add: list[str]
    reason: str


class FetchContact(_Effect):
    """Read a patient's details from WeCom into our records."""

    kind: ClassVar[str] = "fetch_contact"
    external_userid: str


class FetchGroup(_Effect):
    """Read a customer group's details from WeCom into our records."""

    kind: ClassVar[str] = "fetch_group"
    chat_id: str
