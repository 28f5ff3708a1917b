"""Steps that a member of staff carries out: a to-do with the ready text, to be sent with one tap."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import Todo
from clinic.todos import MANAGER, TodoState
from sop.effects import NotifyStaff
from sop.handouts import TOLD_WITHIN
from sop.journeys.channels.faces import Faces, assignee_of, faces_of
from sop.journeys.channels.sayable import barred_of
from sop.journeys.channels.words import TODO_TEXT, personal
from sop.journeys.ports import FAILED, QUEUED, Made
from sop.journeys.wording import NothingToSay
from sop.roster import load_roster
from store import outbox
from store.outbox import Order
from store.tables import Base

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.render import Renderer
    from sop.journeys.ports import Due
    from sop.roster import Roster
    from store.vault import Vault

KIND: Final = "touch"  # a step of a journey that somebody carries out by hand
PAGE: Final = "/console/todos"
KEY_CHARS: Final = 160


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Something that a member should do for one patient; ``text``: ready to be sent to her, or nothing."""

    due: Due
    assignee: str
    title: str
    body: str
    text: str = ""


class TodoChannel:
    """Hands steps to staff."""

    def __init__(self, *, pack: Pack, renderer: Renderer, vault: Vault, public_url: str) -> None:
        self._pack, self._renderer, self._vault = pack, renderer, vault
        self._public_url = public_url

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        return await self.ask(session, dues, {}, now=now)

    async def ask(
        self, session: AsyncSession, dues: Sequence[Due], links: Mapping[str, str], *, now: datetime
    ) -> Sequence[Made]:
        """Ask for each step by a to-do with its text.

        Args:
            links: addresses that stand at the end of texts, by the keys of their steps.
        """
        if not dues:
            return []
        faces = await faces_of(session, dues, self._vault)
        roster = await load_roster(session, self._pack, now=now)
        barred = await barred_of(session, dues, now=now)
        errands: dict[str, Errand] = {}
        faults: dict[str, Made] = {}
        for due in dues:
            if due.key in barred:
                faults[due.key] = barred[due.key]
                continue
            try:
                errands[due.key] = self._errand(due, faces, roster, link=links.get(due.key, ""))
            except NothingToSay as exc:
                faults[due.key] = Made(state=FAILED, reason=str(exc))
        ids = await hand_out_many(
            session,
            list(errands.values()),
            vault=self._vault,
            roster=roster,
            public_url=self._public_url,
            now=now,
        )
        return [faults.get(due.key) or Made(state=QUEUED, todo_id=ids[due.key]) for due in dues]

    def _errand(self, due: Due, faces: Faces, roster: Roster, *, link: str) -> Errand:
        assignee = assignee_of(due, faces, roster, self._pack)
        # The text is in the voice of whoever sends it.
        sender = assignee if assignee != MANAGER else due.sender
        text = personal(
            self._pack,
            self._renderer,
            due.step,
            due.variant,
            due.persona,
            name=faces.names.get(due.patient_id, ""),
            member=faces.of_member(sender),
            link=link,
        )
        title = due.step.title or due.plan.title
        return Errand(
            due=due,
            assignee=assignee,
            title=f"发给顾客：{title}",
            body=f"{due.why}。复制下面的话，发给她，再点“已发”。觉得不合适就改几个字，或点“不需要”。",
            text=text,
        )


async def hand_out_many(
    session: AsyncSession,
    errands: Sequence[Errand],
    *,
    vault: Vault,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> dict[str, int]:
    """Make to-dos, each once by its step's key; return their numbers by key. Each person gets one card."""
    if not errands:
        return {}
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    connection = await session.connection()
    await connection.execute(
        insert(Base.metadata.tables[Todo.__tablename__]).on_conflict_do_nothing(index_elements=["key"]),
        [
            {
                "key": one.due.key[:KEY_CHARS],
                "kind": KIND,
                "assignee": one.assignee,
                "patient_id": one.due.patient_id,
                "title": one.title[:120],
                "body": one.body[:500],
                "state": TodoState.OPEN,
                "created_at": now,
                "due_at": one.due.at + timedelta(hours=one.due.step.within_hours),
                "closed_at": None,
                "closed_by": None,
                "text_sealed": vault.seal(one.text, about=TODO_TEXT) if one.text else None,
            }
            for one in errands
        ],
    )
    keys = {one.due.key[:KEY_CHARS]: one.due.key for one in errands}
    rows = await session.execute(select(Todo.key, Todo.id).where(Todo.key.in_(keys)))
    ids = {keys[key]: todo_id for key, todo_id in rows}
    await _tell(session, errands, ids, roster=roster, public_url=public_url, now=now)
    return ids


async def _tell(
    session: AsyncSession,
    errands: Sequence[Errand],
    ids: Mapping[str, int],
    *,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> None:
    """One card for each person, however many to-dos: a hundred cards are read by nobody."""
    by_person: defaultdict[str, list[Errand]] = defaultdict(list)
    for one in errands:
        by_person[one.assignee].append(one)
    orders = []
    for assignee, some in sorted(by_person.items()):
        people = roster.managers() if assignee == MANAGER else (assignee,)
        if not people:
            continue
        first = min(ids[one.due.key] for one in some)
        title = some[0].title if len(some) == 1 else f"有 {len(some)} 位顾客等你联系"
        body = some[0].due.why if len(some) == 1 else "话都写好了，打开待办，复制、发送，点“已发”。"
        notice = NotifyStaff(
            to=list(people), title=title[:120], body=body[:500], url=f"{public_url.rstrip('/')}{PAGE}"
        )
        key = f"touches:{assignee}:{first}"
        orders.append(Order(effect=notice, key=key, cause=title[:200], deadline=now + TOLD_WITHIN))
    await outbox.put_many(session, orders, now=now)
