"""Kill switches at the last moment: right before a call that would reach patients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sop import pauses
from wecom.errors import NotYet

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

PAUSE_S: Final = 30.0  # until it is tried again


async def hold_if_paused(
    session: AsyncSession,
    call: str,
    *,
    persona: str = "",
    plan: str = "",
    again_after_s: float = PAUSE_S,
) -> None:
    """Let a call be made only while no switch holds it; it waits in the outbox until its deadline.

    Raises:
        NotYet: a switch is on for everything, this persona or this plan.
    """
    why = (await pauses.load(session)).why(persona=persona, plan=plan)
    if why:
        raise NotYet(call, f"{call} is paused", remedy=f"{why}，先不发送", retry_after_s=again_after_s)
