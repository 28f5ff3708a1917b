"""Who speaks, helps and approves as which persona: read, judged and changed by staff.

A persona without rows of its own follows the content pack; with any row, the rows are all there is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, select

from clinic import audit
from clinic.tables import Member
from console.wording import ROLES
from sop.roster import APPROVER, DELEGATE, SPEAKER, load_roster
from sop.tables import PersonaBinding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.persona_specs import PersonaSpec
    from sop.roster import Roster

USERID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")  # doc 90195: what a userid may be made of
PEOPLE_MAX: Final = 50


class BindingsChanged(Exception):
    """Somebody changed the bindings after the form was read."""

    def __init__(self) -> None:
        super().__init__("这个人设的绑定刚被别人改过，没有保存。请看最新的情况再改。")


class BindingRefused(ValueError):
    """These bindings cannot be; the message says why."""


Bound = dict[str, tuple[str, ...]]  # role -> userids


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A persona with its people and what is wrong with them."""

    spec: PersonaSpec
    bound: Bound
    from_pack: bool
    reviewers: tuple[str, ...]
    senders: tuple[str, ...]
    warnings: tuple[str, ...]
    fingerprint: str  # of ``bound``: a form carries it


@dataclass(frozen=True, slots=True, kw_only=True)
class Accounts:
    """All personas, and all members the program knows."""

    personas: tuple[Account, ...]
    members: tuple[Member, ...]


async def load_accounts(session: AsyncSession, pack: Pack, *, now: datetime) -> Accounts:
    """Read the personas with their people, who stands in for whom now, and the members."""
    roster = await load_roster(session, pack, now=now)
    changed = set(await session.scalars(select(PersonaBinding.persona).distinct()))
    members = await session.scalars(select(Member).order_by(Member.serves.desc(), Member.userid))
    return Accounts(
        personas=tuple(_account(spec, roster, from_pack=spec.key not in changed) for spec in pack.personas),
        members=tuple(members),
    )


def _account(spec: PersonaSpec, roster: Roster, *, from_pack: bool) -> Account:
    bound = bound_in(roster, spec.key)
    return Account(
        spec=spec,
        bound=bound,
        from_pack=from_pack,
        reviewers=roster.reviewers(spec.key),
        senders=roster.senders(spec.key),
        warnings=warnings_for(spec, roster),
        fingerprint=fingerprint(bound),
    )


def bound_in(roster: Roster, persona: str) -> Bound:
    """Return a persona's people by role."""
    return {
        SPEAKER: tuple(roster.speakers.get(persona, ())),
        DELEGATE: tuple(roster.delegates.get(persona, ())),
        APPROVER: tuple(roster.approvers.get(persona, ())),
    }


def warnings_for(spec: PersonaSpec, roster: Roster) -> tuple[str, ...]:
    """Say what keeps this persona's content from being sent or reviewed."""
    found = []
    speakers = roster.speakers.get(spec.key, ())
    senders = roster.senders(spec.key)
    idle = [userid for userid in speakers if userid not in roster.serving]
    if not senders:
        found.append("没有能发送的成员：请绑定一位已开通“客户联系”的成员，否则排不了内容。")
    elif idle:
        found.append(f"{'、'.join(idle)} 还没有开通“客户联系”，暂时不会以这个人设发送。")
    if not roster.reviewers(spec.key):
        who = "医生本人或医助" if spec.kind == "doctor" else "审核人"
        found.append(f"没有人收到审核卡片：请绑定{who}，目前只能在控制台审核。")
    return tuple(found)


def fingerprint(bound: Mapping[str, Sequence[str]]) -> str:
    """Return a digest of who is bound: equal people, equal digest."""
    return sha256(repr([(role, sorted(bound.get(role, ()))) for role in ROLES]).encode()).hexdigest()


async def change(
    session: AsyncSession,
    pack: Pack,
    persona: str,
    wanted: Mapping[str, Iterable[str]],
    *,
    seen: str,
    actor: str,
    now: datetime,
) -> bool:
    """Bind exactly ``wanted`` (role -> userids); return whether anything changed.

    Raises:
        NotInPackError: no such persona.
        BindingsChanged: ``seen`` is not the fingerprint of what is bound.
        BindingRefused: nobody left, not a userid, or one who speaks as another persona already.
    """
    spec = pack.persona(persona)
    roster = await load_roster(session, pack)
    bound = bound_in(roster, persona)
    if fingerprint(bound) != seen:
        raise BindingsChanged
    new: Bound = {role: tuple(dict.fromkeys(wanted.get(role, ()))) for role in ROLES}
    _check(spec, new, roster)
    if fingerprint(new) == fingerprint(bound):
        return False
    await session.execute(delete(PersonaBinding).where(PersonaBinding.persona == persona))
    session.add_all(
        PersonaBinding(persona=persona, userid=userid, role=role)
        for role, userids in new.items()
        for userid in userids
    )
    audit.record(
        session,
        at=now,
        actor=actor,
        action="persona.bind",
        subject=f"persona:{persona}",
        reason="；".join(f"{ROLES[role]}：{'、'.join(userids) or '无'}" for role, userids in new.items()),
        detail={
            "before": {r: list(u) for r, u in bound.items()},
            "after": {r: list(u) for r, u in new.items()},
        },
    )
    return True


async def reset(
    session: AsyncSession, pack: Pack, persona: str, *, seen: str, actor: str, now: datetime
) -> bool:
    """Let a persona follow the content pack again; return whether anything changed.

    Raises:
        NotInPackError: no such persona.
        BindingsChanged: ``seen`` is not the fingerprint of what is bound.
    """
    pack.persona(persona)
    if fingerprint(bound_in(await load_roster(session, pack), persona)) != seen:
        raise BindingsChanged
    gone = await session.scalars(
        delete(PersonaBinding).where(PersonaBinding.persona == persona).returning(PersonaBinding.userid)
    )
    if not gone.all():
        return False
    audit.record(
        session,
        at=now,
        actor=actor,
        action="persona.reset",
        subject=f"persona:{persona}",
        reason="恢复为内容包里的默认绑定",
    )
    return True


def _check(spec: PersonaSpec, new: Bound, roster: Roster) -> None:
    people = [userid for userids in new.values() for userid in userids]
    if not people:
        raise BindingRefused("至少要绑定一位成员；想用内容包里的默认绑定，请点“恢复内容包默认”")
    if len(people) > PEOPLE_MAX:
        raise BindingRefused(f"一个人设最多绑定 {PEOPLE_MAX} 位成员")
    for userid in people:
        if not USERID.fullmatch(userid):
            raise BindingRefused(f"“{userid[:64]}”不是企业微信的成员账号（userid）")
    for userid in new[SPEAKER]:
        for other, speakers in roster.speakers.items():
            if other != spec.key and userid in speakers:
                name = roster.pack.persona(other).name
                raise BindingRefused(f"{userid} 已经代表“{name}”发言，一位成员只能有一种身份")
