"""What must be true of a patient, judged on a snapshot of what is known of her.

Pure, and with the reason in words for staff: "年龄满 18 岁" is what a nurse reads beside a step that was left
out because it is not so. What the pack's rules ask too is judged by their code (:mod:`clinic.rules.rules`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from clinic.consents import ConsentKind
from clinic.rules.rules import Held, true_since
from clinic.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from clinic.rules.facts import Facts
    from clinic.rules.wearing import Word
    from content.pack import Pack
    from content.plans.specs import Condition, Stop

_NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})
_GENDERS: Final = {1: "男", 2: "女"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """One member's relation to her; ``external_userid``: the record of hers that the member knows."""

    userid: str
    external_userid: str
    channel: str
    connected: bool
    since: datetime
    persona: str  # the key and the kind of the persona that the member speaks as
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """An appointment ahead; ``told_at``: when we learned of it."""

    at: datetime
    treatment: str
    told_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """Her newest answers to a survey."""

    at: datetime
    answers: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known of one person, over all her records.

    Args:
        patient_id, external_userid: of the record that speaks for her.
        relations: newest first.
        spoke_at: when she wrote or answered last.
        consents: kinds that stand.
    """

    patient_id: int
    external_userid: str
    facts: Facts
    gender: int = 0
    erased: bool = False
    tags: Mapping[str, Word] = field(default_factory=lambda: MappingProxyType({}))
    relations: tuple[Relation, ...] = ()
    group_roles: frozenset[str] = frozenset()
    bookings: tuple[Booking, ...] = ()
    spoke_at: datetime | None = None
    answers: Mapping[str, Answered] = field(default_factory=lambda: MappingProxyType({}))
    consents: frozenset[str] = frozenset()

    @property
    def connected(self) -> tuple[Relation, ...]:
        """The relations that stand, newest first."""
        return tuple(relation for relation in self.relations if relation.connected)


NO_TITLES: Final[Mapping[str, str]] = MappingProxyType({})
# Before the keys of what is no treatment: a channel and a group's role may have one name.
CHANNEL, PERSONA, GROUP = "channel:", "persona:", "group:"
KINDS_OF_PERSONAS: Final = {"assistant": "小助理", "doctor": "医生"}


def titles_of(pack: Pack) -> Mapping[str, str]:
    """Return what staff call the treatments, channels, personas and groups' roles that conditions name."""
    return (
        {one.key: one.title for one in pack.treatments}
        | {CHANNEL + one.state: one.title for one in pack.channels}
        | {PERSONA + key: name for key, name in KINDS_OF_PERSONAS.items()}
        | {PERSONA + one.key: one.name for one in pack.personas}
        | {GROUP + one.key: one.title for one in pack.roles}
    )


def unmet(condition: Condition | None, snapshot: Snapshot, *, titles: Mapping[str, str] = NO_TITLES) -> str:
    """Return what is asked and not so, in words; empty: the condition holds.

    Args:
        titles: what keys are called (:func:`titles_of`), for the words.
    """
    if condition is None:
        return ""
    missing = [
        aspect.words(condition, titles)
        for aspect in _asked_by(condition)
        if not aspect.holds(condition, snapshot)
    ]
    if condition.any_of and all(unmet(one, snapshot) for one in condition.any_of):
        missing.append("至少一项：" + "；或 ".join(describe(one, titles=titles) for one in condition.any_of))
    missing += [
        f"不能是（{describe(one, titles=titles)}）" for one in condition.none_of if not unmet(one, snapshot)
    ]
    return "、".join(missing)


def describe(condition: Condition, *, titles: Mapping[str, str] = NO_TITLES) -> str:
    """Return what a condition asks, in words."""
    said = [aspect.words(condition, titles) for aspect in _asked_by(condition)]
    if condition.any_of:
        said.append("至少一项：" + "；或 ".join(describe(one, titles=titles) for one in condition.any_of))
    said += [f"不能是（{describe(one, titles=titles)}）" for one in condition.none_of]
    return "、".join(said) or "不限"


@lru_cache(maxsize=4096)
def _asked_by(condition: Condition) -> tuple[_Aspect, ...]:
    return tuple(aspect for aspect in _ASPECTS if aspect.asked(condition))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Aspect:
    asked: Callable[[Condition], bool]
    holds: Callable[[Condition, Snapshot], bool]
    words: Callable[[Condition, Mapping[str, str]], str]


def _held(*names: str) -> Callable[[Condition, Snapshot], bool]:
    def holds(condition: Condition, snapshot: Snapshot) -> bool:
        held = Held(**{name: getattr(condition, name) for name in names})
        return true_since(held, snapshot.facts, snapshot.tags) is not None

    return holds


def _any_of(*names: str) -> Callable[[Condition], bool]:
    def asked(condition: Condition) -> bool:
        return any(getattr(condition, name) not in (None, ()) for name in names)

    return asked


def _between(low: int | None, high: int | None, unit: str) -> str:
    if low is not None and high is not None:
        return f"{low} 到不满 {high} {unit}"
    return f"满 {low} {unit}" if low is not None else f"不满 {high} {unit}"


def _treatments(keys: Iterable[str], titles: Mapping[str, str]) -> str:
    return "、".join(titles.get(key.removesuffix(".*"), key.removesuffix(".*")) for key in keys)


def _titled(kind: str, keys: Iterable[str], titles: Mapping[str, str]) -> str:
    return "、".join(titles.get(kind + key, key) for key in keys)


def _stage_names(keys: Iterable[str]) -> str:
    return "、".join(Stage(key).title for key in keys)


def has_answer(given: object, wanted: Sequence[str]) -> bool:
    """Tell whether an answer, or one of several, is among those wanted."""
    several = given if isinstance(given, list | tuple) else (given,)
    return any(str(one) in wanted for one in several if one is not None)


def _answers_hold(condition: Condition, snapshot: Snapshot) -> bool:
    newest = snapshot.answers
    return all(
        survey in newest and has_answer(newest[survey].answers.get(question), wanted)
        for survey, question, wanted in condition.answers
    )


def _replied(condition: Condition, snapshot: Snapshot) -> bool:
    since = snapshot.facts.now - timedelta(days=condition.replied_days or 0)
    return snapshot.spoke_at is not None and snapshot.spoke_at >= since


def _came(condition: Condition, snapshot: Snapshot) -> bool:
    since = snapshot.facts.now - timedelta(days=condition.came_days or 0)
    return any(visit.at >= since for visit in snapshot.facts.attended)


def _speaks_with(condition: Condition, snapshot: Snapshot) -> bool:
    return any({one.persona, one.kind} & set(condition.persona) for one in snapshot.connected)


_ASPECTS: Final = (
    _Aspect(
        asked=_any_of("age_from", "age_below"),
        holds=_held("age_from", "age_below"),
        words=lambda c, _: f"年龄{_between(c.age_from, c.age_below, '岁')}",
    ),
    _Aspect(
        asked=_any_of("gender"),
        holds=lambda c, s: s.gender == c.gender,
        words=lambda c, _: f"性别{_GENDERS.get(c.gender or 0, '未知')}",
    ),
    _Aspect(
        asked=_any_of("treated"),
        holds=_held("treated"),
        words=lambda c, t: f"做过{_treatments(c.treated, t)}",
    ),
    _Aspect(
        asked=_any_of("not_treated"),
        holds=_held("not_treated"),
        words=lambda c, t: f"没做过{_treatments(c.not_treated, t)}",
    ),
    _Aspect(asked=_any_of("tags"), holds=_held("tags"), words=lambda c, _: f"有标签“{'”“'.join(c.tags)}”"),
    _Aspect(
        asked=_any_of("not_tags"),
        holds=_held("not_tags"),
        words=lambda c, _: f"没有标签“{'”“'.join(c.not_tags)}”",
    ),
    _Aspect(
        asked=_any_of("stage"),
        holds=_held("stage"),
        words=lambda c, _: f"阶段是{_stage_names(c.stage)}",
    ),
    _Aspect(
        asked=_any_of("spent_from", "spent_below"),
        holds=_held("spent_from", "spent_below"),
        words=lambda c, _: f"累计消费{_between(c.spent_from, c.spent_below, '元')}",
    ),
    _Aspect(
        asked=_any_of("visits_from"),
        holds=_held("visits_from"),
        words=lambda c, _: f"到店至少 {c.visits_from} 次",
    ),
    _Aspect(
        asked=_any_of("referred_from"),
        holds=_held("referred_from"),
        words=lambda c, _: f"介绍过至少 {c.referred_from} 位朋友",
    ),
    _Aspect(
        asked=_any_of("inactive_days"),
        holds=_held("inactive_days"),
        words=lambda c, _: f"{c.inactive_days} 天没有来往",
    ),
    _Aspect(
        asked=_any_of("channel"),
        holds=lambda c, s: any(relation.channel in c.channel for relation in s.relations),
        words=lambda c, t: f"来自渠道“{_titled(CHANNEL, c.channel, t)}”",
    ),
    _Aspect(
        asked=_any_of("persona"),
        holds=_speaks_with,
        words=lambda c, t: f"加了“{_titled(PERSONA, c.persona, t)}”的好友",
    ),
    _Aspect(
        asked=_any_of("group_role"),
        holds=lambda c, s: bool(s.group_roles & set(c.group_role)),
        words=lambda c, t: f"在“{_titled(GROUP, c.group_role, t)}”客户群里",
    ),
    _Aspect(
        asked=_any_of("booked"),
        holds=lambda c, s: bool(s.bookings) is c.booked,
        words=lambda c, _: "有预约" if c.booked else "没有预约",
    ),
    _Aspect(
        asked=_any_of("replied_days"),
        holds=_replied,
        words=lambda c, _: f"{c.replied_days} 天内回复过",
    ),
    _Aspect(
        asked=_any_of("came_days"),
        holds=_came,
        words=lambda c, _: f"{c.came_days} 天内来过",
    ),
    _Aspect(
        asked=_any_of("answers"),
        holds=_answers_hold,
        words=lambda c, _: "问卷里答过" + "、".join(f"“{'/'.join(wanted)}”" for _, _, wanted in c.answers),
    ),
    _Aspect(
        asked=_any_of("consent"),
        holds=lambda c, s: set(c.consent) <= s.consents,
        words=lambda c, _: f"同意过{'、'.join(_consent_title(kind) for kind in c.consent)}",
    ),
)


def _consent_title(kind: str) -> str:
    return ConsentKind(kind).title


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a snapshot must hold besides the person and her relations, so that nothing is read in vain."""

    visits: bool = False
    spoken: bool = False
    referrals: bool = False
    tags: bool = False
    groups: bool = False
    consents: bool = False

    def __or__(self, other: Needs) -> Needs:
        return Needs(**{name: getattr(self, name) or getattr(other, name) for name in self.__slots__})


def needs_of(conditions: Iterable[Condition | None], stops: Iterable[Stop] = ()) -> Needs:
    """Return what it takes to judge these."""
    found = Needs()
    for one in conditions:
        if one is None:
            continue
        found |= Needs(
            visits=_any_of(
                "treated",
                "not_treated",
                "spent_from",
                "spent_below",
                "visits_from",
                "inactive_days",
                "booked",
                "came_days",
            )(one),
            spoken=_any_of("inactive_days", "replied_days", "answers")(one),
            referrals=one.referred_from is not None,
            tags=bool(one.tags or one.not_tags),
            groups=bool(one.group_role),
            consents=bool(one.consent),
        )
        found |= needs_of((*one.any_of, *one.none_of))
    for stop in stops:
        found |= Needs(
            visits=stop.on in ("booked", "visited"),
            spoken=stop.on in ("replied", "survey"),
            tags=stop.on == "tag",
        )
    return found
