"""A content pack as the rest of the program sees it: frozen, checked, ready to be asked.

Everything here can be trusted to be consistent (every reference leads somewhere): `content.loader` makes
a `Pack` only from files without errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from content.greeting import Arrival, choose
from content.house import HouseRules

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date, datetime
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from content.channel_specs import ChannelSpec, Span, WelcomeSpec
    from content.dated import Window
    from content.draft import Draft
    from content.group_specs import GroupWelcomeSpec, KeywordSpec
    from content.persona_specs import PersonaSpec, WeekSlot
    from content.places import Place
    from content.plans.specs import Plan
    from content.problems import Problem
    from content.rule_specs import RuleSpec
    from content.schema import AssetKind, Category
    from content.survey_specs import SurveySpec
    from content.talk_specs import AnswerSpec, ScriptSpec
    from content.treatment_specs import TreatmentSpec
    from content.written import Written

    ItemKind = Literal["moment", "group", "direct"]

BY_HAND = ".todo"  # the end of the key of a text that a member of staff sends to one patient
PROMOTION: Category = "活动"  # the one category that a doctor's account never carries
# Such a text shows a patient, unless it says that it does not.
OF_PATIENTS: tuple[Category, ...] = ("案例", "口碑")


class NotInPackError(LookupError):
    """A key was asked for that this pack does not have."""


def personal(key: str) -> bool:
    """Tell whether a member sends the 1-to-1 text called ``key`` by hand, so that it may name the patient."""
    return key.endswith(BY_HAND)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagGroupSpec:
    """A group of corp tags; of an ``exclusive`` group a patient carries one tag at most."""

    name: str
    exclusive: bool
    tags: tuple[str, ...]
    place: Place

    @property
    def references(self) -> tuple[str, ...]:
        """The tags as the pack refers to them, e.g. ``来源/抖音``."""
        return tuple(f"{self.name}/{tag}" for tag in self.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupRole:
    """What a customer group is for; a group takes the first role whose keyword is in its name."""

    key: str
    title: str
    match: tuple[str, ...]
    default: bool
    week: tuple[WeekSlot, ...]
    place: Place
    one_per_patient: bool = False
    quit_alert: Literal["", "owner", "manager"] = ""
    welcome: GroupWelcomeSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentItem:
    """One text for a moment, a customer group or a step of a plan, with its cards and pictures."""

    key: str
    kind: ItemKind
    category: Category
    audience: tuple[str, ...]  # ``for``: persona keys and kinds; empty (not moments) = whoever speaks there
    roles: tuple[str, ...]  # group roles; empty for moments and direct texts
    text: str  # a template
    attachments: tuple[str, ...]
    months: tuple[int, ...]  # empty: all year
    weight: int  # relative chance of being drawn
    place: Place
    text_place: Place  # where the text's first line is
    window: Window | None = None  # only on the days around one day of the year
    tags: tuple[str, ...] = ()  # written for those who wear one of them; empty: for everybody
    age: tuple[int, int | None] | None = None  # written for those at least so old and not yet so old
    expires_on: date | None = None  # the last day on which it may be said
    patient: str = ""  # ``none``, ``shown``, or not said

    @property
    def personal(self) -> bool:
        """Tell whether staff send it by hand to one patient, whom it may name; a mass text names nobody."""
        return self.kind == "direct" and personal(self.key)

    def in_season(self, month: int) -> bool:
        return not self.months or month in self.months

    def timely(self, day: date) -> bool:
        """Tell whether it may be said on ``day``: its months, the days around its own day, its last day."""
        if self.expires_on is not None and day > self.expires_on:
            return False
        return self.in_season(day.month) and (self.window is None or self.window.covers(day))

    @property
    def for_everybody(self) -> bool:
        """Whether it is written for whoever reads it, so that a weekly slot may draw it."""
        return not self.tags and self.age is None

    @property
    def shows_patient(self) -> bool:
        """Whether it needs the consent of the patient whom it shows or quotes."""
        return self.patient == "shown" or (not self.patient and self.category in OF_PATIENTS)

    def suits(self, persona: PersonaSpec) -> bool:
        """Tell whether this persona may say it. A doctor's account never carries a promotion."""
        if persona.kind == "doctor" and self.category == PROMOTION:
            return False
        return not self.audience or persona.key in self.audience or persona.kind in self.audience


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSpec:
    """A picture, video, link or mini-program card. Templates in its fields are already filled in."""

    key: str
    kind: AssetKind
    title: str
    place: Place
    file: Path | None = None  # image, video: absolute path inside the pack
    desc: str = ""  # link
    url: str = ""  # link
    appid: str = ""  # miniprogram
    page: str = ""  # miniprogram
    picture: str | None = None  # cover of a link or mini-program: key of an image asset
    sha256: str = ""  # image, video: of the file when the pack was loaded; other kinds: empty
    shows_patient: bool = False  # needs the patient's consent
    retired: bool = False  # what has it keeps it; it is not offered any more


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """One clinic's content: who speaks, to whom, when and what."""

    root: Path
    name: str
    title: str
    version: str
    default_persona: str
    timezone: ZoneInfo
    clinic: Mapping[str, str]
    rotation_days: int  # an item is not used again for one persona or group role within so many days
    tag_groups: tuple[TagGroupSpec, ...]
    personas: tuple[PersonaSpec, ...]
    channels: tuple[ChannelSpec, ...]
    welcomes: tuple[WelcomeSpec, ...]
    roles: tuple[GroupRole, ...]
    moments: tuple[ContentItem, ...]
    group_posts: tuple[ContentItem, ...]
    assets: tuple[AssetSpec, ...]
    direct_texts: tuple[ContentItem, ...] = ()
    keywords: tuple[KeywordSpec, ...] = ()
    opening: tuple[Span, ...] = ()  # empty: always open
    treatments: tuple[TreatmentSpec, ...] = ()
    rules: tuple[RuleSpec, ...] = ()
    surveys: tuple[SurveySpec, ...] = ()
    scripts: tuple[ScriptSpec, ...] = ()
    answers: tuple[AnswerSpec, ...] = ()
    house: HouseRules = field(default_factory=HouseRules)
    plans: tuple[Plan, ...] = ()
    plan_places: Mapping[str, Place] = field(default_factory=dict)  # of ``plan`` and of each ``plan/step``
    written: tuple[Written, ...] = ()  # texts and assets as the files say them, retired ones included
    draft: Draft | None = field(default=None, compare=False, repr=False)  # to judge what staff write by
    warnings: tuple[Problem, ...] = field(default=())

    # ── who ──────────────────────────────────────────────────────────────────────────────────────────

    def persona(self, key: str) -> PersonaSpec:
        """Return the persona called ``key``.

        Raises:
            NotInPackError: the pack has no such persona.
        """
        for persona in self.personas:
            if persona.key == key:
                return persona
        raise NotInPackError(f"内容包 {self.name} 里没有角色 {key}")

    def persona_for_member(self, userid: str) -> PersonaSpec:
        """Return the persona that this member speaks as; an unbound member speaks as the default one."""
        for persona in self.personas:
            if userid in persona.members:
                return persona
        return self.persona(self.default_persona)

    def channel(self, state: str | None) -> ChannelSpec | None:
        """Return the channel with this ``state``, or None for one that the pack does not know."""
        return next((channel for channel in self.channels if channel.state == state), None)

    def role_for_group(self, name: str) -> GroupRole:
        """Return the role of the customer group called ``name``: first keyword match, else the default.

        Capitals do not matter: staff write VIP, Vip and vip.
        """
        wanted = name.casefold()
        for role in self.roles:
            if any(keyword.casefold() in wanted for keyword in role.match):
                return role
        return next(role for role in self.roles if role.default)

    def role_of_group(self, name: str, *, chosen: str = "") -> GroupRole:
        """Return the role staff ``chose`` for a group, else, or when the pack lost it, what its name says."""
        return next((role for role in self.roles if role.key == chosen), self.role_for_group(name))

    def keywords_in(self, text: str) -> tuple[KeywordSpec, ...]:
        """Return the keywords that somebody who wrote ``text`` has used, in the pack's order."""
        return tuple(keyword for keyword in self.keywords if keyword.found_in(text))

    # ── what ─────────────────────────────────────────────────────────────────────────────────────────

    def welcome_for(self, persona: PersonaSpec | str, state: str | None = None) -> WelcomeSpec:
        """Return the greeting of somebody new in opening hours (see `content.greeting.choose`).

        Raises:
            NotInPackError: the pack has no such persona, or no greeting for it.
        """
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        return self.greet(Arrival(persona=speaker, state=state))

    def greet(self, arrival: Arrival) -> WelcomeSpec:
        """Return the greeting that fits best, with the reason; a loaded pack has one for every persona.

        Raises:
            NotInPackError: the pack has no greeting for this persona.
        """
        welcome = choose(self, arrival)
        if welcome is None:
            raise NotInPackError(f"内容包 {self.name} 里没有角色 {arrival.persona.key} 的欢迎语")
        return welcome

    def welcome(self, key: str) -> WelcomeSpec:
        """Return the greeting called ``key``.

        Raises:
            NotInPackError: the pack has no such greeting.
        """
        for welcome in self.welcomes:
            if welcome.key == key:
                return welcome
        raise NotInPackError(f"内容包 {self.name} 里没有欢迎语 {key}")

    def open_at(self, at: datetime) -> bool:
        """Tell whether the clinic is open at an instant; one that states no hours always is."""
        local = at.astimezone(self.timezone)
        return not self.opening or any(span.covers(local) for span in self.opening)

    def moments_for(self, persona: PersonaSpec | str) -> tuple[ContentItem, ...]:
        """Return the moments that this persona may publish, in the pack's order."""
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        return tuple(i for i in self.moments if i.suits(speaker) and i.category in speaker.categories)

    def group_posts_for(self, role: GroupRole | str, persona: PersonaSpec | str) -> tuple[ContentItem, ...]:
        """Return the posts for a group of this role that this persona owns, in the pack's order."""
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        key = role if isinstance(role, str) else role.key
        return tuple(item for item in self.group_posts if key in item.roles and item.suits(speaker))

    def direct(self, key: str) -> ContentItem:
        """Return the 1-to-1 text called ``key``, e.g. ``direct.implant.day-1``.

        Raises:
            NotInPackError: the pack has no such text.
        """
        for item in self.direct_texts:
            if item.key == key:
                return item
        raise NotInPackError(f"内容包 {self.name} 里没有一对一内容 {key}")

    def survey(self, key: str) -> SurveySpec | None:
        """Return the survey called ``key``, or None for one that only another system knows."""
        return next((survey for survey in self.surveys if survey.key == key), None)

    def plan(self, key: str) -> Plan:
        """Return the plan called ``key``, as the pack brings it; staff may have published another version.

        Raises:
            NotInPackError: the pack has no such plan.
        """
        for plan in self.plans:
            if plan.key == key:
                return plan
        raise NotInPackError(f"内容包 {self.name} 里没有计划 {key}")

    def asset(self, key: str) -> AssetSpec:
        """Return the asset called ``key``.

        Raises:
            NotInPackError: the pack has no such asset.
        """
        for asset in self.assets:
            if asset.key == key:
                return asset
        raise NotInPackError(f"内容包 {self.name} 里没有素材 {key}")

    def asset_bytes(self, key: str) -> bytes:
        """Read the file of an image or video, or the cover of a link or mini-program card.

        Raises:
            NotInPackError: no such asset, or it has no picture.
            OSError: the file cannot be read any more.
        """
        asset = self.asset(key)
        if asset.picture is not None:
            asset = self.asset(asset.picture)
        if asset.file is None:
            raise NotInPackError(f"素材 {key} 没有图片")
        return asset.file.read_bytes()

    def doctor_of(self, persona: PersonaSpec, state: str | None) -> PersonaSpec | None:
        """Return the doctor whom a greeting may name: the one who speaks, or whose channel it is."""
        channel = self.channel(state)
        owner = self.persona(channel.persona) if channel and channel.persona else None
        return next((one for one in (persona, owner) if one and one.kind == "doctor"), None)

    # ── the variables of templates ───────────────────────────────────────────────────────────────────

    def variables(
        self,
        persona: PersonaSpec | str,
        *,
        patient_name: str | None = None,
        member_alias: str = "",
        doctor: PersonaSpec | None = None,
    ) -> dict[str, Mapping[str, str]]:
        """Return what a template may use: ``clinic.*`` and ``persona.*``.

        With ``patient_name`` (may be empty) also ``patient.name``, ``member.alias`` and ``doctor.*``, as in
        greetings and in texts that staff send by hand. Without an alias the member goes by the persona's
        name; ``doctor`` is whose channel it is (see `doctor_of`), and its names are empty if it is nobody's.
        """
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        known: dict[str, Mapping[str, str]] = {"clinic": self.clinic, "persona": persona_variables(speaker)}
        if patient_name is not None:
            known["patient"] = MappingProxyType({"name": patient_name})
            known["member"] = MappingProxyType({"alias": member_alias or speaker.name})
            known["doctor"] = MappingProxyType(
                {"name": doctor.name if doctor else "", "title": doctor.title if doctor else ""}
            )
        return known


def persona_variables(persona: PersonaSpec) -> Mapping[str, str]:
    """Return the ``persona.*`` that templates may use."""
    return MappingProxyType(
        {"name": persona.name, "title": persona.title, "intro": persona.intro, "kind": persona.kind}
    )
