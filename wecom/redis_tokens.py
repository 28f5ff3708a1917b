"""The access_token shared by the processes of one app, through Redis.

What Redis holds is encrypted with a key made of the app's secret: who reads Redis gains nothing, and a
program with another secret sees no token. When Redis is away each process goes on with its own copy; WeCom
gives all of them the same token while it lives.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from base64 import urlsafe_b64encode
from functools import partial
from typing import TYPE_CHECKING

import orjson
import structlog
from cryptography.fernet import Fernet, InvalidToken
from redis.exceptions import RedisError

from wecom.tokens import Credentials, MemoryTokenStore, Token

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

TIMEOUT_S = 1.0
REST_S = 5.0
MARK = 64  # hex digits that tell one token from another without telling the token

# KEYS[1] the token's key; ARGV: mark of the token to replace or '', new value, its life in ms.
SWAP = """
local current = redis.call('GET', KEYS[1])
if current == false or (ARGV[1] ~= '' and string.sub(current, 1, 64) == ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  return ARGV[2]
end
return current
"""


class RedisTokenStore:
    """A ``TokenStore`` for all processes of one app. Raises nothing: without Redis it is a memory store.

    The redis client may decode answers or not; closing it is the caller's.
    """

    def __init__(
        self,
        redis: Redis,
        credentials: Credentials,
        *,
        prefix: str = "wecom:token:",
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Nothing is sent yet; ``now`` must be the clock of the tokens, Unix time."""
        self._redis = redis
        self._key = f"{prefix}{credentials.corp_id}:{credentials.agent_id}"
        root = hashlib.sha256(b"wecom token store\0" + credentials.secret.encode()).digest()
        self._fernet = Fernet(urlsafe_b64encode(root))
        self._mark_key = hashlib.sha256(root).digest()
        self._now = now
        self._monotonic = monotonic
        self._own = MemoryTokenStore()
        self._away_until = float("-inf")

    async def load(self) -> Token | None:
        """Return the current token; Redis forgets it when its life ends."""
        reached, raw = await self._try(lambda: self._redis.get(self._key))
        if not reached:
            return await self._own.load()
        token = self._opened(raw)
        await self._remember(token)
        return token

    async def swap(self, old: Token | None, new: Token) -> Token:
        """Store ``new`` if ``old`` is still the current one; return what is current now, in one step."""
        life_ms = str(max(int((new.expires_at - self._now()) * 1000), 1))
        sealed = self._sealed(new)
        raw: object = None
        expected = "" if old is None else self._mark(old)
        for _ in range(2):
            reached, raw = await self._try(partial(self._eval, expected, sealed, life_ms))
            if not reached:
                return await self._own.swap(old, new)
            current = self._opened(raw)
            if current is not None:
                await self._remember(current)
                return current
            expected = _text(raw)[:MARK]  # nobody with our secret can read it: it may go
        await self._remember(new)
        return new

    def _eval(self, mark: str, sealed: str, life_ms: str) -> Awaitable[object]:
        return self._redis.eval(SWAP, 1, self._key, mark, sealed, life_ms)

    async def _try(self, ask: Callable[[], Awaitable[object]]) -> tuple[bool, object]:
        """Ask Redis; after a failure not again for a while, so that no call waits for it twice."""
        if self._monotonic() < self._away_until:
            return False, None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return True, await ask()
        except (RedisError, OSError, TimeoutError) as exc:
            self._away_until = self._monotonic() + REST_S
            log.warning("wecom.token_store.redis_away", error=type(exc).__name__)
            return False, None

    async def _remember(self, token: Token | None) -> None:
        if token is not None:
            await self._own.swap(await self._own.load(), token)

    def _mark(self, token: Token) -> str:
        text = f"{token.value}\0{token.refresh_at!r}\0{token.expires_at!r}"
        return hmac.new(self._mark_key, text.encode(), hashlib.sha256).hexdigest()

    def _sealed(self, token: Token) -> str:
        plain = orjson.dumps([token.value, token.refresh_at, token.expires_at])
        return self._mark(token) + self._fernet.encrypt(plain).decode()

    def _opened(self, raw: object) -> Token | None:
        """Return the token in ``raw``; None when there is none that our secret can open."""
        try:
            value, refresh_at, expires_at = orjson.loads(self._fernet.decrypt(_text(raw)[MARK:]))
        except (InvalidToken, ValueError, TypeError):
            return None
        return Token(value=value, refresh_at=refresh_at, expires_at=expires_at)


def _text(raw: object) -> str:
    return raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw or "")
