"""What the program under test called and what it was told: for tests, and for the phone page's log."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from .state import Json

KEPT = 20_000


@dataclass(slots=True, kw_only=True)
class ApiCall:
    """One API call. ``query`` is without token and secret; ``errcode`` is None while it runs, or was cut."""

    seq: int
    at: datetime
    method: str
    api: str
    query: dict[str, str]
    body: Json
    errcode: int | None = None
    errmsg: str = ""
    fault: str = ""


class Journal:
    """The last 20 000 calls, oldest first."""

    def __init__(self) -> None:
        self._calls: deque[ApiCall] = deque(maxlen=KEPT)
        self._seq = 0

    def begin(self, *, at: datetime, method: str, api: str, query: dict[str, str]) -> ApiCall:
        self._seq += 1
        hidden = {"access_token", "corpsecret"}
        call = ApiCall(
            seq=self._seq,
            at=at,
            method=method,
            api=api,
            query={key: value for key, value in query.items() if key not in hidden},
            body={},
        )
        self._calls.append(call)
        return call

    def calls(self, api: str | None = None, *, since: int = 0) -> Iterator[ApiCall]:
        """Return calls, all or of one API, with a sequence number above ``since``."""
        name = None if api is None else api.removeprefix("/cgi-bin/")
        return (call for call in self._calls if call.seq > since and name in {None, call.api})

    def clear(self) -> None:
        self._calls.clear()
