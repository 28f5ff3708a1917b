"""The outbox: decided once, leased to one, settled by its owner alone, and never sent on a guess."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from sqlalchemy import select

from store import outbox
from store.outbox import CANCELLED, EXPIRED, QUEUED, REFUSED, SENDING, SENT, UNKNOWN, OutboxEffect

if TYPE_CHECKING:
    from store.database import Database

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
LEASE = timedelta(seconds=30)
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Ring:
    """An effect that only tests know."""

    bell: str = "door"
    kind: ClassVar[str] = "ring"

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        assert mode == "json"
        return {"bell": self.bell}


async def put(database: Database, key: str, **options: Any) -> bool:
    async with database.write() as session:
        return await outbox.put(session, Ring(), **({"key": key, "now": NOW, "cause": "because"} | options))


async def claim(
    database: Database, *, owner: str = "courier", now: datetime = NOW, limit: int = 100
) -> list[OutboxEffect]:
    async with database.write() as session:
        wanted = {"now": now, "owner": owner, "lease": LEASE}
        claimed = list(await outbox.claim(session, **wanted, limit=limit, urgent=True))
        return [*claimed, *await outbox.claim(session, **wanted, limit=limit - len(claimed), urgent=False)]


async def settle(
    database: Database, effect: OutboxEffect, state: str, *, owner: str = "courier", **options: Any
) -> bool:
    async with database.write() as session:
        return await outbox.settle(
            session, effect.id, owner=owner, state=state, **({"now": NOW + SECOND} | options)
        )


async def orphaned(database: Database, *, now: datetime, all_but: str | None = None) -> int:
    async with database.write() as session:
        return await outbox.orphaned(session, now=now, all_but=all_but)


async def stored(database: Database, key: str) -> OutboxEffect:
    async with database.read() as session:
        return (await session.scalars(select(OutboxEffect).where(OutboxEffect.key == key))).one()


async def test_a_key_is_queued_once_and_the_first_decision_stands(database: Database) -> None:
    assert await put(database, "a", cause="first")
    assert not await put(database, "a", cause="second", urgent=True)

    effect = await stored(database, "a")
    assert (effect.cause, effect.urgent, effect.payload, effect.state) == (
        "first",
        False,
        {"bell": "door"},
        QUEUED,
    )


async def test_many_who_decide_the_same_at_once_queue_it_once(database: Database) -> None:
    answers = await asyncio.gather(*(put(database, "a") for _ in range(8)))

    assert sorted(answers) == [False] * 7 + [True]


async def test_a_key_stays_taken_after_the_effect_was_sent(database: Database) -> None:
    await put(database, "a")
    [effect] = await claim(database)
    await settle(database, effect, SENT)

    assert not await put(database, "a")
    assert await claim(database, now=NOW + timedelta(days=1)) == []


async def test_what_was_decided_in_a_transaction_that_fails_was_not_decided(database: Database) -> None:
    async def decide() -> None:
        async with database.write() as session:
            await outbox.put(session, Ring(), key="a", now=NOW, cause="because")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await decide()

    assert await claim(database) == []


async def test_urgent_effects_are_claimed_first_then_by_their_hour(database: Database) -> None:
    await put(database, "later", not_before=NOW - SECOND)
    await put(database, "earlier", not_before=NOW - 2 * SECOND)
    await put(database, "urgent", urgent=True)
    await put(database, "not yet", urgent=True, not_before=NOW + SECOND)

    assert [effect.key for effect in await claim(database, limit=2)] == ["urgent", "earlier"]
    assert [effect.key for effect in await claim(database, limit=2)] == ["later"]
    assert [effect.key for effect in await claim(database, now=NOW + SECOND)] == ["not yet"]


async def test_couriers_that_claim_at_once_share_the_effects_and_none_is_leased_twice(
    database: Database,
) -> None:
    for n in range(40):
        await put(database, f"e{n}", urgent=n % 3 == 0)

    async def drain(owner: str) -> list[str]:
        mine: list[str] = []
        while claimed := await claim(database, owner=owner, limit=3):
            mine += [effect.key for effect in claimed]
        return mine

    shares = await asyncio.gather(*(drain(f"courier-{n}") for n in range(4)))

    assert sorted(key for share in shares for key in share) == sorted(f"e{n}" for n in range(40))


async def test_a_claimed_effect_is_sending_until_its_owner_settles_it(database: Database) -> None:
    await put(database, "a")

    [effect] = await claim(database)

    assert (effect.state, effect.attempts, effect.dispatched_at) == (SENDING, 1, NOW)
    assert effect.leased_until == NOW + LEASE
    assert await claim(database, owner="other") == []
    # Not even when the lease is over: whether it was sent is unknown, so it must be looked up first.
    assert await claim(database, owner="other", now=NOW + 2 * LEASE) == []


async def test_a_lease_that_ran_out_makes_the_effect_unknown_never_queued(database: Database) -> None:
    await put(database, "a")
    await claim(database)

    assert await orphaned(database, now=NOW + LEASE - SECOND) == 0
    assert await orphaned(database, now=NOW + LEASE) == 1
    assert await orphaned(database, now=NOW + LEASE) == 0

    effect = await stored(database, "a")
    assert (effect.state, effect.lease_owner, effect.leased_until) == (UNKNOWN, None, None)
    [again] = await claim(database, now=NOW + LEASE)
    assert (again.state, again.attempts) == (UNKNOWN, 2)
    # The first call is what must be looked for, so its time stays.
    assert again.dispatched_at == NOW


async def test_alone_at_the_start_every_lease_is_a_dead_ones(database: Database) -> None:
    await put(database, "sending")
    await put(database, "waiting", not_before=NOW + timedelta(hours=1))
    await claim(database)

    assert await orphaned(database, now=NOW + SECOND, all_but="new") == 1

    assert (await stored(database, "sending")).state == UNKNOWN
    assert (await stored(database, "waiting")).state == QUEUED


async def test_alone_at_the_start_what_was_leased_since_is_under_way_and_no_orphan(
    database: Database,
) -> None:
    await put(database, "a")
    [effect] = await claim(database, owner="new")

    assert await orphaned(database, now=NOW + SECOND, all_but="new") == 0

    assert await settle(database, effect, SENT, owner="new")


@pytest.mark.parametrize("state", [SENT, REFUSED, EXPIRED, UNKNOWN, QUEUED])
async def test_an_owner_that_lost_its_lease_changes_nothing(database: Database, state: str) -> None:
    await put(database, "a")
    [effect] = await claim(database, owner="slow")
    await orphaned(database, now=NOW + LEASE)
    await claim(database, owner="heir", now=NOW + LEASE)
    before = await stored(database, "a")

    assert not await settle(database, effect, state, owner="slow", result={"remote_id": "x"})

    after = await stored(database, "a")
    assert (after.state, after.result, after.updated_at) == (UNKNOWN, None, before.updated_at)
    assert (after.lease_owner, after.leased_until) == ("heir", NOW + 2 * LEASE)


async def test_an_effect_is_settled_once(database: Database) -> None:
    await put(database, "a")
    [effect] = await claim(database)

    assert await settle(database, effect, SENT, result={"remote_id": "m1"})
    assert not await settle(database, effect, REFUSED, errcode=40058)

    settled = await stored(database, "a")
    assert (settled.state, settled.result, settled.errcode) == (SENT, {"remote_id": "m1"}, None)


async def test_looks_are_counted_and_forgotten_when_it_is_queued_again(database: Database) -> None:
    await put(database, "a")
    [effect] = await claim(database)
    await settle(database, effect, UNKNOWN, not_before=NOW + 61 * SECOND, looked=True)
    assert (await stored(database, "a")).looks == 1
    assert await claim(database, now=NOW + 60 * SECOND) == []

    [effect] = await claim(database, now=NOW + 61 * SECOND)
    await settle(database, effect, QUEUED)

    assert (await stored(database, "a")).looks == 0


async def test_only_what_still_waits_can_be_cancelled(database: Database) -> None:
    for key in ("under way", "waiting"):
        await put(database, key)
    await claim(database, limit=1)

    async with database.write() as session:
        count = await outbox.cancel(
            session, keys=["under way", "waiting", "none"], now=NOW, reason="错" * 900
        )

    assert count == 1
    assert (await stored(database, "under way")).state == SENDING
    cancelled = await stored(database, "waiting")
    assert (cancelled.state, len(cancelled.error or "")) == (CANCELLED, outbox.ERROR_CHARS)
    assert await claim(database, now=NOW + timedelta(days=1)) == []
    async with database.read() as session:
        assert await outbox.count_by_state(session) == {SENDING: 1, CANCELLED: 1}


async def test_a_payload_survives_the_database_as_it_was(database: Database) -> None:
    payload = {"bell": "门铃🔔", "n": 1, "list": [None, True, 1.5], "deep": {"x": "\\u0041"}}

    class Odd(Ring):
        def model_dump(self, *, mode: str) -> dict[str, Any]:
            return payload

    async with database.write() as session:
        await outbox.put(session, Odd(), key="a", now=NOW, cause="because")

    assert (await stored(database, "a")).payload == payload
