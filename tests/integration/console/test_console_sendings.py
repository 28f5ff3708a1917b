"""What went to people one by one with a patient in it: how many, and whom."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from clinic.care_tables import Todo
from clinic.tables import AuditEntry, Patient
from content.library.importing import keep_up
from store.outbox import OutboxEffect
from store.vault import Vault
from tests.integration.console.test_console_consents import ITEM, RAIN, agrees, link, shows
from tests.support.api_driver import MONDAY
from tests.support.journeys import Does, Journeys, journey, step
from tests.support.records import meet

if TYPE_CHECKING:
    from tests.support.console_driver import Desk

SENT = f"{ITEM}/sent"
HOUR = timedelta(hours=1)
NAMES = ("晓晴", "阿远", "小满")


async def say_by_hand(desk: Desk, count: int) -> list[int]:
    """Members sent the text to so many patients, one after the other."""
    journeys = Journeys(desk.database, desk.pack)
    journeys.done["todo"] = journeys.engine._channels["todo"] = Does("done")  # type: ignore[index]
    plan = journey(step(channel="todo", content=RAIN), persona="follow")
    version = await journeys.publish(plan)
    ids = []
    for number in range(count):
        async with desk.database.write() as session:
            name = NAMES[number % len(NAMES)]
            patient = await meet(session, Vault("a secret of the tests"), f"wm-{number}", name, at=MONDAY)
            ids.append(patient.id)
        at = MONDAY + (2 + number) * HOUR  # not before the morning's quiet hours are over
        await journeys.enrol(plan, version, [ids[-1]], at=at)
        await journeys.run(at)
    return ids


async def withdraw(desk: Desk, consent: int, *, patient: int = 1) -> str:
    here = f"/console/patients/{patient}"
    sent = await desk.send(await desk.get(here), f"{here}/consents/{consent}/withdraw")
    return (await desk.follow(sent)).text


async def backed(desk: Desk) -> int:
    """The text shows 芳芳, who agrees."""
    await keep_up(desk.database, desk.pack, now=MONDAY)
    consent = await agrees(desk)
    await shows(desk)
    await link(desk, consent)
    return consent


async def told(desk: Desk) -> list[Todo]:
    return [todo for todo in await desk.rows(Todo) if todo.kind == "consent_ended"]


async def test_on_both_databases_her_withdrawal_says_to_how_many_it_went_one_by_one_and_the_console_to_whom(
    desk_anywhere: Desk,
) -> None:
    desk = desk_anywhere
    consent = await backed(desk)
    first, second = await say_by_hand(desk, 2)

    done = await withdraw(desk, consent)

    assert f"一对一发过的收不回来，名单在内容库：{RAIN}（2 位客户）" in done
    (todo,) = await told(desk)
    assert "一对一发给过 2 位客户" in todo.body
    item = await desk.get(ITEM)
    assert "一对一发过（发出去的收不回来）第 2 版：2 位客户" in item.text
    assert "同事逐个发 2 位" in item.text
    listed = await desk.get(f"{SENT}?version=2")
    assert listed.text.index("阿远") < listed.text.index("晓晴"), "the latest first"
    assert f'href="/console/patients/{first}"' in listed.html
    assert f'href="/console/patients/{second}"' in listed.html
    assert "没有一对一发过" in (await desk.get(f"{SENT}?version=1")).text


async def test_what_tells_of_it_names_no_patient_and_only_who_is_logged_in_sees_whom(desk: Desk) -> None:
    consent = await backed(desk)
    await say_by_hand(desk, 2)
    await withdraw(desk, consent)

    (todo,) = await told(desk)
    cards = [effect for effect in await desk.rows(OutboxEffect) if effect.key == f"todo:{todo.key}"]
    async with desk.database.read() as session:
        noted = await session.scalars(select(AuditEntry).where(AuditEntry.action == "consent.ended"))
        (entry,) = noted
    said = f"{todo.title}{todo.body}{[card.payload for card in cards]}{entry.reason}{entry.detail}"
    assert cards
    assert entry.reason == "患者的同意已失效：朋友圈和群里发布过 0 条，一对一发给过 2 位客户"
    assert not [name for name in (*NAMES, "wm-") if name in said]
    page = await desk.get("/console/todos")
    await desk.send(page, "/console/logout")
    assert "/console/login" in (await desk.get(SENT)).location


async def test_who_was_erased_is_counted_and_not_named(desk: Desk) -> None:
    await backed(desk)
    first, _ = await say_by_hand(desk, 2)
    async with desk.database.write() as session:
        (await session.get_one(Patient, first)).erased_at = MONDAY

    listed = await desk.get(SENT)

    assert "第 2 版 2 位" in listed.text
    assert "已删除信息的客户" in listed.text
    assert f"/console/patients/{first}" not in listed.html


async def test_it_is_told_once_for_each_end_and_not_of_what_ended_before(desk: Desk) -> None:
    consent = await backed(desk)
    await say_by_hand(desk, 1)
    await withdraw(desk, consent)
    desk.clock.moment += HOUR
    other = await agrees(desk)

    assert "一对一发过" not in await withdraw(desk, other), "it stood behind nothing"

    renewed = await agrees(desk)
    await link(desk, renewed)
    desk.clock.moment += HOUR
    assert "（1 位客户）" in await withdraw(desk, renewed)
    assert len(await told(desk)) == 2
