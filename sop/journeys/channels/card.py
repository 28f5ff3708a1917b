"""Steps that only tell staff something: a card in the app's chat. Nothing of it reaches the patient."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from clinic.todos import MANAGER
from sop.effects import NotifyStaff
from sop.journeys.channels.faces import assignee_of, faces_of
from sop.journeys.ports import DONE, FAILED, Made
from sop.journeys.wording import NothingToSay, said
from sop.roster import load_roster
from store import outbox
from store.outbox import Order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.render import Renderer
    from sop.journeys.ports import Due
    from store.vault import Vault


class CardChannel:
    """Writes to staff. The card names no patient, for it goes through WeCom; it leads to her page."""

    def __init__(self, *, pack: Pack, renderer: Renderer, vault: Vault, public_url: str) -> None:
        self._pack, self._renderer, self._vault = pack, renderer, vault
        self._public_url = public_url.rstrip("/")

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        faces = await faces_of(session, dues, self._vault)
        roster = await load_roster(session, self._pack, now=now)
        orders, made = [], []
        for due in dues:
            try:
                words = said(self._pack, self._renderer, due.step, due.variant, due.persona).text
            except NothingToSay as exc:
                made.append(Made(state=FAILED, reason=str(exc), contact=False))
                continue
            assignee = assignee_of(due, faces, roster, self._pack)
            people = roster.managers() if assignee == MANAGER else (assignee,)
            if not people:
                made.append(Made(state=FAILED, reason="没有人可以通知：还没有店长", contact=False))
                continue
            notice = NotifyStaff(
                to=list(people),
                title=(due.step.title or due.plan.title)[:120],
                body=f"{words}\n{due.why}"[:500],
                url=f"{self._public_url}/console/patients/{due.patient_id}",
            )
            orders.append(
                Order(
                    effect=notice,
                    key=f"{due.key}:card"[:200],
                    cause=due.why[:200],
                    not_before=due.at,
                    deadline=max(due.at, now) + timedelta(hours=12),
                )
            )
            made.append(Made(state=DONE, contact=False))
        await outbox.put_many(session, orders, now=now)
        return made
