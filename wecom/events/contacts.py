"""The events of 客户联系: patients, customer groups, corp tags, acquisition links (callbacks.md §6, doc
92130).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wecom.events.kinds import Event

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEvent(Event):
    """Something between one member and one patient."""

    userid: str
    external_userid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactAdded(ContactEvent):
    """A patient is a member's contact now.

    ``half``: she added a member who needs no verification, and the member has not confirmed yet; until then
    most calls about the pair answer 84061. A full ``ContactAdded`` often follows, without a code if ours
    was used.
    """

    state: str | None  # of the contact way, or the acquisition link's customer_channel
    welcome_code: str | None = field(
        repr=False
    )  # good for 20 s and one message; None: WeCom wants no welcome
    half: bool
    link_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactEdited(ContactEvent):
    """A member changed remark, phone or tags in the client; what changed must be read with
    externalcontact/get.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactRemovedByMember(ContactEvent):
    """A member deleted the patient."""

    source: str | None

    @property
    def by_transfer(self) -> bool:
        """Whether a finished on-job transfer (在职继承) removed her, not a person."""
        return self.source == "DELETE_BY_TRANSFER"


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRemovedByContact(ContactEvent):
    """The patient deleted the member (del_follow_user). Calls about the pair still work; mass sends do not
    arrive.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFailed(ContactEvent):
    """A takeover did not happen; ``userid`` is the member who should have got the patient."""

    reason: str  # customer_refused, customer_limit_exceed


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveApproved(ContactEvent):
    """The patient agreed to message archiving; a welcome refused with 41053 may be sent with this code."""

    welcome_code: str | None = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupEvent(Event):
    """Something about one customer group. groupchat/get may lag about 2 s behind it."""

    chat_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupCreated(GroupEvent):
    """A customer group exists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupDismissed(GroupEvent):
    """A customer group is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupUpdated(GroupEvent):
    """A customer group changed.

    The delta in ``members`` may be applied only when ``last_version`` equals the stored member version; else
    groupchat/get must be read. Order of callbacks is not guaranteed.
    """

    update_detail: str  # add_member, del_member, change_owner, change_name, change_notice
    members: tuple[str, ...] = ()  # member userids and external_userids, mixed
    join_scene: int | None = None  # 0 invited, 3 QR code; other numbers occur
    quit_scene: int | None = None  # 0 left, 1 removed
    last_version: str | None = None
    current_version: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TagChanged(Event):
    """A corp tag or tag group changed in the console.

    Deleting a group sends no event for its tags. ``shuffle`` has no ``tag_type``; its ``tag_id`` is the
    group whose tags moved, ``None`` when the groups themselves did.
    """

    change_type: str  # create, update, delete, shuffle
    tag_id: str | None
    tag_type: str | None  # tag, tag_group
    strategy_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AcquisitionEvent(Event):
    """获客助手: quota and link events (doc 97299). Only the fields of its ``change_type`` are set."""

    change_type: str  # balance_low, …, link_unavailable, friend_request, customer_start_chat, …
    link_id: str | None = None
    state: str | None = None
    userid: str | None = None
    external_userid: str | None = None
    chat_key: str | None = field(default=None, repr=False)  # 30 min
    expires_at: datetime | None = None
    expiring_quota: int | None = None
