"""The events that staff and the platform cause: cards, app messages, contacts book, 微信客服, and the
unknown.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """What every callback says.

    Codes, tokens and people's words are left out of ``repr``: events end up in log lines and tracebacks.
    """

    corp_id: str
    happened_at: datetime  # aware UTC, of CreateTime: whole seconds, so never a key by itself
    kind: str  # "<Event>.<ChangeType>", "<Event>" or "message.<MsgType>", spelled as WeCom spelled it


@dataclass(frozen=True, slots=True, kw_only=True)
class UnknownEvent(Event):
    """A well-formed callback of a kind that has no class here. It is kept, counted and answered 200."""

    from_user: str | None = None
    names: tuple[str, ...] = ()  # element names only: values may be personal, and the inbox has them anyway


@dataclass(frozen=True, slots=True, kw_only=True)
class CardTapped(Event):
    """A member tapped a template card (callbacks.md §8; doc 90240)."""

    userid: str
    event_key: str  # key of the button, of the submit button or of the menu entry
    task_id: str
    card_type: str | None
    response_code: str | None = field(repr=False)  # updates the card once, within 72 h
    agent_id: int | None
    menu: bool  # True: the menu in the card's corner (template_card_menu_event), which selects nothing
    selected: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # question key -> option ids


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageReceived(Event):
    """A member wrote to the app (callbacks.md §9). Only the fields of its ``msg_type`` are set."""

    userid: str
    msg_type: str  # text, image, voice, video, location, link, or one that WeCom adds later
    message_id: str | None  # 64-bit number as text; the dedup key
    agent_id: int | None
    text: str | None = field(default=None, repr=False)
    media_id: str | None = None
    thumb_media_id: str | None = None
    picture_url: str | None = None
    audio_format: str | None = None
    latitude: float | None = field(default=None, repr=False)
    longitude: float | None = field(default=None, repr=False)
    scale: int | None = None
    label: str | None = field(default=None, repr=False)
    title: str | None = field(default=None, repr=False)
    description: str | None = field(default=None, repr=False)
    url: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentEntered(Event):
    """A member opened the app's conversation. Can be frequent."""

    userid: str
    agent_id: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MenuClicked(Event):
    """A member used the app's menu: ``event_key`` is the entry's key, or the page's URL when it
    ``opened_url``.
    """

    userid: str
    agent_id: int | None
    event_key: str
    opened_url: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentVisibilityChanged(Event):
    """A member came into (``subscribe``) or left (``unsubscribe``) the app's visible range."""

    userid: str
    agent_id: int | None
    visible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentWarned(Event):
    """WeCom's life-cycle warnings about the app (since 2025-11); the low-active ones end access to customer
    data.
    """

    warning: (
        str  # inactive_alert, close_inactive_agent, reopen_…, low_active_alert, low_active, active_restored
    )
    agent_id: int | None
    effective_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberChanged(Event):
    """The contacts book changed (change_contact, callbacks.md §10): a member, a department or a member tag.

    An update carries only what changed, so ``None`` and an empty tuple mean "not said", never "now empty".
    """

    change_type: (
        str  # create_user, update_user, delete_user, create_party, update_party, delete_party, update_tag
    )
    userid: str | None = None
    new_userid: str | None = None  # set only when the userid itself changed
    name: str | None = None
    position: str | None = None
    status: int | None = None  # 1 active, 2 disabled, 4 not activated, 5 left the corp
    department_ids: tuple[int, ...] = ()
    main_department: int | None = None
    party_id: int | None = None
    parent_party_id: int | None = None
    tag_id: int | None = None
    added_userids: tuple[str, ...] = ()  # update_tag
    removed_userids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFinished(Event):
    """An asynchronous job ended: ``upload_media_job_finish`` or ``batch_job_result``."""

    job_id: str
    job_type: str | None
    errcode: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KfBell(Event):
    """A 微信客服 account has news: pull it with kf/sync_msg (doc 94670)."""

    open_kfid: str
    token: str | None = field(repr=False)  # valid 10 min; without it sync_msg is heavily rate-limited


@dataclass(frozen=True, slots=True, kw_only=True)
class KfAuthChanged(Event):
    """微信客服 accounts were granted to or taken from the app (doc 97712)."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
