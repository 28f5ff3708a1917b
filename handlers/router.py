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


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    kind: type[Event]
    filters: tuple[Filter[Any], ...]
    handler: Handler[Any]
    hurried: bool

    def wants(self, event: Event) -> bool:
        return isinstance(event, self.kind) and all(wanted(event) for wanted in self.filters)


class Router:
    """Handlers by event class, called in the order they were declared.

    A ``hurried`` handler is called alone, as soon as the event is there and before older events; the others
    when the event's turn has come. If hurrying failed, it is called with them.
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._handlers: list[_Declared] = []

    def on(
        self, kind: type[E], *filters: Filter[E], hurried: bool = False
    ) -> Callable[[Handler[E]], Handler[E]]:
        """Declare a handler for events of ``kind`` that pass every filter."""

        def declare(handler: Handler[E]) -> Handler[E]:
            self._handlers.append(_Declared(kind=kind, filters=filters, handler=handler, hurried=hurried))
            return handler

        return declare

    def include(self, *routers: Router) -> None:
        """Take over the handlers of other routers."""
        for router in routers:
            self._handlers += router._handlers  # noqa: SLF001  (its own class)

    async def handle(self, event: Event, turn: Turn, *, hurried: bool = False) -> int:
        """Call every handler that wants ``event``; return how many did. An error ends the transaction.

        Args:
            hurried: :meth:`hurry` was called before.
        """
        called = 0
        for declared in self._handlers:
            if declared.wants(event) and not (hurried and declared.hurried):
                await declared.handler(event, turn)
                called += 1
        return called

    async def hurry(self, event: Event, turn: Turn) -> None:
        """Call only the hurried handlers that want ``event``."""
        for declared in self._handlers:
            if declared.hurried and declared.wants(event):
                await declared.handler(event, turn)

    def wanted_by(self, event: Event) -> tuple[str, ...]:
        """Name the handlers that :meth:`handle` would call for ``event``, as ``module.function``."""
        return tuple(
            f"{declared.handler.__module__}.{declared.handler.__name__}"
            for declared in self._handlers
            if declared.wants(event)
        )
