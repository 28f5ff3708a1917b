"""What shows a patient goes out only with her consent, and stops going out when she takes it back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic import consents
from clinic.care_tables import Consent, Todo
from clinic.consents import ConsentKind
from clinic.tables import AuditEntry, Patient
from content.library import keeping
from content.library.importing import keep_up
from content.render import Renderer
from content.written import Written
from sop import push, withdrawals
from sop.life import PostState
from sop.roster import load_roster
from sop.tables import Post
from store.vault import Vault
from tests.support.api_driver import MONDAY
from tests.support.records import meet

if TYPE_CHECKING:
    from tests.support.console_driver import Desk, Page

RAIN = "moment.assistant.rain"
ITEM = f"/console/library/text/{RAIN}"
PHOTO = "/console/library/asset/brush-card"


@pytest.fixture
async def desk(desk: Desk) -> Desk:
    await keep_up(desk.database, desk.pack, now=MONDAY)
    return desk


@pytest.fixture
async def consent(desk: Desk) -> int:
    """芳芳 agrees that her story may be told."""
    return await agrees(desk)


async def agrees(desk: Desk) -> int:
    vault = Vault("a secret of the tests")
    async with desk.database.write() as session:
        patient = await meet(session, vault, "wm-fang", "芳芳")
        row = await consents.give(
            session,
            patient,
            kind=ConsentKind.CASE,
            purpose="种植案例发朋友圈",
            proof="纸质同意书 2025-18",
            now=MONDAY,
            actor="admin",
            until=MONDAY + timedelta(days=30),
        )
        return row.id


async def shows(desk: Desk, key: str = RAIN, shelf: str = "text") -> None:
    """Say that an entry shows a patient."""
    async with desk.database.write() as session:
        kept = await keeping.get(session, shelf, key)
        document = {**kept.version.document, "patient": "shown"}
        entry = Written(
            kind=kept.item.kind, key=key, file=kept.item.file, document=document, picture=kept.version.picture
        )
        await keeping.save(session, entry, seen=kept.item.version, author="admin", now=MONDAY)


async def rain_of(desk: Desk) -> Post:
    return next(post for post in await desk.posts() if post.content_key == RAIN)


async def approve(desk: Desk, post: Post) -> Page:
    token = dict((await desk.get("/console/library")).form("/console/logout"))["csrf"]
    fields = [("csrf", token), ("digest", post.digest)]
    return await desk.post(f"/console/posts/{post.id}/approve", fields)


async def link(desk: Desk, consent: int, item: str = ITEM) -> Page:
    page = await desk.get(item)
    return await desk.follow(await desk.send(page, f"{item}/consents/link", consent=str(consent)))


async def test_without_a_consent_it_cannot_be_approved_and_the_page_says_why(desk: Desk) -> None:
    await desk.plan()
    await shows(desk)
    post = await rain_of(desk)

    refused = await approve(desk, post)

    assert refused.status == 409
    assert "文字用到了患者，还没有登记患者的同意" in refused.text
    assert "还没有登记患者的同意" in (await desk.get(f"/console/posts/{post.id}")).text
    assert (await rain_of(desk)).state == PostState.IN_REVIEW


async def test_approving_all_leaves_it_and_says_so(desk: Desk) -> None:
    await desk.plan()
    await shows(desk)
    batch = f"/console/review/{(await rain_of(desk)).batch_id}"

    done = await desk.follow(await desk.send(await desk.get(batch), f"{batch}/approve"))

    assert "1 条留着没有通过" in done.text
    assert (await rain_of(desk)).state == PostState.IN_REVIEW


async def test_with_her_consent_it_is_approved(desk: Desk, consent: int) -> None:
    await desk.plan()
    await shows(desk)

    assert "已登记患者的同意" in (await link(desk, consent)).text
    assert (await approve(desk, await rain_of(desk))).status == 303
    assert (await rain_of(desk)).state == PostState.APPROVED


async def test_what_could_not_be_approved_is_not_drafted(desk: Desk, consent: int) -> None:
    await shows(desk)
    page = await desk.get(ITEM)
    refused = await desk.follow(
        await desk.send(page, f"{ITEM}/send", persona="assistant", hour="2025-06-12T12:10")
    )
    assert "先登记有效的同意" in refused.text

    await link(desk, consent)
    sent = await desk.send(page, f"{ITEM}/send", persona="assistant", hour="2025-06-12T12:10")

    assert "已送去审核" in (await desk.follow(sent)).text


async def test_a_picture_of_a_patient_needs_it_too_also_as_a_cover(desk: Desk, consent: int) -> None:
    await desk.plan()
    await shows(desk, "brush-card", "asset")
    posts = {post.content_key: post for post in await desk.posts()}

    # The booking card of the second one has the picture as its cover.
    for key in (RAIN, "moment.assistant.rest"):
        refused = await approve(desk, posts[key])
        assert refused.status == 409, key
        assert "素材 brush-card 登记同意" in refused.text
    await link(desk, consent, PHOTO)

    assert (await approve(desk, posts[RAIN])).status == 303


async def test_a_case_that_does_not_say_that_it_shows_nobody_needs_one(desk: Desk) -> None:
    await desk.plan()
    async with desk.database.write() as session:
        kept = await keeping.get(session, "text", RAIN)
        document = {**kept.version.document, "category": "案例"}
        entry = Written(kind="moment", key=RAIN, file=kept.item.file, document=document)
        await keeping.save(session, entry, seen=1, author="admin", now=MONDAY)
    assert (await approve(desk, await rain_of(desk))).status == 409

    async with desk.database.write() as session:
        entry = Written(kind="moment", key=RAIN, file="", document={**document, "patient": "none"})
        await keeping.save(session, entry, seen=2, author="admin", now=MONDAY)

    assert (await approve(desk, await rain_of(desk))).status == 303


async def test_her_withdrawal_pulls_what_waits_and_names_what_was_published(desk: Desk, consent: int) -> None:
    posts = await desk.plan()
    await shows(desk)
    await link(desk, consent)
    post = await rain_of(desk)
    await approve(desk, post)
    async with (
        desk.database.write() as session
    ):  # another one that people have seen, and one they may yet tap
        for index, state in enumerate((PostState.PUBLISHED, PostState.AWAITING_SENDER)):
            twin = await session.get_one(Post, posts[index + 1].id)
            twin.content_key, twin.state = RAIN, state
    published, tapped = posts[1].id, posts[2].id

    patient = await desk.get("/console/patients/1")
    done = await desk.follow(await desk.send(patient, f"/console/patients/1/consents/{consent}/withdraw"))

    assert "还没发出的 2 条内容已经撤下" in done.text
    assert "有 1 条已经发布过" in done.text
    pulled = await rain_of(desk)
    assert (pulled.state, "同意已经撤回" in pulled.reason) == (PostState.DRAFT, True)
    assert (await desk.one(tapped)).state == PostState.CANCELLED
    async with desk.database.read() as session:
        (todo,) = await session.scalars(select(Todo).where(Todo.kind == "consent_ended"))
        pulled_by = await session.scalars(select(AuditEntry.actor).where(AuditEntry.action == "post.pulled"))
        assert set(pulled_by) == {"规则"}
    assert f"#{published}" in todo.body
    item = await desk.get(ITEM)
    assert "有一项同意已经失效" in item.text
    assert "发布过 1 次" in item.text


async def test_her_withdrawal_pulls_also_what_has_the_picture_as_its_cover(desk: Desk, consent: int) -> None:
    await desk.plan()
    await shows(desk, "brush-card", "asset")
    await link(desk, consent, PHOTO)
    covered = next(post for post in await desk.posts() if post.content_key == "moment.assistant.rest")
    await approve(desk, covered)

    patient = await desk.get("/console/patients/1")
    await desk.send(patient, f"/console/patients/1/consents/{consent}/withdraw")

    pulled = await desk.one(covered.id)
    assert (pulled.state, "同意已经撤回" in pulled.reason) == (PostState.DRAFT, True)


async def test_a_consent_that_runs_out_is_noticed_by_the_clock(desk: Desk, consent: int) -> None:
    await desk.plan()
    await shows(desk)
    await link(desk, consent)
    await approve(desk, await rain_of(desk))
    late = MONDAY + timedelta(days=31)

    async with desk.database.write() as session:
        tools: dict[str, Any] = {
            "roster": await load_roster(session, desk.pack),
            "pack": desk.pack,
            "renderer": Renderer(),
            "public_url": "https://c.example",
        }
        pulled = await withdrawals.pull(session, now=late, **tools)
        again = await withdrawals.pull(session, now=late, **tools)

    assert (len(pulled.drafts), len(again.drafts)) == (1, 0)
    assert "已经到期" in (await rain_of(desk)).reason


async def test_nothing_goes_out_when_the_consent_ended_at_the_last_moment(desk: Desk, consent: int) -> None:
    await desk.plan()
    await shows(desk)
    await link(desk, consent)
    await approve(desk, await rain_of(desk))
    async with desk.database.write() as session:
        post = await session.get_one(Post, (await rain_of(desk)).id)
        patient = await session.get_one(Patient, 1)
        await consents.withdraw(session, patient, consent, now=MONDAY, actor="admin")
        started = await push.start_due(session, now=post.scheduled_at)

    assert started == 0
    ended = await rain_of(desk)
    assert (ended.state, "同意已经撤回" in ended.reason) == (PostState.CANCELLED, True)


@pytest.mark.parametrize("kind", [ConsentKind.MARKETING, ConsentKind.CARE])
async def test_a_consent_to_something_else_does_not_stand_behind_it(
    desk: Desk, consent: int, kind: str
) -> None:
    await shows(desk)
    async with desk.database.write() as session:
        row = await session.get_one(Consent, consent)
        row.kind = kind

    assert "不包括使用病例、照片或评价" in (await link(desk, consent)).text


async def test_on_both_databases_a_picture_is_backed_and_pulled(desk_anywhere: Desk) -> None:
    desk = desk_anywhere
    await keep_up(desk.database, desk.pack, now=MONDAY)
    consent = await agrees(desk)
    await desk.plan()
    await shows(desk, "brush-card", "asset")
    post = await rain_of(desk)
    assert (await approve(desk, post)).status == 409
    await link(desk, consent, PHOTO)
    assert (await approve(desk, post)).status == 303

    patient = await desk.get("/console/patients/1")
    await desk.send(patient, f"/console/patients/1/consents/{consent}/withdraw")

    assert (await rain_of(desk)).state == PostState.DRAFT
    assert "有一项同意已经失效" in (await desk.get(PHOTO)).text
