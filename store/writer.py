"""Whole transactions on SQLite in one visit to the writer's thread: begun, executed and committed there.

A transaction of twenty statements on a connection of the loop's makes more than twenty changes of thread, and
at each the loop may be busy with something else while the only writer is held. Here there are two changes for
all of it, and none between one transaction and the next (:mod:`store.line`).
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from functools import partial
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextvars import Context

    from sqlalchemy.ext.asyncio import AsyncEngine

    from store.line import Line

T = TypeVar("T")


class Writer:
    """Runs coroutines that use a session, one at a time, on a small loop of the line's thread.

    Args:
        engine: for this alone; its one connection does everything where it is called
            (:mod:`store.one_visit`).
    """

    def __init__(self, line: Line, engine: AsyncEngine) -> None:
        self._line = line
        self._engine = engine
        self._runner: asyncio.Runner | None = None

    async def transact(
        self, work: Callable[[AsyncSession], Awaitable[T]], *, urgent: bool, within_s: float
    ) -> T:
        """Return what ``work`` returned when its changes are committed; an error takes all of them back.

        Raises:
            TimeoutError: the turn did not come within ``within_s`` seconds.
        """
        run = partial(self._run, work, copy_context())
        return await self._line.do(run, urgent=urgent, within_s=within_s)

    async def close(self, *, within_s: float) -> None:
        """Close the connection and the thread's loop."""
        if self._runner is not None:
            await self._line.do(self._end, urgent=True, within_s=within_s)

    def _run(self, work: Callable[[AsyncSession], Awaitable[T]], context: Context) -> T:
        if self._runner is None:
            self._runner = asyncio.Runner()
        return self._runner.run(self._transaction(work), context=context)

    async def _transaction(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async with AsyncSession(self._engine, expire_on_commit=False) as session, session.begin():
            return await work(session)

    def _end(self) -> None:
        if self._runner is not None:
            self._runner.run(self._engine.dispose())
            self._runner.close()
            self._runner = None
