"""Alive, ready, measured: what machines ask."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final, Literal

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bot.metrics import Metrics
    from store.database import Database

READY_S: Final = 3.0


class WeComHealth:
    """What the latest calls say about WeCom; it asks nothing itself: each wrong secret counts against us.

    ``unknown`` until the first call ended.
    """

    def __init__(self) -> None:
        self.state: Literal["unknown", "ok", "degraded"] = "unknown"

    def observe(self, outcome: str) -> None:
        """Take note of a call's outcome (the word the client gives to metrics)."""
        if outcome in ("busy", "token_rejected", "unknown", "needs_admin"):
            self.state = "degraded"
        elif outcome != "cancelled":
            self.state = "ok"


def health_routes(
    *,
    database: Database,
    metrics: Metrics,
    broker_ok: Callable[[], Awaitable[bool]],
    wecom: WeComHealth,
) -> list[web.RouteDef]:
    """Return the routes of ``/healthz``, ``/readyz`` and ``/metrics``."""

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok"})

    async def readyz(_: web.Request) -> web.Response:
        """Answer 200 while callbacks can be made durable; WeCom's health is only reported."""
        checks = {"database": await _passes(database.ping), "broker": await _passes(_true(broker_ok))}
        # Without the broker callbacks are durable all the same, and sweeps find the work.
        ready = checks["database"]
        well = checks["broker"] and wecom.state != "degraded"
        status = "unavailable" if not ready else "ok" if well else "degraded"
        body = {
            "status": status,
            "database": "ok" if checks["database"] else "failed",
            "broker": "ok" if checks["broker"] else "failed",
            "wecom": wecom.state,
        }
        return web.json_response(body, status=200 if ready else 503)

    async def measure(_: web.Request) -> web.Response:
        return web.Response(
            body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_LATEST}
        )

    return [web.get("/healthz", healthz), web.get("/readyz", readyz), web.get("/metrics", measure)]


def _true(check: Callable[[], Awaitable[bool]]) -> Callable[[], Awaitable[None]]:
    async def verify() -> None:
        if not await check():
            raise RuntimeError("not healthy")

    return verify


async def _passes(check: Callable[[], Awaitable[None]]) -> bool:
    try:
        async with asyncio.timeout(READY_S):
            await check()
    except Exception:  # a health check reports every kind of failure as the same word
        return False
    return True
