"""Publishes plans for tests, and makes people who may be in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sop.plans import store
from sop.roster import load_roster
from tests.support.records import meet

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.tables import Patient
    from content.pack import Pack
    from store.database import Database
    from store.vault import Vault

__all__ = ["journey", "meet_many", "publish", "todo"]


def todo(key: str, **fields: Any) -> dict[str, Any]:
    """Return a step: somebody asks her something by hand."""
    return {"key": key, "channel": "todo", "text": "请问一声", "to": ["member"]} | fields


def journey(key: str, *triggers: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """Return the document of a journey; without steps it asks her something after a day and after three."""
    steps = [todo("one", after={"days": 1}, at="10:00"), todo("two", after={"days": 3}, at="10:00")]
    return {
        "key": key,
        "kind": "journey",
        "title": f"旅程 {key}",
        "persona": "follow",
        "trigger": list(triggers) or [{"on": "manual"}],
        "steps": steps,
    } | fields


async def publish(database: Database, pack: Pack, *documents: dict[str, Any], now: datetime) -> None:
    """Publish plans, each as its own new version."""
    async with database.write() as session:
        for document in documents:
            await store.save_draft(session, document, pack=pack, actor="chen.jing", now=now)
            await store.publish(session, document["key"], pack=pack, actor="chen.jing", now=now)


async def meet_many(
    session: AsyncSession, vault: Vault, number: int, *, at: datetime, prefix: str = "wm"
) -> list[Patient]:
    """Record people who have added 小护."""
    return [
        await meet(session, vault, f"{prefix}{place:04}", f"客户{place}", at=at) for place in range(number)
    ]


async def roster_of(database: Database, pack: Pack) -> Any:
    """Return who speaks as whom."""
    async with database.read() as session:
        return await load_roster(session, pack)
