"""Greetings that carry an asset which shows a patient: without her consent they go on as text alone.

A new patient must be greeted and a group's newcomers too, so the words stay; staff are told what is missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from clinic import todos
from sop import consented, group_welcomes
from sop.handouts import hand_out
from sop.library_use import greetings_with

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.render import Renderer
    from sop.consented import Barred
    from sop.roster import Roster

NAMED: Final = 4  # greetings that the to-do names


def carried(pack: Pack) -> set[str]:
    """Return the assets that greetings, and greetings of groups, carry."""
    welcomes = {key for welcome in pack.welcomes for text in welcome.texts for key in text.attachments}
    return welcomes | {
        role.welcome.attachment
        for role in pack.roles
        if role.welcome is not None and role.welcome.attachment is not None
    }


async def barred(session: AsyncSession, pack: Pack, *, now: datetime) -> dict[str, Barred]:
    """Return what greetings must not show, by asset."""
    return await consented.barred(session, pack, carried(pack), now=now)


async def keep(
    session: AsyncSession,
    *,
    roster: Roster,
    pack: Pack,
    renderer: Renderer,
    public_url: str,
    now: datetime,
) -> int:
    """Take what lacks a consent out of what WeCom holds, and tell the managers once; return how many assets.

    Greetings of single patients are asked about when they are sent.
    """
    found = await barred(session, pack, now=now)
    if not found:
        return 0
    wanted = await group_welcomes.wanted_now(session, pack, renderer, now=now)
    await group_welcomes.ensure(session, wanted, now=now)
    await _tell(session, found.values(), roster=roster, pack=pack, public_url=public_url, now=now)
    return len(found)


async def _tell(
    session: AsyncSession,
    found: Iterable[Barred],
    *,
    roster: Roster,
    pack: Pack,
    public_url: str,
    now: datetime,
) -> None:
    ends = await consented.ended(session, now=now)
    for one in found:
        ended_at = ends.get((consented.ASSET, one.asset))
        since = int(ended_at.timestamp()) if ended_at else "none"
        await hand_out(
            session,
            roster=roster,
            public_url=public_url,
            key=f"greeting-asset:{one.key}:{since}",
            kind="consent_missing",
            assignee=todos.MANAGER,
            title="欢迎语先不带这个素材：它用到了患者",
            body=f"{one}。用到它的{_named(greetings_with(pack, one.key))}现在不带它，文字照发。"
            f"请在内容库里打开素材 {one.asset} 登记同意，或者在内容包里给欢迎语换一个素材。",
            now=now,
            page=f"/console/library/asset/{one.asset}",
        )


def _named(places: Sequence[str]) -> str:
    more = f"等 {len(places)} 处" if len(places) > NAMED else ""
    return "、".join(places[:NAMED]) + more
