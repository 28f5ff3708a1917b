"""What runs: the parts behind the web, each given what it needs; a rehearsal runs the same ones by itself."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from redis.asyncio import Redis

from bot.channel_care import ChannelCare
from bot.clockwork import Alone, Clockwork, RedisLeadership, Tick
from bot.consent_care import ConsentCare
from bot.courier import HOLD_S, Courier
from bot.group_care import GroupCare
from bot.handovers import Handovers
from bot.inbox_worker import InboxWorker
from bot.journey_care import JourneyCare
from bot.metrics import Metrics
from bot.outgoing import deliveries
from bot.planning import WeekPlanning
from bot.queue_care import QueueCare
from bot.routing import root_router
from bot.rule_care import RuleCare
from bot.sync import TenantSync
from bot.syncing.nightly import NightlySync
from bot.syncing.reconciliation import Reconciliation
from bot.wakeups import OUTBOX, Wakeups
from bot.watcher import Watcher
from content.compliance import Checker
from content.library.view import Library
from content.render import Renderer
from sop.importer import Importer
from store.database import Database
from store.vault import Vault

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import ClientSession

    from bot.media import MediaLibrary
    from bot.settings import Settings
    from content.pack import Pack
    from store.clock import Clock
    from wecom.client import WeComClient


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """WeCom as the parts meet it."""

    client: WeComClient
    media: MediaLibrary


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """What the parts of one program share; two programs share none of it. Nothing of it is open yet."""

    pack: Pack
    clock: Clock
    checker: Checker
    renderer: Renderer
    database: Database
    library: Library
    vault: Vault
    metrics: Metrics
    wakeups: Wakeups
    redis: Redis | None
    public_url: str
    hold_s: float


def shared_by(
    settings: Settings,
    pack: Pack,
    *,
    clock: Clock,
    checker: Checker,
    throwaway: bool = False,
    hold_s: float = HOLD_S,
) -> Shared:
    """Make what the parts share."""
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    database = Database(settings.database_url.get_secret_value(), throwaway=throwaway)
    return Shared(
        pack=pack,
        clock=clock,
        checker=checker,
        renderer=Renderer(),
        database=database,
        library=Library(database, pack),
        vault=Vault(settings.secret_key.get_secret_value()),
        metrics=Metrics(),
        wakeups=Wakeups(redis_url),
        redis=Redis.from_url(redis_url) if redis_url else None,
        public_url=settings.public_url,
        hold_s=hold_s,
    )


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
    shared = shared_by(
        settings,
        pack,
        clock=clock,
        checker=Checker.load(),
        throwaway=True,
        hold_s=math.inf,  # nobody else wants to write
    )
    return runtime_of(shared, None, outside(shared.database, shared.library))


def runtime_of(shared: Shared, session: ClientSession | None, outside: Outside) -> Runtime:
    """Make the parts; ``session`` is for what is not WeCom's API, None where nothing else is reached."""
    database, clock, pack, public_url = shared.database, shared.clock, shared.pack, shared.public_url
    client, media = outside.client, outside.media

    def queued() -> None:
        shared.wakeups.tell(OUTBOX)

    sync = TenantSync(database, client, clock=clock)
    nightly = NightlySync(
        database,
        Reconciliation(
            database, client, pack=pack, vault=shared.vault, clock=clock, public_url=public_url
        ).run,
        clock=clock,
        zone=pack.timezone,
        on_found=queued,
    )
    planning = WeekPlanning(
        database,
        sync,
        library=shared.library,
        renderer=shared.renderer,
        checker=shared.checker,
        clock=clock,
        zone=pack.timezone,
        public_url=public_url,
        on_planned=queued,
    )
    courier = Courier(
        database,
        deliveries(
            client,
            database,
            session,
            pack=pack,
            library=shared.library,
            renderer=shared.renderer,
            media=media,
            vault=shared.vault,
            clock=clock,
            public_url=public_url,
        ),
        clock=clock,
        metrics=shared.metrics,
        alone=shared.redis is None,
        hold_s=shared.hold_s,
    )
    watcher = Watcher(database, client, clock=clock, metrics=shared.metrics)
    handovers = Handovers(
        database,
        client,
        pack=pack,
        public_url=public_url,
        clock=clock,
        on_queued=queued,
    )
    channel_care = ChannelCare(database, pack=pack, clock=clock, on_queued=queued)
    rule_care = RuleCare(
        database,
        pack=pack,
        public_url=public_url,
        clock=clock,
        on_queued=queued,
    )
    consent_care = ConsentCare(
        database,
        pack=pack,
        library=shared.library,
        renderer=shared.renderer,
        public_url=public_url,
        clock=clock,
        on_queued=queued,
    )
    group_care = GroupCare(
        database,
        client,
        pack=pack,
        library=shared.library,
        renderer=shared.renderer,
        public_url=public_url,
        clock=clock,
        on_queued=queued,
    )
    queue_care = QueueCare(
        database,
        pack=pack,
        public_url=public_url,
        clock=clock,
        on_queued=queued,
    )
    journey_care = JourneyCare(
        database,
        library=shared.library,
        renderer=shared.renderer,
        checker=shared.checker,
        vault=shared.vault,
        public_url=public_url,
        clock=clock,
        on_queued=queued,
    )
    imports = Importer(
        database,
        pack=pack,
        vault=shared.vault,
        clock=clock,
        public_url=public_url,
        on_rows=queued,
    )
    ticks = (
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
            job=planning.extend,
            every=timedelta(minutes=10),
            at_once=False,
        ),
        Tick(name="imports", job=imports.keep, every=timedelta(seconds=1)),
        Tick(name="channel_codes", job=channel_care.keep, every=timedelta(seconds=15)),
        Tick(name="channel_days", job=channel_care.count, every=timedelta(minutes=2)),
        Tick(name="handovers", job=handovers.look, every=timedelta(minutes=1)),
        Tick(name="leavers", job=handovers.find_leavers, every=timedelta(minutes=10), at_once=False),
        # Not in the first minutes: the groups must have been read before owners are asked.
        Tick(name="group_care", job=group_care.keep, every=timedelta(minutes=5), at_once=False),
    )
    return Runtime(
        database=database,
        clock=clock,
        client=client,
        courier=courier,
        worker=InboxWorker(
            database,
            root_router(pack, vault=shared.vault, public_url=public_url),
            courier=courier,
            clock=clock,
            metrics=shared.metrics,
            on_decided=lambda urgent: shared.wakeups.tell(OUTBOX, urgent=urgent),
            lanes=4,
        ),
        clockwork=Clockwork(
            database,
            clock=clock,
            zone=pack.timezone,
            pack=pack,
            public_url=public_url,
            planning=planning,
            watcher=watcher,
            sync=sync,
            nightly=nightly,
            warm=media.warm_greetings,
            metrics=shared.metrics,
            leadership=Alone() if shared.redis is None else RedisLeadership(shared.redis),
            on_due=queued,
            more=ticks,
        ),
        planning=planning,
        watcher=watcher,
        handovers=handovers,
        group_care=group_care,
        queue_care=queue_care,
        journey_care=journey_care,
        metrics=shared.metrics,
    )
