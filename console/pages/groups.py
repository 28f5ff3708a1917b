"""客户群: what each group is for, who came and went, who sits in two, and what greets newcomers."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from sqlalchemy import func, select

from clinic import audit
from clinic.care_tables import GroupMove, GroupWelcome
from clinic.group_moves import JOINED, WAYS
from clinic.tables import CustomerGroup, GroupMember, Patient
from console.cards import load_cards
from console.duties import waiting_count
from console.forms import FormRefused
from console.frame import actor_of, deps_of, go, hours_of, page
from console.views import load_names
from sop import group_alerts, group_welcomes
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.cards import Card
    from console.deps import Deps

HERE: Final = "/console/groups"
PAGE: Final = 50
MOVES: Final = 100
WEEK: Final = timedelta(days=7)


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/groups", index),
        web.get(r"/groups/{chat_id:[A-Za-z0-9_-]{1,64}}", show),
        web.post(r"/groups/{chat_id:[A-Za-z0-9_-]{1,64}}/role", choose),
    )


async def index(request: web.Request) -> web.StreamResponse:
    """The groups, by role and name; who sits in two of one role; the greetings of the roles."""
    deps, hours = deps_of(request), hours_of(request)
    wanted, words, at = (request.query.get(name, "") for name in ("role", "q", "page"))
    if at and not (at.isascii() and at.isdigit() and 1 <= int(at[:6]) <= 9999):
        raise FormRefused("page", "没有这一页")
    number = int(at or 1)
    async with deps.database.read() as session:
        rows = (
            await session.scalars(
                select(CustomerGroup)
                .where(CustomerGroup.dismissed_at.is_(None))
                .order_by(CustomerGroup.name, CustomerGroup.chat_id)
            )
        ).all()
        counted: dict[str, int] = {}
        found = []
        for group in rows:
            role = deps.pack.role_of_group(group.name, chosen=group.role).key
            counted[role] = counted.get(role, 0) + 1
            if wanted in ("", role) and words.casefold() in group.name.casefold():
                found.append(group)
        shown = found[(number - 1) * PAGE : number * PAGE]
        moved = await _week(session, [group.chat_id for group in shown], since=hours.now - WEEK)
        names = await load_names(session, userids={group.owner for group in shown})
        twice = await _twice(session, deps)
        greetings = {row.role: row for row in await session.scalars(select(GroupWelcome))}
        left_out = await _left_out(session, deps)
        waiting = await waiting_count(session)
    return page(
        request,
        "groups.html",
        groups=shown,
        role_of=lambda group: deps.pack.role_of_group(group.name, chosen=group.role),
        roles=deps.pack.roles,
        counted=counted,
        wanted=wanted,
        words=words,
        moved=moved,
        names=names,
        twice=twice,
        greetings=greetings,
        left_out=left_out,
        number=number,
        more=len(found) > number * PAGE,
        total=len(found),
        waiting=waiting,
    )


async def show(request: web.Request) -> web.StreamResponse:
    """One group: its role, its people in numbers, and its last moves."""
    deps = deps_of(request)
    async with deps.database.read() as session:
        group = await _group(session, request)
        moves = (
            await session.scalars(
                select(GroupMove)
                .where(GroupMove.chat_id == group.chat_id)
                .order_by(GroupMove.at.desc(), GroupMove.id.desc())
                .limit(MOVES)
            )
        ).all()
        seats = dict(
            (
                await session.execute(
                    select(GroupMember.external, func.count())
                    .where(GroupMember.chat_id == group.chat_id)
                    .group_by(GroupMember.external)
                )
            ).all()
        )
        names = await load_names(
            session,
            userids={group.owner, *(move.person for move in moves), *(move.inviter for move in moves)},
        )
        cards = await _cards(session, deps, {move.person for move in moves if move.external})
        role = deps.pack.role_of_group(group.name, chosen=group.role)
        greeting = await session.get(GroupWelcome, role.key)
        left_out = await _left_out(session, deps)
        waiting = await waiting_count(session)
    return page(
        request,
        "group.html",
        group=group,
        role=role,
        roles=deps.pack.roles,
        by_name=deps.pack.role_for_group(group.name),
        moves=moves,
        seats=seats,
        names=names,
        cards=cards,
        scenes=WAYS,
        joined=JOINED,
        greeting=greeting,
        left_out=left_out.get(role.key, ""),
        waiting=waiting,
    )


async def choose(request: web.Request) -> web.StreamResponse:
    """Say what a group is for; empty: let its name say it."""
    deps, actor = deps_of(request), actor_of(request)
    wanted = str((await request.post()).get("role", ""))
    if wanted and wanted not in {role.key for role in deps.pack.roles}:
        raise FormRefused("role", "内容包里没有这一类群，请刷新页面再选")
    now = deps.clock.now()
    async with deps.database.write() as session:
        group = await _group(session, request, lock=True)
        before = deps.pack.role_of_group(group.name, chosen=group.role)
        group.role, group.changed_at = wanted, now
        after = deps.pack.role_of_group(group.name, chosen=wanted)
        if before.key != after.key:
            audit.record(
                session,
                at=now,
                actor=actor,
                action="group.role",
                subject=f"group:{group.chat_id}",
                reason=f"群“{group.name[:60]}”由“{before.title}”改为“{after.title}”",
            )
            await group_welcomes.new_group(
                session,
                group,
                after,
                roster=await load_roster(session, deps.pack, now=deps.clock.now()),
                public_url=deps.public_url,
                now=now,
            )
    deps.wake()
    return go(
        request, f"{HERE}/{group.chat_id}", note=f"这个群按“{after.title}”安排内容，从下一次排内容开始。"
    )


async def _group(session: AsyncSession, request: web.Request, *, lock: bool = False) -> CustomerGroup:
    group = await session.get(CustomerGroup, request.match_info["chat_id"], with_for_update=lock or None)
    if group is None:
        raise web.HTTPNotFound(reason="no such group")
    return group


async def _left_out(session: AsyncSession, deps: Deps) -> dict[str, str]:
    """Return why greetings go without their asset, by role."""
    pack = await deps.library.pack(session)
    wanted = await group_welcomes.wanted_now(session, pack, deps.renderer, now=deps.clock.now())
    return {role: want.left_out for role, want in wanted.items() if want.left_out}


async def _week(
    session: AsyncSession, chat_ids: Sequence[str], *, since: datetime
) -> Mapping[tuple[str, str], int]:
    rows = await session.execute(
        select(GroupMove.chat_id, GroupMove.kind, func.count())
        .where(GroupMove.chat_id.in_(chat_ids), GroupMove.at >= since, GroupMove.external)
        .group_by(GroupMove.chat_id, GroupMove.kind)
    )
    return {(chat_id, kind): count for chat_id, kind, count in rows}


async def _twice(session: AsyncSession, deps: Deps) -> list[tuple[Card | None, list[CustomerGroup]]]:
    found = await group_alerts.people_in_two(session, deps.pack)
    some = dict(list(found.items())[:PAGE])
    cards = await _cards(session, deps, some)
    return [(cards.get(person), groups) for person, groups in some.items()]


async def _cards(session: AsyncSession, deps: Deps, people: Iterable[str]) -> dict[str, Any]:
    rows = await session.scalars(
        select(Patient).where(Patient.external_userid.in_(sorted(set(people))), Patient.erased_at.is_(None))
    )
    return {card.external_userid: card for card in await load_cards(session, rows.all(), deps.vault)}
