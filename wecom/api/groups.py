"""Customer groups (external-contact.md §8, doc 92120, 92122)."""

from collections.abc import AsyncIterator, Sequence

from wecom.answers import Answer, Instant, Page
from wecom.exchange import Endpoint
from wecom.limits import check_present
from wecom.transport import Transport

PAGE = 1000
OWNERS = 100

LIST = Endpoint(path="externalcontact/groupchat/list")
GET = Endpoint(path="externalcontact/groupchat/get")
OF_OPENGID = Endpoint(path="externalcontact/opengid_to_chatid")


class GroupRef(Answer):
    """A group's id and whether its owner is still there: 0 normal, 1 left, 2 inheriting, 3 inherited."""

    chat_id: str
    status: int = 0


class Invitor(Answer):
    """The employee who invited somebody."""

    userid: str = ""


class GroupMember(Answer):
    """Somebody in a group: ``userid`` is an external_userid when ``type`` is 2."""

    userid: str
    type: int  # 1 employee, 2 external
    unionid: str = ""
    join_time: Instant = None
    join_scene: int = 0  # 1 invited, 2 invite link, 3 QR code
    invitor: Invitor = Invitor()
    group_nickname: str = ""
    name: str = ""
    state: str = ""  # of the join way

    @property
    def is_external(self) -> bool:
        """Whether this is a patient (or at least no employee)."""
        return self.type == 2


class GroupAdmin(Answer):
    """An employee who manages the group beside its owner."""

    userid: str


class GroupChat(Answer):
    """A customer group. ``member_version`` tells whether a GroupUpdated may be applied to it."""

    chat_id: str
    name: str = ""  # may be empty: the client then shows the members' names
    owner: str = ""
    create_time: Instant = None
    notice: str = ""
    member_list: tuple[GroupMember, ...] = ()
    admin_list: tuple[GroupAdmin, ...] = ()
    member_version: str = ""


class _Refs(Page):
    group_chat_list: tuple[GroupRef, ...] = ()


class _Detail(Answer):
    group_chat: GroupChat


class _ChatId(Answer):
    chat_id: str


class Groups:
    """Customer groups owned by members of the app's visible range."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, chat_id: str) -> GroupChat:
        """Return one group with its members' names (doc 92122). Lags about 2 s behind a callback.

        Raises:
            Refused: 86001 no such group, or dismissed; 86003 no id.
            NeedsAdmin: 60011 its owner is outside the visible range.
        """
        return (await self._transport.ask(GET, _Detail, body={"chat_id": chat_id, "need_name": 1})).group_chat

    async def chat_id_of(self, opengid: str) -> str:
        """Return the group behind a mini-program's ``opengid`` (doc 94822); only a visible member's group.

        Raises:
            Refused: 90511 no such group.
            NeedsAdmin: 60011 its owner is outside the visible range.
        """
        check_present("opengid", opengid)
        return (await self._transport.ask(OF_OPENGID, _ChatId, body={"opengid": opengid})).chat_id

    async def list(
        self, owner_ids: Sequence[str] | None = None, *, status: int = 0
    ) -> AsyncIterator[GroupRef]:
        """Yield the groups, or only those of some owners (asked for in hundreds), 1000 a page (doc 92120).

        ``status``: 0 all, 1 the owner left, 2 being inherited, 3 inherited.

        Raises:
            Refused: 81017 without owners, when the app sees more than 1000 members; 40003 no owner is a
                member; 40058 bad ``status``; 50100 the cursor is forgotten: begin again.
            NeedsAdmin: 60011 an owner is outside the visible range.
        """
        filters: list[dict[str, object]] = [{}]
        if owner_ids is not None:
            filters = [
                {"owner_filter": {"userid_list": [*owner_ids[start : start + OWNERS]]}}
                for start in range(0, len(owner_ids), OWNERS)
            ]
        for owner_filter in filters:
            body = {"status_filter": status, "limit": PAGE, **owner_filter}
            async for page in self._transport.pages(LIST, _Refs, body):
                for ref in page.group_chat_list:
                    yield ref
