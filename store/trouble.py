"""Which errors of a database pass by themselves: the same work may well succeed later."""

from __future__ import annotations

from socket import gaierror

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


def will_pass(exc: BaseException) -> bool:
    """Tell whether the database is only busy, or away for now: nothing is wrong with what was asked."""
    if isinstance(exc, DBAPIError) and not isinstance(exc, OperationalError):
        # PostgreSQL's driver has no class of its own for these: deadlock, serialization, lock, shutdown.
        state = str(getattr(exc.orig, "sqlstate", None) or "")
        return exc.connection_invalidated or state[:2] in {"40", "53", "55", "57"}
    return isinstance(exc, TimeoutError | PoolTimeout | OperationalError | ConnectionError | gaierror)
