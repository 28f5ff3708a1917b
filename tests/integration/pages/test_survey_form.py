"""The form of a survey: opened by an address that says nothing, filled in once, heard of when it is bad."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from sqlalchemy import select

from clinic import people
from clinic.care_tables import SurveyAnswer, Todo
from clinic.tables import Patient
from pages.app import setup_pages
from pages.frame import Furniture, make_templates
from sop import survey_links
from sop.plan_tables import SurveyLink
from sop.survey_links import Invitation, invite, token_of
from store.clock import ShiftedClock
from store.database import Database
from store.outbox import OutboxEffect
from store.vault import Vault
from tests.support.records import meet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from aiohttp.test_utils import TestClient
    from pytest_aiohttp import AiohttpClient

    from content.pack import Pack

NOW = datetime(2026, 11, 24, 4, 0, tzinfo=UTC)
HAPPY = {"q0": "非常满意", "q1": ["都挺好"], "q2": ""}


@dataclass(slots=True)
class Desk:
    """A running page, and the records behind it."""

    database: Database
    pack: Pack
    vault: Vault
    clock: ShiftedClock
    http: TestClient[Any, Any]

    async def invitation(self, *, named: bool = True, key: str = "touch:1") -> str:
        survey = self.pack.survey("after-visit")
        assert survey is not None
        async with self.database.write() as session:
            patient = await session.scalar(select(Patient))
            wanted = Invitation(key=key, patient_id=patient.id if patient and named else None)
            [link] = (await invite(session, survey, [wanted], now=self.clock.now())).values()
        return token_of(link, self.vault)

    async def send(self, token: str, **fields: Any) -> tuple[int, str]:
        response = await self.http.post(f"/s/{token}", data=fields)
        return response.status, await response.text()

    async def rows(self, table: type[Any]) -> list[Any]:
        async with self.database.read() as session:
            return list(await session.scalars(select(table).order_by(table.id)))


@pytest.fixture
async def desk(migrated_url: str, pack: Pack, aiohttp_client: AiohttpClient) -> AsyncIterator[Desk]:
    database, vault, clock = Database(migrated_url), Vault("a secret of the tests"), ShiftedClock(NOW)
    async with database.write() as session:
        patient = await meet(session, vault, "wmXIAOQING", "晓晴")
        await people.identify(session, patient, vault, now=NOW, phone="13800138000")
    app = web.Application()
    furniture = Furniture(
        database=database,
        clock=clock,
        pack=pack,
        vault=vault,
        public_url="https://clinic.example",
        wake=lambda: None,
        templates=make_templates(),
    )
    setup_pages(app, furniture)
    yield Desk(database, pack, vault, clock, await aiohttp_client(app))
    await database.close()


async def test_a_patient_fills_in_her_form_once_and_it_is_on_record(desk: Desk) -> None:
    token = await desk.invitation()
    assert "wm" not in token
    shown = await desk.http.get(f"/s/{token}")
    text = await shown.text()
    assert (shown.status, "就诊感受" in text, "手机号" in text) == (200, True, False)
    assert "script-src" not in shown.headers["Content-Security-Policy"]
    assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert shown.headers["Cache-Control"] == "no-store"
    assert "晓晴" not in text

    status, answer = await desk.send(token, **HAPPY)
    assert (status, "谢谢你抽空告诉我们" in answer) == (200, True)
    [sheet] = await desk.rows(SurveyAnswer)
    assert sheet.answers == {"满意度": "非常满意", "哪里可以更好": ["都挺好"], "mood": "happy"}

    again, words = await desk.send(token, q0="不满意")
    assert (again, "已经收到了" in words) == (200, True)
    assert len(await desk.rows(SurveyAnswer)) == 1
    assert await desk.rows(Todo) == []


async def test_who_is_unhappy_is_the_managers_to_do_and_card_at_once_without_her_words(desk: Desk) -> None:
    status, answer = await desk.send(await desk.invitation(), q0="不满意", q2="李护士弄疼我了")

    assert (status, "谢谢你直说" in answer) == (200, True)
    [todo] = await desk.rows(Todo)
    assert (todo.kind, todo.assignee, todo.state) == ("unhappy", "manager", "open")
    assert "满意度：不满意" in todo.body
    assert "李护士" not in todo.body
    cards = [effect for effect in await desk.rows(OutboxEffect) if effect.kind == "notify_staff"]
    assert [card.payload["title"] for card in cards] == ["有顾客不满意，请当天联系"]


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        pytest.param({}, "这一题要选一个", id="nothing"),
        pytest.param({"q0": "一百分"}, "请从给出的里面选", id="not offered"),
        pytest.param({"q0": "满意", "q2": "长" * 501}, "最多 500 个字", id="too long"),
    ],
)
async def test_what_is_wrong_is_said_beside_the_question_and_nothing_is_lost(
    desk: Desk, fields: dict[str, str], fault: str
) -> None:
    token = await desk.invitation()

    status, text = await desk.send(token, **fields)

    assert (status, fault in text) == (422, True)
    assert await desk.rows(SurveyAnswer) == []
    assert (await desk.send(token, **HAPPY))[0] == 200


async def test_an_address_that_is_made_up_or_too_old_opens_nothing(desk: Desk) -> None:
    token = await desk.invitation()
    for other in ("", "x", token[:-2] + ("aa" if token[-2:] != "aa" else "bb"), "A" * 24, "问卷", "a" * 500):
        assert (await desk.http.get(f"/s/{other}")).status == 404

    desk.clock.advance(timedelta(days=14, seconds=1))
    assert (await desk.http.get(f"/s/{token}")).status == 410
    assert (await desk.send(token, **HAPPY))[0] == 410


async def test_a_form_for_many_knows_her_by_her_phone_and_takes_hers_once(desk: Desk) -> None:
    token = await desk.invitation(named=False, key="journey:x")
    assert "手机号" in await (await desk.http.get(f"/s/{token}")).text()

    assert (await desk.send(token, q0="满意", phone="138 0013 8000"))[0] == 200
    assert "已经收到了" in (await desk.send(token, q0="满意", phone="13800138000"))[1]
    assert [sheet.answers["mood"] for sheet in await desk.rows(SurveyAnswer)] == ["happy"]

    for _ in range(3):
        assert (await desk.send(token, q0="非常不满意"))[0] == 200
    [todo] = await desk.rows(Todo)
    assert (todo.kind, todo.patient_id) == ("unhappy", None)
    assert len(await desk.rows(SurveyAnswer)) == 1


async def test_an_invitation_is_made_once_by_its_key(desk: Desk) -> None:
    assert await desk.invitation() == await desk.invitation()
    assert len(await desk.rows(SurveyLink)) == 1
    assert survey_links.number_in(await desk.invitation(), Vault("another secret")) is None
