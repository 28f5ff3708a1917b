"""access_token: one per app while it is valid, expiring, and revocable by the platform at any time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .refusal import Refusal
from .rules import TOKEN_LIFE

if TYPE_CHECKING:
    from datetime import datetime

    from .clock import SandboxClock
    from .ids import Credentials, Ids


class Tokens:
    """Hands out and checks access tokens (external-contact.md §1.1)."""

    def __init__(self, credentials: Credentials, clock: SandboxClock, ids: Ids) -> None:
        self._credentials = credentials
        self._clock = clock
        self._ids = ids
        self._ends: dict[str, datetime] = {}
        self._current = ""

    def fetch(self, corp_id: str, secret: str) -> tuple[str, int]:
        """Return the app's token and the whole seconds it still has; the same one while it is valid.

        Raises:
            Refusal: 41002, 41004 something is missing; 40013 the corp id; 40001 the secret.
        """
        if not corp_id:
            raise Refusal(41002)
        if not secret:
            raise Refusal(41004)
        if corp_id != self._credentials.corp_id:
            raise Refusal(40013)
        if secret != self._credentials.secret:
            raise Refusal(40001)
        now = self._clock.now()
        if self._ends.get(self._current, now) <= now:
            self._current = self._ids.mark("AT_", 120)
            self._ends[self._current] = now + TOKEN_LIFE
        return self._current, int((self._ends[self._current] - now).total_seconds())

    def check(self, token: str) -> None:
        """Accept a token; 41001 none given, 40014 unknown or revoked, 42001 expired."""
        if not token:
            raise Refusal(41001)
        end = self._ends.get(token)
        if end is None:
            raise Refusal(40014)
        if end <= self._clock.now():
            raise Refusal(42001)

    def revoke(self) -> None:
        """Revoke every token early, as the platform may: they answer 40014 from now on."""
        self._ends.clear()
        self._current = ""
