"""What 微信客服 remembers: accounts, conversations, one-time codes (customer-service-kf.md)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from .state import Json, Message

UNTREATED, ASSISTANT, POOL, HUMAN, ENDED = 0, 1, 2, 3, 4
WINDOW = timedelta(hours=48)
REPLIES = 5  # messages of the program after each message of the customer
HISTORY = timedelta(days=3)
TOKEN_LIFE = timedelta(minutes=10)
CODE_LIFE = {
    "welcome": timedelta(seconds=20),
    "queue": WINDOW,
    "taken": WINDOW,
    "end": timedelta(seconds=20),
}
# Which state a code's conversation must still be in; a welcome may be said in any.
CODE_STATE = {"queue": POOL, "taken": HUMAN, "end": ENDED}

CodeKind = Literal["welcome", "queue", "taken", "end"]


@dataclass(slots=True, kw_only=True)
class Item:
    """One entry of sync_msg: ``body`` is what WeCom shows in msg_list."""

    at: datetime
    body: Json


@dataclass(slots=True, kw_only=True)
class Servicer:
    userid: str
    receiving: bool = True
    suspended: bool = False


@dataclass(slots=True, kw_only=True)
class Account:
    open_kfid: str
    name: str
    media_id: str
    created_at: datetime
    granted: bool = True
    servicers: dict[str, Servicer] = field(default_factory=dict)
    departments: list[int] = field(default_factory=list)
    scenes: dict[str, str] = field(default_factory=dict)  # enc_scene -> scene
    items: list[Item] = field(default_factory=list)
    chats: dict[str, Session] = field(default_factory=dict)  # by external_userid
    used_msgids: set[str] = field(default_factory=set)


@dataclass(slots=True, kw_only=True)
class Session:
    """One customer's chat with an account, from the first enter on."""

    external_userid: str
    state: int = ENDED
    servicer: str = ""
    began_at: datetime | None = None  # of the conversation that runs; None: none does
    wrote_at: datetime | None = None
    entered_at: datetime | None = None
    welcomed_at: datetime | None = None
    replies: int = 0  # of the program since the customer's last message
    context: Json = field(default_factory=dict)
    rejected: bool = False
    bubbles: list[Message] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Code:
    code: str
    kind: CodeKind
    open_kfid: str
    external_userid: str
    issued_at: datetime
    spent: bool = False
