"""微信客服: the accounts that we may read, how far we read, and what was written there, sealed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite

from clinic.care_tables import KfAccount, KfMessage
from clinic.timeline import KF_TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from store.vault import Vault

FROM_CUSTOMER: Final = 3
FROM_US: Final = 0  # ours; WeCom has no such number, and never gives back what the API sent
KIND_CHARS: Final = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message or an event of a chat. ``kind``: WeCom's msgtype, or the event's type."""

    msgid: str
    open_kfid: str
    external_userid: str
    origin: int
    kind: str
    text: str
    at: datetime
    recalls: str = ""  # the msgid of a message that was taken back
    failed: str = ""  # the msgid of one of ours that did not arrive, and WeCom's number of the reason
    fail_type: int = 0

    @property
    def is_from_customer(self) -> bool:
        return self.origin == FROM_CUSTOMER


async def authorise(session: AsyncSession, open_kfid: str, *, granted: bool, at: datetime) -> bool:
    """An account was granted to the app, or taken from it, or rang; return whether we may read it now.

    What is older than the last such news about it changes nothing.
    """
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    await session.execute(
        insert(KfAccount)
        .values(open_kfid=open_kfid, name="", cursor="", authorised=granted, changed_at=at)
        .on_conflict_do_update(
            index_elements=["open_kfid"],
            set_={"authorised": granted, "changed_at": at},
            where=KfAccount.changed_at <= at,
        )
    )
    account = await session.get_one(KfAccount, open_kfid, populate_existing=True)
    return account.authorised


async def record(session: AsyncSession, heard: Sequence[Heard], *, vault: Vault) -> list[Heard]:
    """Write down messages, each once by its msgid; return those that are news. What was recalled is wiped."""
    insert = sqlite.insert if session.get_bind().dialect.name == "sqlite" else postgresql.insert
    fresh = []
    for one in heard:
        written = await session.execute(
            insert(KfMessage)
            .values(
                msgid=one.msgid[:64],
                open_kfid=one.open_kfid[:64],
                external_userid=one.external_userid[:64],
                origin=one.origin,
                kind=one.kind[:KIND_CHARS],
                text_sealed=vault.seal(one.text, about=KF_TEXT) if one.text else None,
                at=one.at,
            )
            .on_conflict_do_nothing(index_elements=["msgid"])
            .returning(KfMessage.id)
        )
        if written.scalar_one_or_none() is not None:
            fresh.append(one)
    await _wipe(session, [one.recalls for one in heard if one.recalls])
    return fresh


async def said_by(session: AsyncSession, external_userid: str, *, since: datetime) -> Sequence[KfMessage]:
    """Return what somebody wrote since then, oldest first."""
    rows = await session.scalars(
        select(KfMessage)
        .where(
            KfMessage.external_userid == external_userid,
            KfMessage.at >= since,
            KfMessage.origin == FROM_CUSTOMER,
            KfMessage.text_sealed.is_not(None),
        )
        .order_by(KfMessage.at, KfMessage.id)
    )
    return rows.all()


async def _wipe(session: AsyncSession, msgids: Iterable[str]) -> None:
    wanted = sorted(set(msgids))
    if wanted:
        await session.execute(
            update(KfMessage).where(KfMessage.msgid.in_(wanted)).values(text_sealed=None, kind="recalled")
        )


async def advance(session: AsyncSession, open_kfid: str, *, since: str, to: str, name: str = "") -> bool:
    """Move an account's bookmark from where the reading began; False when another reader was faster.

    Then what we read is written down all the same, and nothing is skipped: the next reading begins where
    the other one ended.
    """
    if name:
        await session.execute(
            update(KfAccount)
            .where(KfAccount.open_kfid == open_kfid, KfAccount.name == "")
            .values(name=name[:64])
        )
    moved = await session.execute(
        update(KfAccount)
        .where(KfAccount.open_kfid == open_kfid, KfAccount.cursor == since)
        .values(cursor=to[:200])
        .returning(KfAccount.open_kfid)
    )
    return moved.first() is not None
