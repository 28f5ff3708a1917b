"""What can happen to a patient, as the rules see it."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal, get_args

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

HappeningKind = Literal[
    "added",  # a member and the patient are connected
    "half_added",  # she asked, the member has not confirmed yet
    "returned",  # added once more after everybody had been lost
    "lost",  # one member and the patient are connected no more
    "group_joined",
    "group_left",
    "keyword",  # she wrote a word of the pack's keywords
    "survey",
    "visit",
    "tags_changed",  # staff changed tags on the phone or in the corp
    "tick",  # time passed: ages, expiries, inactivity
]
KINDS: Final[tuple[str, ...]] = get_args(HappeningKind)

_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """One thing that happened at ``at`` (aware): the fields that its kind does not have stay empty.

    Args:
        userid: the member it concerns: who was added, lost, spoken to.
        by: who ended it: ``patient``, ``member``, ``transfer`` or ``sync``.
        channel: the ``state`` of the code she came through.
        welcome, variant: the greeting's key and its variant.
        group_role: the pack's role of the customer group ``chat_id``.
        keyword: the key of the pack's keyword, never her words.
        survey: the survey's key; ``answers`` by question.
        visit_status: ``booked``, ``arrived``, ``done``, ``no_show`` or ``cancelled``; ``treatment``: the
            catalogue's key; ``visit_at``: when the visit is or was.
        ref: the source's own name of a visit or a sheet, which no correction changes.
    """

    kind: HappeningKind
    at: datetime
    userid: str = ""
    by: str = ""
    channel: str = ""
    welcome: str = ""
    variant: str = ""
    group_role: str = ""
    chat_id: str = ""
    keyword: str = ""
    survey: str = ""
    answers: Mapping[str, object] = field(default_factory=lambda: _NOTHING)
    visit_status: str = ""
    treatment: str = ""
    visit_at: datetime | None = None
    ref: str = ""

    @property
    def key(self) -> str:
        """Name the fact: told twice, it is one; what rules made of it is kept under this."""
        about = (
            self.userid,
            self.channel,
            self.welcome,
            self.variant,
            self.chat_id,
            self.keyword,
            self.survey,
            self.visit_status,
            self.treatment,
        )
        return ":".join((self.kind, *(part for part in about if part), str(int(self.at.timestamp()))))
