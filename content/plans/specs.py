"""Plans as the rest of the program sees them: frozen, checked, one document format for three kinds.

A plan is a document (YAML in a pack, JSON in the database, see :mod:`content.plans.documents`); these are its
trusted forms. Times of day are the clinic's wall clock, naive on purpose: rules, not instants.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import date, time

PlanKind = Literal["journey", "group", "moments"]
Purpose = Literal["care", "marketing"]  # care is exempt from the marketing cap, never from quiet hours
Workday = Literal["any", "next", "skip"]  # on a day the clinic's calendar has off: send, move on, leave out
StepChannel = Literal[
    "mass",  # 群发: one task of the follow's own member for all who are due together
    "todo",  # a staff to-do with the ready personal text
    "kf",  # 微信客服, only while its window is open; else ``fallback``
    "card",  # an app card to staff: nothing reaches the patient
    "tag",
    "stage",
    "survey",  # an invitation to a survey of the pack, by ``via``
    "invite_group",  # a to-do: invite her into the group of ``group_role``
    "branch",  # no contact: chooses the next step
]
ContactChannel = Literal["mass", "todo", "kf"]
TriggerKind = Literal[
    "added",
    "tag_gained",
    "tag_lost",
    "stage",
    "visit",
    "date",  # days before or after a date of hers
    "dormant",
    "unused_benefit",
    "survey",
    "rule",  # a rule of the pack, or a channel, names this journey
    "manual",  # staff, one patient or a list
]
DateKind = Literal["birthday", "appointment", "card_expiry"]
LateKind = Literal["within", "skip", "ask"]
StopOn = Literal["booked", "visited", "replied", "lost", "tag", "stage", "survey"]
CONTACTS: Final[frozenset[str]] = frozenset(
    {"mass", "todo", "kf", "survey", "invite_group"}
)  # reach the patient


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What must be true of a patient; empty fields ask nothing, all that ask must hold.

    Treatments: ``implant.*`` is ``implant`` and all its milestones. Ages in whole years, money in whole yuan;
    each ``below`` is exclusive. ``any_of``: one of them must hold as well; ``none_of``: none of them may.
    """

    age_from: int | None = None
    age_below: int | None = None
    treated: tuple[str, ...] = ()
    not_treated: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    not_tags: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    spent_from: int | None = None
    spent_below: int | None = None
    visits_from: int | None = None
    referred_from: int | None = None
    inactive_days: int | None = None
    channel: tuple[str, ...] = ()  # 渠道 ``state`` of any relation
    persona: tuple[str, ...] = ()  # a persona, or kind, that she is connected to
    group_role: tuple[str, ...] = ()  # she is in a customer group of this role
    booked: bool | None = None  # has (or has not) an appointment ahead
    replied_days: int | None = None  # wrote or answered within so many days
    came_days: int | None = None  # was here within so many days
    answers: tuple[
        tuple[str, str, tuple[str, ...]], ...
    ] = ()  # (survey, question, accepted answers), newest one
    consent: tuple[str, ...] = ()  # kinds of consent that stand
    gender: int | None = None  # WeCom's: 1 male, 2 female
    any_of: tuple[Condition, ...] = ()
    none_of: tuple[Condition, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trigger:
    """What lets a patient begin a journey. Fields that its kind does not have stay empty."""

    kind: TriggerKind
    channel: tuple[str, ...] = ()  # added
    persona: tuple[str, ...] = ()  # added: the member she added speaks as it (key or kind)
    tags: tuple[str, ...] = ()  # tag_gained, tag_lost
    stage: tuple[str, ...] = ()  # stage
    visit: tuple[str, ...] = ("done",)  # visit
    treatment: tuple[str, ...] = ()  # visit
    date: DateKind | None = None  # date
    offset_days: int = 0  # date: negative = before
    days: int = 0  # dormant, unused_benefit
    survey: str = ""  # survey
    answers: tuple[tuple[str, tuple[str, ...]], ...] = ()  # survey: question, answers that count


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """Whether a patient may begin once more: never (None), or so many days after her last beginning."""

    after_days: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """What ends a journey early; only what happens after she began counts."""

    on: StopOn
    tags: tuple[str, ...] = ()
    stage: tuple[str, ...] = ()
    treatment: tuple[str, ...] = ()  # booked, visited: only of these
    survey: str = ""  # survey: only this one
    answers: tuple[tuple[str, tuple[str, ...]], ...] = ()  # survey: question, answers that count


@dataclass(frozen=True, slots=True, kw_only=True)
class After:
    """When a step is due: calendar days and hours after the trigger, or after the previous step was due."""

    since: Literal["trigger", "previous"] = "trigger"
    days: int = 0
    hours: int = 0
    months: int = 0  # calendar months, for recalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """What becomes of a step whose hour has gone by: sent within so many hours, left out, or asked about."""

    kind: LateKind = "within"
    hours: int = 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One wording of a step, for a fixed share of the patients."""

    key: str
    share: int
    content: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """One way out of a branch: the first whose condition holds; with ``share``, by lot among those."""

    go: str  # a later step's key, or ``end``
    when: Condition | None = None
    share: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One planned contact of a journey, e.g. 种植术后第 3 天 10:00 的护理提醒.

    Either ``content`` (a key of the pack or library) or ``text`` (a template of its own) is said.
    """

    key: str  # part of the touch's unique key: renaming it sends again to everybody
    channel: StepChannel
    after: After = field(default_factory=After)
    at: time | None = None  # None: the trigger's own time of day
    window: tuple[time, time] | None = None  # moved into it; the end is exclusive
    workday: Workday = "any"
    title: str = ""
    content: str = ""
    text: str = ""
    attachments: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = ()
    when: Condition | None = None
    late: Late = field(default_factory=Late)
    stops: tuple[Stop, ...] = ()  # besides the plan's own, before this step
    purpose: Purpose | None = None  # None: the plan's
    to: tuple[str, ...] = ()  # todo, card: userids or member | assistant | doctor | manager
    within_hours: int = 24  # todo, invite_group: time to do it
    fallback: ContactChannel | None = None  # kf
    via: ContactChannel = "mass"  # survey
    survey: str = ""
    add: tuple[str, ...] = ()  # tag
    remove: tuple[str, ...] = ()
    stage: str = ""
    group_role: str = ""
    ways: tuple[Way, ...] = ()  # branch
    next: str = ""  # a later step's key, ``end``, or empty: the one below


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneyBody:
    """A 1-to-1 plan."""

    trigger: tuple[Trigger, ...]
    steps: tuple[Step, ...]
    again: Again = field(default_factory=Again)
    only: Condition | None = None
    stops: tuple[Stop, ...] = ()
    goal: tuple[Stop, ...] = ()  # reaching it ends the journey well
    min_days_between: int = 0  # contacts of this journey
    max_contacts: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Slot:
    """A weekly time; ``day`` 1 = Monday."""

    day: int
    at: time
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSlot:
    """What takes precedence on a day: an almanac's entry, a year plan's ``theme:KEY``, or a date."""

    on: str
    at: time
    content: str
    offset_days: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class MomentsBody:
    """A persona's moments: weekly slots, the week's mix of categories, what takes precedence, for whom."""

    slots: tuple[Slot, ...]
    mix: tuple[tuple[str, int], ...] = ()  # category, share
    rotation_days: int = 28
    calendar: tuple[CalendarSlot, ...] = ()
    tags: tuple[str, ...] = ()  # only patients with one of these
    max_a_day: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySlot:
    """A post on the N-th day after a group was made, or after people joined it."""

    day: int
    at: time
    content: str = ""
    categories: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """Posts on fixed days."""

    on: date
    at: time
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupBody:
    """Posts for customer groups by role and age."""

    roles: tuple[str, ...]
    slots: tuple[Slot, ...] = ()
    after_creation: tuple[DaySlot, ...] = ()
    after_joining: tuple[DaySlot, ...] = ()
    campaigns: tuple[Campaign, ...] = ()
    max_a_week: int = 3
    quiet: tuple[str, ...] = ()  # chat_ids that are left alone
    rotation_days: int = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A plan of one kind: ``body`` is a :class:`JourneyBody`, :class:`GroupBody` or :class:`MomentsBody`.

    ``persona``: who speaks: a persona's key, ``assistant`` or ``doctor`` for any of that kind, or ``follow``
    (journeys): whoever she is connected to.
    """

    key: str
    kind: PlanKind
    title: str
    body: JourneyBody | GroupBody | MomentsBody
    persona: str = "follow"
    purpose: Purpose = "care"
    summary: str = ""
    starts_active: bool = True  # when a pack brings it for the first time

    @property
    def journey(self) -> JourneyBody:
        """Return the body of a journey.

        Raises:
            TypeError: it is a plan of another kind.
        """
        if not isinstance(self.body, JourneyBody):
            raise TypeError(f"plan {self.key} is no journey")
        return self.body
