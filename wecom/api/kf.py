"""微信客服: chats with customers (customer-service-kf.md §3-§6; doc 94670, 94677, 95122, 94669)."""

import re
from collections.abc import AsyncIterator
from enum import IntEnum
from typing import Any
from urllib.parse import unquote

from pydantic import Field, model_validator

from wecom.answers import Answer, Instant
from wecom.exchange import Endpoint
from wecom.kf_messages import KfContent, KfMenu, KfText
from wecom.limits import check_count, check_present
from wecom.transport import Transport

PAGE = 1000
EVENT_MENU_ITEMS = 10
_MSGID = re.compile(r"[0-9A-Za-z_-]{1,32}")

SYNC = Endpoint(path="kf/sync_msg")
# A msgid of ours makes a second try harmless, but only the caller knows that it is the same message.
SEND = Endpoint(path="kf/send_msg", creates=True)
SEND_ON_EVENT = Endpoint(path="kf/send_msg_on_event", creates=True)
STATE = Endpoint(path="kf/service_state/get")
MOVE = Endpoint(path="kf/service_state/trans", creates=True)


class Origin(IntEnum):
    """Who a message is from."""

    CUSTOMER = 3
    SYSTEM = 4
    SERVICER = 5


class State(IntEnum):
    """Where a session stands."""

    NEW = 0  # the customer wrote, nobody treats it
    ASSISTANT = 1  # this program
    POOL = 2  # waiting for a person
    HUMAN = 3
    ENDED = 4  # or not begun


class KfMessage(Answer):
    """One message or event. ``content`` is the object named like ``msgtype``, as WeCom spells it."""

    msgid: str
    open_kfid: str = ""
    external_userid: str = ""
    send_time: Instant = None
    origin: int = 0
    servicer_userid: str = ""  # only with origin 5
    msgtype: str = ""
    content: dict[str, Any] = Field(default_factory=dict, repr=False)

    @model_validator(mode="before")
    @classmethod
    def _lift_content(cls, data: Any) -> Any:
        """Take the message's own object out, and the ids out of an event."""
        if not isinstance(data, dict):
            return data
        content = data.get(str(data.get("msgtype", "")))
        if not isinstance(content, dict):
            content = {}
        inside = {key: content[key] for key in ("open_kfid", "external_userid") if content.get(key)}
        own = {key: value for key, value in data.items() if value is not None and value != ""}
        return {**inside, **own, "content": content}

    @property
    def is_from_customer(self) -> bool:
        return self.origin == Origin.CUSTOMER

    @property
    def event_type(self) -> str:
        """Such as enter_session or msg_send_fail; empty for a message."""
        return self._text("event_type") if self.msgtype == "event" else ""

    @property
    def text(self) -> str:
        """What somebody wrote, or tapped; empty for anything but a text."""
        return self._text("content") if self.msgtype == "text" else ""

    @property
    def menu_id(self) -> str:
        """The id of the tapped menu line."""
        return self._text("menu_id")

    @property
    def media_id(self) -> str:
        """Of a picture, a voice, a video or a file: for ``media.get``, three days."""
        return self._text("media_id")

    @property
    def welcome_code(self) -> str:
        """Of enter_session: good once, for 20 s."""
        return self._text("welcome_code")

    @property
    def scene_param(self) -> str:
        """Of enter_session: the link's own data, decoded; WeCom hands it on percent-encoded."""
        return unquote(self._text("scene_param"))

    def _text(self, name: str) -> str:
        value = self.content.get(name)
        return value if isinstance(value, str) else ""


class KfPage(Answer):
    """One page of news. Store ``next_cursor`` together with the messages."""

    next_cursor: str = ""
    has_more: bool = False
    messages: tuple[KfMessage, ...] = Field((), alias="msg_list")


class KfState(Answer):
    """Where a session stands; ``servicer_userid`` only with a person."""

    service_state: State
    servicer_userid: str = ""


class _Sent(Answer):
    msgid: str = ""


class _Moved(Answer):
    msg_code: str = ""


class Kf:
    """Chats of accounts that are granted to this app (48007 otherwise)."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def sync(
        self, open_kfid: str, *, cursor: str = "", token: str = "", limit: int = PAGE
    ) -> AsyncIterator[KfPage]:
        """Yield an account's news page by page until there are no more (doc 94670).

        Covers three days; an empty ``cursor`` begins at the oldest, so do not answer what is old. A page may
        be empty although more follow. What ``send`` wrote is not there. One reader per account at a time.
        ``token`` is the callback's, good for 10 minutes: without one WeCom allows few calls.

        Raises:
            RateLimited: 45009, soon reached without a token.
            Refused: 95000, 95004 bad account; 95007 bad token; 40058, 50100 bad cursor.
            NeedsAdmin: 48007 the account is not granted to this app.
        """
        check_present("open_kfid", open_kfid)
        if not 1 <= limit <= PAGE:
            raise ValueError(f"limit: {limit}, WeCom takes 1 to {PAGE}")
        while True:
            body: dict[str, Any] = {"open_kfid": open_kfid, "limit": limit}
            body |= {name: text for name, text in (("cursor", cursor), ("token", token)) if text}
            page = await self._transport.ask(SYNC, KfPage, body=body)
            yield page
            if not page.has_more or not page.next_cursor or page.next_cursor == cursor:
                return
            cursor = page.next_cursor

    async def send(self, open_kfid: str, external_userid: str, content: KfContent, *, msgid: str = "") -> str:
        """Write to a customer and return the message's id (doc 94677); 0 does not mean delivered, watch for
        msg_send_fail.

        Only in state NEW or ASSISTANT, within 48 h of the customer's last message and at most 5 after it.
        ``msgid``, 1 to 32 of letters, digits, ``_`` and ``-``, is unique per account: WeCom refuses a
        second message with it, which makes a second try after a lost answer harmless.

        Raises:
            OutcomeUnknown: no usable answer.
            Refused: 95001 the five are used; 95002 after 48 h; 95013, 95018 the session's state forbids it;
                40058 ``msgid`` was used, or no acquisition link; 40007 media too old or of the wrong upload,
                41072 an album's; 40003 no such member on a card; 40096 no such customer; 95000, 95004 no such
                account.
            NeedsAdmin: 48007 the account is not granted to this app; 60011 the member on a card is outside
                the visible range; 90206, 90207 a mini-program that is not linked, or none; 95003 the corp
                is not verified.
        """
        check_present("open_kfid", open_kfid)
        check_present("external_userid", external_userid)
        body = {"touser": external_userid, "open_kfid": open_kfid, **_message(content, msgid)}
        return (await self._transport.ask(SEND, _Sent, body=body)).msgid

    async def send_on_event(self, code: str, content: KfText | KfMenu, *, msgid: str = "") -> str:
        """Answer an event with its one-time code and return the message's id (doc 95122).

        A welcome and an end within 20 s, text or a menu of at most 10 items; a notice of queueing or of
        being taken over within 48 h, text only. Does not count among the five.

        Raises:
            OutcomeUnknown: no usable answer; the code may be spent.
            Refused: 95007 bad, old or used code; 95018 the session has moved on, 95013 has ended; 40008 a
                menu where only text may be said; 40058 ``msgid`` was used.
        """
        check_present("code", code)
        if isinstance(content, KfMenu):
            check_count("menu.items", content.items, EVENT_MENU_ITEMS)
        body = {"code": code, **_message(content, msgid)}
        return (await self._transport.ask(SEND_ON_EVENT, _Sent, body=body)).msgid

    async def state(self, open_kfid: str, external_userid: str) -> KfState:
        """Return where a customer's session stands (doc 94669).

        Raises:
            Refused: 60251, 95000, 95004 no such account; 41035, 40096 no such customer.
            NeedsAdmin: 48007 the account is not granted to this app.
        """
        body = {"open_kfid": open_kfid, "external_userid": external_userid}
        return await self._transport.ask(STATE, KfState, body=body)

    async def move(self, open_kfid: str, external_userid: str, to: State, *, servicer: str = "") -> str:
        """Move a session and return the code for one ``send_on_event``, or ``""`` (doc 94669).

        From NEW to any other, from ASSISTANT to POOL or HUMAN, from POOL to HUMAN, from HUMAN to another
        person or ENDED; never back from HUMAN to ASSISTANT. HUMAN needs a ``servicer`` who receives.

        Raises:
            OutcomeUnknown: no usable answer: read ``state``; the code is lost.
            Refused: 95016 not from the present state; 95014, 95019, 60253, 40003 choose another servicer;
                60251, 95000, 95004 no such account; 41035, 40096 no such customer.
            NeedsAdmin: 48007 the account is not granted to this app.
        """
        if (to is State.HUMAN) != bool(servicer):
            raise ValueError("servicer: is required for HUMAN, and only for it")
        body: dict[str, Any] = {
            "open_kfid": open_kfid,
            "external_userid": external_userid,
            "service_state": int(to),
        }
        if servicer:
            body["servicer_userid"] = servicer
        return (await self._transport.ask(MOVE, _Moved, body=body)).msg_code


def _message(content: KfContent, msgid: str) -> dict[str, Any]:
    if msgid and not _MSGID.fullmatch(msgid):
        raise ValueError("msgid: 1 to 32 of letters, digits, _ and -")
    body: dict[str, Any] = {"msgtype": content.kind, content.kind: content.to_wecom()}
    return body | ({"msgid": msgid} if msgid else {})
