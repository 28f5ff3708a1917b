"""Faults on demand: what a test or a person at the phone page makes go wrong."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from .people import Mistake

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FaultKind = Literal[
    "errcode", "delay", "reset_before", "reset_after", "drop_callback", "duplicate_callback", "hold_callback"
]
API_KINDS = frozenset({"errcode", "delay", "reset_before", "reset_after"})
CALLBACK_KINDS = frozenset({"drop_callback", "duplicate_callback", "hold_callback"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing to go wrong.

    ``target`` is an API path such as ``externalcontact/send_welcome_msg``, or for callbacks an event
    name such as ``change_external_contact.add_external_contact`` or the beginning of one
    (``change_external_contact``: whatever its ChangeType); ``*`` is any. ``times`` None means
    until removed; ``probability`` is drawn from the tenant's seed. A held callback is delivered right
    after the next one (WeCom does not keep the order); ``reset_after`` cuts the connection when the
    change has been made.
    """

    id: int
    kind: FaultKind
    target: str = "*"
    times: int | None = 1
    probability: float = 1.0
    errcode: int = -1
    errmsg: str = ""
    delay_s: float = 0.0


class Faults:
    """The faults that wait to strike."""

    def __init__(self, seed: int | str) -> None:
        self._random = random.Random(f"xiaohu-sandbox-faults:{seed}")  # noqa: S311 - repeatable on purpose
        self._faults: dict[int, Fault] = {}
        self._next = 1

    def add(
        self,
        kind: FaultKind,
        target: str = "*",
        *,
        times: int | None = 1,
        probability: float = 1.0,
        errcode: int = -1,
        errmsg: str = "",
        delay_s: float = 0.0,
    ) -> Fault:
        """Let something go wrong the next ``times`` times (see ``Fault``)."""
        if kind not in API_KINDS | CALLBACK_KINDS:
            raise Mistake(
                f"unknown fault {kind!r}; there are {', '.join(sorted(API_KINDS | CALLBACK_KINDS))}"
            )
        if kind == "errcode" and errcode == 0:
            raise Mistake("errcode 0 is no refusal; choose another")
        fault = Fault(
            id=self._next,
            kind=kind,
            target=target.removeprefix("/cgi-bin/"),
            times=times,
            probability=probability,
            errcode=errcode,
            errmsg=errmsg,
            delay_s=delay_s,
        )
        self._next += 1
        self._faults[fault.id] = fault
        return fault

    def remove(self, fault_id: int) -> None:
        self._faults.pop(fault_id, None)

    def clear(self) -> None:
        self._faults.clear()

    def waiting(self) -> list[Fault]:
        return list(self._faults.values())

    def strike_api(self, api: str) -> list[Fault]:
        """Return what goes wrong with this API call, and use it up: delays, then at most one other."""
        return list(self._strike(lambda f: f.kind in API_KINDS and f.target in {"*", api}))

    def strike_callback(self, event: str) -> list[Fault]:
        """Return what goes wrong with this callback, and use it up."""
        return list(
            self._strike(lambda f: f.kind in CALLBACK_KINDS and (f.target == "*" or _named(event, f.target)))
        )

    def _strike(self, fits: Callable[[Fault], bool]) -> Iterator[Fault]:
        struck = False
        for fault in list(self._faults.values()):
            delays = fault.kind == "delay"
            if not fits(fault) or (struck and not delays):
                continue
            if fault.probability < 1 and self._random.random() >= fault.probability:
                continue
            struck = struck or not delays
            if fault.times is not None:
                if fault.times <= 1:
                    del self._faults[fault.id]
                else:
                    self._faults[fault.id] = replace(fault, times=fault.times - 1)
            yield fault


def _named(event: str, target: str) -> bool:
    return event == target or event.startswith(f"{target}.")
