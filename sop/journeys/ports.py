"""Where the parts of the journey engine meet: what one hands to the other, and what each promises.

The engine (:mod:`sop.journeys.engine`) finds what is due and decides it; whatever it needs besides is behind
a protocol here: the published plans, the caps, the pauses, standing approvals, and the channels that carry
steps out. All of them work on batches: one statement for 500 patients, not one for each.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.plans.specs import Plan, Purpose, Step
    from sop.tables import Post

# States of a touch; what follows what is in :mod:`sop.journeys.touch_life`.
HELD: Final = "held"
ASKED: Final = "asked"
READY: Final = "ready"  # to be sent by mass message: waits to be gathered into a post with others
QUEUED: Final = "queued"
SENT: Final = "sent"
DONE: Final = "done"
SKIPPED: Final = "skipped"
DROPPED: Final = "dropped"
EXPIRED: Final = "expired"
FAILED: Final = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """A step that is to be carried out now for one patient: everything but the caps allowed it.

    Args:
        patient_id: the record that speaks for her; ``external_userid`` is the one ``sender`` knows her by
            (her own when there is no sender), which after a merge may be another record's.
        sender: the member who speaks to her, or whom it concerns; empty only for steps that need none.
        persona: the key of the persona that ``sender`` speaks as.
        variant: the key of the step's variant for her, empty when it has none.
        due_at: by the plan. ``at``: when it is to reach her, in allowed hours; later than now where a
            review comes first.
        why: in words for staff: why she gets this, e.g. ``种植回访 · 第 3 天：种植牙 2027-03-01``.
        tries: how often it was tried before and did not go out.
    """

    enrolment_id: int
    patient_id: int
    external_userid: str
    plan: Plan
    version_id: int
    step: Step
    sender: str
    persona: str
    variant: str
    due_at: datetime
    at: datetime
    purpose: Purpose
    why: str
    trigger_at: datetime
    tries: int = 0

    @property
    def key(self) -> str:
        """Name the touch for ever: keys of to-dos, effects and tag words begin with this."""
        return f"touch:{self.enrolment_id}:{self.step.key}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What a channel made of a due step.

    Args:
        state: ``queued`` (somebody or the courier will do it), ``ready`` (let the engine send it by mass
            message), ``done`` or ``sent`` (it has happened), ``skipped``, ``failed``; ``held``: till ``at``.
        reason: Chinese, for a nurse; needed for ends that are not ``done`` or ``sent``.
        at: when it happens or happened; None: the due step's own.
        channel: by which channel it really goes (a kf step's fallback, a survey's way); empty: the step's.
        contact: False when nothing of it reaches the patient, though its channel could.
    """

    state: str
    reason: str = ""
    at: datetime | None = None
    todo_id: int | None = None
    post_id: int | None = None
    channel: str = ""
    contact: bool = True


class StepChannel(Protocol):
    """Carries out the due steps of one channel."""

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        """Do what the steps say, or see to it, and return what became of each, in their order.

        In the transaction of the tick, in a constant number of statements, and so that the same due step
        carried out once more changes nothing (keys from :attr:`Due.key`). Nothing here calls WeCom.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What the caps say about one contact. ``allow``; else ``until`` when it may be, or None: never."""

    allow: bool = True
    until: datetime | None = None
    reason: str = ""

    @classmethod
    def hold(cls, until: datetime, reason: str) -> Verdict:
        return cls(allow=False, until=until, reason=reason)

    @classmethod
    def drop(cls, reason: str) -> Verdict:
        return cls(allow=False, until=None, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A contact that was planned or made, for the ledger; its key there is ``touch:{touch_id}``."""

    touch_id: int
    patient_id: int
    at: datetime
    channel: str  # by which it really goes
    purpose: Purpose
    plan_key: str
    persona: str
    made: bool  # it has happened already


class Caps(Protocol):
    """How often patients may be written to (:mod:`sop.caps`)."""

    async def weigh(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Verdict]:
        """Judge contacts, in their order, as of each one's ``at``; what is allowed counts for those after it.

        A few SELECTs for the whole batch. A call for a touch that is in the ledger already (it is tried
        again) does not count the earlier entry of its own.
        """

    async def record(self, session: AsyncSession, contacts: Sequence[Contact], *, now: datetime) -> None:
        """Write contacts into the ledger; one that stands there under its key is brought up to date."""

    async def posted(self, session: AsyncSession, posts: Mapping[int, Sequence[int]]) -> None:
        """Note which contacts (touch ids) each post (id) carries."""

    async def settle(
        self, session: AsyncSession, *, made: Collection[int], void: Collection[int], now: datetime
    ) -> None:
        """Note which contacts (touch ids) have happened, and which never will. Unknown ids change nothing."""


class Paused(Protocol):
    """The kill switches that are on (:func:`sop.pauses.load`)."""

    def why(self, *, plan: str = "", persona: str = "") -> str:
        """Return why nothing may go out, in Chinese and with the name of who paused it; empty: it may."""


class Pauses(Protocol):
    """Reads the kill switches, in one statement."""

    async def __call__(self, session: AsyncSession) -> Paused: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathered:
    """A direct post that was just queued for touches of one step, and what it says as a template would."""

    post: Post
    plan: Plan
    step: Step
    variant: str
    purpose: Purpose


class Standing(Protocol):
    """Approvals that were given for good (:mod:`sop.standing`)."""

    async def approve(self, session: AsyncSession, posts: Sequence[Gathered], *, now: datetime) -> None:
        """Approve those of the posts (in review) whose exact content has a standing approval; care only."""


class Invites(Protocol):
    """Puts the address of a survey into the text of a mass message (:mod:`sop.journeys.channels.survey`)."""

    async def into(
        self, session: AsyncSession, text: str, *, survey: str, plan: Plan, version_id: int, now: datetime
    ) -> str:
        """Return the text with the address of a form for many; the same for every post of a plan's version.

        Raises:
            LookupError: the pack has no such survey any more.
        """


class Book(Protocol):
    """The published plans (:class:`sop.plans.book.PlanBook`)."""

    async def versions(self, session: AsyncSession, version_ids: Collection[int]) -> Mapping[int, Plan]:
        """Return the plans of these versions; a version never changes, so they are read once."""
