"""Corp tags by name: WeCom's ids of them, created where the corp has none yet."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from clinic.tagging import split
from wecom.errors import NotYet, OutcomeUnknown, Refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from wecom.client import WeComClient

DUPLICATE: Final = 40071
REMEMBERED_S: Final = 600.0


class CorpTags:
    """Remembers ids for a while; one lookup at a time, so that two patients do not create one tag twice.

    Args:
        seconds: a clock that only goes forward.
    """

    def __init__(self, client: WeComClient, *, seconds: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._seconds = seconds
        self._ids: dict[str, str] = {}
        self._read_at: float | None = None
        self._lock = asyncio.Lock()

    async def ids_for(self, paths: Iterable[str], *, create: bool = True) -> dict[str, str]:
        """Return the ids of ``组/标签`` paths, creating tags the corp lacks, or leaving them out.

        Raises:
            OutcomeUnknown: the answer to a creation was lost; asked again, this reads what came of it first.
            WeComError: the tags could neither be read nor created: 40126, the quota of corp tags is used up.
        """
        wanted = list(dict.fromkeys(paths))
        if self._stale() or any(path not in self._ids for path in wanted):
            async with self._lock:
                # A tag renamed in the console keeps its id, so what we remember must not grow old; another
                # process hears of the change, and this one does not.
                if self._stale() or any(path not in self._ids for path in wanted):
                    await self._read()
                if create:
                    await self._create_missing(wanted)
        return {path: self._ids[path] for path in wanted if path in self._ids}

    def forget(self) -> None:
        """Read again next time: somebody changed tags in the corp."""
        self._read_at = None

    async def read_all(self) -> dict[str, str]:
        """Read WeCom's ids of all corp tags by ``组/标签`` now.

        Raises:
            WeComError: they could not be read.
        """
        async with self._lock:
            await self._read()
            return dict(self._ids)

    def _stale(self) -> bool:
        return self._read_at is None or self._seconds() - self._read_at > REMEMBERED_S

    async def _read(self) -> None:
        began = self._seconds()
        groups = await self._client.tags.list()
        self._ids = {
            f"{group.group_name}/{tag.name}": tag.id
            for group in groups
            for tag in group.tag
            if not (group.deleted or tag.deleted)
        }
        self._read_at = began

    async def _create_missing(self, paths: Sequence[str]) -> None:
        missing: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            if path not in self._ids:
                group, name = split(path)
                missing[group].append(name)
        for group, names in missing.items():
            await self._create(group, names)

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
        except OutcomeUnknown:
            self.forget()
            raise
        self._ids |= {f"{group}/{tag.name}": tag.id for tag in made.tag}
