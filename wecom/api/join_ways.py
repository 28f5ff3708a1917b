"""Join ways (加入群聊): codes and buttons that lead into customer groups (external-contact.md §8, doc
92229).
"""

from dataclasses import dataclass
from typing import Any, Literal

from pydantic import Field

from wecom.answers import Answer
from wecom.exchange import Endpoint
from wecom.limits import check_chars, check_count, check_present
from wecom.transport import Transport

ADD = Endpoint(path="externalcontact/groupchat/add_join_way", creates=True)
GET = Endpoint(path="externalcontact/groupchat/get_join_way")
UPDATE = Endpoint(path="externalcontact/groupchat/update_join_way")
DELETE = Endpoint(path="externalcontact/groupchat/del_join_way")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinWay:
    """A way into one of up to five groups; when they are full WeCom may open a new one.

    Raises:
        ValueError: WeCom would refuse it; the message names the field.
    """

    chat_ids: tuple[str, ...]  # 1 to 5
    state: str = ""  # at most 30 characters; comes back with who joined
    remark: str = ""  # at most 30 characters; only for ourselves
    scene: Literal["button", "code"] = "code"
    opens_new_groups: bool = True
    new_group_name: str = ""  # at most 40 characters
    new_group_number: int = 1  # the number after that name to begin with

    def __post_init__(self) -> None:
        check_count("chat_ids", self.chat_ids, 5, least=1)
        check_chars("state", self.state, 30)
        check_chars("remark", self.remark, 30)
        check_chars("new_group_name", self.new_group_name, 40)

    def to_wecom(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "scene": 2 if self.scene == "code" else 1,
            "chat_id_list": [*self.chat_ids],
            "state": self.state,
            "remark": self.remark,
            "auto_create_room": 1 if self.opens_new_groups else 0,
        }
        if self.opens_new_groups and self.new_group_name:
            body |= {"room_base_name": self.new_group_name, "room_base_id": self.new_group_number}
        return body


class JoinWayDetail(Answer):
    """A join way as WeCom keeps it; ``scene`` 1 button, 2 code."""

    config_id: str
    scene: int = 0
    qr_code: str = ""
    state: str = ""
    remark: str = ""
    chat_id_list: tuple[str, ...] = ()
    auto_create_room: int = 1
    room_base_name: str = ""
    room_base_id: int = 0


class _Created(Answer):
    config_id: str = Field(min_length=1)


class _Detail(Answer):
    join_way: JoinWayDetail


class JoinWays:
    """Join ways share the 500 000 of contact ways. There is no list: store the ids."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, way: JoinWay) -> str:
        """Create a join way and return its id (doc 92229); the code's URL comes with ``get``.

        Raises:
            OutcomeUnknown: no usable answer; an unused one does no harm.
            Refused: 86001, 90501 not a customer group (which of the two is not documented); 41091 more than
                five groups; 40058 ``new_group_number`` below 0 or above 2**31.
            NeedsAdmin: 41045 quota; 60011 a group's owner is out of sight.
        """
        return (await self._transport.ask(ADD, _Created, body=way.to_wecom())).config_id

    async def get(self, config_id: str) -> JoinWayDetail:
        """Return one join way with its code (doc 92229).

        Raises:
            Refused: 41044 no such id.
        """
        check_present("config_id", config_id)
        return (await self._transport.ask(GET, _Detail, body={"config_id": config_id})).join_way

    async def update(self, config_id: str, way: JoinWay) -> None:
        """Overwrite a join way with all its fields (doc 92229); printed codes stay good.

        Raises:
            Refused: 41044 no such id; 86001, 90501, 41091, 40058 as ``add``.
            NeedsAdmin: 60011 a group's owner is out of sight.
        """
        check_present("config_id", config_id)
        await self._transport.call(UPDATE, body={"config_id": config_id, **way.to_wecom()})

    async def delete(self, config_id: str) -> None:
        """Delete a join way (doc 92229); its code stops working.

        Raises:
            Refused: 41044 no such id.
        """
        check_present("config_id", config_id)
        await self._transport.call(DELETE, body={"config_id": config_id})
