"""Steps carried out: to-dos with ready words, chats while they are open, tags, stages, surveys, groups."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic import consents, people, tagging, todos
from clinic.care_tables import KfAccount, KfMessage, Todo
from clinic.tables import CustomerGroup, GroupMember, Patient, TagWord
from content.library.importing import keep_up
from content.render import Renderer
from sop import consented, withdrawals
from sop.effects import SendKf
from sop.journeys.channels import kf_fate
from sop.journeys.channels.errands import give_up, may_be_put_back, put_back
from sop.journeys.channels.kf import SHUT
from sop.journeys.channels.words import TODO_TEXT
from sop.journeys.leaving import leave
from sop.journeys.touch_life import follow_todo
from sop.plan_tables import SurveyLink
from sop.roster import load_roster
from store.outbox import OutboxEffect
from tests.support.journeys import MONDAY, Journeys, hours, journey, step

if TYPE_CHECKING:
    from content.pack import Pack
    from store.vault import Vault

QUOTING = "direct.filling.day-1"
NAMED = "{% if patient.name %}{{ patient.name }}，{% endif %}我是{{ member.alias }}，想问问你好些了吗？"


async def rows(care: Journeys, table: type[Any]) -> list[Any]:
    async with care.database.read() as session:
        return list(await session.scalars(select(table).order_by(table.id)))


async def name_all(care: Journeys, vault: Vault, name: str) -> None:
    async with care.database.write() as session:
        for patient in await session.scalars(select(Patient)):
            patient.name_sealed = vault.seal(name, about=people.NAME)


async def wrote(care: Journeys, patient_id: int, *, at: Any, answers: int = 0) -> str:
    """She wrote in 微信客服, and got so many answers since."""
    async with care.database.write() as session:
        if await session.get(KfAccount, "wk1") is None:
            session.add(KfAccount(open_kfid="wk1", authorised=True, changed_at=MONDAY))
        patient = await session.get_one(Patient, patient_id)
        for number, origin in enumerate([3, *[0] * answers]):
            session.add(
                KfMessage(
                    msgid=f"m-{patient_id}-{at:%H%M}-{number}",
                    open_kfid="wk1",
                    external_userid=patient.external_userid,
                    origin=origin,
                    kind="text",
                    at=at + timedelta(seconds=number),
                )
            )
        return patient.external_userid


async def test_a_member_gets_the_ready_words_once_and_one_card(care: Journeys, vault: Vault) -> None:
    plan = journey(step(channel="todo", text=NAMED, title="回访"), persona="follow")
    await care.begin(plan, 2)
    await name_all(care, vault, "晓晴")

    await care.run(MONDAY)
    await care.run(MONDAY)

    asked = await rows(care, Todo)
    assert [(one.kind, one.assignee, one.title) for one in asked] == [
        ("touch", "xiaohu", "发给顾客：回访")
    ] * 2
    assert vault.open(asked[0].text_sealed, about=TODO_TEXT) == "晓晴，我是xiaohu，想问问你好些了吗？"
    assert "晓晴" not in asked[0].body
    assert asked[0].due_at == MONDAY + timedelta(hours=24)
    cards = [one.payload["title"] for one in await rows(care, OutboxEffect)]
    assert cards == ["有 2 位顾客等你联系"]
    assert await care.told() == [("day-3", "queued", "")] * 2


async def test_words_that_quote_a_patient_need_her_consent_and_are_taken_back_from_staff_with_it(
    care: Journeys, pack: Pack
) -> None:
    written = tuple(
        replace(entry, document=dict(entry.document) | {"patient": "shown"})
        if entry.key == QUOTING
        else entry
        for entry in pack.written
    )
    await keep_up(care.database, replace(pack, written=written), now=MONDAY)
    by_hand = journey(step(channel="todo", content=QUOTING, text=""), key="by-hand")
    in_chat = journey(step(channel="kf", content=QUOTING, text=""), key="in-chat")
    inviting = journey(step(channel="invite_group", content=QUOTING, group_role="kids"), key="inviting")
    version, other = await care.publish(by_hand), await care.publish(in_chat)
    barred, quotes, later = await care.patients(3)
    await wrote(care, barred, at=MONDAY - timedelta(hours=1))

    await care.enrol(by_hand, version, [barred])
    await care.enrol(in_chat, other, [barred])
    await care.enrol(inviting, await care.publish(inviting), [barred])
    await care.run(MONDAY)
    assert not await rows(care, Todo)
    assert not await rows(care, OutboxEffect)
    why = f"文字用到了患者，还没有登记患者的同意。请在内容库里打开 {QUOTING} 登记同意"
    assert await care.told() == [("day-3", "failed", why)] * 3

    async with care.database.write() as session:
        patient = await session.get_one(Patient, quotes)
        consent = await consents.give(
            session,
            patient,
            kind=consents.ConsentKind.CASE,
            purpose="引用一句话",
            proof="纸质同意书 2026-118",
            now=MONDAY,
            actor="admin",
        )
        await consented.link(session, consented.TEXT, QUOTING, consent.id, actor="admin", now=MONDAY)
    await care.enrol(by_hand, version, [later])
    await care.run(MONDAY)
    assert [todo.patient_id for todo in await rows(care, Todo)] == [later]

    async with care.database.write() as session:
        patient = await session.get_one(Patient, quotes)
        roster = await load_roster(session, pack)
        tools: dict[str, Any] = {"roster": roster, "pack": pack, "renderer": Renderer(), "public_url": ""}
        pulled = await withdrawals.withdraw(
            session, [patient], consent.id, actor="admin", now=hours(1), **tools
        )
        again = await withdrawals.pull(session, now=hours(2), **tools)
    (todo,) = await rows(care, Todo)
    assert (pulled.todos, again.todos) == ((todo.id,), ())
    assert (todo.state, todo.text_sealed, may_be_put_back(todo)) == ("dropped", None, False)
    assert todo.body.startswith("（用到的患者不再同意，这段话不要再发）")
    (told,) = [one for one in await care.touches() if one.patient_id == later]
    assert (told.state, "患者的同意已经撤回" in told.reason) == ("skipped", True)


async def test_sent_not_needed_put_back_and_left_undone(care: Journeys) -> None:
    await care.begin(journey(step(channel="todo", text="请问一声"), persona="follow"), 3)
    await care.run(MONDAY)
    first, second, _ = await rows(care, Todo)
    for todo, done in ((first, True), (second, False)):
        async with care.database.write() as session:
            state = todos.TodoState.DONE if done else todos.TodoState.DROPPED
            assert await todos.close(session, todo.id, by="xiaohu", now=MONDAY, state=state)
            await follow_todo(session, todo.id, done=done, now=MONDAY)
    assert [state for _, state, _ in await care.told()] == ["done", "skipped", "queued"]

    async with care.database.write() as session:
        assert await todos.reopen(session, second.id)
        await put_back(session, second.id, now=MONDAY)
    assert [state for _, state, _ in await care.told()] == ["done", "queued", "queued"]

    for now, closed in ((hours(2), 0), (hours(3, hours=1), 2), (hours(4), 0)):
        async with care.database.write() as session:
            assert await give_up(session, zone=care.pack.timezone, now=now) == closed
    assert await care.told() == [
        ("day-3", "done", ""),
        ("day-3", "expired", "过了时间没有人发"),
        ("day-3", "expired", "过了时间没有人发"),
    ]
    told = [one for one in await rows(care, Todo) if one.kind == "touch_undone"]
    assert [one.assignee for one in told] == ["manager"]


async def test_a_chat_is_used_while_it_is_open_and_her_fallback_otherwise(care: Journeys) -> None:
    plan = journey(
        step("ask", "kf", text="好些了吗？", fallback="todo"),
        step("tell", "kf", text="记得复查"),
        persona="follow",
    )
    await care.begin(plan, 3)
    open_, full, silent = [one.id for one in await rows(care, Patient)]
    who = await wrote(care, open_, at=hours(-1))
    await wrote(care, full, at=hours(-1), answers=5)
    await wrote(care, silent, at=hours(-3))

    await care.run(MONDAY)

    assert await care.told() == [
        ("ask", "queued", ""),
        ("tell", "queued", ""),
        ("ask", "queued", SHUT),
        ("tell", "skipped", SHUT),
        ("ask", "queued", SHUT),
        ("tell", "skipped", SHUT),
    ]
    assert [touch.channel for touch in await care.touches()][:3] == ["kf", "kf", "todo"]
    sent = [one for one in await rows(care, OutboxEffect) if one.kind == "kf_send"]
    assert [one.payload["external_userid"] for one in sent] == [who, who]
    assert all(one.deadline < hours(1) for one in sent), "48 hours from her message"


async def test_a_window_that_shuts_before_it_is_sent_sends_the_step_another_way(
    care: Journeys, vault: Vault
) -> None:
    await care.begin(journey(step("ask", "kf", text="好些了吗？", fallback="todo"), persona="follow"))
    await wrote(care, 1, at=hours(-1))
    await care.run(MONDAY)
    [effect] = [one for one in await rows(care, OutboxEffect) if one.kind == "kf_send"]
    wanted = SendKf.model_validate(effect.payload)

    async with care.database.write() as session:
        await kf_fate.not_said(session, wanted, SHUT, again=True, now=hours(hours=4))
    await wrote(care, 1, at=hours(-1, minutes=1), answers=5)
    await care.run(hours(hours=5))

    [touch] = await care.touches()
    assert (touch.state, touch.channel, touch.tries) == ("queued", "todo", 1)
    async with care.database.write() as session:
        await kf_fate.said(session, wanted, "好些了吗？", vault=vault, now=hours(hours=5))
    [touch] = await care.touches()
    assert touch.state == "queued", "it goes by hand now, whatever is heard of the chat later"


async def test_what_was_said_may_turn_out_not_to_have_arrived(care: Journeys, vault: Vault) -> None:
    await care.begin(journey(step("ask", "kf", text="好些了吗？"), persona="follow"))
    await wrote(care, 1, at=hours(-1))
    await care.run(MONDAY)
    [effect] = [one for one in await rows(care, OutboxEffect) if one.kind == "kf_send"]
    wanted = SendKf.model_validate(effect.payload)
    async with care.database.write() as session:
        await kf_fate.said(session, wanted, "好些了吗？", vault=vault, now=MONDAY)
    assert await care.told() == [("ask", "sent", "")]
    assert len(wanted.msgid) <= 32

    async with care.database.write() as session:
        await kf_fate.not_delivered(session, wanted.msgid, 10, now=MONDAY)
        await kf_fate.not_delivered(session, "somebody-elses", 10, now=MONDAY)

    assert await care.told() == [("ask", "failed", "没有送达：她拒收客服消息")]


async def test_tags_stand_at_once_and_what_follows_is_drawn_for_one_at_a_time(care: Journeys) -> None:
    plan = journey(
        step("mark", "tag", add=("满意度/待回访",), remove=("满意度/一般",)),
        step("move", "stage", stage="member"),
        persona="follow",
    )
    await care.begin(plan)

    await care.run(MONDAY)
    await care.run(MONDAY)

    assert await care.told() == [
        ("mark", "done", "打上“满意度/待回访”，去掉“满意度/一般”"),
        ("move", "done", "阶段 → 复诊/会员"),
    ]
    async with care.database.read() as session:
        words = await tagging.words_about(session, [1])
    assert {(word.path, word.present) for word in words} == {("满意度/待回访", True), ("满意度/一般", False)}
    assert len(await rows(care, TagWord)) == 2
    looks = [one.payload["stage"] for one in await rows(care, OutboxEffect)]
    assert looks == ["", "member"]


async def test_a_card_tells_staff_and_names_nobody(care: Journeys, vault: Vault) -> None:
    plan = journey(step("tell", "card", text="请准备复诊资料", to=("manager",)), persona="follow")
    await care.begin(plan)
    await name_all(care, vault, "晓晴")

    await care.run(MONDAY)

    [card] = await rows(care, OutboxEffect)
    assert card.payload["to"] == ["chen.jing"]
    assert card.payload["body"].startswith("请准备复诊资料")
    assert "晓晴" not in str(card.payload)
    assert await care.told() == [("tell", "done", "")]


async def test_each_gets_an_address_of_her_own_by_hand_and_all_one_by_mass(
    care: Journeys, vault: Vault
) -> None:
    by_hand = journey(
        step("ask", "survey", survey="after-visit", via="todo", text="想听听你的感受"), persona="follow"
    )
    await care.begin(by_hand, 2)
    await care.run(MONDAY)

    texts = [vault.open(one.text_sealed, about=TODO_TEXT) for one in await rows(care, Todo)]
    addresses = [text.splitlines()[-1] for text in texts]
    assert len(set(addresses)) == 2
    assert all(one.startswith("https://clinic.example/s/") for one in addresses)
    assert [link.patient_id for link in await rows(care, SurveyLink)] == [1, 2]

    by_mass = journey(
        step("ask", "survey", survey="after-visit", text="想听听你的感受", at=None),
        persona="follow",
        key="mass",
    )
    version = await care.publish(by_mass)
    await care.enrol(by_mass, version, [1, 2])
    await care.run(hours(0))
    await care.run(hours(0, hours=3))
    posts = await care.posts()
    assert len(posts) <= 1
    states = {touch.state for touch in await care.touches() if touch.plan_key == "mass"}
    assert states <= {"ready", "queued", "held"}


async def test_a_member_is_asked_to_invite_her_into_a_group_she_is_not_in(care: Journeys) -> None:
    await care.begin(
        journey(step("join", "invite_group", group_role="kids", text="群里常有刷牙小课"), persona="follow"), 2
    )
    async with care.database.write() as session:
        session.add(
            CustomerGroup(
                chat_id="wr1",
                name="儿牙成长营 1 群",
                owner="xiaohu",
                members=12,
                role="kids",
                changed_at=MONDAY,
            )
        )
        await session.flush()
        patient = await session.get_one(Patient, 2)
        session.add(GroupMember(chat_id="wr1", person=patient.external_userid, external=True))

    await care.run(MONDAY)

    [todo] = await rows(care, Todo)
    assert "儿牙成长营 1 群" in todo.body
    assert await care.told() == [("join", "queued", ""), ("join", "skipped", "她已经在这样的群里了")]


async def test_who_leaves_is_asked_nothing_any_more(care: Journeys) -> None:
    plan = journey(
        step("hand", "todo", text="请问一声"), step("chat", "kf", text="好些了吗？"), persona="follow"
    )
    ids = await care.begin(plan)
    await wrote(care, 1, at=hours(-1))
    await care.run(MONDAY)

    async with care.database.write() as session:
        await leave(session, ids, reason="她来过了", now=MONDAY)

    assert await care.told() == [("hand", "skipped", "她来过了"), ("chat", "skipped", "她来过了")]
    assert [one.state for one in await rows(care, Todo)] == ["dropped"]
    effects = {one.kind: one.state for one in await rows(care, OutboxEffect)}
    assert effects["kf_send"] == "cancelled"
