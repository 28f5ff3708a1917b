"""A content pack as the rest of the program sees it: frozen, checked, ready to be asked.

Everything here can be trusted to be consistent (every reference leads somewhere): `content.loader` makes
a `Pack` only from files without errors.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import time
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from content.group_specs import GroupWelcomeSpec, KeywordSpec
    from content.problems import Problem
    from content.schema import AssetKind, Category, PersonaKind

    ItemKind = Literal["moment", "group"]

PROMOTION: Category = "活动"  # the one category that a doctor's account never carries


class NotInPackError(LookupError):
    """A key was asked for that this pack does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where in the pack's files something is written."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


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
class WeekSlot:
    """A weekly time at which one post goes out."""

    day: int  # ISO weekday: 1 = Monday … 7 = Sunday
    at: time  # clinic wall clock, naive on purpose: a rule, not an instant
    categories: tuple[Category, ...]  # preferred first


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonaSpec:
    """The role that one or more members' accounts play (小助理 or 医生)."""

    key: str
    kind: PersonaKind
    name: str
    title: str
    intro: str
    voice: str  # how this persona speaks, for the staff who write
    members: tuple[str, ...]  # userids that speak as this persona
    delegates: tuple[str, ...]  # userids that may approve and tap for it
    approvers: tuple[str, ...]
    categories: tuple[Category, ...]
    max_moments_per_day: int
    week: tuple[WeekSlot, ...]
    place: Place

    @property
    def reviewers(self) -> tuple[str, ...]:
        """Userids who may approve: a doctor's members and delegates; an assistant's ``approvers``."""
        chosen = (*self.members, *self.delegates) if self.kind == "doctor" else self.approvers
        return tuple(dict.fromkeys(chosen))


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSpec:
    """A 渠道活码: its ``state`` comes back with the new contact and gives the source tags."""

    state: str
    title: str
    tags: tuple[str, ...]  # "group/tag"
    persona: str | None
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class WelcomeSpec:
    """A greeting. ``why`` is filled by `Pack.welcome_for` and explains the choice to the staff."""

    key: str
    persona: str | None
    kind: PersonaKind | None
    channels: tuple[str, ...]  # empty: any channel
    text: str  # a template
    attachments: tuple[str, ...]
    place: Place
    text_place: Place  # where the text's first line is
    why: str = ""

    def suits(self, persona: PersonaSpec) -> bool:
        """Tell whether this persona may greet with it."""
        return persona.key == self.persona or persona.kind == self.kind


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
    """One text for a moment or a customer group, with its cards and pictures."""

    key: str
    kind: ItemKind
    category: Category
    audience: tuple[str, ...]  # ``for``: persona keys and kinds; empty (groups only) = whoever owns the group
    roles: tuple[str, ...]  # group roles; empty for moments
    text: str  # a template
    attachments: tuple[str, ...]
    months: tuple[int, ...]  # empty: all year
    weight: int  # relative chance of being drawn
    place: Place
    text_place: Place  # where the text's first line is

    def in_season(self, month: int) -> bool:
        return not self.months or month in self.months

    def suits(self, persona: PersonaSpec) -> bool:
        """Tell whether this persona may say it. A doctor's account never carries a promotion."""
        if persona.kind == "doctor" and self.category == PROMOTION:
            return False
        return not self.audience or persona.key in self.audience or persona.kind in self.audience


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetSpec:
    """A picture, link or mini-program card. Templates in its fields are already filled in."""

    key: str
    kind: AssetKind
    title: str
    place: Place
    file: Path | None = None  # image: absolute path inside the pack
    desc: str = ""  # link
    url: str = ""  # link
    appid: str = ""  # miniprogram
    page: str = ""  # miniprogram
    picture: str | None = None  # cover of a link or mini-program: key of an image asset
    sha256: str = ""  # image: of the file when the pack was loaded; other kinds: empty


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
    keywords: tuple[KeywordSpec, ...] = ()
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
        """Return the most specific greeting, its ``why`` filled in.

        Persona and channel win over kind and channel, then persona alone, then kind alone; the last
        exists for every kind that a persona has, so there is always an answer.

        Raises:
            NotInPackError: the pack has no such persona.
        """
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        channel = self.channel(state)
        via = f"渠道「{channel.title}」" if channel else f"渠道 {state} 不在内容包里" if state else "渠道不明"
        lacking = "没有专用欢迎语" if channel else ""
        whose = (
            ("persona", speaker.key, f"「{speaker.name}」自己的"),
            ("kind", speaker.kind, "医生类角色的" if speaker.kind == "doctor" else "小助理类角色的"),
        )
        for field_, value, who in whose:
            for welcome in self.welcomes:
                if state in welcome.channels and getattr(welcome, field_) == value:
                    return replace(welcome, why=f"用{who}{via}欢迎语")
        for field_, value, who in whose:
            for welcome in self.welcomes:
                if not welcome.channels and getattr(welcome, field_) == value:
                    return replace(welcome, why=f"{via}{lacking}，用{who}通用欢迎语")
        raise NotInPackError(f"内容包 {self.name} 里没有角色 {speaker.key} 的欢迎语")

    def moments_for(self, persona: PersonaSpec | str) -> tuple[ContentItem, ...]:
        """Return the moments that this persona may publish, in the pack's order."""
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        return tuple(i for i in self.moments if i.suits(speaker) and i.category in speaker.categories)

    def group_posts_for(self, role: GroupRole | str, persona: PersonaSpec | str) -> tuple[ContentItem, ...]:
        """Return the posts for a group of this role that this persona owns, in the pack's order."""
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        key = role if isinstance(role, str) else role.key
        return tuple(item for item in self.group_posts if key in item.roles and item.suits(speaker))

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
        """Read the picture of an image asset, or the cover of a link or mini-program card.

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

    # ── the variables of templates ───────────────────────────────────────────────────────────────────

    def variables(
        self, persona: PersonaSpec | str, *, patient_name: str | None = None, member_alias: str = ""
    ) -> dict[str, Mapping[str, str]]:
        """Return what a template may use: ``clinic.*`` and ``persona.*``.

        With ``patient_name`` (may be empty) also ``patient.name`` and ``member.alias``, as in greetings;
        without an alias the member goes by the persona's name.
        """
        speaker = self.persona(persona) if isinstance(persona, str) else persona
        known: dict[str, Mapping[str, str]] = {"clinic": self.clinic, "persona": persona_variables(speaker)}
        if patient_name is not None:
            known["patient"] = MappingProxyType({"name": patient_name})
            known["member"] = MappingProxyType({"alias": member_alias or speaker.name})
        return known


def persona_variables(persona: PersonaSpec) -> Mapping[str, str]:
    """Return the ``persona.*`` that templates may use."""
    return MappingProxyType(
        {"name": persona.name, "title": persona.title, "intro": persona.intro, "kind": persona.kind}
    )
