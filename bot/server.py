"""Serves an app until it is told to stop."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

SHUTDOWN_S: Final = 10.0
# Every statement on SQLite is two changes between the loop's thread and the driver's. With Python's 5 ms each
# of them waits that long for a busy loop, and a greeting takes a hundred of them.
SWITCH_S: Final = 0.0005


class Stopper:
    """Stops the process in an orderly way, by signal or because a part crashed."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self.crashed = False

    def stop(self) -> None:
        self._event.set()

    def crash(self) -> None:
        self.crashed = True
        self._event.set()

    async def wait(self) -> None:
        """Return when the process should stop."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self.stop)
        await self._event.wait()


async def serve(
    app: web.Application, *, host: str, port: int, stopper: Stopper, on_ready: Callable[[int], None]
) -> int:
    """Serve until stopped; return the exit code.

    Raises:
        OSError: the address cannot be bound.
    """
    sys.setswitchinterval(SWITCH_S)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=1024)
        await site.start()
        # What was built until now stays: to look through all of it again and again would hold up the
        # loop for a fifth of a second each time.
        gc.collect()
        gc.freeze()
        bound = int(runner.addresses[0][1])
        log.info("server.ready", host=host, port=bound)
        on_ready(bound)
        await stopper.wait()
    finally:
        await runner.cleanup()
    return 1 if stopper.crashed else 0
