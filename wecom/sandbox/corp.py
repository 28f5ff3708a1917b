"""The corp's records in one place, with the look-ups and refusals every part of WeCom shares."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from .books import CustomerFollows, Customers, MemberFollows
from .events import CallbackEvent, Value, event
from .population import Population
from .refusal import Refusal
from .state import Follow, Group, Json, Member, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from .clock import SandboxClock
    from .ids import Credentials, Ids
    from .rules import Rules
    from .state import Department


@dataclass(slots=True, kw_only=True)
class Corp:
    """Records and two wires out: ``emit`` a callback, tell phones that something ``changed``.

    Customers and relations may be computed when asked for (a scene of 300 000 patients): never assume
    that walking over all of them is cheap, and change a relation by assigning its attributes.
    """

    credentials: Credentials
    clock: SandboxClock
    ids: Ids
    rules: Rules
    emit_event: Callable[[CallbackEvent], None]
    changed: Callable[..., None]
    members: dict[str, Member] = field(default_factory=dict)
    departments: dict[int, Department] = field(default_factory=dict)
    customers: Customers = field(init=False)
    follows_of_member: dict[str, MemberFollows] = field(default_factory=dict)
    follows_of_customer: CustomerFollows = field(init=False)
    groups: dict[str, Group] = field(default_factory=dict)
    chats: dict[tuple[str, str], list[Message]] = field(default_factory=dict)  # (userid, external_userid)
    group_chats: dict[str, list[Message]] = field(default_factory=dict)
    app_chats: dict[str, list[Message]] = field(default_factory=dict)
    assistant_chats: dict[str, list[Message]] = field(default_factory=dict)  # 群发助手's notices
    _talked: dict[str, dict[str, None]] = field(default_factory=dict)  # customers by when a chat last moved

    def __post_init__(self) -> None:
        self.populate(Population(seed="", clinics=(), now=self.now, tags=()))

    @property
    def now(self) -> datetime:
        return self.clock.now()

    def emit(self, name: str, sender: str = "sys", /, **fields: Value) -> None:
        """Send a callback to the app; ``fields`` are its own elements in WeCom's order."""
        self.emit_event(event(self.credentials.corp_id, self.clock.timestamp(), name, sender, **fields))

    # -- members ------------------------------------------------------------------------------------

    def member(self, userid: str) -> Member:
        """Return a member the app may see.

        Raises:
            Refusal: 40003 nobody has this userid; 60011 outside the app's visible range.
        """
        member = self.members.get(userid)
        if member is None or member.left_at is not None:
            raise Refusal(40003, f"invalid userid: {userid[:64]}" if userid else "invalid userid")
        if not member.visible:
            raise Refusal(60011)
        return member

    def contact_member(self, userid: str) -> Member:
        """Return a visible member who may serve customers; 84074 outside 客户联系's 使用范围."""
        member = self.member(userid)
        if not member.contact_enabled:
            raise Refusal(84074)
        return member

    def visible_members(self) -> list[Member]:
        return [member for member in self.members.values() if member.visible]

    def serving_members(self) -> list[Member]:
        """Return the members who can serve customers and whom the app can see."""
        return [member for member in self.visible_members() if member.contact_enabled]

    def members_of_department(self, department_id: int, *, with_children: bool = True) -> list[Member]:
        wanted = {department_id}
        if with_children:
            wanted |= self.departments_below(department_id)
        return [member for member in self.members.values() if wanted & set(member.departments)]

    def sees_department(self, department_id: int) -> bool:
        """Tell whether a department is in the app's visible range: not where it sees none of its people.

        The people of departments below count; a department without people is seen.
        """
        people = [m for m in self.members_of_department(department_id) if m.left_at is None]
        return not people or any(member.visible for member in people)

    def departments_below(self, department_id: int) -> set[int]:
        """Return the ids of all departments under one, at any depth."""
        found: set[int] = set()
        ring = {department_id}
        while ring:
            ring = {d.id for d in self.departments.values() if d.parent_id in ring} - found
            found |= ring
        return found

    # -- customers ----------------------------------------------------------------------------------

    def follow(self, userid: str, external_userid: str) -> Follow | None:
        book = self.follows_of_member.get(userid)
        return None if book is None else book.get(external_userid)

    def add_follow(self, follow: Follow) -> None:
        self.follows_of_member.setdefault(follow.userid, MemberFollows())[follow.external_userid] = follow
        self.follows_of_customer.add(follow)

    def drop_follow(self, follow: Follow) -> None:
        self.follows_of_member[follow.userid].pop(follow.external_userid, None)

    def follow_page(self, userids: Sequence[str], start: int, limit: int) -> tuple[list[Follow], int | None]:
        """Return the relations at places [start, start + limit) of the members in a row, and what follows.

        A place may be empty, so a page may hold fewer; None: it was the last one. Members before the
        page cost a look at their size only, and nobody is skipped when a relation ends meanwhile.
        """
        found: list[Follow] = []
        passed, end = 0, start + limit
        for userid in userids:
            book = self.follows_of_member.get(userid)
            if book is None:
                continue
            begin = max(start - passed, 0)
            if begin < book.places and passed + begin < end:
                found += book.window(begin, end - passed - begin)
            passed += book.places
        return found, end if end < passed else None

    def populate(self, population: Population) -> None:
        """Begin with a computed population; its staff are members already."""
        self.customers = Customers(population)
        for clinic in population.clinics:
            for userid in (*clinic.assistants, *clinic.doctors, *clinic.aides, clinic.manager):
                series = population.series(clinic, userid)
                self.follows_of_member[userid] = MemberFollows(userid, population, series)
        self.follows_of_customer = CustomerFollows(self.follows_of_member, population)

    def listed_follows(self, external_userid: str) -> list[Follow]:
        """Return a customer's followers as the API shows them: visible members, additions confirmed.

        A member whom the customer deleted is still listed (callbacks.md §6.5).
        """
        return [
            follow
            for follow in self.follows_of_customer.get(external_userid, {}).values()
            if not follow.half and self.members[follow.userid].visible
        ]

    def relation(self, userid: str, external_userid: str) -> Follow:
        """Return the relation the app wants to work on.

        A customer who deleted the member leaves a one-way relation on which APIs keep working; a
        member who deleted the customer leaves none (external-contact.md §3).

        Raises:
            Refusal: 40003, 60011, 84074 the member; 40096 the customer; 84061 no relation.
        """
        self.contact_member(userid)
        if external_userid not in self.customers:
            raise Refusal(40096)
        follow = self.follow(userid, external_userid)
        if follow is None or follow.half:
            raise Refusal(84061)
        return follow

    def customers_named(self, text: str) -> Iterator[str]:
        """Return the ids of customers whose nickname holds a text, or whose id it is; one by one."""
        wanted = text.strip().casefold()
        if text.strip() in self.customers:
            yield text.strip()
        else:
            yield from self.customers.named(wanted)

    # -- groups -------------------------------------------------------------------------------------

    def group(self, chat_id: str) -> Group | None:
        """Return a standing customer group, or None."""
        group = self.groups.get(chat_id)
        return None if group is None or group.dismissed else group

    def groups_owned_by(self, userid: str) -> list[Group]:
        return [g for g in self.groups.values() if g.owner == userid and not g.dismissed]

    # -- chats --------------------------------------------------------------------------------------

    def message(
        self,
        *,
        sender_kind: Literal["member", "patient", "app", "system"],
        sender_id: str,
        kind: str,
        text: str = "",
        payload: Json | None = None,
        origin: str = "chat",
        ref: str = "",
    ) -> Message:
        """Make a bubble stamped with the tenant's time; the caller puts it where it belongs."""
        return Message(
            id=self.ids.mark("m", 12),
            at=self.now,
            sender_kind=sender_kind,
            sender_id=sender_id,
            kind=kind,
            text=text,
            payload=payload or {},
            origin=origin,
            ref=ref,
        )

    def say_in_chat(self, userid: str, external_userid: str, message: Message) -> None:
        """Put a bubble into the chat of a member and a customer."""
        self.chats.setdefault((userid, external_userid), []).append(message)
        talked = self._talked.setdefault(userid, {})
        talked.pop(external_userid, None)
        talked[external_userid] = None  # the last one now
        self.changed("chat.message", members=[userid], patients=[external_userid])

    def recent_follows(self, userid: str) -> Iterator[Follow]:
        """Return a member's relations: chats that moved last first, then the newest; one by one."""
        book = self.follows_of_member.get(userid)
        if book is None:
            return
        talked = list(reversed(self._talked.get(userid, {})))
        seen = set(talked)
        for external_userid in talked:
            follow = book.get(external_userid)
            if follow is not None:
                yield follow
        yield from (follow for follow in book.newest() if follow.external_userid not in seen)

    def say_in_group(self, chat_id: str, message: Message) -> None:
        """Put a bubble into a customer group."""
        self.group_chats.setdefault(chat_id, []).append(message)
        self.changed("group.message", groups=[chat_id])

    def say_in_app(self, userid: str, message: Message) -> None:
        """Put a bubble into a member's conversation with the app."""
        self.app_chats.setdefault(userid, []).append(message)
        self.changed("app.message", members=[userid])

    def notify(self, userid: str, text: str, *, ref: str = "") -> None:
        """Let 客户联系/群发助手 nudge a member on the phone."""
        bubble = self.message(
            sender_kind="system", sender_id="客户联系", kind="notice", text=text, origin="notice", ref=ref
        )
        self.assistant_chats.setdefault(userid, []).append(bubble)
        self.changed("notice", members=[userid])
