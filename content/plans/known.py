"""What a plan may name: everything in a pack that plans refer to, from its files or from the loaded pack."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, time
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from content import dated
from content.almanac.themes import packaged_themes
from content.house import HouseRules
from content.pack import PROMOTION, personal
from content.schema_surveys import MOOD

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from content.draft import Draft
    from content.pack import ItemKind, Pack
    from content.schema import Category, PersonaKind

FOLLOW: Final = "follow"
THEME: Final = "theme:"  # before a theme of the year plan
KINDS: Final = ("assistant", "doctor")
_HOUSE: Final = HouseRules()
_QUIET: Final = (_HOUSE.quiet_from, _HOUSE.quiet_until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Speaker:
    """A persona as far as plans care."""

    key: str
    kind: PersonaKind
    name: str
    title: str
    intro: str
    categories: tuple[Category, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """A text of the pack as far as plans care."""

    key: str
    kind: ItemKind
    category: Category
    audience: tuple[str, ...]
    roles: tuple[str, ...]

    @property
    def by_hand(self) -> bool:
        """Whether it is written to one patient, by name."""
        return self.kind == "direct" and personal(self.key)

    def suits(self, speaker: Speaker) -> bool:
        """Tell whether a persona may say it (as `content.pack.ContentItem.suits`)."""
        if speaker.kind == "doctor" and self.category == PROMOTION:
            return False
        return not self.audience or speaker.key in self.audience or speaker.kind in self.audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The pack's names. A list is None where its file cannot be read, which is reported already."""

    tags: frozenset[str] | None
    exclusive: frozenset[str] = frozenset()  # names of tag groups
    faulty_groups: frozenset[str] = frozenset()  # groups whose entry is faulty: their tags are unknown
    speakers: tuple[Speaker, ...] = ()
    personas: frozenset[str] | None = None
    channels: frozenset[str] | None = None
    speaks_at: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # channel → persona
    treatments: frozenset[str] | None = None
    roles: frozenset[str] | None = None
    assets: frozenset[str] | None = None
    surveys: frozenset[str] | None = None
    questions: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))
    contents: Mapping[str, Said] = field(default_factory=lambda: MappingProxyType({}))
    written: frozenset[str] = frozenset()  # keys of all texts, faulty ones too
    started: frozenset[str] = frozenset()  # journeys that a rule or a channel begins
    clinic: Mapping[str, str] | None = None
    quiet: tuple[time, time] = _QUIET

    def speaking(self, persona: str) -> tuple[Speaker, ...]:
        """Return who may speak for a plan's ``persona``: a key, a kind, or ``follow`` for anybody."""
        if persona == FOLLOW:
            return self.speakers
        return tuple(one for one in self.speakers if persona in (one.key, one.kind))

    def is_quiet(self, at: time) -> bool:
        """Tell whether nothing may reach a patient at a time of day."""
        start, end = self.quiet
        return start <= at < end if start < end else at >= start or at < end


def known_of_draft(draft: Draft) -> Known:
    """Return the names in a pack's files, while they are being judged."""
    written = draft.written
    groups = {entry.model.name for entry in draft.tag_groups}
    surveys = _keys(written, "surveys")
    house = draft.pack.model.house if draft.pack else None
    kinds: tuple[tuple[ItemKind, list[Any]], ...] = (
        ("moment", [entry.model for entry in draft.moments]),
        ("group", [entry.model for entry in draft.group_posts]),
        ("direct", [entry.model for entry in draft.direct_texts]),
    )
    return Known(
        tags=frozenset(f"{e.model.name}/{tag}" for e in draft.tag_groups for tag in e.model.tags)
        if "tag_groups" in written
        else None,
        exclusive=frozenset(entry.model.name for entry in draft.tag_groups if entry.model.exclusive),
        faulty_groups=frozenset(written.get("tag_groups", set()) - groups),
        speakers=_speakers(entry.model for entry in draft.personas),
        personas=_keys(written, "personas"),
        channels=_keys(written, "channels"),
        speaks_at={e.model.state: e.model.persona for e in draft.channels if e.model.persona},
        treatments=_treatments(draft),
        roles=_keys(written, "roles"),
        assets=_keys(written, "assets"),
        surveys=None if surveys is None else surveys | _in_rules(entry.model.survey for entry in draft.rules),
        questions=_questions(entry.model for entry in draft.surveys),
        contents=_contents(kinds),
        written=frozenset(
            key for name in ("moments", "group_posts", "direct_texts") for key in written.get(name, ())
        ),
        started=frozenset(
            [key for entry in draft.rules for key in entry.model.start]
            + [entry.model.journey for entry in draft.channels if entry.model.journey]
        ),
        clinic=draft.pack.model.clinic if draft.pack else None,
        quiet=(time.fromisoformat(house.quiet.start), time.fromisoformat(house.quiet.end))
        if house
        else _QUIET,
    )


def known_of_pack(pack: Pack) -> Known:
    """Return the names in a loaded pack."""
    house = pack.house
    return Known(
        tags=frozenset(tag for group in pack.tag_groups for tag in group.references),
        exclusive=frozenset(group.name for group in pack.tag_groups if group.exclusive),
        speakers=_speakers(pack.personas),
        personas=frozenset(persona.key for persona in pack.personas),
        channels=frozenset(channel.state for channel in pack.channels),
        speaks_at={channel.state: channel.persona for channel in pack.channels if channel.persona},
        treatments=frozenset(treatment.key for treatment in pack.treatments),
        roles=frozenset(role.key for role in pack.roles),
        assets=frozenset(asset.key for asset in pack.assets),
        surveys=frozenset(survey.key for survey in pack.surveys)
        | _in_rules(rule.when["survey"] for rule in pack.rules if rule.when),
        questions=_questions(pack.surveys),
        contents=_contents(
            (("moment", pack.moments), ("group", pack.group_posts), ("direct", pack.direct_texts))
        ),
        written=frozenset(item.key for item in (*pack.moments, *pack.group_posts, *pack.direct_texts)),
        started=frozenset(
            [key for rule in pack.rules for key in rule.start]
            + [channel.journey for channel in pack.channels if channel.journey]
        ),
        clinic=pack.clinic,
        quiet=(house.quiet_from, house.quiet_until),
    )


def is_a_day(name: str) -> bool:
    """Tell whether a moments plan's calendar knows a day: the almanac's, a theme's of the year, or a date."""
    try:
        date.fromisoformat(name)
    except ValueError:
        return dated.known(name) or (name.startswith(THEME) and name.removeprefix(THEME) in theme_keys())
    return True


@lru_cache(maxsize=1)
def theme_keys() -> frozenset[str]:
    """Return the keys of the packaged year plan's themes."""
    themes = packaged_themes()
    return frozenset(theme.key for theme in (*themes.main, *themes.second))


def _keys(written: Mapping[str, set[str]], target: str) -> frozenset[str] | None:
    return frozenset(written[target]) if target in written else None


def _treatments(draft: Draft) -> frozenset[str] | None:
    if "treatments" not in draft.written:
        return None
    steps = {step.key for entry in draft.treatments for step in entry.model.milestones}
    return frozenset(draft.written["treatments"] | steps)


def _speakers(personas: Iterable[Any]) -> tuple[Speaker, ...]:
    fields = ("key", "kind", "name", "title", "intro")
    return tuple(
        Speaker(**{name: getattr(one, name) for name in fields}, categories=tuple(one.categories))
        for one in personas
    )


def _in_rules(surveys: Iterable[Iterable[str]]) -> frozenset[str]:
    return frozenset(key for keys in surveys for key in keys)


def _questions(surveys: Iterable[Any]) -> dict[str, frozenset[str]]:
    """Return the questions of our own forms; those of others are not known here."""
    return {
        one.key: frozenset({MOOD, *(question.key for question in one.questions)})
        for one in surveys
        if one.questions
    }


def _contents(kinds: Iterable[tuple[ItemKind, Iterable[Any]]]) -> dict[str, Said]:
    return {
        item.key: Said(
            key=item.key,
            kind=kind,
            category=item.category,
            audience=tuple(item.audience),
            roles=tuple(getattr(item, "roles", ())),
        )
        for kind, items in kinds
        for item in items
    }
