"""What the simulated corp remembers: plain records, in memory, without rules.

Instants are aware UTC. Ids are WeCom's: ``userid`` of a member, ``external_userid`` of a customer,
``chat_id`` of a customer group.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import MutableMapping
    from datetime import datetime

Json = dict[str, Any]
ChatType = Literal["single", "group"]


@dataclass(slots=True, kw_only=True)
class Member:
    """An employee. ``visible``: in the app's 可见范围; ``contact_enabled``: in 客户联系's 使用范围."""

    userid: str
    name: str
    position: str = ""
    alias: str = ""
    departments: tuple[int, ...] = (1,)
    visible: bool = True
    contact_enabled: bool = True
    verified: bool = True  # activated and real-name verified; else 41054
    console_welcome: bool = False  # the console already greets: no welcome_code is delivered
    left_at: datetime | None = None  # resigned; what was theirs waits to be handed over


@dataclass(slots=True, kw_only=True)
class Department:
    id: int
    name: str
    parent_id: int = 0
    order: int = 100_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """A WeChat user. To change one, put another in her place: a scene may compute them when asked."""

    external_userid: str
    name: str
    gender: int = 0
    unionid: str = ""
    type: int = 1
    corp_name: str = ""


@dataclass(slots=True, kw_only=True)
class Follow:
    """One member's relation to one customer."""

    userid: str
    external_userid: str
    createtime: datetime
    state: str = ""
    add_way: int = 1
    remark: str = ""
    description: str = ""
    remark_company: str = ""
    remark_mobiles: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)  # corp tag ids, in the order they were put on
    oper_userid: str = ""
    half: bool = False  # added without verification, the member has not confirmed yet
    lost_at: datetime | None = None  # the customer deleted the member: mass sends fail with status 2
    last_chat_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Tag:
    id: str
    name: str
    group_id: str
    create_time: int
    order: int = 0


@dataclass(slots=True, kw_only=True)
class TagGroup:
    group_id: str
    name: str
    create_time: int
    order: int = 0
    tags: dict[str, Tag] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class GroupMember:
    """Somebody in a customer group: ``type`` 1 employee, 2 external."""

    userid: str
    type: int
    join_time: datetime
    join_scene: int = 1
    invitor: str = ""
    state: str = ""


@dataclass(slots=True, kw_only=True)
class Group:
    chat_id: str
    name: str
    owner: str
    create_time: datetime
    notice: str = ""
    members: MutableMapping[str, GroupMember] = field(default_factory=dict)
    admins: list[str] = field(default_factory=list)
    version: str = ""
    dismissed: bool = False
    opengid: str = ""  # what a mini-program opened in the group calls it


@dataclass(slots=True, kw_only=True)
class Message:
    """One bubble in a chat. ``payload`` is WeCom's own object of that ``kind`` (image, link, …)."""

    id: str
    at: datetime
    sender_kind: Literal["member", "patient", "app", "system"]
    sender_id: str
    kind: str
    text: str = ""
    payload: Json = field(default_factory=dict)
    origin: str = "chat"  # chat, welcome, mass, app, notice
    ref: str = ""  # msgid of the mass task or app message it belongs to
    recalled: bool = False


@dataclass(slots=True, kw_only=True)
class WelcomeCode:
    code: str
    userid: str
    external_userid: str
    issued_at: datetime
    spent: bool = False


@dataclass(slots=True, kw_only=True)
class Media:
    """An uploaded file. ``scene``: upload, moment, album or image_url; kinds are not interchangeable."""

    media_id: str
    kind: str
    scene: Literal["upload", "moment", "album", "image_url"]
    filename: str
    content_type: str
    blob: bytes
    created_at: datetime


@dataclass(slots=True, kw_only=True)
class Delivery:
    """What became of a mass send for one recipient: 0 not sent, 1 sent, 2 not a friend, 3 capped."""

    status: int = 0
    send_time: datetime | None = None


@dataclass(slots=True, kw_only=True)
class MemberTask:
    """One member's part of a mass send: recipients (external_userids or chat_ids) and what came of it."""

    userid: str
    recipients: dict[str, Delivery]
    sent_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class MassTask:
    msgid: str
    chat_type: ChatType
    text: str
    attachments: list[Json]
    created_at: datetime
    tasks: dict[str, MemberTask]
    allow_select: bool = False
    cancelled_at: datetime | None = None
    reminders: list[datetime] = field(default_factory=list)
    creator: str = ""  # a member sent it on their own account; empty: the corp's


@dataclass(slots=True, kw_only=True)
class Publication:
    """A member published a moment: who was in range, who can see it, who liked it."""

    published_at: datetime
    customers: list[str]
    delivered: dict[str, None]  # in order, and quick to ask
    likes: dict[str, datetime] = field(default_factory=dict)
    comments: list[tuple[str, datetime, str]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Moment:
    """A moment task from its job to its publications; ``moment_id`` answers only once the job is done."""

    jobid: str
    moment_id: str
    text: str
    attachments: list[Json]
    created_at: datetime
    ready_at: datetime
    senders: list[str]
    tag_list: list[str]
    public: bool
    invalid_users: list[str] = field(default_factory=list)
    invalid_departments: list[int] = field(default_factory=list)
    invalid_tags: list[str] = field(default_factory=list)
    errcode: int = 0
    cancelled_at: datetime | None = None
    publications: dict[str, Publication] = field(default_factory=dict)
    creator: str = ""  # a member posted it on their own account; empty: the corp's


@dataclass(slots=True, kw_only=True)
class CardCopy:
    """A template card as one member sees it now; ``replaced`` is the text of a disabled button."""

    card: Json
    replaced: str = ""
    updates: int = 0
    clicked_key: str = ""
    forwarded: bool = False  # this member was no receiver; a test let a stranger hold the card


@dataclass(slots=True, kw_only=True)
class AppMessage:
    msgid: str
    msgtype: str
    payload: Json
    sent_at: datetime
    receivers: list[str]
    task_id: str = ""
    recalled_at: datetime | None = None
    copies: dict[str, CardCopy] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class ResponseCode:
    code: str
    msgid: str
    issued_at: datetime
    used: bool = False


@dataclass(slots=True, kw_only=True)
class ContactWay:
    config_id: str
    created_at: datetime
    body: Json
    members: list[str]
    turn: int = 0  # which member the next scan meets
