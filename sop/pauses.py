"""Kill switches: everything, one persona, or one plan stands still until somebody lifts it.

A switch is read where something would happen: when a step is decided, when a post is due, and by the courier
right before a call that reaches patients or asks a member to tap. What it stops waits; nothing is lost. Only
what patients get stands still: staff are told and asked as ever.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from clinic import audit
from clinic.tables import AuditEntry
from sop.plan_tables import Pause, StoredPlan
from store import outbox
from store.statements import table_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

ALL: Final = "all"
PERSONA: Final = "persona:"
PLAN: Final = "plan:"
SCOPE: Final = re.compile(r"all|(?:persona|plan):[a-z0-9]+(?:[._-][a-z0-9]+)*")
REASON_CHARS: Final = 200
ON: Final = "pause.on"
OFF: Final = "pause.off"
HELD_KINDS: Final = ("create_task", "remind_sender", "kf_send")  # effects that wait for a switch
RESTING: Final = "paused"  # the state of a plan


class UnknownScope(ValueError):
    """There is nothing of this name to pause."""

    def __init__(self, scope: str, remedy: str) -> None:
        super().__init__(f"不能暂停“{scope[:80]}”：{remedy}")
        self.scope = scope


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A switch that is on; ``title`` is what staff call the thing that stands still."""

    scope: str
    title: str
    at: datetime
    by: str
    reason: str

    @property
    def thrown(self) -> bool:
        """Whether somebody threw it; else it is a plan that was put to rest, which is no emergency."""
        return bool(self.by)

    @property
    def told(self) -> str:
        """Say it in a line, for whoever asks why something waits."""
        said = f"{self.by}：{self.reason}" if self.reason else self.by
        return f"{self.title}已暂停（{said}）" if said else f"{self.title}已暂停"


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The switches that are on, by scope."""

    switches: Mapping[str, Switch]

    def __bool__(self) -> bool:
        return bool(self.switches)

    @property
    def thrown(self) -> tuple[Switch, ...]:
        """Return the switches that somebody threw, the widest first."""
        ordered = sorted(self.switches.values(), key=lambda one: (one.scope != ALL, one.scope))
        return tuple(one for one in ordered if one.thrown)

    @property
    def everything(self) -> bool:
        return ALL in self.switches

    @property
    def personas(self) -> frozenset[str]:
        """Return the keys of the personas that stand still."""
        return _keys(self.switches, PERSONA)

    @property
    def plans(self) -> frozenset[str]:
        """Return the keys of the plans that stand still."""
        return _keys(self.switches, PLAN)

    def switch(self, *, persona: str = "", plan: str = "") -> Switch | None:
        """Return what holds something of this persona and plan, the widest switch first, or None."""
        scopes = (ALL, PERSONA + persona, PLAN + plan)
        return next((self.switches[scope] for scope in scopes if scope in self.switches), None)

    def why(self, *, persona: str = "", plan: str = "") -> str:
        """Return why something of this persona and plan must wait, for staff to read; empty: it need not."""
        found = self.switch(persona=persona, plan=plan)
        return found.told if found is not None else ""


NOTHING: Final = Paused(switches=MappingProxyType({}))


def _keys(scopes: Iterable[str], prefix: str) -> frozenset[str]:
    return frozenset(scope.removeprefix(prefix) for scope in scopes if scope.startswith(prefix))


# Read before every call to patients, so built once (:mod:`store.statements`).
_pause, _plan = table_of(Pause).c, table_of(StoredPlan).c
_THROWN: Final = select(_pause.scope, _pause.at, _pause.by, _pause.reason)
_RESTING_OR_NAMED: Final = select(_plan.key, _plan.title, _plan.state, _plan.changed_at).where(
    or_(_plan.state == RESTING, _plan.key.in_(bindparam("named", expanding=True)))
)


async def load(session: AsyncSession, pack: Pack | None = None) -> Paused:
    """Read the switches; a plan whose own state is ``paused`` stands still too.

    Args:
        pack: names the personas; without it they go by their keys.
    """
    thrown = (await session.execute(_THROWN)).all()
    named = _keys((pause.scope for pause in thrown), PLAN)
    rows = await session.execute(_RESTING_OR_NAMED, {"named": sorted(named)})
    plans = {PLAN + key: (title, state, changed_at) for key, title, state, changed_at in rows}
    titles = {scope: f"计划“{title}”" for scope, (title, _, _) in plans.items()}
    if pack is not None:
        titles |= {PERSONA + persona.key: f"“{persona.name}”" for persona in pack.personas}
    switches = {
        scope: Switch(scope=scope, title=titles[scope], at=at, by="", reason="")
        for scope, (_, state, at) in plans.items()
        if state == RESTING
    }
    for pause in thrown:
        switches[pause.scope] = Switch(
            scope=pause.scope,
            title=titles.get(pause.scope) or title_of(pause.scope),
            at=pause.at,
            by=pause.by,
            reason=pause.reason,
        )
    return Paused(switches=MappingProxyType(switches))


def title_of(scope: str) -> str:
    """Return what a scope is called when nobody knows a better name."""
    if scope == ALL:
        return "全部发送"
    kind, _, key = scope.partition(":")
    return f"{'角色' if kind == 'persona' else '计划'} {key} "


async def throw(
    session: AsyncSession, scope: str, *, pack: Pack, by: str, reason: str, now: datetime
) -> bool:
    """Let a scope stand still from now on; return False when it did already (who was first stays written).

    Raises:
        UnknownScope: no such persona or plan, or not a scope at all.
    """
    await _check(session, scope, pack)
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    fresh = await session.execute(
        insert(Pause)
        .values(scope=scope, at=now, by=by[:80], reason=reason.strip()[:REASON_CHARS])
        .on_conflict_do_nothing(index_elements=["scope"])
        .returning(Pause.scope)
    )
    if fresh.first() is None:
        return False
    audit.record(session, at=now, actor=by, action=ON, subject=f"pause:{scope}", reason=reason.strip())
    return True


async def lift(session: AsyncSession, scope: str, *, by: str, reason: str = "", now: datetime) -> bool:
    """Let a scope go on; return False when it did not stand still."""
    gone = await session.execute(delete(Pause).where(Pause.scope == scope).returning(Pause.at))
    since = gone.scalar_one_or_none()
    if since is None:
        return False
    audit.record(
        session,
        at=now,
        actor=by,
        action=OFF,
        subject=f"pause:{scope}",
        reason=reason.strip(),
        detail={"since": since.isoformat()},
    )
    await outbox.hasten(session, HELD_KINDS, now=now)
    return True


async def stood_still(session: AsyncSession, *, persona: str, plan: str, at: datetime) -> bool:
    """Tell whether something of this persona and plan was held at an instant by a switch lifted since."""
    subjects = [f"pause:{scope}" for scope in (ALL, PERSONA + persona, PLAN + plan)]
    lifted = await session.scalars(
        select(AuditEntry.detail).where(
            AuditEntry.subject.in_(subjects), AuditEntry.action == OFF, AuditEntry.at > at
        )
    )
    return any(datetime.fromisoformat(str(detail["since"])) <= at for detail in lifted)


async def _check(session: AsyncSession, scope: str, pack: Pack) -> None:
    if not SCOPE.fullmatch(scope):
        raise UnknownScope(scope, "写 all、persona:角色的 key，或 plan:计划的 key")
    if scope.startswith(PERSONA):
        keys = [persona.key for persona in pack.personas]
        if scope.removeprefix(PERSONA) not in keys:
            raise UnknownScope(scope, f"没有这个角色；有 {'、'.join(keys)}")
    elif scope.startswith(PLAN) and await session.get(StoredPlan, scope.removeprefix(PLAN)) is None:
        raise UnknownScope(scope, "没有这个计划")
