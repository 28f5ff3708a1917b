"""Puts the parts of the journeys together: the same for the running program and for a rehearsal of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sop import pauses
from sop.caps.ledger import LedgerCaps
from sop.journeys.channels.card import CardChannel
from sop.journeys.channels.invite_group import InviteGroupChannel
from sop.journeys.channels.kf import KfChannel
from sop.journeys.channels.records import StageChannel, TagChannel
from sop.journeys.channels.survey import SurveyChannel, SurveyInvites
from sop.journeys.channels.todo import TodoChannel
from sop.journeys.engine import Engine
from sop.journeys.enrolling import hours_of
from sop.journeys.messages import Messages
from sop.journeys.wording import MassChannel
from sop.roster import load_roster
from sop.standing import StandingApprovals

if TYPE_CHECKING:
    from content.compliance import Checker
    from content.pack import Pack
    from content.render import Renderer
    from sop.journeys.ports import Book
    from store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What runs journeys with one pack: the tick, and what gathers its messages into posts."""

    engine: Engine
    messages: Messages


def assemble(
    *, pack: Pack, renderer: Renderer, checker: Checker, vault: Vault, public_url: str, book: Book
) -> Machine:
    """Build the engine with all its channels."""
    hours, caps = hours_of(pack), LedgerCaps(pack)
    todo = TodoChannel(pack=pack, renderer=renderer, vault=vault, public_url=public_url)
    kf = KfChannel(pack=pack, renderer=renderer, vault=vault, hours=hours, todo=todo)
    invites = SurveyInvites(pack=pack, vault=vault, public_url=public_url)
    return Machine(
        engine=Engine(
            pack=pack,
            hours=hours,
            book=book,
            caps=caps,
            pauses=pauses.load,
            channels={
                "mass": MassChannel(pack, renderer),
                "todo": todo,
                "kf": kf,
                "card": CardChannel(pack=pack, renderer=renderer, vault=vault, public_url=public_url),
                "tag": TagChannel(),
                "stage": StageChannel(),
                "survey": SurveyChannel(pack=pack, renderer=renderer, invites=invites, todo=todo, kf=kf),
                "invite_group": InviteGroupChannel(
                    pack=pack, renderer=renderer, vault=vault, public_url=public_url
                ),
            },
        ),
        messages=Messages(
            pack=pack,
            renderer=renderer,
            checker=checker,
            hours=hours,
            book=book,
            caps=caps,
            standing=StandingApprovals(),
            rosters=load_roster,
            public_url=public_url,
            invites=invites,
        ),
    )
