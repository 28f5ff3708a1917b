"""Corp tags by name: WeCom's ids of them, created where the corp has none yet."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING

from clinic.tagging import split
from wecom.errors import NotYet, Refused

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wecom.client import WeComClient

DUPLICATE = 40071


class CorpTags:
    """Remembers ids; one lookup at a time, so that two patients do not create one tag twice."""

    def __init__(self, client: WeComClient) -> None:
        self._client = client
        self._ids: dict[str, str] = {}
        self._lock = asyncio.Lock()

    async def ids_for(self, paths: Iterable[str]) -> dict[str, str]:
        """Return the ids of ``组/标签`` paths, creating tags the corp lacks.

        Raises:
            OutcomeUnknown: the answer to a creation was lost; asked again, this reads what came of it first.
            WeComError: the tags could neither be read nor created.
        """
        wanted = list(paths)
        if all(path in self._ids for path in wanted):
            return {path: self._ids[path] for path in wanted}
        async with self._lock:
            if any(path not in self._ids for path in wanted):
                await self._read()
            missing: dict[str, list[str]] = defaultdict(list)
            for path in wanted:
                if path not in self._ids:
                    group, name = split(path)
                    missing[group].append(name)
            for group, names in missing.items():
                await self._create(group, names)
        return {path: self._ids[path] for path in wanted}

    def forget(self) -> None:
        """Read again next time: somebody changed tags in the corp."""
        self._ids.clear()

    async def _read(self) -> None:
        groups = await self._client.tags.list()
        self._ids = {
            f"{group.group_name}/{tag.name}": tag.id
            for group in groups
            for tag in group.tag
            if not tag.deleted
        }

    async def _create(self, group: str, names: list[str]) -> None:
        try:
            made = await self._client.tags.add(group, names)
        except Refused as exc:
            if exc.errcode != DUPLICATE:
                raise
            # Somebody created one a moment ago, or an answer of ours was lost: what is there can be read.
            await self._read()
            missing = [name for name in names if f"{group}/{name}" not in self._ids]
            if len(missing) == len(names):
                raise NotYet(
                    exc.call,
                    f"a tag of group {group} is said to exist and is not listed yet",
                    remedy="企业微信说标签已经存在，但列表里还没有，稍后再试",
                ) from exc
            if missing:
                await self._create(group, missing)
            return
        self._ids |= {f"{group}/{tag.name}": tag.id for tag in made.tag}
