"""Customer groups (客户群): people come and go, staff rename and dismiss; callbacks follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import member_change_xml
from .people import Mistake
from .state import Group, GroupMember, Message

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .corp import Corp


class Groups:
    """What happens to customer groups on phones."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self.greet: Callable[[str, Sequence[str]], None] = lambda _chat_id, _newcomers: None

    def create(self, name: str, owner: str, people: Sequence[str] = (), *, silent: bool = False) -> Group:
        """Let a member open a customer group with colleagues and patients."""
        corp = self._corp
        if owner not in corp.members:
            raise Mistake(f"no member has the userid {owner!r}")
        group = Group(
            chat_id=corp.ids.group(),
            name=name,
            owner=owner,
            create_time=corp.now,
            version=corp.ids.version(),
            opengid=corp.ids.mark("tG", 30),
        )
        for person in (owner, *people):
            group.members[person] = self._seat(person, scene=1, invitor=owner)
        corp.groups[group.chat_id] = group
        if not silent:
            corp.emit("change_external_chat", ChatId=group.chat_id, ChangeType="create")
        corp.changed("group.created", groups=[group.chat_id], members=[owner], patients=list(people))
        return group

    def _seat(self, person: str, *, scene: int, invitor: str = "", state: str = "") -> GroupMember:
        employee = person in self._corp.members
        if not employee and person not in self._corp.customers:
            raise Mistake(f"nobody has the id {person!r}")
        return GroupMember(
            userid=person,
            type=1 if employee else 2,
            join_time=self._corp.now,
            join_scene=scene,
            invitor=invitor,
            state=state,
        )

    def standing(self, chat_id: str) -> Group:
        group = self._corp.group(chat_id)
        if group is None:
            raise Mistake(f"no standing customer group has the chat_id {chat_id!r}")
        return group

    def join(
        self,
        chat_id: str,
        people: Sequence[str],
        *,
        scene: int = 3,
        invitor: str = "",
        state: str = "",
        silent: bool = False,
    ) -> None:
        """Let people join: ``scene`` 1 invited, 2 invite link, 3 group QR (as groupchat/get shows it)."""
        group = self.standing(chat_id)
        newcomers = [person for person in people if person not in group.members]
        if not newcomers:
            raise Mistake(f"all of them are already in {group.name}")
        seats = [self._seat(p, scene=scene, invitor=invitor, state=state) for p in newcomers]
        group.members.update({seat.userid: seat for seat in seats})
        # The callback counts differently: 0 invited (also by link), 3 scanned (callbacks.md §6.8).
        self._moved(group, "add_member", newcomers, scene=3 if scene == 3 else 0, silent=silent)
        if not silent:
            self.greet(chat_id, newcomers)

    def leave(
        self, chat_id: str, people: Sequence[str], *, removed: bool = False, silent: bool = False
    ) -> None:
        """Let people leave by themselves, or be ``removed`` by the owner."""
        group = self.standing(chat_id)
        gone = [person for person in people if person in group.members]
        if not gone:
            raise Mistake(f"none of them is in {group.name}")
        if group.owner in gone:
            raise Mistake("the owner hands the group over before leaving")
        for person in gone:
            del group.members[person]
        self._moved(group, "del_member", gone, scene=1 if removed else 0, silent=silent)

    def _moved(self, group: Group, detail: str, people: list[str], *, scene: int, silent: bool) -> None:
        corp = self._corp
        before, group.version = group.version, corp.ids.version()
        if not silent:
            corp.emit_event(
                member_change_xml(
                    corp_id=corp.credentials.corp_id,
                    at=corp.clock.timestamp(),
                    chat_id=group.chat_id,
                    detail=detail,
                    people=people,
                    versions=(before, group.version),
                    scene=scene,
                )
            )
        corp.changed(f"group.{detail}", groups=[group.chat_id], patients=people, members=[group.owner])

    def change(
        self, chat_id: str, *, name: str | None = None, notice: str | None = None, owner: str | None = None
    ) -> None:
        """Let staff rename a group, change its notice, or hand it to a new owner."""
        group = self.standing(chat_id)
        if owner is not None:
            if owner not in self._corp.members:
                raise Mistake(f"no member has the userid {owner!r}")
            group.owner = owner
            group.members.setdefault(owner, self._seat(owner, scene=1))
            self._updated(group, "change_owner")
        if name is not None:
            group.name = name
            self._updated(group, "change_name")
        if notice is not None:
            group.notice = notice
            self._updated(group, "change_notice")

    def _updated(self, group: Group, detail: str) -> None:
        self._corp.emit(
            "change_external_chat", ChatId=group.chat_id, ChangeType="update", UpdateDetail=detail
        )
        self._corp.changed(f"group.{detail}", groups=[group.chat_id], members=[group.owner])

    def dismiss(self, chat_id: str) -> None:
        """Let the owner dismiss a group."""
        group = self.standing(chat_id)
        group.dismissed = True
        self._corp.emit("change_external_chat", ChatId=chat_id, ChangeType="dismiss")
        self._corp.changed("group.dismissed", groups=[chat_id], members=[group.owner])

    def write(self, chat_id: str, person: str, text: str) -> Message:
        """Let somebody in the group write. No callback exists for it."""
        group = self.standing(chat_id)
        if person not in group.members:
            raise Mistake(f"{person} is not in {group.name}")
        bubble = self._corp.message(
            sender_kind="member" if group.members[person].type == 1 else "patient",
            sender_id=person,
            kind="text",
            text=text,
        )
        self._corp.say_in_group(chat_id, bubble)
        return bubble
