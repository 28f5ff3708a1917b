"""Which greeting is the right one: the most specific that fits, and why; and each variant's fair share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from content.channel_specs import ChannelSpec, VariantSpec, WelcomeSpec
    from content.pack import Pack
    from content.persona_specs import PersonaSpec

WHY_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """Somebody adds one of us: who speaks, through which channel, when, and what is known of her."""

    persona: PersonaSpec
    state: str | None = None  # of the channel; None: unknown
    open: bool = True  # within the clinic's hours
    again: bool = False  # she had added this member before
    tags: Collection[str] = ()  # "group/tag" that she wears


def choose(pack: Pack, arrival: Arrival) -> WelcomeSpec | None:
    """Return the greeting that fits best, its ``why`` filled in; None: the pack has none for the persona.

    A greeting fits when all its conditions are met. Of those that fit, one that names the channel wins over
    one that names tags, then a region, then first or again, then the hour, then the persona itself instead
    of its kind; of equals the one written first.
    """
    channel = pack.channel(arrival.state)
    best: WelcomeSpec | None = None
    for welcome in pack.welcomes:
        if _fits(welcome, arrival, channel) and (
            best is None or _specificity(welcome, channel) > _specificity(best, channel)
        ):
            best = welcome
    return None if best is None else replace(best, why=_why(best, arrival, channel)[:WHY_CHARS])


def variant_of(welcome: WelcomeSpec, patient: str) -> VariantSpec:
    """Return the text that this patient gets: always the same, and each text its share of patients."""
    texts = welcome.texts
    total = sum(text.share for text in texts)
    digest = sha256(f"{welcome.key}\n{patient}".encode()).digest()
    point = int.from_bytes(digest[:8], "big") * total >> 64
    for text in texts:
        point -= text.share
        if point < 0:
            return text
    return texts[-1]


def _named(welcome: WelcomeSpec, channel: ChannelSpec | None, state: str | None) -> bool:
    """Tell whether the greeting is meant for this channel, said by either of the two."""
    return state in welcome.channels or (channel is not None and channel.welcome == welcome.key)


def _fits(welcome: WelcomeSpec, arrival: Arrival, channel: ChannelSpec | None) -> bool:
    region = channel.region if channel else ""
    return (
        welcome.suits(arrival.persona)
        and (not welcome.channels or _named(welcome, channel, arrival.state))
        and (not welcome.tags or not set(welcome.tags).isdisjoint(arrival.tags))
        and (not welcome.regions or region in welcome.regions)
        and welcome.contact in (None, "again" if arrival.again else "first")
        and welcome.when in (None, "open" if arrival.open else "closed")
    )


def _specificity(welcome: WelcomeSpec, channel: ChannelSpec | None) -> tuple[bool, ...]:
    return (
        bool(welcome.channels) or (channel is not None and channel.welcome == welcome.key),
        bool(welcome.tags),
        bool(welcome.regions),
        welcome.contact is not None,
        welcome.when is not None,
        welcome.persona is not None,
    )


def _why(welcome: WelcomeSpec, arrival: Arrival, channel: ChannelSpec | None) -> str:
    """Say why, as staff read it."""
    state = arrival.state
    via = f"渠道「{channel.title}」" if channel else f"渠道 {state} 不在内容包里" if state else "渠道不明"
    if welcome.persona is not None:
        whose = f"「{arrival.persona.name}」自己的"
    else:
        whose = "医生类角色的" if arrival.persona.kind == "doctor" else "小助理类角色的"
    worn = [tag for tag in welcome.tags if tag in arrival.tags]
    conditions = [
        f"标签「{worn[0]}」" if worn else "",
        f"地区「{channel.region}」" if welcome.regions and channel else "",
        {"first": "第一次添加", "again": "再次添加", None: ""}[welcome.contact],
        {"open": "营业时间内", "closed": "营业时间外", None: ""}[welcome.when],
    ]
    if _named(welcome, channel, state):
        named = "、".join([via, *filter(None, conditions)])
        return f"用{whose}{named}欢迎语"
    special = "、".join(filter(None, conditions))
    lacking = "没有专用欢迎语" if channel and not special else ""
    return f"{via}{lacking}，用{whose}{special or '通用'}欢迎语"
