"""Contact ways (「联系我」): codes that patients scan (external-contact.md §5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .people import Mistake
from .refusal import Refusal
from .state import ContactWay, Json

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .corp import Corp


class ContactWays:
    """Contact ways by config_id. WeCom rotates over the members of one; so does the sandbox."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._ways: dict[str, ContactWay] = {}

    def add(self, body: Json, members: Sequence[str]) -> ContactWay:
        """Store a checked contact way; 41045 when the corp has no room for another."""
        if len(self._ways) >= self._corp.rules.contact_way_quota:
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
        """Return the member whom the next patient meets and the state that travels along."""
        way = self._ways.get(config_id)
        if way is None or not way.members:
            raise Mistake(f"no contact way has the config_id {config_id!r}")
        userid = way.members[way.turn % len(way.members)]
        way.turn += 1
        return userid, str(way.body.get("state", ""))
