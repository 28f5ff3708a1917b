"""The material for newcomers follows the pack: made, changed, tried again, deleted; each call once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from clinic.care_tables import GroupWelcome
from content.render import Renderer
from sop import group_welcomes
from sop.group_welcomes import TRY_AGAIN, Wanted
from store.database import Database
from store.outbox import OutboxEffect

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


def want(text: str) -> dict[str, Wanted]:
    return {"vip": Wanted(role="vip", text=text, attachment=None, digest=f"digest of {text}")}


async def ensure(database: Database, wanted: dict[str, Wanted], *, at: datetime = NOW) -> int:
    async with database.write() as session:
        return await group_welcomes.ensure(session, wanted, now=at)


async def made(database: Database, text: str, template_id: str = "T1") -> None:
    async with database.write() as session:
        await group_welcomes.made(
            session, "vip", template_id=template_id, digest=f"digest of {text}", now=NOW
        )


async def queued(database: Database) -> list[tuple[str, str]]:
    async with database.read() as session:
        effects = (await session.scalars(select(OutboxEffect).order_by(OutboxEffect.id))).all()
    return [
        (effect.kind, effect.payload.get("digest") or effect.payload["template_id"]) for effect in effects
    ]


async def held(database: Database) -> list[tuple[str | None, str]]:
    async with database.read() as session:
        rows = (await session.scalars(select(GroupWelcome))).all()
    return [(row.template_id, row.held) for row in rows]


async def test_what_stands_as_wanted_asks_nothing_and_new_words_ask_once(database: Database) -> None:
    assert await ensure(database, want("欢迎")) == 1
    assert await ensure(database, want("欢迎")) == 0
    await made(database, "欢迎")
    assert await ensure(database, want("欢迎"), at=NOW + 9 * DAY) == 0
    assert await ensure(database, want("您好"), at=NOW + 9 * DAY) == 1

    assert await queued(database) == [
        ("put_group_welcome", "digest of 欢迎"),
        ("put_group_welcome", "digest of 您好"),
    ]
    await made(database, "您好")
    assert await held(database) == [("T1", "digest of 您好")]


async def test_an_older_call_that_answers_late_does_not_have_the_last_word(database: Database) -> None:
    await ensure(database, want("带图"))
    await ensure(database, want("只有字"), at=NOW + timedelta(seconds=1))
    await made(database, "只有字")

    await made(database, "带图")

    assert [digest for _, digest in await queued(database)] == [
        "digest of 带图",
        "digest of 只有字",
        "digest of 只有字",
    ]
    await made(database, "只有字")
    assert await held(database) == [("T1", "digest of 只有字")]


async def test_what_was_refused_is_tried_again_after_days_not_minutes(database: Database) -> None:
    await ensure(database, want("欢迎"))

    assert await ensure(database, want("欢迎"), at=NOW + DAY) == 0
    assert await ensure(database, want("欢迎"), at=NOW + TRY_AGAIN) == 1


async def test_a_role_that_lost_its_greeting_has_its_material_deleted_once(database: Database) -> None:
    await ensure(database, want("欢迎"))
    await made(database, "欢迎")

    assert [await ensure(database, {}) for _ in range(2)] == [1, 0]
    assert (await queued(database))[-1] == ("drop_group_welcome", "T1")
    assert await held(database) == []


async def test_material_made_for_a_role_that_is_gone_meanwhile_is_deleted(database: Database) -> None:
    await made(database, "欢迎", "T9")

    assert await queued(database) == [("drop_group_welcome", "T9")]


def test_the_digest_changes_with_words_and_picture_and_the_nickname_is_left_to_wecom(pack: Pack) -> None:
    found = group_welcomes.wanted(pack, Renderer())

    assert set(found) == {role.key for role in pack.roles if role.welcome is not None}
    assert all("%NICKNAME%" in one.text and "{{" not in one.text for one in found.values())
    assert len({one.digest for one in found.values()}) == len(found)
