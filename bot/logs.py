"""Logging: one event name, facts as keywords; JSON for machines, colours for a person's terminal."""

from __future__ import annotations

import logging
import sys

import structlog
from aiohttp.http_exceptions import HttpProcessingError


def configure_logging(*, level: int = logging.INFO) -> None:
    """Send structlog and the libraries' warnings to stderr."""
    human = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer()
            if human
            else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
    # Libraries may put URLs (with a token in the query) into their lower levels.
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    http = logging.getLogger("aiohttp.server")
    if not any(isinstance(known, NoRequestLines) for known in http.filters):
        http.addFilter(NoRequestLines())
    # A tick that found its predecessor still at work is no news: the next one follows in a second.
    logging.getLogger("apscheduler").setLevel(logging.ERROR)


class NoRequestLines(logging.Filter):
    """Keeps the lines of requests that are no HTTP out of the log: a login's code may stand in one.

    Whoever sends such bytes gets a 400 from aiohttp, which also logs a traceback that quotes them.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        problem = record.exc_info[1] if record.exc_info else None
        if isinstance(problem, HttpProcessingError):
            record.levelno, record.levelname = logging.WARNING, logging.getLevelName(logging.WARNING)
            record.msg, record.args = "a request that is no HTTP (%s)", (type(problem).__name__,)
            record.exc_info, record.exc_text = None, None
        return True
