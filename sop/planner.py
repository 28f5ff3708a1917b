"""Drafting a week: which item goes into which slot. Pure: the same facts give the same week."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from content.plans.specs import GroupBody, MomentsBody
from content.readers import ages_of_tags, reaches
from sop.case import short_key
from sop.wants import CREATED, JOINED, WEEKLY, Calendar, Want, Week, group_wants, moment_wants, weekly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from content.pack import ContentItem, GroupRole
    from content.persona_specs import PersonaSpec
    from content.plans.specs import Plan
    from sop.roster import Roster


FESTIVAL: Final = "节日"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupFact:
    """A customer group as the planner needs it."""

    chat_id: str
    name: str
    owner: str
    role: str = ""  # what staff say it is for; empty: what its name says
    created_on: date | None = None
    joined_on: tuple[date, ...] = ()  # days on which patients came in lately


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
    tags: tuple[str, ...] = ()  # moments: only patients with one of these see it
    rank: int = WEEKLY  # why it is wanted, see sop.wants
    plan: str = ""  # the key of the plan that wants it; empty: the pack's own slots


@dataclass(frozen=True, slots=True, kw_only=True)
class WeekPlan:
    """The drafts of a week and what staff should know about gaps in it."""

    drafts: tuple[Draft, ...]
    notices: tuple[str, ...]


HAND: Final = ":hand:"  # in the slot of a post that staff sent to review themselves

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
    plans: Sequence[Plan] = (),
    calendar: Calendar | None = None,
) -> WeekPlan:
    """Fill the week that begins on Monday ``week`` for every persona and customer group.

    What the moments and group ``plans`` say counts; a persona or group role without any follows its weekly
    slots in the pack. A slot before ``not_before`` is left out. An item is not used again in its scope for
    the plan's (or pack's) rotation days; two personas never carry the same text in one week. When the pack
    has too little, the item that rested longest is used again and a notice says so.

    Args:
        plans: the active ones, of any kind.
        calendar: by default the almanac with the packaged year plan, which is read from files.
    """
    drawing = _Drawing(
        roster,
        Week(monday=week, zone=zone, not_before=not_before),
        plans,
        calendar if calendar is not None or not plans else Calendar.around(week),
        dict(history),
    )
    for persona in roster.pack.personas:
        drawing.moments_of(persona)
    for role, persona, some in _audiences(roster, groups):
        drawing.posts_for(role, persona, some)
    drafts = sorted(drawing.drafts, key=lambda draft: (draft.scheduled_at, draft.slot))
    return WeekPlan(drafts=tuple(drafts), notices=tuple(dict.fromkeys(drawing.notices)))


class _Drawing:
    """One week while items are drawn for its wants; ``used`` remembers what was taken."""

    def __init__(
        self, roster: Roster, week: Week, plans: Sequence[Plan], calendar: Calendar | None, used: History
    ) -> None:
        self._roster, self._week, self._plans, self._calendar, self._used = (
            roster,
            week,
            plans,
            calendar,
            used,
        )
        self._ages = ages_of_tags(roster.pack)
        self._days: dict[str, set[date]] = {}  # by scope: on which days something is wanted
        self.drafts: list[Draft] = []
        self.notices: list[str] = []

    # -- moments --------------------------------------------------------------------------------------

    def moments_of(self, persona: PersonaSpec) -> None:
        if not self._roster.senders(persona.key):
            self.notices.append(
                f"人设“{persona.name}”没有可发送的企业微信成员，本周不为它排内容：请在控制台绑定账号"
            )
            return
        pool = self._roster.pack.moments_for(persona)
        for plan in self._plans:
            if isinstance(plan.body, MomentsBody) and plan.persona in (persona.key, persona.kind):
                self._moments(persona, pool, plan, plan.body)
        if not any(
            isinstance(plan.body, MomentsBody) and not plan.body.tags
            for plan in self._plans
            if plan.persona in (persona.key, persona.kind)
        ):
            wants = weekly(persona.week, self._week)
            self._expect(f"moment:{persona.key}", wants)
            for want in wants:
                self._moment(persona, pool, want, days=self._roster.pack.rotation_days)

    def _moments(
        self,
        persona: PersonaSpec,
        pool: Sequence[ContentItem],
        plan: Plan,
        body: MomentsBody,
    ) -> None:
        assert self._calendar is not None  # there are plans, so there is a calendar
        most = min(body.max_a_day, persona.max_moments_per_day)
        wants = moment_wants(body, self._week, self._calendar, most_a_day=most)
        self._expect(f"moment:{persona.key}", wants)
        for want in wants:
            self._moment(persona, pool, want, days=body.rotation_days, tags=body.tags, plan=plan.key)

    def _moment(
        self,
        persona: PersonaSpec,
        pool: Sequence[ContentItem],
        want: Want,
        *,
        days: int,
        tags: tuple[str, ...] = (),
        plan: str = "",
    ) -> None:
        scope = f"moment:{persona.key}"
        item = self._choose(pool, want, scope, days=days, tags=tags)
        if item is None:
            when = _when(want.at, self._week.zone)
            self.notices.append(
                f"人设“{persona.name}”{when}想用的“{want.content}”不在它能发的朋友圈内容里"
                if want.content
                else f"人设“{persona.name}”{when}没有可用的朋友圈内容"
            )
            return
        stamp = _stamp(want.at, self._week.zone)
        mark = f":{plan}" if tags else ""  # people of one tag may be told something else at the same hour
        self.drafts += [
            Draft(
                slot=f"{self._week.monday}:moment:{persona.key}:{stamp}:{sender}{mark}",
                scope=scope,
                kind="moment",
                persona=persona,
                sender=sender,
                item=item,
                chat_ids=(),
                scheduled_at=want.at,
                tags=tags,
                plan=plan,
            )
            for sender in self._roster.senders(persona.key, want.at)
        ]

    # -- groups ---------------------------------------------------------------------------------------

    def posts_for(self, role: GroupRole, persona: PersonaSpec, groups: Sequence[GroupFact]) -> None:
        """Draw for all groups of one role that one persona owns: one item per want, one post per owner."""
        plans = [
            (plan.key, plan.body)
            for plan in self._plans
            if isinstance(plan.body, GroupBody)
            and role.key in plan.body.roles
            and plan.persona in ("follow", persona.key, persona.kind)
        ]
        days = min((body.rotation_days for _, body in plans), default=self._roster.pack.rotation_days)
        asked: dict[Want, list[GroupFact]] = {}
        wanted_by: dict[Want, str] = {}
        for group in groups:
            for want, key in self._wants_of(role, group, plans).items():
                asked.setdefault(want, []).append(group)
                wanted_by.setdefault(want, key)
        pool = self._roster.pack.group_posts_for(role, persona)
        scope = f"group:{role.key}:{persona.key}"
        self._expect(scope, asked)
        for want in sorted(asked, key=lambda want: (want.at, want.rank, want.mark)):
            item = self._choose(pool, want, scope, days=days)
            if item is None:
                when = _when(want.at, self._week.zone)
                self.notices.append(
                    f"客户群类型“{role.title}”（{persona.name}）{when}想用的“{want.content}”不在它能发的内容里"
                    if want.content
                    else f"客户群类型“{role.title}”（{persona.name}）{when}没有可用的内容"
                )
                continue
            self.drafts += [
                Draft(
                    slot=short_key(f"{self._week.monday}:group:{role.key}:{name}", most=200),
                    scope=scope,
                    kind="group",
                    persona=persona,
                    sender=owner,
                    item=item,
                    chat_ids=chat_ids,
                    scheduled_at=want.at,
                    rank=want.rank,
                    plan=wanted_by[want],
                )
                for name, owner, chat_ids in self._addressed(want, asked[want])
            ]

    def _wants_of(
        self, role: GroupRole, group: GroupFact, plans: Sequence[tuple[str, GroupBody]]
    ) -> dict[Want, str]:
        """Return what is wanted for a group, in order, with the key of the plan that wants it first."""
        if not plans:
            return dict.fromkeys(weekly(role.week, self._week), "")
        wants: dict[Want, str] = {}
        for key, body in plans:
            if group.chat_id not in body.quiet:
                for want in group_wants(
                    body, self._week, created_on=group.created_on, joined_on=group.joined_on
                ):
                    wants.setdefault(want, key)
        if len(plans) == 1:
            return wants
        most = min(body.max_a_week for _, body in plans)
        kept = sorted(wants, key=lambda want: (want.rank, want.at, want.mark))[:most]
        return {want: wants[want] for want in sorted(kept, key=lambda want: (want.at, want.rank, want.mark))}

    def _addressed(self, want: Want, groups: Sequence[GroupFact]) -> list[tuple[str, str, tuple[str, ...]]]:
        """Gather groups by owner: each owner taps once for all of theirs.

        What counts days is asked for group by group, on any day of the week: such posts have names of their
        own, so that one more group never joins a post that is under way.
        """
        stamp = _stamp(want.at, self._week.zone)
        if want.rank in (CREATED, JOINED):
            return [
                (f"{stamp}:{want.mark}:{group.chat_id}", group.owner, (group.chat_id,)) for group in groups
            ]
        chats: dict[str, list[str]] = {}
        for group in groups:
            chats.setdefault(group.owner, []).append(group.chat_id)
        mark = f":{want.mark}" if want.mark else ""
        return [
            (f"{stamp}:{owner}{mark}", owner, tuple(sorted(chat_ids)))
            for owner, chat_ids in sorted(chats.items())
        ]

    def _choose(
        self, pool: Sequence[ContentItem], want: Want, scope: str, *, days: int, tags: tuple[str, ...] = ()
    ) -> ContentItem | None:
        """Pick the item for a want and note its use; what is written for just these readers goes first."""
        day = want.at.astimezone(self._week.zone).date()
        if want.content:
            fixed = next((item for item in pool if item.key == want.content), None)
            if fixed is not None:
                self._used[scope, fixed.key] = day
            return fixed
        rotation = timedelta(days=days)
        season = [item for item in pool if item.timely(day) and self._is_for(item, tags)]
        if not season:
            return None
        # What any persona says this week is taken for all others: patients follow more than one account.
        elsewhere = {
            key
            for (other, key), last in self._used.items()
            if other != scope and abs(day - last) < timedelta(7)
        }

        def rested(item: ContentItem) -> bool:
            last = self._used.get((scope, item.key))
            return (last is None or day - last >= rotation) and item.key not in elsewhere

        fresh = [item for item in season if rested(item)]
        # What belongs to this very day goes first, then what belongs to days near it; any other text of the
        # categories can wait a week.
        near = [
            (item, away)
            for item in fresh
            if item.window is not None
            and (away := item.window.away(day)) is not None
            and (item.category in want.categories or (not away and item.category == FESTIVAL))
            and not self._comes_later(item, day, scope, fresh)
        ]
        nearest = min((away for _, away in near), default=0)
        dated = [item for item, away in near if away == nearest]
        by_category = ([item for item in fresh if item.category == wanted] for wanted in want.categories)
        for fitting in (dated, *by_category, fresh):
            if fitting:
                own = [item for item in fitting if not item.for_everybody]
                chosen = min(own or fitting, key=lambda item: _lot(item, scope, day))
                break
        else:
            chosen = min(season, key=lambda item: (self._used.get((scope, item.key), date.min), item.key))
            self.notices.append(f"内容不足：“{chosen.key}”在 {days} 天内重复使用，请补充内容包")
        self._used[scope, chosen.key] = day
        return chosen

    def _is_for(self, item: ContentItem, tags: tuple[str, ...]) -> bool:
        """Tell whether all who would read it are among those for whom it is written."""
        return item.for_everybody or reaches(item.tags, item.age, tags=tags, ages=self._ages)

    def _expect(self, scope: str, wants: Iterable[Want]) -> None:
        self._days.setdefault(scope, set()).update(
            want.at.astimezone(self._week.zone).date() for want in wants if not want.content
        )

    def _comes_later(self, item: ContentItem, day: date, scope: str, fresh: Sequence[ContentItem]) -> bool:
        """Tell whether a festival's text will be said on the very day, which is still ahead this week.

        When two festivals share a day, one of their texts is said before it.
        """
        for later in self._days.get(scope, ()):
            if later > day and _is_for(item, later):
                rivals = [one for one in fresh if _is_for(one, later)]
                return item is min(rivals, key=lambda one: _lot(one, scope, later))
        return False


def _is_for(item: ContentItem, day: date) -> bool:
    return item.category == FESTIVAL and item.window is not None and item.window.away(day) == 0


def _audiences(
    roster: Roster, groups: Sequence[GroupFact]
) -> list[tuple[GroupRole, PersonaSpec, list[GroupFact]]]:
    """Gather groups of one role and persona."""
    gathered: dict[tuple[str, str], tuple[GroupRole, PersonaSpec, list[GroupFact]]] = {}
    for group in groups:
        if group.owner not in roster.serving:
            continue
        role = roster.pack.role_of_group(group.name, chosen=group.role)
        persona = roster.persona_of(group.owner)
        gathered.setdefault((role.key, persona.key), (role, persona, []))[2].append(group)
    return [gathered[key] for key in sorted(gathered)]


def _lot(item: ContentItem, scope: str, day: date) -> float:
    """Draw a lot that depends on nothing but the slot and the item; heavier items draw lower ones."""
    raw = sha256(f"{scope}|{day}|{item.key}".encode()).digest()
    return int.from_bytes(raw[:8], "big") / max(item.weight, 1)


def _stamp(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime("%m%dT%H%M")


def _when(at: datetime, zone: ZoneInfo) -> str:
    return at.astimezone(zone).strftime(" %m-%d %H:%M ")
