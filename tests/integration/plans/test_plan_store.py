"""Plans live in versions: the pack brings them, staff edit and publish them, nobody changes what is published."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select, update

from clinic import audit
from clinic.tables import Patient
from content.plans.documents import plan_of
from sop.plan_tables import Enrolment, PlanVersion, StoredPlan, Touch
from sop.plans import store
from sop.plans.book import PlanBook
from sop.plans.errors import PlanFaulty, PlanRefused
from sop.plans.importing import import_plans
from sop.plans.states import PlanState
from sop.plans.usage import content_used_by
from store.database import Database

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

NOW = datetime(2026, 10, 8, 2, 0, tzinfo=UTC)


def document(key: str = "care", *steps: str, **fields: Any) -> dict[str, Any]:
    return {
        "key": key,
        "kind": "journey",
        "title": "术后关怀",
        "persona": "assistant",
        "trigger": [{"on": "visit"}],
        "steps": [
            {"key": step, "channel": "todo", "after": {"days": number}, "text": "请问一声", "to": ["member"]}
            for number, step in enumerate(steps or ("one", "two"), start=1)
        ],
        **fields,
    }


def with_plans(pack: Pack, *documents: dict[str, Any]) -> Pack:
    return replace(pack, plans=tuple(plan_of(one) for one in documents))


@pytest.fixture
async def session(migrated_url: str) -> AsyncIterator[AsyncSession]:
    database = Database(migrated_url)
    try:
        async with database.write() as session:
            yield session
    finally:
        await database.close()


async def bring(session: AsyncSession, pack: Pack, *documents: dict[str, Any]) -> Any:
    return await import_plans(session, with_plans(pack, *documents), now=NOW)


async def edit(session: AsyncSession, pack: Pack, *steps: str, seen: str | None = None) -> PlanVersion:
    return await store.save_draft(
        session, document("care", *steps), pack=pack, actor="chen.jing", now=NOW, seen=seen
    )


async def enrol(session: AsyncSession, version: int, *people: tuple[str, str | None]) -> None:
    """Let people be at a step of a version."""
    for name, step in people:
        patient = Patient(external_userid=name, first_seen_at=NOW, updated_at=NOW)
        session.add(patient)
        await session.flush()
        enrolment = Enrolment(
            patient_id=patient.id,
            plan_key="care",
            version_id=version,
            fact="visit:1",
            state="active",
            step=step,
            trigger_at=NOW - timedelta(days=1),
            due_at=NOW + timedelta(days=1),
            next_at=NOW + timedelta(days=1),
            started_at=NOW - timedelta(days=1),
        )
        session.add(enrolment)
        await session.flush()
        session.add(
            Touch(
                enrolment_id=enrolment.id,
                step="one",
                patient_id=patient.id,
                plan_key="care",
                version_id=version,
                channel="todo",
                purpose="care",
                state="held",
                due_at=NOW,
                at=NOW,
                created_at=NOW,
                updated_at=NOW,
            )
        )
    await session.flush()


async def current(session: AsyncSession) -> PlanVersion:
    query = select(PlanVersion).join(StoredPlan, PlanVersion.plan_key == StoredPlan.key)
    return (await session.scalars(query.where(PlanVersion.number == StoredPlan.version))).one()


# ── the pack's plans ─────────────────────────────────────────────────────────────────────────────────


async def test_a_new_plan_of_the_pack_is_published_once(session: AsyncSession, pack: Pack) -> None:
    sleeping = document("asleep", starts_active=False)

    done = await bring(session, pack, document(), sleeping)
    again = await bring(session, pack, document(), sleeping)

    assert (done.begun, again.begun, again.offered) == (["care", "asleep"], [], [])
    book = PlanBook()
    await book.refresh(session)
    assert [(p.key, p.number, p.state) for p in book.published.values()] == [
        ("asleep", 1, PlanState.DRAFT),
        ("care", 1, PlanState.ACTIVE),
    ]
    assert [p.key for p in book.journeys()] == ["care"]
    assert [e.reason for e in await audit.of_subject(session, "plan:care")] == ["内容包带来，第 1 版，启用"]


async def test_a_changed_plan_of_the_pack_is_offered_and_replaces_an_older_offer(
    session: AsyncSession, pack: Pack
) -> None:
    await bring(session, pack, document())

    await bring(session, pack, document("care", "one"))
    done = await bring(session, pack, document("care", "three"))

    assert done.offered == ["care"]
    (offer,) = await store.offered(session)
    assert (offer.number, offer.note) == (2, "内容包有新版本，看过后可以发布")
    assert [step.key for step in plan_of(offer.document).journey.steps] == ["three"]
    assert (await current(session)).number == 1

    await bring(session, pack, document())  # the pack went back
    assert await store.offered(session) == []


async def test_what_staff_edited_stays_beside_the_packs_offer(session: AsyncSession, pack: Pack) -> None:
    await bring(session, pack, document())
    draft = await edit(session, pack, "mine")

    await bring(session, pack, document("care", "theirs"))

    (offer,) = await store.offered(session)
    assert (draft.number, offer.number) == (2, 3)
    assert "你们改过" in offer.note
    assert [step.key for step in plan_of(draft.document).journey.steps] == ["mine"]


async def test_a_key_that_another_kind_of_plan_has_is_not_overwritten(
    session: AsyncSession, pack: Pack
) -> None:
    await bring(session, pack, document())
    other = {"key": "care", "kind": "moments", "title": "朋友圈", "persona": "assistant"}

    assert (await bring(session, pack, other)).refused == ["care"]
    assert await store.offered(session) == []


# ── drafts ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_draft_is_edited_until_it_is_published_and_never_after(
    session: AsyncSession, pack: Pack
) -> None:
    first = await edit(session, pack, "one")
    second = await edit(session, pack, "one", "two", seen=first.digest)
    assert first is second

    await store.publish(session, "care", pack=pack, actor="chen.jing", now=NOW, seen=second.digest)

    with pytest.raises(PlanRefused, match="第 1 版已经发布，不能再改；在它的基础上新建一版"):
        await store.edit_version(session, "care", 1, document(), pack=pack, actor="chen.jing", now=NOW)
    with pytest.raises(PlanRefused, match="已经发布，不能删"):
        await store.drop_draft(session, "care", 1, actor="chen.jing", now=NOW)
    assert (await edit(session, pack, "one")).number == 2


async def test_two_people_who_edit_one_draft_do_not_overwrite_each_other(
    session: AsyncSession, pack: Pack
) -> None:
    first = await edit(session, pack, "one")
    stale = first.digest
    await edit(session, pack, "two", seen=stale)

    with pytest.raises(PlanRefused, match="刚被改过"):
        await edit(session, pack, "three", seen=stale)
    with pytest.raises(PlanRefused, match="和你看到的不一样"):
        await store.publish(session, "care", pack=pack, actor="chen.jing", now=NOW, seen=stale)


async def test_a_faulty_document_is_refused_with_its_fields(session: AsyncSession, pack: Pack) -> None:
    broken = document()
    broken["steps"][1]["chanel"] = broken["steps"][1].pop("channel")

    with pytest.raises(PlanFaulty) as caught:
        await store.save_draft(session, broken, pack=pack, actor="chen.jing", now=NOW)

    assert [problem.field for problem in caught.value.problems] == ["steps[1].channel", "steps[1].chanel"]


async def test_a_draft_that_is_dropped_takes_a_plan_without_versions_along(
    session: AsyncSession, pack: Pack
) -> None:
    await edit(session, pack, "one")

    await store.drop_draft(session, "care", 1, actor="chen.jing", now=NOW)

    assert await store.all_plans(session) == []


# ── publication ──────────────────────────────────────────────────────────────────────────────────────


async def test_publishing_lets_people_finish_the_version_they_are_in(
    session: AsyncSession, pack: Pack
) -> None:
    await bring(session, pack, document())
    old = await current(session)
    await enrol(session, old.id, ("wm1", "two"))
    await edit(session, pack, "new")

    await store.publish(session, "care", pack=pack, actor="chen.jing", now=NOW)

    (enrolment,) = await session.scalars(select(Enrolment))
    assert (enrolment.version_id, enrolment.step) == (old.id, "two")
    book = PlanBook()
    await book.refresh(session)
    published = book.get("care")
    assert published is not None
    assert [step.key for step in published.plan.journey.steps] == ["new"]
    older = await book.versions(session, [old.id])
    assert [step.key for step in older[old.id].journey.steps] == ["one", "two"]


async def test_people_move_to_the_new_version_with_the_step_they_are_at(
    session: AsyncSession, pack: Pack
) -> None:
    await bring(session, pack, document())
    await enrol(session, (await current(session)).id, ("wm1", "one"), ("wm2", "two"))
    await edit(session, pack, "one", "two", "three")

    done = await store.publish(
        session, "care", inside="move", pack=pack, actor="chen.jing", now=NOW + timedelta(hours=1)
    )

    assert done.moved == 2
    rows = (await session.scalars(select(Enrolment).order_by(Enrolment.id))).all()
    for row in rows:
        await session.refresh(row)
    assert [(row.version_id, row.step, row.due_at) for row in rows] == [
        (done.version.id, "one", None),
        (done.version.id, "two", None),
    ]
    assert {row.next_at for row in rows} == {NOW + timedelta(hours=1)}
    assert [touch.state for touch in await session.scalars(select(Touch))] == ["held", "held"]


async def test_a_move_from_a_step_that_is_gone_needs_a_place_to_go(session: AsyncSession, pack: Pack) -> None:
    await bring(session, pack, document())
    await enrol(session, (await current(session)).id, ("wm1", "two"))
    await edit(session, pack, "uno", "due")
    publish = {"inside": "move", "pack": pack, "actor": "chen.jing", "now": NOW}

    with pytest.raises(PlanRefused, match=r"“第 2 步（.*）”1 人"):
        async with session.begin_nested():
            await store.publish(session, "care", **publish)
    with pytest.raises(PlanRefused, match="没有步骤 tre"):
        async with session.begin_nested():
            await store.publish(session, "care", at="tre", **publish)
    done = await store.publish(session, "care", at="due", **publish)

    assert done.moved == 1
    assert await session.scalar(select(Enrolment.step)) == "due"


@pytest.mark.parametrize("inside", ["move", "restart"])
async def test_who_has_the_last_step_behind_her_is_left_alone(
    session: AsyncSession, pack: Pack, inside: Any
) -> None:
    await bring(session, pack, document())
    old = await current(session)
    await enrol(session, old.id, ("wm1", None))
    await edit(session, pack, "other")

    await store.publish(session, "care", inside=inside, pack=pack, actor="chen.jing", now=NOW)

    rows = await session.execute(select(Enrolment.version_id, Enrolment.step, Enrolment.state))
    assert [tuple(row) for row in rows] == [(old.id, None, "active")]


async def test_people_begin_a_new_version_from_its_first_step(session: AsyncSession, pack: Pack) -> None:
    await bring(session, pack, document())
    await enrol(session, (await current(session)).id, ("wm1", "two"), ("wm2", "two"))
    await edit(session, pack, "first", "second")

    done = await store.publish(session, "care", inside="restart", pack=pack, actor="chen.jing", now=NOW)

    assert done.restarted == 2
    rows = await session.execute(
        select(Enrolment.state, Enrolment.step, Enrolment.fact).order_by(Enrolment.id)
    )
    assert [tuple(row) for row in rows] == [
        ("stopped", None, "visit:1"),
        ("stopped", None, "visit:1"),
        ("active", "first", "v2:visit:1"),
        ("active", "first", "v2:visit:1"),
    ]
    assert set(await session.scalars(select(Touch.state))) == {"skipped"}


async def test_nothing_is_published_that_the_pack_no_longer_permits(
    session: AsyncSession, pack: Pack
) -> None:
    await edit(session, pack, "one")
    await session.execute(update(PlanVersion).values(document={"key": "care"}))
    session.expire_all()

    with pytest.raises(PlanFaulty):
        await store.publish(session, "care", pack=pack, actor="chen.jing", now=NOW)


# ── states ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_plan_pauses_resumes_and_retires_with_everybody_in_it(
    session: AsyncSession, pack: Pack
) -> None:
    await bring(session, pack, document())
    await enrol(session, (await current(session)).id, ("wm1", "two"))

    async def become(state: PlanState) -> None:
        await store.change_state(session, "care", state, actor="chen.jing", now=NOW, reason="试一试")

    await become(PlanState.PAUSED)
    await become(PlanState.ACTIVE)
    await become(PlanState.RETIRED)

    enrolment = (await session.scalars(select(Enrolment))).one()
    await session.refresh(enrolment)
    assert (enrolment.state, enrolment.reason) == ("stopped", "计划已停用")
    with pytest.raises(PlanRefused, match="现在是“停用”，不能变成“暂停”"):
        await become(PlanState.PAUSED)
    told = [entry.reason for entry in await audit.of_subject(session, "plan:care")]
    assert told[1:] == [
        "启用 → 暂停：试一试",
        "暂停 → 启用：试一试",
        "启用 → 停用，1 人的旅程结束：试一试",
    ]


async def test_a_paused_plan_stays_paused_when_a_version_is_published(
    session: AsyncSession, pack: Pack
) -> None:
    await bring(session, pack, document())
    await store.change_state(session, "care", PlanState.PAUSED, actor="chen.jing", now=NOW)
    await edit(session, pack, "new")

    await store.publish(session, "care", pack=pack, actor="chen.jing", now=NOW)

    assert await session.scalar(select(StoredPlan.state)) == "paused"


async def test_a_plan_without_a_published_version_cannot_run(session: AsyncSession, pack: Pack) -> None:
    await edit(session, pack, "one")

    with pytest.raises(PlanRefused, match="还没有发布过"):
        await store.change_state(session, "care", PlanState.ACTIVE, actor="chen.jing", now=NOW)


# ── reading ──────────────────────────────────────────────────────────────────────────────────────────


async def test_the_book_asks_once_when_nothing_changed(session: AsyncSession, pack: Pack) -> None:
    await bring(session, pack, document(), document("other"))
    book = PlanBook()
    await book.refresh(session)
    statements: list[str] = []
    connection = (await session.connection()).sync_connection
    event.listen(connection, "before_cursor_execute", lambda *args: statements.append(args[2]))

    await book.refresh(session)

    assert len(statements) == 1


async def test_a_content_in_use_names_who_uses_it(session: AsyncSession, pack: Pack) -> None:
    key = pack.direct_texts[0].key
    plan = document()
    plan["steps"][1] = {"key": "two", "channel": "mass", "after": {"days": 2}, "content": key}
    await bring(session, pack, plan)

    used = await content_used_by(session, [key, "direct.nobody"])

    assert {name: [str(use) for use in uses] for name, uses in used.items()} == {
        key: ["计划“术后关怀”（care 第 1 版）的步骤 two"]
    }
    await store.change_state(session, "care", PlanState.RETIRED, actor="chen.jing", now=NOW)
    assert await content_used_by(session, [key]) == {}
