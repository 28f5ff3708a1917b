"""Corp tags and who wears them (external-contact.md §4, doc 92117, 92118)."""

import builtins
from collections.abc import Sequence
from typing import Any

from wecom.answers import Answer, Instant
from wecom.exchange import Endpoint
from wecom.limits import check_chars, check_count, check_present
from wecom.transport import Transport

NAME_CHARS = 30
MOST = 10_000  # corp tags

LIST = Endpoint(path="externalcontact/get_corp_tag_list")
ADD = Endpoint(path="externalcontact/add_corp_tag", creates=True)
EDIT = Endpoint(path="externalcontact/edit_corp_tag")
DELETE = Endpoint(path="externalcontact/del_corp_tag")
MARK = Endpoint(path="externalcontact/mark_tag")  # marking twice is marking once


class Tag(Answer):
    """A corp tag; a larger ``order`` comes first."""

    id: str
    name: str
    create_time: Instant = None
    order: int = 0
    deleted: bool = False


class TagGroup(Answer):
    """A group of corp tags. Empty groups do not exist."""

    group_id: str
    group_name: str
    create_time: Instant = None
    order: int = 0
    deleted: bool = False
    tag: tuple[Tag, ...] = ()


class _TagGroups(Answer):
    tag_group: tuple[TagGroup, ...] = ()


class _Added(Answer):
    tag_group: TagGroup


class Tags:
    """Corp tags: at most 10 000 (40126 beyond). API-made changes cause no callback."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def add(self, group_name: str, names: Sequence[str]) -> TagGroup:
        """Create tags in the group of that name, which need not exist; return the group with the new ids
        (doc 92117).

        Names at most 30 characters each.

        Raises:
            Refused: 40071 a tag of that name is in the group already: read ``list`` instead; 40072 bad name.
            NeedsAdmin: 40126 quota of corp tags.
        """
        check_present("group_name", group_name)
        check_chars("group_name", group_name, NAME_CHARS)
        check_count("names", names, MOST, least=1)
        for name in names:
            check_present("names", name)
            check_chars("names", name, NAME_CHARS)
        body = {"group_name": group_name, "tag": [{"name": name} for name in names]}
        return (await self._transport.ask(ADD, _Added, body=body)).tag_group

    async def edit(self, tag_or_group_id: str, *, name: str | None = None, order: int | None = None) -> None:
        """Rename a tag or a group, or move it: a larger ``order``, below 2**32, comes first (doc 92117).

        Raises:
            Refused: 40068 no such id; 40071 the name is taken; 40072 bad name.
        """
        check_present("tag_or_group_id", tag_or_group_id)
        body: dict[str, Any] = {"id": tag_or_group_id}
        if name is not None:
            check_present("name", name)
            check_chars("name", name, NAME_CHARS)
            body["name"] = name
        if order is not None:
            if not 0 <= order < 2**32:
                raise ValueError(f"order: {order}, WeCom takes 0 to 2**32 - 1")
            body["order"] = order
        check_count("name, order", body, 3, least=2)
        await self._transport.call(EDIT, body=body)

    async def delete(self, *, tag_ids: Sequence[str] = (), group_ids: Sequence[str] = ()) -> None:
        """Delete tags, and groups with all their tags, from the corp and from everybody who wears them (doc
        92117). A group without tags goes by itself.

        Raises:
            Refused: 40068 an id is gone already.
        """
        check_count("tag_ids, group_ids", [*tag_ids, *group_ids], MOST, least=1)
        lists = {"tag_id": builtins.list(tag_ids), "group_id": builtins.list(group_ids)}
        await self._transport.call(DELETE, body={name: ids for name, ids in lists.items() if ids})

    async def mark(
        self, userid: str, external_userid: str, *, add: Sequence[str] = (), remove: Sequence[str] = ()
    ) -> None:
        """Put tags on, and take tags off, a contact as one member sees them; not both empty (doc 92118).

        About five calls at once per corp, 45033 beyond. A contact with two followers is marked twice.

        Raises:
            Refused: 40068 unknown tag id; 84061 no relation; 41035, 40096 bad contact; 40003 no such member;
                40058 more than 3000 tags on one contact.
            NeedsAdmin: 60011 the member is outside the visible range; 84074 outside 客户联系's 使用范围.
            RateLimited: 45033.
        """
        check_count("tags", [*add, *remove], 3000, least=1)
        body: dict[str, Any] = {"userid": userid, "external_userid": external_userid}
        if add:
            body["add_tag"] = builtins.list(add)
        if remove:
            body["remove_tag"] = builtins.list(remove)
        await self._transport.call(MARK, body=body)

    async def list(
        self, *, tag_ids: Sequence[str] = (), group_ids: Sequence[str] = ()
    ) -> builtins.list[TagGroup]:
        """Return all tag groups with their tags, or only those asked for (doc 92117); ``tag_ids`` count only
        without ``group_ids``, at most 10 000 of either. Unknown ids are left out.
        """
        check_count("tag_ids", tag_ids, MOST)
        check_count("group_ids", group_ids, MOST)
        body = {"tag_id": builtins.list(tag_ids), "group_id": builtins.list(group_ids)}
        return [*(await self._transport.ask(LIST, _TagGroups, body=body)).tag_group]
