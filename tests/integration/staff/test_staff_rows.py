"""Members and handovers as rows: renamed into rows that exist, cut into calls, closed once."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic import group_moves, groups, kf, members, people, staff, stages, todos, transfers
from clinic.care_tables import GroupMove, KfAccount, KfMessage, StageMove, Todo, Transfer
from clinic.group_moves import Delta
from clinic.groups import Seat
from clinic.kf import Heard
from clinic.lookup import known_patient
from clinic.stages import Stage
from clinic.tables import CustomerGroup, Follow, GroupMember, Member, Patient
from clinic.transfers import CannotTransfer, Order, TransferState
from store.database import Database
from store.outbox import OutboxEffect
from store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncSession

NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)
VAULT = Vault("a secret of the tests")


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[Database]:
    database = Database(migrated_url)
    yield database
    await database.close()


async def rows(database: Database, query: Any) -> list[Any]:
    async with database.read() as session:
        return list((await session.scalars(query)).all())


async def add(session: AsyncSession, patient: str, userid: str, at: datetime = NOW) -> None:
    await people.added(session, external_userid=patient, userid=userid, channel="", at=at, now=at)


async def test_a_new_userid_meets_rows_of_its_own_and_the_newer_ones_stay(database: Database) -> None:
    async with database.write() as session:
        await members.record_serving(session, ["old"], now=NOW)
        await members.record_name(session, "old", name="林梅", alias="Mei")
        for patient in ("wm-a", "wm-b"):
            await add(session, patient, "old")
        await add(session, "wm-a", "new", NOW + timedelta(hours=1))
        await groups.record(
            session, chat_id="wr-1", name="群", owner="old", members=2, member_version="v1", now=NOW
        )
        seats = [
            Seat(person=person, external=False, joined_at=NOW, join_scene=1, state="", inviter="old")
            for person in ("old", "new")
        ]
        await groups.record_seats(session, "wr-1", seats)
        patient = await people.patient_of(session, "wm-b", now=NOW)
        await stages.move(
            session,
            patient,
            key=stages.connection_key(stages.ADDED_KEY, "old", NOW),
            stage=Stage.ADDED,
            at=NOW,
            now=NOW,
            actor="规则",
            reason="添加",
        )
        await todos.ask(session, key="k", kind="x", assignee="old", title="t", body="", now=NOW)

    for _ in range(2):
        async with database.write() as session:
            await staff.renamed(session, "old", "new", now=NOW)

    member = (await rows(database, select(Member)))[0]
    assert (member.userid, member.name, member.alias, member.serves) == ("new", "林梅", "Mei", True)
    follows = await rows(database, select(Follow).order_by(Follow.id))
    assert sorted((follow.userid, follow.added_at) for follow in follows) == [
        ("new", NOW),
        ("new", NOW + timedelta(hours=1)),
    ]
    assert await rows(database, select(GroupMember.person)) == ["new"]
    assert await rows(database, select(GroupMember.inviter)) == ["new"]
    assert await rows(database, select(CustomerGroup.owner)) == ["new"]
    assert await rows(database, select(StageMove.key)) == [f"added:new:{int(NOW.timestamp())}"]
    assert await rows(database, select(Todo.assignee)) == ["new"]


async def test_many_patients_are_offered_in_hundreds_and_groups_beyond_a_days_limit_wait(
    database: Database,
) -> None:
    patients = [f"wm-{number:04}" for number in range(250)]
    chats = [f"wr-{number:04}" for number in range(301)]
    async with database.write() as session:
        for patient in patients:
            await add(session, patient, "old")
        for chat_id in chats:
            await groups.record(
                session, chat_id=chat_id, name=chat_id, owner="old", members=1, member_version=None, now=NOW
            )
        await add(session, "wm-lost", "old")
        await people.lost(session, external_userid="wm-lost", userid="old", by="patient", at=NOW, now=NOW)
        order = Order(
            run="r1",
            handover="old",
            takeover="new",
            resigned=True,
            patients=(*patients, "wm-lost", "wm-nobody"),
            groups=(*chats, "wr-nowhere"),
        )
        assert await transfers.begin(session, order, now=NOW) == 551

    effects = await rows(database, select(OutboxEffect).order_by(OutboxEffect.id))
    sizes = [len(e.payload.get("external_userids") or e.payload["chat_ids"]) for e in effects]
    assert sizes == [100, 100, 50, 100, 100, 100, 1]
    assert [effect.not_before - NOW for effect in effects][-2:] == [timedelta(), timedelta(days=1)]


async def test_what_is_on_its_way_is_not_handed_over_again_until_it_came_back(database: Database) -> None:
    async with database.write() as session:
        await add(session, "wm-a", "old")
        await transfers.begin(session, order("r1"), now=NOW)
    async with database.write() as session:
        with pytest.raises(CannotTransfer, match="可能已经在交接中"):
            await transfers.begin(session, order("r2"), now=NOW)
        await transfers.set_state(session, ["wm-a"], state=TransferState.REFUSED, reason="不同意", now=NOW)
        await transfers.begin(session, order("r3"), now=NOW)

    progress = {run.run: run for run in await runs(database)}
    assert {key: run.failures for key, run in progress.items()} == {"r1": 1, "r3": 0}
    assert (progress["r1"].percent, progress["r3"].percent) == (100, 0)


def order(run: str) -> Order:
    return Order(run=run, handover="old", takeover="new", resigned=False, patients=("wm-a",), groups=())


async def runs(database: Database) -> list[transfers.Progress]:
    async with database.read() as session:
        return await transfers.runs_of(session, "old")


async def test_the_end_of_a_handover_is_not_undone_by_older_news(database: Database) -> None:
    async with database.write() as session:
        await add(session, "wm-a", "old")
        await transfers.begin(session, order("r1"), now=NOW)
        await transfers.set_state(session, ["wm-a"], state=TransferState.DONE, now=NOW)
        again = await transfers.set_state(session, ["wm-a"], state=TransferState.REFUSED, now=NOW)

    assert again == []
    assert await rows(database, select(Transfer.state)) == ["done"]


async def test_a_delta_is_applied_only_to_the_version_it_continues(database: Database) -> None:
    alice, bob = "wm" + "a" * 30, "wm" + "b" * 30
    async with database.write() as session:
        await groups.record(
            session, chat_id="wr-1", name="群", owner="li.na", members=0, member_version="v1", now=NOW
        )
        unread = await group_moves.apply(session, delta("joined", alice, "v1", "v2"))
        seat = Seat(person="li.na", external=False, joined_at=NOW, join_scene=1, state="")
        await group_moves.reread(session, "wr-1", [seat], now=NOW)
        steps = [
            await group_moves.apply(session, delta("joined", alice, "v1", "v2", minutes=1)),
            await group_moves.apply(session, delta("joined", alice, "v1", "v2", minutes=1)),
            await group_moves.apply(session, delta("joined", bob, "v3", "v4", minutes=2)),
        ]

    assert not unread.in_step  # its people were never read
    assert [step.in_step for step in steps] == [True, True, False]
    assert [len(step.moves) for step in steps] == [0, 0, 1]
    assert set(await rows(database, select(GroupMember.person))) == {"li.na", alice}
    assert len(await rows(database, select(GroupMove))) == 2
    assert await rows(database, select(CustomerGroup.member_version)) == ["v2"]


def delta(kind: Any, person: str, last: str, current: str, *, minutes: int = 0) -> Delta:
    return Delta(
        chat_id="wr-1",
        kind=kind,
        people=(person,),
        scene=3,
        last_version=last,
        current_version=current,
        at=NOW + timedelta(minutes=minutes),
    )


async def test_two_readers_of_one_account_keep_each_message_once_and_skip_none(database: Database) -> None:
    async with database.write() as session:
        await kf.authorise(session, "wk-1", granted=True, at=NOW)
        first = await kf.record(session, heard(1, 2), vault=VAULT)
        assert await kf.advance(session, "wk-1", since="", to="c2")
    async with database.write() as session:
        second = await kf.record(session, heard(1, 2, 3), vault=VAULT)
        assert not await kf.advance(session, "wk-1", since="", to="c3")

    assert [len(first), len(second)] == [2, 1]
    assert await rows(database, select(KfAccount.cursor)) == ["c2"]
    assert len(await rows(database, select(KfMessage))) == 3


def heard(*numbers: int) -> list[Heard]:
    return [
        Heard(
            msgid=f"m{number}",
            open_kfid="wk-1",
            external_userid="wm-a",
            origin=3,
            kind="text",
            text="你好",
            at=NOW,
        )
        for number in numbers
    ]


async def test_older_news_about_an_account_changes_nothing(database: Database) -> None:
    async with database.write() as session:
        taken = await kf.authorise(session, "wk-1", granted=False, at=NOW)
        late = await kf.authorise(session, "wk-1", granted=True, at=NOW - timedelta(seconds=1))
        given = await kf.authorise(session, "wk-1", granted=True, at=NOW + timedelta(seconds=1))

    assert (taken, late, given) == (False, False, True)


async def test_a_stranger_is_no_patient_and_a_merged_record_has_one_voice(database: Database) -> None:

    async with database.write() as session:
        head = await people.patient_of(session, "wm-head", now=NOW)
        other = await people.patient_of(session, "wm-other", now=NOW)
        gone = await people.patient_of(session, "wm-gone", now=NOW)
        other.merged_into, gone.erased_at = head.id, NOW
        await session.flush()
        found = [await known_patient(session, name) for name in ("wm-other", "wm-gone", "wm-nobody")]

    assert [patient.external_userid if patient else None for patient in found] == ["wm-head", None, None]
    assert len(await rows(database, select(Patient))) == 3
