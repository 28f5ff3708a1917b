"""Drafting a week: which item goes into which slot. Pure: the same facts give the same week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo  # noqa: TC003  (dataclass fields are read by tests' factories)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from content.pack import ContentItem, GroupRole, PersonaSpec, WeekSlot
    from sop.roster import Roster


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFact:
    """A customer group as the planner needs it."""

    chat_id: str
    name: str
    owner: str
    role: str = ""  # what staff say it is for; empty: what its name says


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """One planned post: an item, its speaker, sender, receivers and hour. Not rendered yet."""

    slot: str  # unique: planning twice drafts once
    scope: str  # where the item must not come again soon: a persona, or a group role of a persona
    kind: str
    persona: PersonaSpec
    sender: str
    item: ContentItem
    chat_ids: tuple[str, ...]
    scheduled_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPlan:
    """The drafts of a week and what staff should know about gaps in it."""

    drafts: tuple[Draft, ...]
    notices: tuple[str, ...]


# (scope, item key) -> the last day it was used there; a scope is a persona or a group role of a persona.
History = dict[tuple[str, str], date]


def monday_of(day: date) -> date:
    """Return the Monday of the week ``day`` lies in."""
    return day - timedelta(days=day.weekday())


def coming_week(today: date) -> date:
    """Return the Monday of the week to plan now: today when it is Monday, else the next one."""
    return today if today.weekday() == 0 else monday_of(today) + timedelta(days=7)


def plan_week(
    roster: Roster,
    week: date,
    *,
    groups: Sequence[GroupFact],
    history: Mapping[tuple[str, str], date],
    not_before: datetime,
    zone: ZoneInfo,
) -> WeekPlan:
    """Fill the slots of every persona and customer group from Monday ``week`` to Sunday.

    A slot before ``not_before`` is left out. An item is not used again in its scope for the pack's
    ``rotation_days``; two personas never carry the same text in one week. When the pack has too little,
    the item that rested longest is used again and a notice says so.
    """
    used: History = dict(history)
    drafts: list[Draft] = []
    notices: list[str] = []
    for persona in roster.pack.personas:
        senders = roster.senders(persona.key)
        if not senders:
            notices.append(
                f"人设“{persona.name}”没有可发送的企业微信成员，本周不为它排内容：请在控制台绑定账号"
            )
            continue
        pool = roster.pack.moments_for(persona)
        scope = f"moment:{persona.key}"
        for slot, at in _instants(persona.week, week, zone, not_before):
            item = _choose(pool, slot, at.astimezone(zone).date(), scope, used, roster, notices)
            if item is None:
                notices.append(f"人设“{persona.name}”{_when(at, zone)}没有可用的朋友圈内容")
                continue
            drafts += [
                Draft(
                    slot=f"{week}:moment:{persona.key}:{_stamp(at, zone)}:{sender}",
                    scope=scope,
                    kind="moment",
                    persona=persona,
                    sender=sender,
                    item=item,
                    chat_ids=(),
                    scheduled_at=at,
                )
                for sender in senders
            ]
    for role, persona, chats in _audiences(roster, groups):
        pool = roster.pack.group_posts_for(role, persona)
        scope = f"group:{role.key}:{persona.key}"
        for slot, at in _instants(role.week, week, zone, not_before):
            item = _choose(pool, slot, at.astimezone(zone).date(), scope, used, roster, notices)
            if item is None:
                notices.append(f"客户群类型“{role.title}”（{persona.name}）{_when(at, zone)}没有可用的内容")
                continue
            drafts += [
                Draft(
                    slot=f"{week}:group:{role.key}:{_stamp(at, zone)}:{owner}",
                    scope=scope,
                    kind="group",
                    persona=persona,
                    sender=owner,
                    item=item,
                    chat_ids=tuple(sorted(chat_ids)),
                    scheduled_at=at,
                )
                for owner, chat_ids in sorted(chats.items())
            ]
    drafts.sort(key=lambda draft: (draft.scheduled_at, draft.slot))
    return WeekPlan(drafts=tuple(drafts), notices=tuple(dict.fromkeys(notices)))


def _audiences(
    roster: Roster, groups: Sequence[GroupFact]
) -> list[tuple[GroupRole, PersonaSpec, dict[str, list[str]]]]:
    """Gather groups of one role and persona, by owner: each owner taps once for all of theirs."""
    gathered: dict[tuple[str, str], tuple[GroupRole, PersonaSpec, dict[str, list[str]]]] = {}
    for group in groups:
        if group.owner not in roster.serving:
            continue
        role = roster.pack.role_of_group(group.name, chosen=group.role)
        persona = roster.persona_of(group.owner)
        _, _, chats = gathered.setdefault((role.key, persona.key), (role, persona, {}))
        chats.setdefault(group.owner, []).append(group.chat_id)
    return [gathered[key] for key in sorted(gathered)]


def _instants(
    slots: Iterable[WeekSlot], week: date, zone: ZoneInfo, not_before: datetime
) -> list[tuple[WeekSlot, datetime]]:
    """Return the instants of weekly slots, in order, without those already gone."""
    dated = [
        (slot, datetime.combine(week + timedelta(days=slot.day - 1), slot.at, tzinfo=zone)) for slot in slots
    ]
    return sorted(((s, at) for s, at in dated if at >= not_before), key=lambda pair: pair[1])


def _choose(
    pool: Sequence[ContentItem],
    slot: WeekSlot,
    day: date,
    scope: str,
    used: History,
    roster: Roster,
    notices: list[str],
) -> ContentItem | None:
    """Pick an item for a slot and note its use in ``used``."""
    rotation = timedelta(days=roster.pack.rotation_days)
    season = [item for item in pool if item.timely(day) and item.for_everybody]
    if not season:
        return None
    # What any persona says this week is taken for all others: patients follow more than one account.
    elsewhere = {
        key for (other, key), last in used.items() if other != scope and abs(day - last) < timedelta(7)
    }

    def rested(item: ContentItem) -> bool:
        last = used.get((scope, item.key))
        return (last is None or day - last >= rotation) and item.key not in elsewhere

    fresh = [item for item in season if rested(item)]
    # What belongs to these very days goes first; any other text of the slot's categories can wait a week.
    dated = [item for item in fresh if item.window is not None and item.category in slot.categories]
    by_category = ([item for item in fresh if item.category == wanted] for wanted in slot.categories)
    for fitting in (dated, *by_category, fresh):
        if fitting:
            chosen = min(fitting, key=lambda item: _lot(item, scope, day))
            break
    else:
        chosen = min(season, key=lambda item: (used.get((scope, item.key), date.min), item.key))
        notices.append(f"内容不足：“{chosen.key}”在 {roster.pack.rotation_days} 天内重复使用，请补充内容包")
    used[scope, chosen.key] = day
    return chosen


def _lot(item: ContentItem, scope: str, day: date) -> float:
    """Draw a lot that depends on nothing but the slot and the item; heavier items draw lower ones."""
    raw = sha256(f"{scope}|{day}|{item.key}".encode()).digest()
    return int.from_bytes(raw[:8], "big") / max(item.weight, 1)


def _stamp(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%m%dT%H%M")


def _when(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime(" %m-%d %H:%M ")
