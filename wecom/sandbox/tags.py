"""Corp tags (客户标签): the API's rules, and staff's changes in the console, which call back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .people import Mistake
from .refusal import Refusal
from .state import Tag, TagGroup

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .corp import Corp
    from .events import Value


class Tags:
    """Tag groups and their tags; a group lives exactly as long as it has a tag."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self.groups: dict[str, TagGroup] = {}

    def find(self, tag_id: str) -> Tag | None:
        return next((g.tags[tag_id] for g in self.groups.values() if tag_id in g.tags), None)

    def group_of(self, tag: Tag) -> TagGroup:
        return self.groups[tag.group_id]

    def group_named(self, name: str) -> TagGroup | None:
        return next((group for group in self.groups.values() if group.name == name), None)

    def ordered(self) -> list[TagGroup]:
        """Return groups as the console shows them: larger order first, then older first."""
        return sorted(self.groups.values(), key=lambda group: (-group.order, group.create_time))

    def add(
        self, *, group_id: str, group_name: str, order: int, names: Sequence[tuple[str, int]]
    ) -> tuple[TagGroup, list[Tag]]:
        """Add tags to a group found by id or name, or to a new one (external-contact.md §4).

        Raises:
            Refusal: 40068 no such group id; 40071 a name is taken in the group; 40126 quota.
        """
        group = self.groups.get(group_id) if group_id else self.group_named(group_name)
        if group is None and group_id:
            raise Refusal(40068, "invalid group_id")
        taken = {tag.name for tag in group.tags.values()} if group else set()
        wanted = [name for name, _ in names]
        if len(set(wanted)) < len(wanted) or taken & set(wanted):
            raise Refusal(40071)
        if sum(len(g.tags) for g in self.groups.values()) + len(names) > self._corp.rules.corp_tag_quota:
            raise Refusal(40126)
        at = self._corp.clock.timestamp()
        if group is None:
            group = TagGroup(group_id=self._corp.ids.tag(), name=group_name, create_time=at, order=order)
            self.groups[group.group_id] = group
        added = []
        for name, tag_order in names:
            tag = Tag(
                id=self._corp.ids.tag(), name=name, group_id=group.group_id, create_time=at, order=tag_order
            )
            group.tags[tag.id] = tag
            added.append(tag)
        self._corp.changed("tags")
        return group, added

    def edit(self, some_id: str, *, name: str | None, order: int | None) -> str:
        """Rename or reorder a tag or group; return ``tag`` or ``tag_group``.

        Raises:
            Refusal: 40068 no such id; 40071 the name is taken.
        """
        group = self.groups.get(some_id)
        if group is not None:
            if name and any(g.name == name and g is not group for g in self.groups.values()):
                raise Refusal(40071)
            group.name = name or group.name
            group.order = group.order if order is None else order
            self._corp.changed("tags")
            return "tag_group"
        tag = self.find(some_id)
        if tag is None:
            raise Refusal(40068)
        siblings = self.group_of(tag).tags.values()
        if name and any(other.name == name and other is not tag for other in siblings):
            raise Refusal(40071)
        tag.name = name or tag.name
        tag.order = tag.order if order is None else order
        self._corp.changed("tags")
        return "tag"

    def delete(self, tag_ids: Sequence[str], group_ids: Sequence[str]) -> None:
        """Delete tags and groups, all or none; customers lose them, an emptied group goes too.

        Raises:
            Refusal: 40068 one of the ids does not exist.
        """
        found = [self.find(tag_id) for tag_id in tag_ids]
        if None in found or any(group_id not in self.groups for group_id in group_ids):
            raise Refusal(40068)
        doomed = {tag.id for tag in found if tag is not None}
        doomed |= {tag_id for group_id in group_ids for tag_id in self.groups[group_id].tags}
        for group in list(self.groups.values()):
            group.tags = {tag_id: tag for tag_id, tag in group.tags.items() if tag_id not in doomed}
            if not group.tags:
                del self.groups[group.group_id]
        for book in self._corp.follows_of_member.values():
            book.forget_tags(doomed)
        self._corp.changed("tags")

    # -- what staff do in the console: these call back ------------------------------------------------

    def staff_creates(self, group_name: str, names: Sequence[str]) -> tuple[TagGroup, list[Tag]]:
        """Let an administrator create tags: change_external_tag / create for the group and each tag."""
        is_new = self.group_named(group_name) is None
        group, added = self._as_staff(group_name, names)
        if is_new:
            self._tell("create", group.group_id, "tag_group")
        for tag in added:
            self._tell("create", tag.id, "tag")
        return group, added

    def _as_staff(self, group_name: str, names: Sequence[str]) -> tuple[TagGroup, list[Tag]]:
        try:
            return self.add(group_id="", group_name=group_name, order=0, names=[(name, 0) for name in names])
        except Refusal as exc:
            raise Mistake(exc.why) from None

    def staff_renames(self, some_id: str, name: str) -> None:
        """Let an administrator rename a tag or group: change_external_tag / update."""
        try:
            kind = self.edit(some_id, name=name, order=None)
        except Refusal as exc:
            raise Mistake(exc.why) from None
        self._tell("update", some_id, kind)

    def staff_deletes(self, some_id: str) -> None:
        """Let an administrator delete a tag or group: a group's tags get no events of their own."""
        is_group = some_id in self.groups
        try:
            self.delete([] if is_group else [some_id], [some_id] if is_group else [])
        except Refusal as exc:
            raise Mistake(exc.why) from None
        self._tell("delete", some_id, "tag_group" if is_group else "tag")

    def staff_shuffles(self, group_id: str = "") -> None:
        """Let an administrator reorder the tags of one group, or all groups when empty."""
        if group_id and group_id not in self.groups:
            raise Mistake(f"no tag group has the id {group_id!r}")
        self._corp.emit("change_external_tag", Id=group_id, ChangeType="shuffle")

    def _tell(self, change: str, some_id: str, kind: str) -> None:
        fields: dict[str, Value] = {"Id": some_id, "TagType": kind, "ChangeType": change}
        self._corp.emit("change_external_tag", **fields)
