"""Ids and secrets that look like WeCom's and are the same for the same seed."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass

ALPHANUMERIC = string.ascii_letters + string.digits


class Ids:
    """Hands out ids in a fixed order per kind: the same seed and the same actions give the same ids.

    Every kind has its own series, so that a token fetched more often, or a retry, does not change
    which id the next patient gets.
    """

    def __init__(self, seed: int | str) -> None:
        self._seed = seed
        self._series: dict[str, random.Random] = {}
        self._counter = 0

    def _draw(self, kind: str) -> random.Random:
        if kind not in self._series:
            self._series[kind] = random.Random(f"xiaohu-sandbox-ids:{self._seed}:{kind}")  # noqa: S311 - repeatable
        return self._series[kind]

    def mark(self, prefix: str, length: int = 30, *, kind: str = "") -> str:
        """Return ``prefix`` followed by ``length`` letters and digits, from the series of its kind."""
        return prefix + "".join(self._draw(kind or prefix).choices(ALPHANUMERIC, k=length))

    def customer(self) -> str:
        return self.mark("wm")

    def union(self) -> str:
        return self.mark("o", 27)

    def tag(self) -> str:
        return self.mark("et")

    def group(self) -> str:
        return self.mark("wr")

    def mass_task(self) -> str:
        return self.mark("msg", 28)

    def moment(self) -> str:
        return self.mark("mom", 29)

    def job(self) -> str:
        return self.mark("job", 40)

    def media(self) -> str:
        return self.mark("3", 63)

    def code(self) -> str:
        """Return a one-time code (welcome code, response code)."""
        return self.mark("", 43, kind="code")

    def number(self) -> int:
        """Return the next number of a 64-bit series, as MsgId is."""
        self._counter += 1
        return 7_390_000_000_000_000_000 + self._counter

    def version(self) -> str:
        """Return a customer group's member version: 32 hex digits."""
        return f"{self._draw('version').getrandbits(128):032x}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What an administrator copies from the console into a program's settings."""

    corp_id: str
    agent_id: int
    secret: str
    token: str  # of the callback: at most 32 letters and digits
    aes_key: str  # EncodingAESKey: 43 letters and digits


def credentials_for(seed: int | str) -> Credentials:
    """Return the tenant's credentials; the same seed gives the same ones, so tests can pin them."""
    source = random.Random(f"xiaohu-sandbox-credentials:{seed}")  # noqa: S311 - a tenant that is not real

    def mark(length: int) -> str:
        return "".join(source.choices(ALPHANUMERIC, k=length))

    return Credentials(
        corp_id="ww" + mark(16).lower(),
        agent_id=1_000_002,
        secret=mark(43),
        token=mark(24),
        # The 43rd character of a strict base64 text carries four bits only; ending on one whose two low
        # bits are zero keeps the key readable for strict decoders too (callbacks.md §4).
        aes_key=mark(42) + source.choice("AEIMQUYcgkosw048"),
    )
