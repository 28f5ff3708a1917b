"""Members of the corp (identity.md §2.3)."""

from wecom.answers import Answer
from wecom.exchange import Endpoint
from wecom.transport import Transport

GET = Endpoint(path="user/get", method="GET")


class Member(Answer):
    """A member as the app may see them; phone, e-mail and avatar are not given to newer apps."""

    userid: str
    name: str = ""
    department: tuple[int, ...] = ()
    main_department: int = 0
    is_leader_in_dept: tuple[int, ...] = ()
    direct_leader: tuple[str, ...] = ()
    position: str = ""
    alias: str = ""
    status: int = 1  # 1 active, 2 disabled, 4 not activated, 5 left the corp


class Members:
    """Members of the app's visible range."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, userid: str) -> Member:
        """Return one member.

        Raises:
            Refused: 60111, 40003 no such member.
            NeedsAdmin: 60011, 60021 outside the visible range.
        """
        return await self._transport.ask(GET, Member, params={"userid": userid})
