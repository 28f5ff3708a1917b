"""Codes that patients scan: contact ways (「联系我」), join ways (加入群聊): external-contact.md §5, §8."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from .people import Mistake
from .refusal import Refusal
from .state import ContactWay, Json

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from .corp import Corp
    from .groups import Groups
    from .state import Follow


@dataclass(slots=True, kw_only=True)
class JoinWay:
    """A code that leads into one of at most five groups; ``body`` is what the program set."""

    config_id: str
    body: Json


class ContactWays:
    """Contact ways by config_id. WeCom rotates over the members of one; so does the sandbox."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._ways: dict[str, ContactWay] = {}
        self.other_ways: Callable[[], int] = lambda: 0  # join ways use up the same quota

    def lasting(self) -> int:
        """Return how many contact ways count against the quota: temporary ones do not."""
        return sum(not way.body.get("is_temp") for way in self._ways.values())

    def add(self, body: Json, members: Sequence[str]) -> ContactWay:
        """Store a checked contact way; 41045 when the corp has no room for another."""
        if body.get("is_temp"):
            yesterday = self._corp.now - timedelta(days=1)
            recent = (w for w in self._ways.values() if w.body.get("is_temp") and w.created_at > yesterday)
            full = sum(1 for _ in recent) >= self._corp.rules.temporary_ways_per_day
        else:
            full = self.lasting() + self.other_ways() >= self._corp.rules.contact_way_quota
        if full:
            raise Refusal(41045, "contact way quota exceeded")
        way = ContactWay(
            config_id=self._corp.ids.mark("", 32, kind="way").lower(),
            created_at=self._corp.now,
            body=body,
            members=list(members),
        )
        self._ways[way.config_id] = way
        return way

    def get(self, config_id: str) -> ContactWay:
        """Return a contact way; 41044 no such config_id."""
        try:
            return self._ways[config_id]
        except KeyError:
            raise Refusal(41044, "invalid config_id") from None

    def update(self, config_id: str, body: Json, members: Sequence[str] | None) -> None:
        way = self.get(config_id)
        way.body |= body
        if members is not None:
            way.members = list(members)

    def delete(self, config_id: str) -> None:
        self.get(config_id)
        del self._ways[config_id]

    def listed(self, start: datetime, end: datetime) -> list[ContactWay]:
        """Return the lasting (not temporary) contact ways made in [start, end], oldest first."""
        return [w for w in self._ways.values() if start <= w.created_at <= end and not w.body.get("is_temp")]

    def everyone(self) -> list[ContactWay]:
        return list(self._ways.values())

    def scan(self, config_id: str) -> tuple[str, str]:
        """Return the member whom the next patient meets and the state that travels along.

        Raises:
            Mistake: no such code, or a temporary one that is too old.
        """
        way = self._ways.get(config_id)
        if way is None or not way.members:
            raise Mistake(f"no contact way has the config_id {config_id!r}")
        if way.body.get("is_temp"):
            end = way.created_at + timedelta(seconds=way.body["expires_in"])
            if self._corp.now > end:
                raise Mistake("the temporary contact way has expired")
        here = [u for u in way.members if (m := self._corp.members.get(u)) and m.left_at is None]
        if not here:
            raise Mistake("nobody of the contact way is left")
        userid = here[way.turn % len(here)]
        way.turn += 1
        return userid, str(way.body.get("state", ""))

    def close_temp_chat(self, userid: str, external_userid: str) -> None:
        """End a temporary session and say its closing words; 84061 the pair has none."""
        follow = self._corp.relation(userid, external_userid)
        if self._temporary(follow) is None:
            raise Refusal(84061, "not a temporary session")
        self.end_temp_chat(follow)

    def _temporary(self, follow: Follow) -> ContactWay | None:
        return next(
            (
                way
                for way in self._ways.values()
                if way.body.get("is_temp")
                and follow.userid in way.members
                and follow.state == way.body["state"]
                and way.created_at <= follow.createtime
            ),
            None,
        )

    def end_temp_chat(self, follow: Follow) -> None:
        """Say the closing words of a temporary session and part the pair; Mistake when it is none."""
        way = self._temporary(follow)
        if way is None:
            raise Mistake("not a temporary session")
        words = way.body.get("conclusions", {}).get("text", {}).get("content", "")
        if words:
            bubble = self._corp.message(
                sender_kind="member", sender_id=follow.userid, kind="text", text=words
            )
            self._corp.say_in_chat(follow.userid, follow.external_userid, bubble)
        self._corp.drop_follow(follow)


class JoinWays:
    """Join ways by config_id; scanning one puts a patient into the first group that has room."""

    def __init__(self, corp: Corp, groups: Groups, ways: ContactWays) -> None:
        self._corp = corp
        self._groups = groups
        self._ways = ways
        self._joins: dict[str, JoinWay] = {}
        ways.other_ways = lambda: len(self._joins)

    def add(self, body: Json) -> JoinWay:
        """Store a checked join way; 41045 when codes of both kinds fill the quota."""
        if self._ways.lasting() + len(self._joins) >= self._corp.rules.contact_way_quota:
            raise Refusal(41045, "contact way quota exceeded")
        way = JoinWay(config_id=self._corp.ids.mark("", 32, kind="join way").lower(), body=body)
        self._joins[way.config_id] = way
        return way

    def get(self, config_id: str) -> JoinWay:
        """Return a join way; 41044 no such config_id."""
        try:
            return self._joins[config_id]
        except KeyError:
            raise Refusal(41044, "invalid config_id") from None

    def delete(self, config_id: str) -> None:
        self.get(config_id)
        del self._joins[config_id]

    def everyone(self) -> list[JoinWay]:
        return list(self._joins.values())

    def scan(self, config_id: str, external_userid: str) -> str:
        """Let a patient scan: she joins the first group with room, or a new one where WeCom may open it.

        Returns:
            The chat_id of the group.

        Raises:
            Mistake: no such code, she is in already, or every group is full and none may be opened.
        """
        way = self._joins.get(config_id)
        if way is None:
            raise Mistake(f"no join way has the config_id {config_id!r}")
        standing = [g for g in map(self._corp.group, way.body["chat_id_list"]) if g is not None]
        if not standing:
            raise Mistake("every group of the join way was dismissed")
        room = next((g for g in standing if len(g.members) < self._corp.rules.group_size), None)
        if room is None and not way.body["auto_create_room"]:
            raise Mistake("every group of the join way is full")
        if room is None:
            name = f"{way.body['room_base_name'] or standing[0].name}{way.body['room_base_id'] or ''}"
            way.body["room_base_id"] += 1
            room = self._groups.create(name, standing[0].owner)
            way.body["chat_id_list"] = [*way.body["chat_id_list"], room.chat_id][-5:]
        self._groups.join(room.chat_id, [external_userid], scene=3, state=way.body["state"])
        return room.chat_id
