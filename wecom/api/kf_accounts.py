"""微信客服: accounts, their links and servicers (customer-service-kf.md §2; doc 94662-94665, 94646)."""

import builtins
import re
from collections.abc import AsyncIterator, Sequence
from typing import Any
from urllib.parse import quote

from pydantic import Field

from wecom.answers import Answer
from wecom.exchange import Endpoint
from wecom.limits import check_bytes, check_chars, check_count, check_present
from wecom.transport import Transport

NAME_CHARS = 16
PAGE = 100
MEMBERS = 100
_SCENE = re.compile(r"[0-9A-Za-z_-]{0,32}")

ADD = Endpoint(path="kf/account/add", creates=True)
UPDATE = Endpoint(path="kf/account/update")
DELETE = Endpoint(path="kf/account/del")
LIST = Endpoint(path="kf/account/list")
ADD_LINK = Endpoint(path="kf/add_contact_way")  # the same link again for the same scene
ADD_SERVICERS = Endpoint(path="kf/servicer/add")
REMOVE_SERVICERS = Endpoint(path="kf/servicer/del")
SERVICERS = Endpoint(path="kf/servicer/list", method="GET")


class KfAccount(Answer):
    """An account. ``manage_privilege``: this app may read, write and move its sessions."""

    open_kfid: str
    name: str = ""
    avatar: str = ""
    manage_privilege: bool = False


class ServicerResult(Answer):
    """What became of one member or department; an ``errcode`` of 0 also when nothing had to change."""

    userid: str = ""
    department_id: int = 0
    errcode: int = 0
    errmsg: str = ""


class Servicer(Answer):
    """A member or department that answers: ``status`` 0 receives, 1 stopped; ``stop_type`` 1 suspended."""

    userid: str = ""
    department_id: int = 0
    status: int = 0
    stop_type: int = 0

    @property
    def receives(self) -> bool:
        return self.status == 0


class _Created(Answer):
    open_kfid: str = Field(min_length=1)


class _Accounts(Answer):
    account_list: tuple[KfAccount, ...] = ()


class _Url(Answer):
    url: str = Field(min_length=1)


class _Results(Answer):
    result_list: tuple[ServicerResult, ...] = ()


class _Servicers(Answer):
    servicer_list: tuple[Servicer, ...] = ()


def with_scene_param(url: str, scene_param: str) -> str:
    """Return a link that carries own data, at most 128 bytes, into enter_session; only of a link with a
    scene.
    """
    check_present("scene_param", scene_param)
    check_bytes("scene_param", scene_param, 128)
    return f"{url}{'&' if '?' in url else '?'}scene_param={quote(scene_param, safe='')}"


class KfAccounts:
    """Accounts that are granted to this app: at most 5 000 per corp."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, name: str, media_id: str) -> str:
        """Create an account, its name at most 16 characters, and return its id; ``media_id`` is its face (doc
        94662). After a lost answer look with ``list``.

        Raises:
            OutcomeUnknown: no usable answer.
            Refused: 95006 bad name; 40007 media too old or no picture, 41006 none.
            NeedsAdmin: 95005, 95026, 95027 no more accounts; 48002 the app may not.
        """
        body = {"name": _name(name), "media_id": media_id}
        return (await self._transport.ask(ADD, _Created, body=body)).open_kfid

    async def update(self, open_kfid: str, *, name: str | None = None, media_id: str | None = None) -> None:
        """Change an account's name or face (doc 94664).

        Raises:
            Refused: 95000, 95004 no such account; 95006 bad name; 40007 media too old or no picture, 41006
                none.
        """
        check_present("open_kfid", open_kfid)
        body = {"open_kfid": open_kfid}
        if name is not None:
            body["name"] = _name(name)
        if media_id is not None:
            body["media_id"] = media_id
        check_count("name, media_id", body, 3, least=2)
        await self._transport.call(UPDATE, body=body)

    async def delete(self, open_kfid: str) -> None:
        """Delete an account (doc 94663); its links stop working.

        Raises:
            Refused: 95000, 95004 no such account.
        """
        check_present("open_kfid", open_kfid)
        await self._transport.call(DELETE, body={"open_kfid": open_kfid})

    async def list(self) -> AsyncIterator[KfAccount]:
        """Yield all accounts, 100 a page (doc 94661)."""
        offset = 0
        while True:
            body = {"offset": offset, "limit": PAGE}
            accounts = (await self._transport.ask(LIST, _Accounts, body=body)).account_list
            for account in accounts:
                yield account
            if len(accounts) < PAGE:
                return
            offset += PAGE

    async def link(self, open_kfid: str, *, scene: str = "") -> str:
        """Return a URL that opens a chat with an account (doc 94665); make the code from it yourself.

        ``scene``, at most 32 letters, digits, ``_`` and ``-``, comes back in enter_session.

        Raises:
            Refused: 95000, 95004 no such account.
        """
        check_present("open_kfid", open_kfid)
        if not _SCENE.fullmatch(scene):
            raise ValueError("scene: at most 32 of letters, digits, _ and -")
        body = {"open_kfid": open_kfid} | ({"scene": scene} if scene else {})
        return (await self._transport.ask(ADD_LINK, _Url, body=body)).url

    async def add_servicers(
        self, open_kfid: str, *, userids: Sequence[str] = (), department_ids: Sequence[int] = ()
    ) -> builtins.list[ServicerResult]:
        """Let up to 100 members and 20 departments answer an account; at most 2 000 and 20 in all (doc
        94646). Each has its own result; its errcode is 60030 for who is outside the app's visible range,
        95014 not activated, 40003 no such member, 60123 no such department.

        Raises:
            Refused: 95000, 95004 no such account; 40058 more than 2 000 members or 20 departments in all.
            NeedsAdmin: 60030 WeCom may refuse all of them for one outside the visible range.
        """
        return await self._servicers(ADD_SERVICERS, open_kfid, userids, department_ids, departments=20)

    async def remove_servicers(
        self, open_kfid: str, *, userids: Sequence[str] = (), department_ids: Sequence[int] = ()
    ) -> builtins.list[ServicerResult]:
        """Take up to 100 members and 100 departments from an account (doc 94647).

        Raises:
            Refused: 95000, 95004 no such account.
        """
        return await self._servicers(REMOVE_SERVICERS, open_kfid, userids, department_ids, departments=100)

    async def _servicers(
        self,
        endpoint: Endpoint,
        open_kfid: str,
        userids: Sequence[str],
        department_ids: Sequence[int],
        *,
        departments: int,
    ) -> builtins.list[ServicerResult]:
        check_present("open_kfid", open_kfid)
        check_count("userids", userids, MEMBERS)
        check_count("department_ids", department_ids, departments)
        check_count("userids, department_ids", [*userids, *department_ids], 200, least=1)
        body: dict[str, Any] = {"open_kfid": open_kfid}
        if userids:
            body["userid_list"] = [*userids]
        if department_ids:
            body["department_id_list"] = [*department_ids]
        return [*(await self._transport.ask(endpoint, _Results, body=body)).result_list]

    async def servicers(self, open_kfid: str) -> builtins.list[Servicer]:
        """Return who answers an account, and whether they receive now (doc 94645).

        Raises:
            Refused: 95000, 95004 no such account.
        """
        check_present("open_kfid", open_kfid)
        return [
            *(await self._transport.ask(SERVICERS, _Servicers, params={"open_kfid": open_kfid})).servicer_list
        ]


def _name(name: str) -> str:
    check_present("name", name)
    check_chars("name", name, NAME_CHARS)
    return name
