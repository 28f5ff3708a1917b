"""The composition root: every part is made here, given what it needs, and closed in reverse order."""

from __future__ import annotations

import asyncio
import math
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import web
from redis.asyncio import Redis

from bot.callback import CallbackEndpoint
from bot.channel_care import ChannelCare
from bot.clockwork import Alone, Clockwork, RedisLeadership, Tick
from bot.consent_care import ConsentCare
from bot.courier import HOLD_S, Courier
from bot.group_care import GroupCare
from bot.handovers import Handovers
from bot.health import WeComHealth, health_routes
from bot.inbox_worker import InboxWorker
from bot.journey_care import JourneyCare
from bot.media import MediaLibrary
from bot.metrics import Metrics
from bot.outgoing import deliveries
from bot.planning import WeekPlanning
from bot.queue_care import QueueCare
from bot.roles import Role
from bot.routing import root_router
from bot.rule_care import RuleCare
from bot.sync import TenantSync
from bot.syncing.nightly import NightlySync
from bot.syncing.reconciliation import Reconciliation
from bot.wakeups import INBOX, OUTBOX, Wakeups
from bot.watcher import Watcher
from console.api import setup_api
from console.app import setup_console
from console.deps import DEPS, Deps
from content.compliance import Checker
from content.library.importing import keep_up
from content.library.view import Library
from content.render import Renderer
from pages.app import setup_pages
from pages.frame import Furniture, make_templates
from sop.importer import Importer
from sop.plans.importing import import_plans
from store.clock import Clock, SystemClock
from store.database import Database
from store.ingest import Ingest
from store.schema import upgrade
from store.sinks import sink_for
from store.solitude import alone
from store.vault import Vault
from wecom.budget import Budgets
from wecom.client import WeComClient, open_session
from wecom.crypto import CallbackCrypto
from wecom.redis_tokens import RedisTokenStore
from wecom.tokens import Credentials

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from aiohttp import ClientSession

    from bot.settings import Settings
    from content.pack import Pack

log = structlog.get_logger(__name__)

REQUEST_BYTES: Final = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The running parts, for whoever drives the app from inside: the demo and the tests."""

    database: Database
    clock: Clock
    client: WeComClient
    courier: Courier
    worker: InboxWorker
    clockwork: Clockwork
    planning: WeekPlanning
    watcher: Watcher
    handovers: Handovers
    group_care: GroupCare
    queue_care: QueueCare
    journey_care: JourneyCare
    metrics: Metrics


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """WeCom as the parts meet it."""

    client: WeComClient
    media: MediaLibrary


def create_runtime(
    settings: Settings,
    pack: Pack,
    *,
    clock: Clock,
    outside: Callable[[Database, Library], Outside],
) -> Runtime:
    """Build the running parts beside another outside world and run none of them: whoever asked does.

    A rehearsal plays months with them in a minute. Its database is a throw-away one, closed by whoever asked.
    """
    builder = _Builder(
        settings,
        pack,
        role=Role.ALL,
        clock=clock,
        checker=Checker.load(),
        on_crash=lambda: None,
        throwaway=True,
        hold_s=math.inf,  # nobody else wants to write
    )
    return builder.runtime(None, outside(builder.database, builder.library))


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
        throwaway: bool = False,
        hold_s: float = HOLD_S,
    ) -> None:
        self.settings, self.pack, self.role, self.clock = settings, pack, role, clock
        self.on_crash, self.hold_s = on_crash, hold_s
        self.redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
        self.database = Database(settings.database_url.get_secret_value(), throwaway=throwaway)
        self.library = Library(self.database, pack)
        self.metrics, self.health = Metrics(), WeComHealth()
        self.wakeups = Wakeups(self.redis_url)
        self.renderer, self.checker = Renderer(), checker
        self.vault = Vault(settings.secret_key.get_secret_value())
        self.planning: WeekPlanning | None = None
        self.ingest = Ingest(
            sink_for(self.database), on_stored=lambda _, urgent: self.wakeups.tell(INBOX, urgent=urgent)
        )
        self.redis: Redis | None = Redis.from_url(self.redis_url) if self.redis_url else None

    def routes(self, app: web.Application, *, demo_login: bool) -> None:
        """Register what this role serves; health is served by each."""
        settings = self.settings
        app.router.add_routes(
            health_routes(
                database=self.database, metrics=self.metrics, broker_ok=self._broker_ok, wecom=self.health
            )
        )
        if not self.role.does(Role.WEB):
            return
        crypto = CallbackCrypto(
            token=settings.wecom_token.get_secret_value(),
            aes_key=settings.wecom_aes_key.get_secret_value(),
            corp_id=settings.wecom_corp_id,
        )
        endpoint = CallbackEndpoint(crypto=crypto, ingest=self.ingest, clock=self.clock, metrics=self.metrics)
        app.router.add_routes(endpoint.routes())
        app[DEPS] = Deps(
            database=self.database,
            clock=self.clock,
            zone=self.pack.timezone,
            pack=self.pack,
            library=self.library,
            renderer=self.renderer,
            checker=self.checker,
            vault=self.vault,
            public_url=settings.public_url,
            secret_key=settings.secret_key.get_secret_value(),
            admin_password=settings.admin_password.get_secret_value(),
            api_key=settings.api_key.get_secret_value() if settings.api_key else None,
            demo_login=demo_login,
            plan_week=self._plan_week,
            wake=lambda: self.wakeups.tell(OUTBOX),
        )
        setup_console(app)
        setup_api(app)
        setup_pages(
            app,
            Furniture(
                database=self.database,
                clock=self.clock,
                pack=self.pack,
                vault=self.vault,
                public_url=settings.public_url,
                wake=lambda: self.wakeups.tell(OUTBOX),
                templates=make_templates(),
            ),
        )

    async def resources(self, app: web.Application) -> AsyncIterator[None]:
        """Open everything top to bottom; it is closed bottom to top."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.database.close)
            before, after = await upgrade(self.database)
            if before != after:
                log.info("database.migrated", before=before, after=after)
            if self.role.does(Role.SCHEDULER):
                await self._import_plans()
            taken = await keep_up(self.database, self.pack, now=self.clock.now())
            if taken.anything:
                log.info("library.kept_up", **asdict(taken))
            if self.redis is not None:
                stack.push_async_callback(self.redis.aclose)
            elif self.role.does(Role.WORKER):
                await stack.enter_async_context(alone(self.database, on_lost=self.on_crash))
            session = await stack.enter_async_context(open_session())
            runtime = self.runtime(session, self._outside(session))
            app[RUNTIME] = runtime
            does_work = self.role.does(Role.WORKER)
            if does_work:
                self.wakeups.listen(INBOX, runtime.worker.wake)
                self.wakeups.listen(OUTBOX, runtime.courier.wake)
            await stack.enter_async_context(self.wakeups.open(receive=does_work))
            if does_work:
                await self._start(stack, runtime.courier.run(), "courier")
                await self._start(stack, runtime.worker.run(), "inbox-worker")
            if self.role.does(Role.SCHEDULER):
                await stack.enter_async_context(runtime.clockwork.running())
            if self.role.does(Role.WEB):
                await self._start(stack, self.ingest.run(), "ingest")
            yield

    async def _import_plans(self) -> None:
        async with self.database.write() as session:
            done = await import_plans(session, self.pack, now=self.clock.now())
        for key in done.refused:  # staff have a plan of another kind under this key
            log.error("plan.not_imported", plan=key)
        if done.begun or done.offered:
            log.info("plans.imported", begun=len(done.begun), offered=len(done.offered))

    def _outside(self, session: ClientSession) -> Outside:
        settings, clock = self.settings, self.clock
        credentials = Credentials(
            corp_id=settings.wecom_corp_id,
            secret=settings.wecom_secret.get_secret_value(),
            agent_id=settings.wecom_agent_id,
        )
        seconds = _seconds_of(clock)
        client = WeComClient(
            session,
            api_base=settings.wecom_api_base,
            credentials=credentials,
            # Processes that renewed each other's token would fight; with Redis they share one.
            token_store=RedisTokenStore(self.redis, credentials, now=seconds) if self.redis else None,
            on_call=self._observe,
            budgets=Budgets(on_wait=self.metrics.on_wait, clock=seconds),
            now=seconds,
        )
        return Outside(client=client, media=MediaLibrary(self.database, client, self.library, clock=clock))

    def runtime(self, session: ClientSession | None, outside: Outside) -> Runtime:
        """Make the parts; ``session`` is for what is not WeCom's API, None where nothing else is reached."""
        settings, database, clock, pack = self.settings, self.database, self.clock, self.pack
        client, media = outside.client, outside.media
        sync = TenantSync(database, client, clock=clock)
        nightly = NightlySync(
            database,
            Reconciliation(
                database, client, pack=pack, vault=self.vault, clock=clock, public_url=settings.public_url
            ).run,
            clock=clock,
            zone=pack.timezone,
            on_found=lambda: self.wakeups.tell(OUTBOX),
        )
        self.planning = WeekPlanning(
            database,
            sync,
            library=self.library,
            renderer=self.renderer,
            checker=self.checker,
            clock=clock,
            zone=pack.timezone,
            public_url=settings.public_url,
            on_planned=lambda: self.wakeups.tell(OUTBOX),
        )
        courier = Courier(
            database,
            deliveries(
                client,
                database,
                session,
                pack=pack,
                library=self.library,
                renderer=self.renderer,
                media=media,
                vault=self.vault,
                clock=clock,
                public_url=settings.public_url,
            ),
            clock=clock,
            metrics=self.metrics,
            alone=self.redis is None,
            hold_s=self.hold_s,
        )
        watcher = Watcher(database, client, clock=clock, metrics=self.metrics)
        handovers = Handovers(
            database,
            client,
            pack=pack,
            public_url=settings.public_url,
            clock=clock,
            on_queued=lambda: self.wakeups.tell(OUTBOX),
        )
        channel_care = ChannelCare(
            database, pack=pack, clock=clock, on_queued=lambda: self.wakeups.tell(OUTBOX)
        )
        rule_care = RuleCare(
            database,
            pack=pack,
            public_url=settings.public_url,
            clock=clock,
            on_queued=lambda: self.wakeups.tell(OUTBOX),
        )
        consent_care = ConsentCare(
            database,
            pack=pack,
            library=self.library,
            renderer=self.renderer,
            public_url=settings.public_url,
            clock=clock,
            on_queued=lambda: self.wakeups.tell(OUTBOX),
        )
        group_care = GroupCare(
            database,
            client,
            pack=pack,
            library=self.library,
            renderer=self.renderer,
            public_url=settings.public_url,
            clock=clock,
            on_queued=lambda: self.wakeups.tell(OUTBOX),
        )
        queue_care = QueueCare(
            database,
            pack=pack,
            public_url=settings.public_url,
            clock=clock,
            on_queued=lambda: self.wakeups.tell(OUTBOX),
        )
        journey_care = JourneyCare(
            database,
            library=self.library,
            renderer=self.renderer,
            checker=self.checker,
            vault=self.vault,
            public_url=settings.public_url,
            clock=clock,
            on_queued=lambda: self.wakeups.tell(OUTBOX),
        )
        imports = Importer(
            database,
            pack=pack,
            vault=self.vault,
            clock=clock,
            public_url=settings.public_url,
            on_rows=lambda: self.wakeups.tell(OUTBOX),
        )
        return Runtime(
            database=database,
            clock=clock,
            client=client,
            courier=courier,
            worker=InboxWorker(
                database,
                root_router(pack, vault=self.vault, public_url=settings.public_url),
                courier=courier,
                clock=clock,
                metrics=self.metrics,
                on_decided=lambda urgent: self.wakeups.tell(OUTBOX, urgent=urgent),
                lanes=4,
            ),
            clockwork=Clockwork(
                database,
                clock=clock,
                zone=pack.timezone,
                pack=pack,
                public_url=settings.public_url,
                planning=self.planning,
                watcher=watcher,
                sync=sync,
                nightly=nightly,
                warm=media.warm_greetings,
                metrics=self.metrics,
                leadership=Alone() if self.redis is None else RedisLeadership(self.redis),
                on_due=lambda: self.wakeups.tell(OUTBOX),
                more=(
                    Tick(name="consents", job=consent_care.keep, every=timedelta(minutes=1)),
                    Tick(name="rule_care", job=rule_care.keep, every=timedelta(hours=1)),
                    Tick(name="approvals", job=queue_care.watch, every=timedelta(minutes=1)),
                    Tick(name="contacts", job=queue_care.follow, every=timedelta(seconds=20)),
                    Tick(name="journeys", job=journey_care.tick, every=timedelta(seconds=2)),
                    Tick(name="journey_days", job=journey_care.look, every=timedelta(minutes=5)),
                    Tick(name="journey_todos", job=journey_care.tidy, every=timedelta(hours=1)),
                    # New groups are seen within the hour; what they are owed is days ahead.
                    Tick(
                        name="extend_week",
                        job=self.planning.extend,
                        every=timedelta(minutes=10),
                        at_once=False,
                    ),
                    Tick(name="imports", job=imports.keep, every=timedelta(seconds=1)),
                    Tick(name="channel_codes", job=channel_care.keep, every=timedelta(seconds=15)),
                    Tick(name="channel_days", job=channel_care.count, every=timedelta(minutes=2)),
                    Tick(name="handovers", job=handovers.look, every=timedelta(minutes=1)),
                    Tick(
                        name="leavers", job=handovers.find_leavers, every=timedelta(minutes=10), at_once=False
                    ),
                    # Not in the first minutes: the groups must have been read before owners are asked.
                    Tick(name="group_care", job=group_care.keep, every=timedelta(minutes=5), at_once=False),
                ),
            ),
            planning=self.planning,
            watcher=watcher,
            handovers=handovers,
            group_care=group_care,
            queue_care=queue_care,
            journey_care=journey_care,
            metrics=self.metrics,
        )

    async def _plan_week(self, week: Any, actor: str) -> Any:
        if self.planning is None:
            raise RuntimeError("the app has not started")
        return await self.planning.plan(week, actor)

    def _observe(self, api: str, outcome: str, seconds: float, /) -> None:
        self.metrics.on_call(api, outcome, seconds)
        self.health.observe(outcome)

    async def _broker_ok(self) -> bool:
        return self.redis is None or bool(await self.redis.ping())

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
