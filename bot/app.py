"""The composition root: one app, with what it serves and what runs behind it (:mod:`bot.runtime`).

Everything is given what it needs, and closed in reverse order.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web

from bot.callback import CallbackEndpoint
from bot.health import WeComHealth, health_routes
from bot.media import MediaLibrary
from bot.roles import Role
from bot.runtime import Outside, Runtime, runtime_of, shared_by
from bot.wakeups import INBOX, OUTBOX
from console.api import setup_api
from console.app import setup_console
from console.deps import DEPS, Deps
from content.compliance import Checker
from content.library.importing import keep_up
from pages.app import setup_pages
from pages.frame import Furniture, make_templates
from sop.plans.importing import import_plans
from store.clock import Clock, SystemClock
from store.ingest import Ingest
from store.schema import upgrade
from store.sinks import sink_for
from store.solitude import alone
from wecom.budget import Budgets
from wecom.client import WeComClient, open_session
from wecom.crypto import CallbackCrypto
from wecom.redis_tokens import RedisTokenStore
from wecom.tokens import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from aiohttp import ClientSession

    from bot.planning import WeekPlanning
    from bot.settings import Settings
    from content.pack import Pack

log = structlog.get_logger(__name__)

REQUEST_BYTES: Final = 1024 * 1024
RUNTIME = web.AppKey("runtime", Runtime)


def create_app(
    settings: Settings,
    pack: Pack,
    *,
    role: Role = Role.ALL,
    clock: Clock | None = None,
    checker: Checker | None = None,
    demo_login: bool = False,
    on_crash: Callable[[], None] = lambda: None,
) -> web.Application:
    """Build one app; call it twice and you have two that share nothing but what they are given.

    Args:
        checker: by default one with the rules that come with the program, which takes half a second to read.
        on_crash: called when a background task ends by an error; the process should stop then, so that
            whoever supervises it can start it again.
    """
    app = web.Application(client_max_size=REQUEST_BYTES)
    builder = _Builder(
        settings,
        pack,
        role=role,
        clock=clock or SystemClock(),
        checker=checker or Checker.load(),
        on_crash=on_crash,
    )
    builder.routes(app, demo_login=demo_login)
    app.cleanup_ctx.append(builder.resources)
    return app


class _Builder:
    """Makes the parts of one app. Nothing is opened before :meth:`resources` runs."""

    def __init__(
        self,
        settings: Settings,
        pack: Pack,
        *,
        role: Role,
        clock: Clock,
        checker: Checker,
        on_crash: Callable[[], None],
    ) -> None:
        self.settings, self.role, self.on_crash = settings, role, on_crash
        self.shared = shared_by(settings, pack, clock=clock, checker=checker)
        self.health = WeComHealth()
        self.planning: WeekPlanning | None = None
        self.ingest = Ingest(
            sink_for(self.shared.database),
            on_stored=lambda _, urgent: self.shared.wakeups.tell(INBOX, urgent=urgent),
        )

    def routes(self, app: web.Application, *, demo_login: bool) -> None:
        """Register what this role serves; health is served by each."""
        settings, shared = self.settings, self.shared
        app.router.add_routes(
            health_routes(
                database=shared.database,
                metrics=shared.metrics,
                broker_ok=self._broker_ok,
                wecom=self.health,
            )
        )
        if not self.role.does(Role.WEB):
            return
        crypto = CallbackCrypto(
            token=settings.wecom_token.get_secret_value(),
            aes_key=settings.wecom_aes_key.get_secret_value(),
            corp_id=settings.wecom_corp_id,
        )
        endpoint = CallbackEndpoint(
            crypto=crypto, ingest=self.ingest, clock=shared.clock, metrics=shared.metrics
        )
        app.router.add_routes(endpoint.routes())
        app[DEPS] = Deps(
            database=shared.database,
            clock=shared.clock,
            zone=shared.pack.timezone,
            pack=shared.pack,
            library=shared.library,
            renderer=shared.renderer,
            checker=shared.checker,
            vault=shared.vault,
            public_url=settings.public_url,
            secret_key=settings.secret_key.get_secret_value(),
            admin_password=settings.admin_password.get_secret_value(),
            api_key=settings.api_key.get_secret_value() if settings.api_key else None,
            demo_login=demo_login,
            plan_week=self._plan_week,
            wake=lambda: shared.wakeups.tell(OUTBOX),
        )
        setup_console(app)
        setup_api(app)
        setup_pages(
            app,
            Furniture(
                database=shared.database,
                clock=shared.clock,
                pack=shared.pack,
                vault=shared.vault,
                public_url=settings.public_url,
                wake=lambda: shared.wakeups.tell(OUTBOX),
                templates=make_templates(),
            ),
        )

    async def resources(self, app: web.Application) -> AsyncIterator[None]:
        """Open everything top to bottom; it is closed bottom to top."""
        shared = self.shared
        async with AsyncExitStack() as stack:
            stack.push_async_callback(shared.database.close)
            before, after = await upgrade(shared.database)
            if before != after:
                log.info("database.migrated", before=before, after=after)
            if self.role.does(Role.SCHEDULER):
                await self._import_plans()
            taken = await keep_up(shared.database, shared.pack, now=shared.clock.now())
            if taken.anything:
                log.info("library.kept_up", **asdict(taken))
            if shared.redis is not None:
                stack.push_async_callback(shared.redis.aclose)
            elif self.role.does(Role.WORKER):
                await stack.enter_async_context(alone(shared.database, on_lost=self.on_crash))
            session = await stack.enter_async_context(open_session())
            runtime = runtime_of(shared, session, self._outside(session))
            app[RUNTIME], self.planning = runtime, runtime.planning
            does_work = self.role.does(Role.WORKER)
            if does_work:
                shared.wakeups.listen(INBOX, runtime.worker.wake)
                shared.wakeups.listen(OUTBOX, runtime.courier.wake)
            await stack.enter_async_context(shared.wakeups.open(receive=does_work))
            if does_work:
                await self._start(stack, runtime.courier.run(), "courier")
                await self._start(stack, runtime.worker.run(), "inbox-worker")
            if self.role.does(Role.SCHEDULER):
                await stack.enter_async_context(runtime.clockwork.running())
            if self.role.does(Role.WEB):
                await self._start(stack, self.ingest.run(), "ingest")
            yield

    async def _import_plans(self) -> None:
        async with self.shared.database.write() as session:
            done = await import_plans(session, self.shared.pack, now=self.shared.clock.now())
        for key in done.refused:  # staff have a plan of another kind under this key
            log.error("plan.not_imported", plan=key)
        if done.begun or done.offered:
            log.info("plans.imported", begun=len(done.begun), offered=len(done.offered))

    def _outside(self, session: ClientSession) -> Outside:
        settings, shared = self.settings, self.shared
        credentials = Credentials(
            corp_id=settings.wecom_corp_id,
            secret=settings.wecom_secret.get_secret_value(),
            agent_id=settings.wecom_agent_id,
        )
        seconds = _seconds_of(shared.clock)
        client = WeComClient(
            session,
            api_base=settings.wecom_api_base,
            credentials=credentials,
            # Processes that renewed each other's token would fight; with Redis they share one.
            token_store=RedisTokenStore(shared.redis, credentials, now=seconds) if shared.redis else None,
            on_call=self._observe,
            budgets=Budgets(on_wait=shared.metrics.on_wait, clock=seconds),
            now=seconds,
        )
        media = MediaLibrary(shared.database, client, shared.library, clock=shared.clock)
        return Outside(client=client, media=media)

    async def _plan_week(self, week: Any, actor: str) -> Any:
        if self.planning is None:
            raise RuntimeError("the app has not started")
        return await self.planning.plan(week, actor)

    def _observe(self, api: str, outcome: str, seconds: float, /) -> None:
        self.shared.metrics.on_call(api, outcome, seconds)
        self.health.observe(outcome)

    async def _broker_ok(self) -> bool:
        return self.shared.redis is None or bool(await self.shared.redis.ping())

    async def _start(self, stack: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
        await stack.enter_async_context(running(work, name=name, on_crash=self.on_crash))


@asynccontextmanager
async def running(
    work: Coroutine[Any, Any, None], *, name: str, on_crash: Callable[[], None]
) -> AsyncIterator[None]:
    """Run ``work`` as a named task until the block ends; then it is cancelled and awaited."""
    task = asyncio.create_task(work, name=name)

    def ended(done: asyncio.Task[None]) -> None:
        if done.cancelled():
            return
        if (exc := done.exception()) is not None:
            log.error("task.crashed", task=name, error=type(exc).__name__)
        on_crash()

    task.add_done_callback(ended)
    try:
        yield
    finally:
        task.remove_done_callback(ended)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _seconds_of(clock: Clock) -> Callable[[], float]:
    return lambda: clock.now().timestamp()
