"""What a pack says about channels, their live codes, greetings and the clinic's hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from datetime import date, datetime, time

    from content.persona_specs import PersonaSpec
    from content.places import Place
    from content.schema import PersonaKind

    Contact = Literal["first", "again"]
    When = Literal["open", "closed"]

MAIN: Final = "main"  # the variant that is a greeting's own text


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Hours of the clinic's wall clock on some weekdays; one that does not end later passes midnight."""

    days: tuple[int, ...]  # ISO weekdays of its beginning: 1 = Monday … 7 = Sunday
    start: time
    end: time  # not included

    def covers(self, local: datetime) -> bool:
        """Tell whether a moment of the clinic's wall clock lies inside."""
        at, day = local.time(), local.isoweekday()
        if self.start < self.end:
            return day in self.days and self.start <= at < self.end
        yesterday = day - 1 or 7
        return (day in self.days and at >= self.start) or (yesterday in self.days and at < self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Who is on duty when."""

    members: tuple[str, ...]
    span: Span


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeSpec:
    """A channel's live code: who may stand behind it, and when.

    Without ``shifts`` all of ``members`` are on duty around the clock. ``daily_cap`` counts the patients that
    came to one member through this channel on one clinic day; ``overflow`` takes whoever comes beyond it.
    """

    members: tuple[str, ...]
    shifts: tuple[Shift, ...]
    substitutes: tuple[str, ...]
    overflow: tuple[str, ...]
    daily_cap: int | None
    skip_verify: bool  # False: the member accepts each patient by hand
    exclusive: bool  # one patient meets one of the members only
    expires_on: date | None  # the last day on which it works
    remark: str

    @property
    def everyone(self) -> tuple[str, ...]:
        """Return all whom the code may ever show, each once."""
        return tuple(dict.fromkeys((*self.members, *self.substitutes, *self.overflow)))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpec:
    """A 渠道活码: its ``state`` comes back with the new contact and gives the source tags.

    ``welcome`` is greeted with as if that greeting named this channel; ``stage`` is where its patients
    begin; ``journey`` is the plan meant for them.
    """

    state: str
    title: str
    tags: tuple[str, ...]  # "group/tag"
    persona: str | None
    place: Place
    welcome: str | None = None
    stage: str | None = None
    journey: str | None = None
    region: str = ""
    code: CodeSpec | None = None  # None: it is kept outside, e.g. in the admin console


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSpec:
    """One of the texts that a greeting tries; ``share`` is its part of the patients."""

    key: str
    text: str  # a template
    attachments: tuple[str, ...]
    share: int
    text_place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeSpec:
    """A greeting and when it is the right one; an empty condition is always met."""

    key: str
    persona: str | None
    kind: PersonaKind | None
    channels: tuple[str, ...]
    text: str  # a template
    attachments: tuple[str, ...]
    place: Place
    text_place: Place  # where the text's first line is
    tags: tuple[str, ...] = ()  # she wears one of them
    regions: tuple[str, ...] = ()  # of the channel
    contact: Contact | None = None
    when: When | None = None
    share: int = 1  # of its own text, beside the variants
    variants: tuple[VariantSpec, ...] = ()
    why: str = ""  # filled by `content.greeting.choose`: why it was chosen

    def suits(self, persona: PersonaSpec) -> bool:
        """Tell whether this persona may greet with it."""
        return persona.key == self.persona or persona.kind == self.kind

    @property
    def texts(self) -> tuple[VariantSpec, ...]:
        """Return every text it may be, its own first."""
        own = VariantSpec(
            key=MAIN,
            text=self.text,
            attachments=self.attachments,
            share=self.share,
            text_place=self.text_place,
        )
        return (own, *self.variants)

    def variant(self, key: str) -> VariantSpec:
        """Return the text called ``key``, or its own when a newer pack has that variant no more."""
        return next((text for text in self.texts if text.key == key), self.texts[0])
