"""Reading 微信客服 goes on where it was: after pages, after a kill, with a token that has died."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp.test_utils import TestServer
from sqlalchemy import select

from bot.courier import Courier
from bot.deliveries.kf import PAGES, KfFetch
from bot.metrics import Metrics
from clinic import kf
from clinic.care_tables import KfAccount, KfMessage
from clinic.effects import FetchKf
from store import outbox
from store.clock import ShiftedClock
from store.database import Database
from store.outbox import OutboxEffect
from store.vault import Vault
from tests.support.scripted_wecom import ScriptedWeCom, failing, ok
from wecom.client import WeComClient, open_session
from wecom.tokens import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack

SYNC = "kf/sync_msg"
NOW = datetime(2026, 11, 23, 1, 0, tzinfo=UTC)


class Reader:
    """A courier that reads an account of a scripted WeCom."""

    def __init__(self, wecom: ScriptedWeCom, database: Database, courier: Courier) -> None:
        self.wecom, self.database, self.courier = wecom, database, courier

    async def ring(self, *, token: str = "", rung_at: datetime = NOW) -> None:
        async with self.database.write() as session:
            await kf.authorise(session, "wk-1", granted=True, at=NOW)
            await outbox.put(
                session,
                FetchKf(open_kfid="wk-1", token=token, rung_at=int(rung_at.timestamp())),
                key=f"kf:wk-1:{token}",
                now=NOW,
                deadline=NOW + timedelta(days=3),
                cause="test",
            )
        await self.courier.drain()

    async def rows(self, query: Any) -> list[Any]:
        async with self.database.read() as session:
            return list((await session.scalars(query)).all())

    def asked(self) -> list[dict[str, Any]]:
        return [call.body for call in self.wecom.calls[SYNC]]


@pytest.fixture
async def reader(migrated_url: str, pack: Pack) -> AsyncIterator[Reader]:
    wecom, database, clock = ScriptedWeCom(), Database(migrated_url), ShiftedClock(NOW)
    wecom.script("kf/account/list", ok(account_list=[{"open_kfid": "wk-1", "name": "微笑口腔客服"}]))
    async with TestServer(wecom.app) as server, open_session() as session:
        client = WeComClient(
            session,
            api_base=str(server.make_url("/")),
            credentials=Credentials(corp_id="ww", secret="s", agent_id=1),
        )
        delivery = KfFetch(
            client,
            database,
            pack=pack,
            vault=Vault("key"),
            public_url="https://xiaohu.example",
            clock=clock,
        )
        yield Reader(wecom, database, Courier(database, [delivery], clock=clock, metrics=Metrics()))
    await database.close()


def page(number: int, *, more: bool) -> Any:
    message = {
        "msgid": f"m{number}",
        "open_kfid": "wk-1",
        "external_userid": "wm-a",
        "send_time": int(NOW.timestamp()),
        "origin": 3,
        "msgtype": "text",
        "text": {"content": "你好"},
    }
    return ok(next_cursor=f"c{number}", has_more=1 if more else 0, msg_list=[message])


async def test_a_long_backlog_is_read_in_pieces_and_each_begins_where_the_last_one_ended(
    reader: Reader,
) -> None:
    last = PAGES + 2
    reader.wecom.script(SYNC, *(page(number, more=number < last) for number in range(1, last + 1)))

    await reader.ring(token="t1")

    assert [body.get("cursor", "") for body in reader.asked()] == [
        "" if number == 0 else f"c{number}" for number in range(last)
    ]
    effects = await reader.rows(select(OutboxEffect).order_by(OutboxEffect.id))
    assert [(effect.state, effect.result) for effect in effects] == [
        ("sent", {"messages": PAGES}),
        ("sent", {"messages": 2}),
    ]
    assert len(await reader.rows(select(KfMessage))) == last
    account = (await reader.rows(select(KfAccount)))[0]
    assert (account.cursor, account.name) == (f"c{last}", "微笑口腔客服")


async def test_a_token_is_used_while_it_lives_and_left_out_when_wecom_refuses_it(reader: Reader) -> None:
    reader.wecom.script(SYNC, failing(95007), page(1, more=False))
    await reader.ring(token="fresh")
    reader.wecom.script(SYNC, page(2, more=False))
    await reader.ring(token="old", rung_at=NOW - timedelta(minutes=20))

    assert [body.get("token", "") for body in reader.asked()] == ["fresh", "", ""]
    assert {effect.state for effect in await reader.rows(select(OutboxEffect))} == {"sent"}


async def test_an_account_that_is_not_ours_is_not_asked_about(reader: Reader) -> None:
    async with reader.database.write() as session:
        await kf.authorise(session, "wk-1", granted=False, at=NOW + timedelta(seconds=1))

    await reader.ring()

    assert reader.asked() == []
    assert [effect.state for effect in await reader.rows(select(OutboxEffect))] == ["cancelled"]
