"""Acquisition links (获客助手): they add a member, spend a quota, tell of it (external-contact.md §6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .people import Mistake
from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .corp import Corp
    from .people import People
    from .state import Json, WelcomeCode

CHAT_KEY_LIFE = timedelta(minutes=30)
LOW = 20
TOLD_AT = frozenset({3, 5, 10})  # message_from_customer comes with these messages
ADD_WAY = 16
EVENT = "customer_acquisition"


@dataclass(slots=True, kw_only=True)
class LinkCustomer:
    """A patient who came by a link."""

    external_userid: str
    userid: str
    state: str
    added_at: datetime
    messages: int = 0


@dataclass(slots=True, kw_only=True)
class Link:
    link_id: str
    url: str
    created_at: datetime
    body: Json
    members: list[str]
    turn: int = 0
    clicks: list[datetime] = field(default_factory=list)
    customers: dict[tuple[str, str], LinkCustomer] = field(default_factory=dict)


class AcquisitionLinks:
    """Links by id, the quota they spend, and the keys that tell who wrote."""

    def __init__(self, corp: Corp, people: People) -> None:
        self._corp = corp
        self._people = people
        self._links: dict[str, Link] = {}
        self._keys: dict[str, tuple[datetime, Link, LinkCustomer]] = {}
        self.total = corp.rules.acquisition_quota
        self.balance = self.total
        people.listeners.append(self._hear)

    # -- the API's side -----------------------------------------------------------------------------

    def create(self, body: Json, members: Sequence[str], *, base_url: str) -> Link:
        link_id = self._corp.ids.mark("ca", 20, kind="link")
        link = Link(
            link_id=link_id,
            url=f"{base_url}/sandbox/ca/{link_id}",
            created_at=self._corp.now,
            body=body,
            members=list(members),
        )
        self._links[link_id] = link
        return link

    def get(self, link_id: str) -> Link:
        """Return a link; 40058 no such id (or another app's)."""
        try:
            return self._links[link_id]
        except KeyError:
            raise Refusal(40058, "invalid link_id") from None

    def delete(self, link_id: str) -> None:
        """Delete through the API: no event."""
        self.get(link_id)
        del self._links[link_id]

    def everyone(self) -> list[Link]:
        return list(self._links.values())

    def chat_of(self, key: str) -> tuple[Link, LinkCustomer]:
        """Return whose message a chat_key is about; 40058 unknown or older than 30 minutes."""
        found = self._keys.get(key)
        if found is None or self._corp.now - found[0] > CHAT_KEY_LIFE:
            raise Refusal(40058, "invalid chat_key")
        return found[1], found[2]

    # -- the phones' side ---------------------------------------------------------------------------

    def find(self, link_or_url: str) -> Link:
        """Return the link a patient opened, by its id or its URL."""
        link_id = link_or_url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1]
        link = self._links.get(link_id)
        if link is None:
            raise Mistake("no acquisition link has this id or URL")
        return link

    def click(self, link: Link) -> None:
        link.clicks.append(self._corp.now)

    def add_through(
        self, link: Link, external_userid: str, *, channel: str
    ) -> tuple[str, WelcomeCode | None]:
        """Let a patient who opened a link add the member it offers; it spends one of the quota.

        Returns:
            The member and the welcome code.

        Raises:
            Mistake: the quota is used up, nobody of the link can serve, or they know each other.
        """
        corp = self._corp
        if self.balance <= 0:
            raise Mistake("the quota of the acquisition links is used up")
        able = [u for u in link.members if (m := corp.members.get(u)) and m.contact_enabled and not m.left_at]
        if not able:
            corp.emit(EVENT, ChangeType="link_unavailable", LinkId=link.link_id)
            raise Mistake("nobody of the link can take customers")
        self.click(link)
        userid = able[link.turn % len(able)]
        link.turn += 1
        if not link.body["skip_verify"]:
            corp.emit(EVENT, ChangeType="friend_request", LinkId=link.link_id, State=channel)
        code = self._people.patient_adds_member(
            external_userid, userid, state=channel, add_way=ADD_WAY, link_id=link.link_id
        )
        link.customers[userid, external_userid] = LinkCustomer(
            external_userid=external_userid, userid=userid, state=channel, added_at=corp.now
        )
        self._spend()
        return userid, code

    def _spend(self) -> None:
        self.balance -= 1
        if self.balance == 0:
            self._corp.emit(EVENT, ChangeType="balance_exhausted")
        elif self.balance == LOW - 1:
            self._corp.emit(EVENT, ChangeType="balance_low")

    def buy(self, amount: int) -> None:
        """Let an administrator buy quota."""
        was_empty = self.balance == 0
        self.total += amount
        self.balance += amount
        if was_empty and amount:
            self._corp.emit(EVENT, ChangeType="balance_increased")

    def delete_by_admin(self, link_id: str) -> None:
        """Let an administrator delete a link in the console: this one tells the app."""
        link = self.find(link_id)
        del self._links[link.link_id]
        self._corp.emit(EVENT, ChangeType="delete_link", LinkId=link.link_id)

    def _hear(self, userid: str, external_userid: str) -> None:
        """Count what a link's customer writes: the 1st, 3rd, 5th and 10th message are told."""
        for link in self._links.values():
            customer = link.customers.get((userid, external_userid))
            if customer is None:
                continue
            customer.messages += 1
            if customer.messages == 1:
                self._corp.emit(
                    EVENT,
                    ChangeType="customer_start_chat",
                    UserID=userid,
                    ExternalUserID=external_userid,
                    LinkId=link.link_id,
                )
            if customer.messages in TOLD_AT:
                key = self._corp.ids.mark("CK", 40)
                self._keys[key] = (self._corp.now, link, customer)
                self._corp.emit(EVENT, ChangeType="message_from_customer", LinkId=link.link_id, ChatKey=key)
