"""入群欢迎语素材: one per group role, kept as the pack has it. WeCom lists none, so ours is the only list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from sqlalchemy import select
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import GroupWelcome
from clinic.effects import DropGroupWelcome, PutGroupWelcome
from clinic.tables import CustomerGroup
from sop import consented
from sop.attachments import from_item
from sop.handouts import hand_out
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import GroupRole, Pack
    from content.render import Renderer
    from sop.consented import Barred
    from sop.roster import Roster

WINDOW: Final = timedelta(days=2)
TRY_AGAIN: Final = timedelta(days=3)  # after a refusal; longer than WINDOW, so that never two are under way
CAUSE_CHARS: Final = 200
LOOK_AGAIN: Final = timedelta(days=1)  # is it still there? somebody may have deleted it


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What newcomers of a role's groups shall read. ``digest`` changes with any of it."""

    role: str
    text: str
    attachment: str | None
    digest: str
    left_out: str = ""  # why its attachment is not shown


async def wanted_now(
    session: AsyncSession, pack: Pack, renderer: Renderer, *, now: datetime
) -> dict[str, Wanted]:
    """Return what greetings say now: an asset that lacks a patient's consent is left out of them.

    Args:
        pack: as it stands in the library.
    """
    assets = {role.welcome.attachment or "" for role in pack.roles if role.welcome is not None}
    return wanted(pack, renderer, barred=await consented.barred(session, pack, assets, now=now))


def wanted(
    pack: Pack, renderer: Renderer, *, barred: Mapping[str, Barred] = MappingProxyType({})
) -> dict[str, Wanted]:
    """Return the greeting of every role that has one, by role; ``%NICKNAME%`` stays for WeCom.

    Args:
        pack: with the assets of the library, as they stand.
        barred: assets that must be shown to nobody; the text goes alone.
    """
    found = {}
    for role in pack.roles:
        if role.welcome is None:
            continue
        text = renderer.render(role.welcome.text, clinic=pack.clinic)
        missing = barred.get(role.welcome.attachment or "")
        asset = None if missing else role.welcome.attachment
        digest = sha256(repr((text, from_item([asset], pack) if asset else [])).encode()).hexdigest()
        found[role.key] = Wanted(
            role=role.key,
            text=text,
            attachment=asset,
            digest=digest,
            left_out=str(missing) if missing else "",
        )
    return found


async def ensure(session: AsyncSession, all_wanted: Mapping[str, Wanted], *, now: datetime) -> int:
    """Queue what makes WeCom's material as the pack wants it; return how many calls were queued."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    held = {row.role: row for row in await session.scalars(select(GroupWelcome))}
    queued = 0
    for role, want in all_wanted.items():
        row = held.get(role)
        if row is not None and row.wanted == want.digest and _under_control(row, now):
            continue
        values = {"wanted": want.digest, "reason": "", "changed_at": now}
        await session.execute(
            insert(GroupWelcome)
            .values(role=role, held="", **values)
            .on_conflict_do_update(index_elements=["role"], set_=values)
        )
        cause = f"入群欢迎语只留文字：{want.left_out}" if want.left_out else "入群欢迎语随内容包更新"
        queued += await ask(session, role, want.digest, now=now, cause=cause[:CAUSE_CHARS])
    for role in held.keys() - all_wanted.keys():
        template_id = held[role].template_id
        if template_id is not None:
            queued += await _drop(session, role, template_id, now=now)
        await session.delete(held[role])
    return queued


def _under_control(row: GroupWelcome, now: datetime) -> bool:
    """Tell whether WeCom holds what is wanted, or was asked so recently that the answer may still come."""
    return row.held == row.wanted or now - row.changed_at < TRY_AGAIN


async def ask(session: AsyncSession, role: str, digest: str, *, now: datetime, cause: str) -> bool:
    """Queue the call that makes or changes a role's material."""
    return await outbox.put(
        session,
        PutGroupWelcome(role=role, digest=digest),
        key=f"group-welcome:{role}:{digest[:16]}:{int(now.timestamp() * 1000)}",
        now=now,
        deadline=now + WINDOW,
        cause=cause,
    )


async def made(session: AsyncSession, role: str, *, template_id: str, digest: str, now: datetime) -> None:
    """Write down that WeCom holds a role's greeting. What is applied to groups already changes with it."""
    row = await session.get(GroupWelcome, role, with_for_update=True)
    if row is None:  # the pack lost the role meanwhile; what was made is deleted again
        await _drop(session, role, template_id, now=now)
        return
    row.template_id, row.held, row.looked_at, row.reason, row.changed_at = template_id, digest, now, "", now
    if row.wanted not in ("", digest):
        # Two calls were under way, and nobody knows which of them WeCom took last: say again what is wanted.
        await ask(session, role, row.wanted, now=now, cause="入群欢迎语又变了，再确认一次")


async def lost(session: AsyncSession, role: str, template_id: str, *, now: datetime) -> None:
    """Somebody deleted the material in WeCom: forget it, so that :func:`ensure` makes it anew."""
    row = await session.get(GroupWelcome, role, with_for_update=True)
    if row is not None and row.template_id == template_id:
        row.template_id, row.wanted, row.held, row.changed_at = None, "", "", now


async def remind(session: AsyncSession, *, pack: Pack, roster: Roster, public_url: str, now: datetime) -> int:
    """Ask every owner, once per material, to apply it to the groups of its role; return how many were."""
    rows = await session.scalars(select(GroupWelcome).where(GroupWelcome.template_id.is_not(None)))
    held = {row.role: row.template_id or "" for row in rows}
    groups = await session.scalars(
        select(CustomerGroup).where(CustomerGroup.dismissed_at.is_(None)).order_by(CustomerGroup.chat_id)
    )
    waiting: dict[tuple[str, str], list[str]] = {}
    for group in groups:
        role = pack.role_of_group(group.name, chosen=group.role)
        if role.key in held and group.owner in roster.serving:
            waiting.setdefault((role.key, group.owner), []).append(group.name)
    asked = 0
    for (key, owner), names in sorted(waiting.items()):
        shown = "、".join(f"“{name[:30]}”" for name in names[:3])
        asked += await _please_apply(
            session,
            next(role for role in pack.roles if role.key == key),
            f"{held[key]}:{owner}",
            owner=owner,
            where=f"{shown}等 {len(names)} 个群" if len(names) > 3 else shown,
            roster=roster,
            public_url=public_url,
            now=now,
        )
    return asked


async def new_group(
    session: AsyncSession,
    group: CustomerGroup,
    role: GroupRole,
    *,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> None:
    """Ask the owner of a group that has just come to this role to apply the role's greeting."""
    row = await session.get(GroupWelcome, role.key)
    if row is None or row.template_id is None or group.owner not in roster.serving:
        return
    # An owner who was never asked gets the sentence about all of his groups; after it, one per new group.
    for what in (f"{row.template_id}:{group.owner}", f"{row.template_id}:{group.chat_id}"):
        if await _please_apply(
            session,
            role,
            what,
            owner=group.owner,
            where=f"“{group.name[:30]}”",
            roster=roster,
            public_url=public_url,
            now=now,
        ):
            return


async def _drop(session: AsyncSession, role: str, template_id: str, *, now: datetime) -> bool:
    return await outbox.put(
        session,
        DropGroupWelcome(role=role, template_id=template_id),
        key=f"group-welcome-drop:{template_id}",
        now=now,
        deadline=now + WINDOW,
        cause="内容包里不再有这一类群的入群欢迎语",
    )


async def _please_apply(
    session: AsyncSession,
    role: GroupRole,
    what: str,
    *,
    owner: str,
    where: str,
    roster: Roster,
    public_url: str,
    now: datetime,
) -> bool:
    return await hand_out(
        session,
        roster=roster,
        public_url=public_url,
        key=f"group-welcome:{what}",
        kind="group_welcome",
        assignee=owner,
        title=f"请给{role.title}应用入群欢迎语",
        body=f"素材已经备好。请在手机企业微信里打开 {where} 的群管理，进“入群欢迎语”选用它，"
        "新成员一进群就会看到。",
        now=now,
        page="/console/groups",
    )
