"""To whom a text or an asset went one by one, as what is on record tells."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, update

from clinic import todos
from clinic.care_tables import Greeting, Todo
from clinic.tables import Patient
from content.library import keeping
from content.library.importing import keep_up
from content.plans.specs import Variant
from sop.effects import SendKf
from sop.journeys.channels import kf_fate
from sop.journeys.touch_life import follow_todo
from sop.sendings import Recipient, Sending, people, recipients, sendings
from store.outbox import OutboxEffect
from tests.integration.journeys.test_channels import QUOTING, wrote
from tests.integration.journeys.test_following import DAY_3, DUE, queued, sent
from tests.support.journeys import MONDAY, Journeys, hours, journey, step

if TYPE_CHECKING:
    from datetime import datetime

    from store.vault import Vault

PICTURE = "kids-brush-card"


async def shelve(care: Journeys) -> None:
    await keep_up(care.database, care.pack, now=hours(-7))


async def reword(care: Journeys, *, now: datetime) -> None:
    """Keep another version of the text."""
    async with care.database.write() as session:
        kept = await keeping.get(session, "text", QUOTING)
        entry = replace(kept.written, document=dict(kept.version.document) | {"text": "今天好些了吗？"})
        await keeping.save(session, entry, seen=kept.item.version, author="admin", now=now)


async def by_hand(care: Journeys, patient: int, *, now: datetime, done: bool = True) -> None:
    """A member did, or did not do, what her open to-do asks for."""
    async with care.database.write() as session:
        query = select(Todo.id).where(Todo.patient_id == patient, Todo.state == "open")
        todo = (await session.scalars(query)).one()
        state = todos.TodoState.DONE if done else todos.TodoState.DROPPED
        assert await todos.close(session, todo, by="xiaohu", now=now, state=state)
        await follow_todo(session, todo, done=done, now=now)


async def in_chat(care: Journeys, vault: Vault, *, now: datetime) -> SendKf:
    """The message that waits was sent in 微信客服."""
    async with care.database.write() as session:
        effects = await session.scalars(select(OutboxEffect).where(OutboxEffect.kind == "kf_send"))
        wanted = SendKf.model_validate(effects.one().payload)
        await kf_fate.said(session, wanted, "好些了吗？", vault=vault, now=now)
        return wanted


async def told(care: Journeys, key: str = QUOTING, shelf: str = "text") -> tuple[Sending, ...]:
    async with care.database.read() as session:
        return await sendings(session, care.pack, shelf, key)


async def test_a_text_sent_by_hand_and_in_a_chat_is_counted_by_version_way_and_day(
    care: Journeys, vault: Vault
) -> None:
    await shelve(care)
    handed = journey(step(channel="todo", content=QUOTING), key="by-hand")
    chatted = journey(step(channel="kf", content=QUOTING), key="in-chat")
    first, second, third, never = await care.patients(4)
    version = await care.publish(handed)
    await care.enrol(handed, version, [first, second, never])
    await wrote(care, second, at=hours(-1))
    await care.enrol(chatted, await care.publish(chatted), [second])
    await care.run(MONDAY)
    assert await told(care) == (), "asked for is not sent"

    await by_hand(care, first, now=hours(1))
    await by_hand(care, second, now=hours(2))
    await by_hand(care, never, now=hours(2), done=False)
    wanted = await in_chat(care, vault, now=hours(3))
    await care.enrol(handed, version, [third], at=hours(4), fact="manual:2")
    await care.run(hours(4))
    await reword(care, now=hours(5))
    await by_hand(care, third, now=hours(6))  # in the words of two days before
    await care.enrol(handed, version, [third], at=hours(7), fact="manual:3")
    await care.run(hours(7))
    await by_hand(care, third, now=hours(8))

    ways = (("todo", 3), ("kf", 1))
    assert await told(care) == (
        Sending(version=2, people=1, first=hours(8), last=hours(8), ways=(("todo", 1),)),
        Sending(version=1, people=3, first=hours(1), last=hours(6), ways=ways),
    )
    async with care.database.read() as session:
        assert await people(session, care.pack, "text", QUOTING) == 3
        listed = await recipients(session, care.pack, "text", QUOTING, version=1)
        (latest,) = await recipients(session, care.pack, "text", QUOTING, limit=1)
        rest = await recipients(session, care.pack, "text", QUOTING, offset=1)
    assert [(one.patient_id, one.way, one.at) for one in listed] == [
        (third, "todo", hours(6)),
        (second, "kf", hours(3)),
        (second, "todo", hours(2)),
        (first, "todo", hours(1)),
    ]
    assert latest == Recipient(patient_id=third, version=2, way="todo", at=hours(8))
    assert rest == listed

    async with care.database.write() as session:
        await kf_fate.not_delivered(session, wanted.msgid, 10, now=hours(9))
    assert (await told(care))[1].ways == (("todo", 3),), "it turned out not to have arrived"


async def test_only_those_count_who_got_the_wording_that_says_it(care: Journeys) -> None:
    await shelve(care)
    wordings = (Variant(key="a", share=1, content=QUOTING), Variant(key="b", share=1, text="您好"))
    plan = journey(step(channel="todo", content=QUOTING, variants=wordings))
    await care.begin(plan, 6)
    await care.run(MONDAY)
    touches = await care.touches()
    assert {touch.variant for touch in touches} == {"a", "b"}
    for touch in touches:
        await by_hand(care, touch.patient_id, now=hours(1))

    (found,) = await told(care)

    assert found.people == sum(touch.variant == "a" for touch in touches)


async def test_a_mass_message_counts_those_whom_it_reached_once_by_the_record_that_speaks_for_her(
    journeys: Journeys,
) -> None:
    await shelve(journeys)
    plan = journey(replace(DAY_3, content=QUOTING, text="", attachments=(PICTURE,)))
    post = await queued(journeys, 4, plan)
    assert post.content_key == QUOTING
    await sent(journeys, post, "sent", "sent", "capped", "sent")
    ids = sorted({touch.patient_id for touch in await journeys.touches()})
    async with journeys.database.write() as session:
        await session.execute(update(Patient).where(Patient.id == ids[1]).values(merged_into=ids[0]))

    expected = Sending(version=1, people=2, first=DUE, last=DUE, ways=(("mass", 2),))
    assert await told(journeys) == (expected,)
    assert await told(journeys, PICTURE, "asset") == (expected,)
    async with journeys.database.read() as session:
        listed = await recipients(session, journeys.pack, "text", QUOTING)
    assert [one.patient_id for one in listed] == [ids[0], ids[3]]


async def test_a_greeting_counts_by_what_it_carried_and_where_nobody_wrote_that_down_by_the_pack(
    journeys: Journeys,
) -> None:
    await shelve(journeys)
    welcome = replace(journeys.pack.welcomes[0], attachments=(PICTURE,), variants=())
    journeys.pack = replace(journeys.pack, welcomes=(welcome, *journeys.pack.welcomes[1:]))
    results: list[dict[str, Any] | None] = [
        {"named": True},
        {"named": True, "assets": [PICTURE]},
        {"named": True, "assets": []},
        None,
    ]
    ids = await journeys.patients(4)
    async with journeys.database.write() as session:
        for number, (patient, result) in enumerate(zip(ids, results, strict=True)):
            at = MONDAY + timedelta(hours=number)
            values = {"key": f"welcome:{number}", "at": at}
            state = "sent" if result else "missed"
            session.add(
                Greeting(
                    patient_id=patient,
                    userid="xiaohu",
                    persona="assistant",
                    welcome=welcome.key,
                    variant="main",
                    why="",
                    state=state,
                    **values,
                )
            )
            session.add(
                OutboxEffect(
                    kind="send_welcome",
                    payload={},
                    key=f"welcome:{number}",
                    state="sent",
                    result=result,
                    not_before=at,
                    created_at=at,
                    updated_at=at,
                )
            )

    (found,) = await told(journeys, PICTURE, "asset")

    assert (found.people, found.first, found.last) == (2, MONDAY, MONDAY + timedelta(hours=1))
    assert found.ways == (("welcome", 2),)
