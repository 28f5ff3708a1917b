"""Contact ways (联系我): codes and buttons that add a member (external-contact.md §5, doc 92572)."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from wecom.answers import Answer, Page
from wecom.api.posted import window
from wecom.attachments import Image, Link, MiniProgram
from wecom.exchange import Endpoint
from wecom.limits import check_bytes, check_chars, check_count, check_present
from wecom.transport import Transport

PAGE = 1000
STATE_CHARS = 30
CLOSING_BYTES = 4000
LONGEST_S = 14 * 86_400
EVER = timedelta(days=366 * 20)

ADD = Endpoint(path="externalcontact/add_contact_way", creates=True)
GET = Endpoint(path="externalcontact/get_contact_way")
LIST = Endpoint(path="externalcontact/list_contact_way")
UPDATE = Endpoint(path="externalcontact/update_contact_way")
DELETE = Endpoint(path="externalcontact/del_contact_way")
CLOSE_TEMP_CHAT = Endpoint(path="externalcontact/close_temp_chat")


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """The closing words of a temporary chat: a text and one picture, link or mini-program."""

    text: str = ""  # at most 4000 bytes
    attachment: Image | Link | MiniProgram | None = None

    def __post_init__(self) -> None:
        check_bytes("closing.text", self.text, CLOSING_BYTES)
        if not self.text.strip() and self.attachment is None:
            raise ValueError("closing.text: is required when there is no attachment")
        if isinstance(self.attachment, Image) and not self.attachment.media_id:
            raise ValueError("closing.image: takes a media_id, no pic_url")

    def to_wecom(self) -> dict[str, Any]:
        body: dict[str, Any] = {"text": {"content": self.text}} if self.text.strip() else {}
        if self.attachment is not None:
            kind = self.attachment.kind
            body[kind] = self.attachment.to_wecom()[kind]
        return body


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactWay:
    """A way to add one of some members; WeCom picks which one when there are several.

    ``state`` comes back in the add event and with the contact. At most 100 members, those of the
    departments counted in, all of them activated and verified.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    userids: tuple[str, ...] = ()
    department_ids: tuple[int, ...] = ()
    state: str = ""  # at most 30 characters
    remark: str = ""  # at most 30 characters; only for ourselves
    rotates: bool = False  # over several members, now or after an update: type is fixed when it is made
    skip_verify: bool = True  # False: the member must accept each person
    scene: Literal["button", "code"] = "code"  # a button in a mini-program, or a QR code
    style: int = 0  # of the button
    is_exclusive: bool = False  # one person can add only one of the members
    is_temp: bool = False  # a chat that ends by itself; one member; medical corps only
    expires_in_s: int = 7 * 86_400  # of a temporary code, at most 14 days
    chat_expires_in_s: int = 86_400  # of a temporary chat, at most 14 days
    unionid: str = ""  # temporary only: nobody else can use it
    closing: Closing | None = None  # temporary only

    def __post_init__(self) -> None:
        check_count("userids", self.userids, 100)
        check_count("department_ids", self.department_ids, 100)
        if not self.userids and not self.department_ids:
            raise ValueError("userids: is required, unless there are department_ids")
        check_chars("state", self.state, STATE_CHARS)
        check_chars("remark", self.remark, 30)
        if not self.is_temp and (self.unionid or self.closing):
            raise ValueError("is_temp: unionid and closing are only for temporary chats")
        if self.is_temp and (self.rotates or not self.is_single):
            raise ValueError("userids: a temporary chat takes one member")
        for name in ("expires_in_s", "chat_expires_in_s"):
            if not 0 < getattr(self, name) <= LONGEST_S:
                raise ValueError(f"{name}: 1 to {LONGEST_S}")

    @property
    def is_single(self) -> bool:
        return len(self.userids) == 1 and not self.department_ids

    def to_wecom(self) -> dict[str, Any]:
        """Return the body that creates it."""
        scene = 2 if self.scene == "code" else 1
        body = {"type": 1 if self.is_single and not self.rotates else 2, "scene": scene, **self.to_update()}
        if self.is_temp:
            body["is_temp"] = True
        return body

    def to_update(self) -> dict[str, Any]:
        """Return what an update may change; members and departments replace the old ones."""
        body: dict[str, Any] = {
            "user": [*self.userids],
            "party": [*self.department_ids],
            "state": self.state,
            "remark": self.remark,
            "skip_verify": self.skip_verify,
            "is_exclusive": self.is_exclusive,
        }
        if self.style:
            body["style"] = self.style
        if self.is_temp:
            body |= {"expires_in": self.expires_in_s, "chat_expires_in": self.chat_expires_in_s}
            if self.unionid:
                body["unionid"] = self.unionid
            if self.closing:
                body["conclusions"] = self.closing.to_wecom()
        return body


class ContactWayCreated(Answer):
    """Store ``config_id``: the console never shows what the API made."""

    config_id: str = Field(min_length=1)
    qr_code: str = ""  # a URL, only with a code


class ContactWayDetail(Answer):
    """A contact way as WeCom keeps it. ``type`` 1 one member, 2 several; ``scene`` 1 button, 2 code."""

    config_id: str
    type: int = 0
    scene: int = 0
    qr_code: str = ""
    state: str = ""
    remark: str = ""
    skip_verify: bool = True
    user: tuple[str, ...] = ()
    party: tuple[int, ...] = ()
    is_temp: bool = False
    is_exclusive: bool = False


class _Ref(Answer):
    config_id: str


class _Refs(Page):
    contact_way: tuple[_Ref, ...] = ()


class _Detail(Answer):
    contact_way: ContactWayDetail


class ContactWays:
    """Contact ways: at most 500 000 per corp together with join ways; 100 000 temporary ones a day."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, way: ContactWay) -> ContactWayCreated:
        """Create a contact way (doc 92572). No idempotency key: after a lost answer look with ``list``.

        Raises:
            OutcomeUnknown: no usable answer.
            Refused: 41037 to 41043 a parameter (41041 more than 100 members; which field the others mean is
                not documented); 40003 no such member; 60123 no such department; 40058 another field; in
                closing words 40007, 41072 media too old or of the wrong upload.
            NeedsAdmin: 41045 quota; 41054 a member is not activated or verified; 60011 out of sight; 84074
                may serve no customers; 90206, 90207 the mini-program of the closing words.
        """
        return await self._transport.ask(ADD, ContactWayCreated, body=way.to_wecom())

    async def get(self, config_id: str) -> ContactWayDetail:
        """Return one contact way (doc 92572).

        Raises:
            Refused: 41044 no such id.
        """
        check_present("config_id", config_id)
        return (await self._transport.ask(GET, _Detail, body={"config_id": config_id})).contact_way

    async def list(self, start: datetime | None = None, end: datetime | None = None) -> AsyncIterator[str]:
        """Yield the ids of those created from ``start`` to ``end``, by default in the last 90 days.

        Not the temporary ones, and none from before 2021-07-10 (doc 92572). 1000 a page.

        Raises:
            Refused: 50100 the cursor is forgotten.
        """
        body: dict[str, Any] = {"limit": PAGE}
        if start is not None and end is not None:
            body |= window(start, end, longest=EVER)
        elif start is not None or end is not None:
            raise ValueError("start: give both start and end, or neither")
        async for page in self._transport.pages(LIST, _Refs, body):
            for ref in page.contact_way:
                yield ref.config_id

    async def update(self, config_id: str, way: ContactWay) -> None:
        """Replace everything but type and scene of a contact way (doc 92572); printed codes stay good.

        Raises:
            Refused: 41044 no such id; otherwise as ``add``: 41037 to 41043, 40003, 60123, 40058, 40007,
                41072.
            NeedsAdmin: 41054, 60011, 84074, 90206, 90207 as ``add``.
        """
        check_present("config_id", config_id)
        await self._transport.call(UPDATE, body={"config_id": config_id, **way.to_update()})

    async def delete(self, config_id: str) -> None:
        """Delete a contact way (doc 92572); its code stops working at once.

        Raises:
            Refused: 41044 no such id.
        """
        check_present("config_id", config_id)
        await self._transport.call(DELETE, body={"config_id": config_id})

    async def close_temp_chat(self, userid: str, external_userid: str) -> None:
        """End a temporary chat; the closing words are sent before it ends (doc 92572).

        Raises:
            Refused: 40003, 40096 bad ids; 41035 no ``external_userid``; 84061 no such chat.
            NeedsAdmin: 60011 the member is out of sight; 84074 may serve no customers.
        """
        body = {"userid": userid, "external_userid": external_userid}
        await self._transport.call(CLOSE_TEMP_CHAT, body=body)
