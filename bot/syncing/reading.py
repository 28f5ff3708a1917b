"""What a sync reads from WeCom, with the patience that a long walk needs.

WeCom's answers are sorted here by what they prove: a list, "nobody" (a proof too), or nothing (``None``).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from clinic.groups import Seat
from clinic.listed import ListedContact
from clinic.reconcile import Listed
from clinic.ways import ListedWay
from wecom.answers import Page
from wecom.api.contacts import BATCH_BY_USER, BatchContact
from wecom.errors import NeedsAdmin, NotDone, Refused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from wecom.api.groups import GroupChat
    from wecom.api.members import Member
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

PAGE: Final = 100  # contacts per call (doc 92994)
TRIES: Final = 6
PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 60.0
NO_RELATION: Final = frozenset({84061, 40096})
# One member: unknown, outside the visible range, without the customer-contact function or its licence.
OF_ONE_MEMBER: Final = frozenset({40003, 60111, 60011, 60021, 84074, 84061, 701008})
TOO_MANY_MEMBERS: Final = 81017
WAYS_SINCE: Final = datetime(2021, 7, 10, tzinfo=UTC)  # WeCom lists none that are older (doc 92572)

T = TypeVar("T")


class BatchPage(Page):
    """One page of batch/get_by_user."""

    external_contact_list: tuple[BatchContact, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ContactPage:
    """Up to a hundred relations, and the cursor behind them; empty at the end."""

    contacts: tuple[ListedContact, ...]
    next_cursor: str


class GroupHidden(Exception):
    """The group exists, or existed, where the app may not look: nothing can be said about it."""


class TenantReader:
    """Asks WeCom one question at a time; the client's budget sets the pace."""

    def __init__(
        self, client: WeComClient, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._client = client
        self._sleep = sleep

    async def patiently(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask again while WeCom is busy or asks for a pause, up to six times.

        Raises:
            WeComError: it was refused, or WeCom stayed busy.
        """
        for tried in range(1, TRIES):
            try:
                return await ask()
            except NotDone as exc:
                pause = max(exc.retry_after_s or 0.0, min(PAUSE_S * 2 ** (tried - 1), LONGEST_PAUSE_S))
                log.info("sync.waits", call=exc.call, outcome=exc.outcome, errcode=exc.errcode, pause_s=pause)
                await self._sleep(pause)
        return await ask()

    async def serving(self) -> list[str]:
        """Return the members who may have customers and whom the app sees, in a fixed order."""
        return sorted(set(await self.patiently(self._client.contacts.follow_users)))

    async def member(self, userid: str) -> Member | None:
        """Return a member's details; None where the app may not look."""
        try:
            return await self.patiently(lambda: self._client.members.get(userid))
        except Refused as exc:
            log.info("sync.member_unreadable", errcode=exc.errcode)
            return None

    async def tags(self) -> dict[str, str]:
        """Return WeCom's ids of all corp tags by ``组/标签``."""
        groups = await self.patiently(self._client.tags.list)
        return {
            f"{group.group_name}/{tag.name}": tag.id
            for group in groups
            for tag in group.tag
            if not (group.deleted or tag.deleted)
        }

    async def page(self, userids: Sequence[str], cursor: str) -> ContactPage:
        """Return a page of the members' contacts, at most a hundred members at once (doc 92994).

        Raises:
            WeComError: see :data:`OF_ONE_MEMBER` for refusals that concern one of several members only.
        """
        body = {"userid_list": [*userids], "limit": PAGE} | ({"cursor": cursor} if cursor else {})
        page = await self.patiently(
            lambda: self._client.transport.ask(BATCH_BY_USER, BatchPage, body=body),
        )
        return ContactPage(
            contacts=tuple(_listed(contact) for contact in page.external_contact_list),
            # A cursor that does not move would never end.
            next_cursor=page.next_cursor if page.next_cursor != cursor else "",
        )

    async def contacts_of(self, userid: str) -> set[str] | None:
        """Return the complete list of a member's contacts; None where the app may not look."""
        try:
            return set(await self.patiently(lambda: self._client.contacts.list_of(userid)))
        except Refused as exc:
            if exc.errcode not in OF_ONE_MEMBER:
                raise
            log.info("sync.list_unreadable", errcode=exc.errcode)
            return None

    async def has_left(self, external_userid: str, userid: str) -> bool:
        """Ask the person's side whether the relation is gone; a doubtful answer is a no."""
        try:
            detail = await self.patiently(lambda: self._client.contacts.get(external_userid))
        except Refused as exc:
            return exc.errcode in NO_RELATION
        return all(follow.userid != userid for follow in detail.follow_user)

    async def group_ids(self, owners: Sequence[str]) -> list[str]:
        """Return the ids of all groups that the app sees, in a fixed order."""

        async def every(owner_ids: Sequence[str] | None) -> list[str]:
            return [ref.chat_id async for ref in self._client.groups.list(owner_ids)]

        try:
            ids = await self.patiently(lambda: every(None))
        except Refused as exc:
            if exc.errcode != TOO_MANY_MEMBERS:
                raise
            ids = await self.patiently(lambda: every(owners))
        return sorted(set(ids))

    async def way_ids(self, *, until: datetime) -> list[str]:
        """Return the ids of all contact ways that WeCom lists, in a fixed order; the temporary are not."""

        async def every() -> list[str]:
            return [way async for way in self._client.contact_ways.list(WAYS_SINCE, until)]

        return sorted(set(await self.patiently(every)))

    async def way(self, config_id: str) -> ListedWay | None:
        """Return a contact way; None when it was deleted a moment ago."""
        try:
            way = await self.patiently(lambda: self._client.contact_ways.get(config_id))
        except NeedsAdmin:
            raise
        except Refused as exc:
            log.info("sync.way_gone", errcode=exc.errcode)
            return None
        return ListedWay(
            config_id=way.config_id,
            state=way.state,
            remark=way.remark,
            userids=way.user,
            qr_code=way.qr_code,
        )

    async def group(self, chat_id: str) -> GroupChat | None:
        """Return a group; None when it is no more.

        Raises:
            GroupHidden: its owner is outside the visible range.
        """
        try:
            return await self.patiently(lambda: self._client.groups.get(chat_id))
        except Refused as exc:
            if exc.errcode in OF_ONE_MEMBER:
                raise GroupHidden from exc
            log.info("sync.group_gone", errcode=exc.errcode)
            return None


def seats_of(chat: GroupChat) -> list[Seat]:
    """Return who is in a group, as our records take it."""
    return [
        Seat(
            person=member.userid,
            external=member.is_external,
            joined_at=member.join_time,
            join_scene=member.join_scene,
            state=member.state,
            inviter=member.invitor.userid,
        )
        for member in chat.member_list
    ]


def _listed(contact: BatchContact) -> ListedContact:
    person, follow = contact.external_contact, contact.follow
    return ListedContact(
        external_userid=person.external_userid,
        name=person.name,
        unionid=person.unionid,
        gender=person.gender,
        userid=follow.userid,
        relation=Listed(channel=follow.state, add_way=follow.add_way, added_at=follow.created_at),
        tag_ids=follow.tag_ids,
        remark=follow.remark,
    )
