"""What the clinic's records ask of WeCom: documents in the outbox, made by the courier."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class _Effect(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SendWelcome(_Effect):
    """Spend a welcome code (20 s, once) on a greeting of the pack.

    ``channel`` is the ``state`` she came through, ``added_at`` when she did (seconds since the epoch).
    """

    kind: ClassVar[str] = "send_welcome"
    welcome_code: str
    userid: str
    external_userid: str
    persona: str
    welcome: str
    variant: str = "main"
    channel: str = ""
    added_at: int = 0


class TagNote(_Effect):
    """Which rule put a tag on and why, and until when it stays."""

    kind: ClassVar[str] = ""
    rule: str | None = None
    reason: str = ""
    expires_at: datetime | None = None


class MarkTags(_Effect):
    """Put corp tags, named ``组/标签``, on one member's follow of one patient, and take others off."""

    kind: ClassVar[str] = "mark_tags"
    userid: str
    external_userid: str
    add: list[str]
    reason: str
    remove: list[str] = []
    notes: dict[str, TagNote] = {}


class FetchCorpTags(_Effect):
    """Read all corp tags from WeCom into our records: somebody changed them in the console."""

    kind: ClassVar[str] = "fetch_corp_tags"


class FetchContact(_Effect):
    """Read a patient's details from WeCom into our records.

    ``edited_at``: unix seconds of the edit on the phone that asks for it; 0 = there was none.
    """

    kind: ClassVar[str] = "fetch_contact"
    external_userid: str
    edited_at: int = 0


class FetchGroup(_Effect):
    """Read a customer group's details from WeCom into our records."""

    kind: ClassVar[str] = "fetch_group"
    chat_id: str


class PutGroupWelcome(_Effect):
    """Make or change the 入群欢迎语素材 of a group role; ``digest`` names the words that were decided."""

    kind: ClassVar[str] = "put_group_welcome"
    role: str
    digest: str


class DropGroupWelcome(_Effect):
    """Delete the 入群欢迎语素材 of a role that has none any more."""

    kind: ClassVar[str] = "drop_group_welcome"
    role: str
    template_id: str


class TransferPatients(_Effect):
    """Offer up to 100 patients of one member to another (在职继承, 离职继承)."""

    kind: ClassVar[str] = "transfer_patients"
    run: str
    handover: str
    takeover: str
    resigned: bool
    external_userids: list[str]
    message: str


class TransferGroups(_Effect):
    """Give up to 100 groups to a new owner."""

    kind: ClassVar[str] = "transfer_groups"
    run: str
    handover: str
    takeover: str
    resigned: bool
    chat_ids: list[str]


class FetchKf(_Effect):
    """Read a 微信客服 account's news; ``token`` is the callback's, good for 10 minutes from ``rung_at``."""

    kind: ClassVar[str] = "fetch_kf"
    open_kfid: str
    token: str = ""
    rung_at: int = 0


class CreateCode(_Effect):
    """Make a channel's live code; ``digest`` names the shape that was decided."""

    kind: ClassVar[str] = "create_code"
    state: str
    remark: str
    userids: list[str]
    skip_verify: bool
    exclusive: bool
    digest: str


class ShapeCode(_Effect):
    """Give a live code other members, or let them accept by hand."""

    kind: ClassVar[str] = "shape_code"
    state: str
    config_id: str
    remark: str
    userids: list[str]
    skip_verify: bool
    exclusive: bool
    digest: str
    why: str


class DropCode(_Effect):
    """Delete a live code; printed ones lead nowhere from then on."""

    kind: ClassVar[str] = "drop_code"
    state: str
    config_id: str


class FetchCodePicture(_Effect):
    """Read the picture of a live code, which the console shows and clinics print."""

    kind: ClassVar[str] = "fetch_code_picture"
    state: str
    config_id: str
    url: str
