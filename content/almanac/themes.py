"""The themes of a year plan: how staff write them (pydantic), and what the planner uses (dataclasses).

Four tiers: main campaigns, second campaigns, the 24 solar terms, weekly themes. A file of its own, not part
of the content pack: the plan is made once a year, the pack changes weekly.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from content.almanac import lunar
from content.almanac.festivals import recurring
from content.problems import PackError, Problem, field_name
from content.sources import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from content.sources import Document

PACKAGED: Final = Path(__file__).parent / "data"
ANNIVERSARY: Final = "anniversary"
WEEKS_A_MONTH: Final = 4
# A year in which every recurring day of ours exists, to know the keys.
_SAMPLE_YEAR: Final = 2026

Purpose = Literal["必做", "引流", "种草", "关怀"]
_KEY = r"^[a-z0-9]+([._-][a-z0-9]+)*$"
_MONTH_DAY = r"^(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


_Key = Annotated[str, Field(pattern=_KEY, max_length=64)]
_Line = Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\r\n]+$")]


class AnchorModel(_Strict):
    """A day of any year: an entry of the almanac, ``MM-DD`` or ``anniversary``, and days from it."""

    on: Annotated[str, Field(pattern=_KEY, max_length=64)]
    offset: int = Field(default=0, ge=-60, le=60)


class AvoidModel(_Strict):
    topics: list[_Key] = Field(min_length=1)
    start: AnchorModel = Field(alias="from")
    until: AnchorModel
    why: _Line


class CampaignModel(AnchorModel):
    key: _Key
    title: _Line
    days: int = Field(ge=1, le=31)
    slack: int = Field(default=0, ge=0, le=30, description="最多往前或往后挪几天")
    lead: int = Field(ge=0, le=120, description="提前多少天开始准备")
    topics: list[_Key] = Field(min_length=1)
    purpose: Purpose
    idea: _Line


class TermModel(_Strict):
    key: _Key
    tip: _Line


class WeeklyModel(_Strict):
    key: _Key
    month: int = Field(ge=1, le=12)
    title: _Line
    topics: list[_Key] = Field(min_length=1)
    on: _Key | None = None
    offset: int = Field(default=0, ge=-60, le=60)


class ThemesFile(_Strict):
    """The whole file."""

    format: Literal[1]
    name: _Key
    title: _Line
    anniversary: Annotated[str, Field(pattern=_MONTH_DAY)]
    main_gap: int = Field(ge=0, le=60)
    any_gap: int = Field(ge=0, le=30)
    avoid: list[AvoidModel] = []
    main: list[CampaignModel]
    second: list[CampaignModel]
    terms: list[TermModel]
    weekly: list[WeeklyModel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """A day of any year."""

    on: str
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Avoid:
    """Topics that do not fit between two days (both inclusive)."""

    topics: frozenset[str]
    start: Anchor
    until: Anchor
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """A main or a second theme: where it wants to stand and how far it may move."""

    key: str
    title: str
    anchor: Anchor
    days: int
    slack: int
    lead: int
    topics: frozenset[str]
    purpose: Purpose
    idea: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Weekly:
    """A theme for the moments and groups of one week, in its month or in the week of its day."""

    key: str
    month: int
    title: str
    topics: frozenset[str]
    on: str | None
    offset: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Themes:
    """What a year is made of. ``main_gap`` and ``any_gap`` are free days between two campaigns."""

    name: str
    title: str
    anniversary: tuple[int, int]  # month, day
    main_gap: int
    any_gap: int
    avoid: tuple[Avoid, ...]
    main: tuple[Campaign, ...]
    second: tuple[Campaign, ...]
    terms: tuple[str, ...]  # a tip for each, in the order of `lunar.TERMS`
    weekly: tuple[Weekly, ...]  # four a month, by month


@lru_cache(maxsize=1)
def packaged_themes() -> Themes:
    """Give the dental themes that come with the program."""
    return load_themes(PACKAGED / "dental.yaml")


def load_themes(path: Path) -> Themes:
    """Read a file of themes.

    Raises:
        PackError: the file has faults; it holds all that were found, each with its line.
    """
    document, problems = read_document(path, root=path.parent)
    if document is None or problems:
        raise PackError(problems)
    try:
        model = ThemesFile.model_validate(document.data)
    except ValidationError as exc:
        raise PackError(_schema_faults(document, exc)) from None
    faults = tuple(_faults(document, model))
    if faults:
        raise PackError(faults)
    return _build(model)


def _schema_faults(document: Document, exc: ValidationError) -> list[Problem]:
    return [
        _fault(document, error["loc"], f"不能这样写（{error['msg']}）", "对照内置的 dental.yaml 改")
        for error in exc.errors(include_url=False)
    ]


def _fault(document: Document, path: Sequence[str | int], says: str, remedy: str) -> Problem:
    place = tuple(path)
    return Problem(
        file=document.file, line=document.line(place), field=field_name(place), message=says, remedy=remedy
    )


def _faults(document: Document, model: ThemesFile) -> Iterator[Problem]:
    seen: dict[str, str] = {}
    for tier in ("main", "second", "weekly"):
        for index, entry in enumerate(getattr(model, tier)):
            if entry.key in seen:
                says = f"{entry.key} 已经在 {seen[entry.key]} 用过"
                yield _fault(document, (tier, index, "key"), says, "换一个 key，四层里都不能重复")
            seen.setdefault(entry.key, f"{tier}[{index}]")
    known = {entry.key for entry in recurring(_SAMPLE_YEAR)}
    for path, on in _days(model):
        if not (on in known or on == ANNIVERSARY or _is_month_day(on)):
            yield _fault(document, path, f"日历里没有“{on}”", "写日历的 key、MM-DD 或 anniversary")
    if not _is_month_day(model.anniversary):
        yield _fault(
            document, ("anniversary",), "没有这一天，或不是每年都有", "写成 MM-DD，02-29 用 02-28 代替"
        )
    terms = [term.key for term in model.terms]
    if sorted(terms) != sorted(key for key, _ in lunar.TERMS):
        yield _fault(document, ("terms",), "二十四节气要各写一次", "对照内置的 dental.yaml 补齐或去掉重复")
    for month in range(1, 13):
        count = sum(weekly.month == month for weekly in model.weekly)
        if count != WEEKS_A_MONTH:
            yield _fault(document, ("weekly",), f"{month} 月有 {count} 个每周主题", "每个月正好 4 个")


def _days(model: ThemesFile) -> Iterator[tuple[tuple[str | int, ...], str]]:
    for tier in ("main", "second", "weekly"):
        for index, entry in enumerate(getattr(model, tier)):
            if entry.on is not None:
                yield (tier, index, "on"), entry.on
    for index, avoid in enumerate(model.avoid):
        yield ("avoid", index, "from", "on"), avoid.start.on
        yield ("avoid", index, "until", "on"), avoid.until.on


def _is_month_day(text: str) -> bool:
    """Say whether ``text`` is an ``MM-DD`` that every year has."""
    try:
        date.fromisoformat(f"2001-{text}")
    except ValueError:
        return False
    return True


def _anchor(model: AnchorModel) -> Anchor:
    return Anchor(on=model.on, offset=model.offset)


def _campaign(model: CampaignModel) -> Campaign:
    return Campaign(
        key=model.key,
        title=model.title,
        anchor=_anchor(model),
        days=model.days,
        slack=model.slack,
        lead=model.lead,
        topics=frozenset(model.topics),
        purpose=model.purpose,
        idea=model.idea,
    )


def _build(model: ThemesFile) -> Themes:
    month, day = model.anniversary.split("-")
    tips = {term.key: term.tip for term in model.terms}
    return Themes(
        name=model.name,
        title=model.title,
        anniversary=(int(month), int(day)),
        main_gap=model.main_gap,
        any_gap=model.any_gap,
        avoid=tuple(
            Avoid(
                topics=frozenset(avoid.topics),
                start=_anchor(avoid.start),
                until=_anchor(avoid.until),
                why=avoid.why,
            )
            for avoid in model.avoid
        ),
        main=tuple(_campaign(campaign) for campaign in model.main),
        second=tuple(_campaign(campaign) for campaign in model.second),
        terms=tuple(tips[key] for key, _ in lunar.TERMS),
        weekly=tuple(
            Weekly(
                key=weekly.key,
                month=weekly.month,
                title=weekly.title,
                topics=frozenset(weekly.topics),
                on=weekly.on,
                offset=weekly.offset,
            )
            for weekly in sorted(model.weekly, key=lambda weekly: weekly.month)
        ),
    )
