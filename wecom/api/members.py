"""Members and departments of the corp (identity.md §2.3; doc 90196, 90200, 90201, 90208)."""

from pydantic import Field

from wecom.answers import Answer
from wecom.exchange import Endpoint
from wecom.transport import Transport

GET = Endpoint(path="user/get", method="GET")
NAMES = Endpoint(path="user/simplelist", method="GET")
LIST = Endpoint(path="user/list", method="GET")
DEPARTMENTS = Endpoint(path="department/list", method="GET")


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


class MemberName(Answer):
    """A member in short."""

    userid: str
    name: str = ""
    department: tuple[int, ...] = ()


class Department(Answer):
    """A department; the root is 1. A larger ``order`` comes first."""

    id: int
    name: str = ""
    parent_id: int = Field(0, alias="parentid")
    order: int = 0
    leaders: tuple[str, ...] = Field((), alias="department_leader")


class _Names(Answer):
    userlist: tuple[MemberName, ...] = ()


class _Members(Answer):
    userlist: tuple[Member, ...] = ()


class _Departments(Answer):
    department: tuple[Department, ...] = ()


class Members:
    """Members of the app's visible range."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def get(self, userid: str) -> Member:
        """Return one member (doc 90196).

        Raises:
            Refused: 60111, 40003 no such member.
            NeedsAdmin: 60011, 60021 outside the visible range.
        """
        return await self._transport.ask(GET, Member, params={"userid": userid})

    async def names_in(self, department_id: int) -> list[MemberName]:
        """Return the members right in a department, in short (doc 90200); one answer.

        Raises:
            Refused: 60123, 60003 no such department.
            NeedsAdmin: 60011 outside the visible range.
        """
        params = {"department_id": str(department_id)}
        return [*(await self._transport.ask(NAMES, _Names, params=params)).userlist]

    async def list_in(self, department_id: int) -> list[Member]:
        """Return the members right in a department (doc 90201); one answer, so ask level by level.

        Raises:
            Refused: 60123, 60003 no such department; 45029 too many for one answer.
            NeedsAdmin: 60011 outside the visible range.
        """
        params = {"department_id": str(department_id)}
        return [*(await self._transport.ask(LIST, _Members, params=params)).userlist]

    async def departments(self, below: int | None = None) -> list[Department]:
        """Return a department and all below it, or all that the app sees (doc 90208).

        Raises:
            Refused: 60123, 60003 no such department.
            NeedsAdmin: 60011 outside the visible range.
        """
        params = {} if below is None else {"id": str(below)}
        return [*(await self._transport.ask(DEPARTMENTS, _Departments, params=params)).department]
