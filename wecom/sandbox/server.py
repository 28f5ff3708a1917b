"""The simulated tenant as a web server: WeCom's API, the control API, and the phones."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from .api.frame import ApiFrame
from .callbacks import RETRY_AFTER_S, CallbackSender
from .control import ControlApi, connection_of
from .live import LiveChanges
from .login_page import LoginPages
from .pages import PageFiles
from .tenant import Tenant

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import datetime

    from aiohttp.typedefs import Handler

    from .rules import Rules
    from .state import Json

DEFAULT_CALLBACK_URL = "http://127.0.0.1:8080/wecom/callback"
PHONES = Path(__file__).parent / "phones"
LARGEST_REQUEST = 48 * 1024 * 1024  # media/upload takes 20 MB and must be able to refuse more politely
TICK_S = 0.25

SENDER: web.AppKey[CallbackSender] = web.AppKey("sender", CallbackSender)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """A running sandbox. ``connection`` is what a program puts into its settings."""

    api_base: str
    phones_url: str
    tenant: Tenant
    callbacks: CallbackSender
    connection: Json


def create_sandbox_app(
    tenant: Tenant,
    *,
    callback_url: str | None = DEFAULT_CALLBACK_URL,
    retry_after_s: float = RETRY_AFTER_S,
    phones: Path = PHONES,
) -> web.Application:
    """Build the web application of one tenant; callbacks are sent while it runs.

    Args:
        callback_url: where callbacks are POSTed; None: the app has none configured, so interactive
            cards are refused with 43012.
        retry_after_s: real seconds between the three tries.
        phones: the folder with index.html and static/.
    """
    app = web.Application(client_max_size=LARGEST_REQUEST, middlewares=[_refuse_broken_http])
    sender = CallbackSender(tenant, url=callback_url, retry_after_s=retry_after_s)
    tenant.rules.callbacks_configured = callback_url is not None
    live = LiveChanges(tenant)
    app[SENDER] = sender

    async def run(_: web.Application) -> AsyncIterator[None]:
        await sender.start()
        ticker = asyncio.create_task(_tick(tenant), name="sandbox-ticker")
        yield
        ticker.cancel()
        with suppress(asyncio.CancelledError):
            await ticker
        await sender.close()

    async def end_streams(_: web.Application) -> None:
        live.close()

    app.cleanup_ctx.append(run)
    app.on_shutdown.append(end_streams)
    app.router.add_route("*", "/cgi-bin/{api:.*}", ApiFrame(tenant).handle)
    app.router.add_routes(ControlApi(tenant, sender, live).routes())
    app.router.add_routes(PageFiles(tenant, phones).routes())
    app.router.add_routes(LoginPages(tenant).routes())
    return app


@web.middleware
async def _refuse_broken_http(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 400 to what is no HTTP of ours: a Host that is none, a body not compressed as it says."""
    try:
        request.url.origin()
    except ValueError:
        raise web.HTTPBadRequest(text="the Host header is no host") from None
    try:
        return await handler(request)
    except web.RequestPayloadError:
        raise web.HTTPBadRequest(text="the body is not what its Content-Encoding says") from None


async def _tick(tenant: Tenant) -> None:
    """Let jobs end while nobody asks, so that phones see new moments by themselves."""
    while True:
        tenant.settle()
        await tenant.remote.fetch_waiting()
        await asyncio.sleep(TICK_S)


@asynccontextmanager
async def running_sandbox(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    scene: str = "small",
    seed: int | str = 1,
    now: Callable[[], datetime] | None = None,
    callback_url: str | None = DEFAULT_CALLBACK_URL,
    rules: Rules | None = None,
    retry_after_s: float = RETRY_AFTER_S,
    patients: int | None = None,
) -> AsyncIterator[Sandbox]:
    """Serve a tenant until the block ends; port 0 picks a free one.

    Raises:
        OSError: the port is taken.
        Mistake: no scene has that name, or ``patients`` (of the scene ``chain``) is out of range.
    """
    tenant = Tenant(scene=scene, seed=seed, now=now, rules=rules, patients=patients)
    app = create_sandbox_app(tenant, callback_url=callback_url, retry_after_s=retry_after_s)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        api_base = f"http://{shown}:{bound[1]}"
        yield Sandbox(
            api_base=api_base,
            phones_url=f"{api_base}/sandbox/",
            tenant=tenant,
            callbacks=app[SENDER],
            connection=connection_of(tenant, api_base),
        )
    finally:
        await runner.cleanup()
