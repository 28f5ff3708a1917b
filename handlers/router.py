"""Routing: which functions an event calls. Routers are built by functions, so two apps share nothing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from wecom.events import Event

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

E = TypeVar("E", bound=Event)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One event's transaction: everything a handler changes is committed together, or not at all."""

    session: AsyncSession
    now: datetime
    received_at: datetime


Handler = Callable[[E, Turn], Awaitable[None]]
Filter = Callable[[E], bool]


class Router:
    """Handlers by event class, called in the order they were declared."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._handlers: list[tuple[type[Event], tuple[Filter[Any], ...], Handler[Any]]] = []

    def on(self, kind: type[E], *filters: Filter[E]) -> Callable[[Handler[E]], Handler[E]]:
        """Declare a handler for events of ``kind`` that pass every filter."""

        def declare(handler: Handler[E]) -> Handler[E]:
            self._handlers.append((kind, filters, handler))
            return handler

        return declare

    def include(self, *routers: Router) -> None:
        """Take over the handlers of other routers."""
        for router in routers:
            self._handlers += router._handlers  # noqa: SLF001  (its own class)

    async def handle(self, event: Event, turn: Turn) -> int:
        """Call every handler that wants ``event``; return how many did. An error ends the transaction."""
        called = 0
        for kind, filters, handler in self._handlers:
            if isinstance(event, kind) and all(wanted(event) for wanted in filters):
                await handler(event, turn)
                called += 1
        return called
