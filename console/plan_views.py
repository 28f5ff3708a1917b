"""Plans as the console shows them: what lets somebody begin, what each step does, and how it goes."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from clinic.stages import Stage
from console.wording import WEEKDAYS, Sign
from content.pack import NotInPackError
from content.plans.documents import plan_of
from content.plans.naming import CHANNELS, names_of, span_of
from content.plans.specs import GroupBody, JourneyBody, MomentsBody
from sop.journeys.branches import ways_told
from sop.journeys.conditions import describe, titles_of
from sop.plan_tables import Enrolment, PlanVersion, StoredPlan, Touch
from sop.plans.states import PlanState
from sop.rehearsal.figures import WORDS
from sop.trigger_words import told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan, Slot, Step, Stop

KINDS: Final = {"journey": "一对一", "group": "客户群", "moments": "朋友圈"}
ICONS: Final = {
    "mass": "posts",
    "todo": "todo",
    "kf": "patient",
    "card": "info",
    "tag": "link",
    "stage": "right",
    "survey": "review",
    "invite_group": "group",
    "branch": "more",
}
STATES: Final = {
    PlanState.DRAFT: ("grey", "pencil"),
    PlanState.ACTIVE: ("green", "check"),
    PlanState.PAUSED: ("amber", "hand"),
    PlanState.RETIRED: ("grey", "trash"),
}
STOPS: Final = {
    "booked": "约了时间",
    "visited": "来过了",
    "replied": "回复了",
    "lost": "断开联系",
    "tag": "有了标签",
    "stage": "到了阶段",
    "survey": "填了问卷",
}
LATE: Final = {"skip": "错过就不发", "ask": "错过了问同事"}
WORKDAYS: Final = {"next": "遇休息日顺延", "skip": "遇休息日不发"}
PEOPLE: Final = {"active": "正在走", "done": "走完", "goal": "达到目标", "stopped": "提前结束"}
SAID_CHARS: Final = 80
EXCERPT_CHARS: Final = 30
BLANKS: Final = {"patient.name": "（称呼）", "member.alias": "（成员）", "persona.name": "（角色名）"}
_STATEMENT: Final = re.compile(r"\{%.*?%\}", re.DOTALL)
_EXPRESSION: Final = re.compile(r"\{\{\s*([a-z_.]+)[^}]*\}\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepView:
    """One step in words."""

    key: str
    title: str
    channel: str
    icon: str
    when: str
    says: str
    notes: tuple[str, ...]
    touches: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanCard:
    """A plan in the list."""

    key: str
    title: str
    kind: str
    kind_name: str
    sign: Sign
    version: int
    summary: str
    begins: str
    people: tuple[tuple[str, int], ...]
    offer: int  # the number of a draft that waits for publication; 0: none


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """A plan on its own page."""

    card: PlanCard
    state: PlanState
    purpose: str
    begins: tuple[str, ...]
    only: str
    ends: tuple[str, ...]
    steps: tuple[StepView, ...]
    lines: tuple[tuple[str, str], ...]  # of group and moments plans: what, in words


async def load_cards(session: AsyncSession, pack: Pack) -> tuple[PlanCard, ...]:
    """Return every plan, running ones first, in three statements."""
    rows = (await session.scalars(select(StoredPlan).order_by(StoredPlan.kind, StoredPlan.key))).all()
    documents = await _documents(session, rows)
    people = await _people(session)
    drafts = await session.execute(
        select(PlanVersion.plan_key, func.max(PlanVersion.number))
        .where(PlanVersion.published_at.is_(None))
        .group_by(PlanVersion.plan_key)
    )
    offers = {row[0]: row[1] for row in drafts}
    order = [PlanState.ACTIVE, PlanState.PAUSED, PlanState.DRAFT, PlanState.RETIRED]
    cards = [
        _card(row, documents.get(row.key), pack, people.get(row.key, {}), offers.get(row.key, 0))
        for row in rows
    ]
    places = {row.key: order.index(PlanState(row.state)) for row in rows}
    return tuple(sorted(cards, key=lambda card: (places[card.key], card.key)))


async def load_plan(session: AsyncSession, key: str, pack: Pack) -> PlanView | None:
    """Return one plan with its steps, or None when there is none."""
    row = await session.get(StoredPlan, key)
    if row is None:
        return None
    documents = await _documents(session, [row])
    plan = documents.get(key)
    people = (await _people(session, key)).get(key, {})
    offer = await session.scalar(
        select(func.max(PlanVersion.number)).where(
            PlanVersion.plan_key == key, PlanVersion.published_at.is_(None)
        )
    )
    card = _card(row, plan, pack, people, offer or 0)
    touches = await _touches(session, key)
    return view_of(card, PlanState(row.state), plan, pack, touches)


def view_of(
    card: PlanCard,
    state: PlanState,
    plan: Plan | None,
    pack: Pack,
    touches: Mapping[str, Mapping[str, int]],
) -> PlanView:
    """Say in words what a plan does; ``touches`` by step and state."""
    body = plan.body if plan is not None else None
    journey = body if isinstance(body, JourneyBody) else None
    titles = titles_of(pack)
    return PlanView(
        card=card,
        state=state,
        purpose={"care": "关怀", "marketing": "推广"}.get(plan.purpose, "") if plan else "",
        begins=tuple(told(trigger, pack) for trigger in journey.trigger) if journey else (),
        only=describe(journey.only, titles=titles) if journey and journey.only else "",
        ends=_ends(journey, titles) if journey else (),
        steps=_steps(journey, pack, touches) if journey else (),
        lines=_lines(body, pack),
    )


def _card(row: StoredPlan, plan: Plan | None, pack: Pack, people: Mapping[str, int], offer: int) -> PlanCard:
    state = PlanState(row.state)
    tone, icon = STATES[state]
    begins = ""
    if plan is not None and isinstance(plan.body, JourneyBody):
        begins = " 或 ".join(told(trigger, pack) for trigger in plan.body.trigger)
    return PlanCard(
        key=row.key,
        title=plan.title if plan is not None else row.title,
        kind=row.kind,
        kind_name=KINDS.get(row.kind, row.kind),
        sign=Sign(label=state.title, tone=tone, icon=icon),
        version=row.version,
        summary=plan.summary if plan is not None else "",
        begins=begins,
        people=tuple((PEOPLE[key], people[key]) for key in PEOPLE if people.get(key)),
        offer=offer if offer > row.version else 0,
    )


async def _documents(session: AsyncSession, rows: Sequence[StoredPlan]) -> dict[str, Plan]:
    wanted = {row.key: row.version for row in rows}
    versions = await session.scalars(select(PlanVersion).where(PlanVersion.plan_key.in_(list(wanted))))
    newest: dict[str, PlanVersion] = {}
    for version in sorted(versions, key=lambda one: one.number):
        # Before the first publication the draft is what there is to show.
        if version.number == wanted[version.plan_key] or not wanted[version.plan_key]:
            newest[version.plan_key] = version
    return {key: plan_of(version.document) for key, version in newest.items()}


async def _people(session: AsyncSession, key: str | None = None) -> dict[str, dict[str, int]]:
    query = select(Enrolment.plan_key, Enrolment.state, func.count()).group_by(
        Enrolment.plan_key, Enrolment.state
    )
    if key is not None:
        query = query.where(Enrolment.plan_key == key)
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for plan, state, count in await session.execute(query):
        found[plan][state] = count
    return found


async def _touches(session: AsyncSession, key: str) -> dict[str, dict[str, int]]:
    rows = await session.execute(
        select(Touch.step, Touch.state, func.count())
        .where(Touch.plan_key == key)
        .group_by(Touch.step, Touch.state)
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for step, state, count in rows:
        found[step][state] = count
    return found


# ── words ────────────────────────────────────────────────────────────────────────────────────────────


def _steps(
    journey: JourneyBody, pack: Pack, touches: Mapping[str, Mapping[str, int]]
) -> tuple[StepView, ...]:
    titles = titles_of(pack)
    return tuple(_step(step, journey, pack, touches.get(step.key, {}), titles) for step in journey.steps)


def _step(
    step: Step,
    journey: JourneyBody,
    pack: Pack,
    touches: Mapping[str, int],
    titles: Mapping[str, str],
) -> StepView:
    notes = []
    if step.when is not None:
        notes.append(f"只在：{describe(step.when, titles=titles)}")
    if step.variants:
        notes.append(f"{len(step.variants)} 种写法，按份数分给不同的人")
    if step.workday in WORKDAYS:
        notes.append(WORKDAYS[step.workday])
    notes += [f"{_stop(stop, titles)}就不再发" for stop in step.stops]
    if step.fallback:
        notes.append(f"窗口没开就改用{CHANNELS[step.fallback]}")
    if step.channel in ("mass", "todo", "kf", "survey"):
        notes.append(LATE.get(step.late.kind, f"晚了 {step.late.hours} 小时以内补发"))
    notes += ways_told(journey, step, titles=titles)
    return StepView(
        key=step.key,
        title=names_of(journey, brief=True)[step.key],
        channel=CHANNELS[step.channel],
        icon=ICONS[step.channel],
        when=when_of(step),
        says=says_of(step, pack),
        notes=tuple(notes),
        touches=tuple((WORDS.get(state, state), count) for state, count in sorted(touches.items())),
    )


def when_of(step: Step) -> str:
    """Say when a step is due, e.g. ``第 3 天 10:00``."""
    parts = [span_of(step.after)]
    if step.at is not None:
        parts.append(f"{step.at:%H:%M}")
    if step.window is not None:
        parts.append(f"{step.window[0]:%H:%M}–{step.window[1]:%H:%M} 之间")
    return " ".join(parts)


def says_of(step: Step, pack: Pack) -> str:
    """Return what a step says, in a line as staff read it."""
    text = _content(step.content, pack) if step.content else step.text
    if step.channel == "tag":
        text = "，".join([*(f"加上 {path}" for path in step.add), *(f"去掉 {path}" for path in step.remove)])
    if step.channel == "stage":
        text = Stage(step.stage).title if step.stage else ""
    return _line(text, pack, most=SAID_CHARS)


def _content(key: str, pack: Pack) -> str:
    try:
        return pack.direct(key).text
    except NotInPackError:
        items = (item.text for item in (*pack.moments, *pack.group_posts) if item.key == key)
        return next(items, f"（内容 {key} 不在内容包里）")


def _line(text: str, pack: Pack, *, most: int) -> str:
    line = " ".join(plain(text, pack).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def plain(text: str, pack: Pack) -> str:
    """Return a template as staff read it: the clinic's own words filled in, a patient's only named."""

    def filled(match: re.Match[str]) -> str:
        group, _, name = match[1].partition(".")
        return pack.clinic.get(name, "") if group == "clinic" else BLANKS.get(match[1], "（…）")

    return _EXPRESSION.sub(filled, _STATEMENT.sub("", text))


def _stop(stop: Stop, titles: Mapping[str, str]) -> str:
    treatments = (titles.get(key.removesuffix(".*"), key) for key in stop.treatment)
    about = "、".join((*stop.tags, *(Stage(key).title for key in stop.stage), *treatments))
    return STOPS.get(stop.on, stop.on) + (f"（{about}）" if about else "")


def _ends(journey: JourneyBody, titles: Mapping[str, str]) -> tuple[str, ...]:
    lines = [f"{_stop(stop, titles)}：达到目标，结束" for stop in journey.goal]
    lines += [f"{_stop(stop, titles)}：提前结束" for stop in journey.stops]
    if journey.max_contacts:
        lines.append(f"一共最多联系 {journey.max_contacts} 次")
    if journey.min_days_between:
        lines.append(f"两次联系至少隔 {journey.min_days_between} 天")
    again = journey.again.after_days
    lines.append("每个人只走一次" if again is None else f"{again} 天以后可以再走一次")
    return tuple(lines)


def _lines(body: object, pack: Pack) -> tuple[tuple[str, str], ...]:
    if isinstance(body, MomentsBody):
        lines = [("每周", _slots(body.slots))]
        if body.mix:
            lines.append(("搭配", "、".join(f"{category} {share}" for category, share in body.mix)))
        lines += [
            ("遇到", f"{slot.on} {slot.at:%H:%M}：{_excerpt(slot.content, pack)}") for slot in body.calendar
        ]
        if body.tags:
            lines.append(("只给", "、".join(body.tags)))
        lines.append(("不重复", f"{body.rotation_days} 天内"))
        return tuple(lines)
    if isinstance(body, GroupBody):
        roles = {role.key: role.title for role in pack.roles}
        lines = [("哪些群", "、".join(roles.get(key, key) for key in body.roles))]
        if body.slots:
            lines.append(("每周", _slots(body.slots)))
        lines += [
            ("建群后", f"第 {s.day} 天 {s.at:%H:%M}：{_excerpt(s.content, pack) or '、'.join(s.categories)}")
            for s in body.after_creation
        ]
        lines += [
            (
                "有人进群后",
                f"第 {s.day} 天 {s.at:%H:%M}：{_excerpt(s.content, pack) or '、'.join(s.categories)}",
            )
            for s in body.after_joining
        ]
        lines += [
            ("活动", f"{one.on} {one.at:%H:%M}：{_excerpt(one.content, pack)}") for one in body.campaigns
        ]
        lines.append(("最多", f"每周 {body.max_a_week} 条"))
        return tuple(lines)
    return ()


def _excerpt(key: str, pack: Pack) -> str:
    return _line(_content(key, pack), pack, most=EXCERPT_CHARS) if key else ""


def _slots(slots: Iterable[Slot]) -> str:
    return "，".join(f"{WEEKDAYS[s.day - 1]} {s.at:%H:%M}（{'、'.join(s.categories)}）" for s in slots)
