"""Waiting until the program has nothing left to do: every callback handled, every due effect settled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from store import inbox, outbox
from store.inbox import InboxEvent
from store.outbox import OutboxEffect

if TYPE_CHECKING:
    from tests.support.clinic import Clinic


async def quiet(clinic: Clinic, *, within_s: float = 45) -> None:
    """Wait until nothing is under way and nothing is due now; what waits for a later hour stays."""
    await clinic.sandbox.callbacks.idle()
    clinic.runtime.worker.wake()
    clinic.runtime.courier.wake()

    async def idle() -> bool:
        async with clinic.runtime.database.read() as session:
            events = await session.scalar(
                select(func.count()).select_from(InboxEvent).where(InboxEvent.state.in_(inbox.PENDING))
            )
            effects = await session.scalar(
                select(func.count())
                .select_from(OutboxEffect)
                .where(OutboxEffect.state.in_(outbox.OPEN), OutboxEffect.not_before <= clinic.clock.now())
            )
        return not events and not effects and clinic.runtime.courier.idle

    await clinic.until(idle, what="nothing left to do", within_s=within_s)


async def rows(clinic: Clinic, query: Any) -> list[Any]:
    """Return what a query finds in the program's database."""
    async with clinic.runtime.database.read() as session:
        return list((await session.scalars(query)).all())
