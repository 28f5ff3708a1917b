"""A row of recalls.yaml written out as an ordinary journey. Pure: the same row gives the same plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from content.draft import Entry
from content.pack import personal
from content.plans.models import JourneyModel

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from content.draft import Draft
    from content.problems import FieldPath, Level, Problem
    from content.schema_recalls import PointModel, RecallModel

PREFIX: Final = "recall."
AT: Final = "10:30"
CARE_LATE: Final = 24  # hours; what is said of the third day means nothing on the fifth
LATER_CARE_LATE: Final = 72
DUE_LATE: Final = 24 * 14
SILENT: Final = 150  # days without a visit or a word before she is asked once more
_DAYS: Final = {"days": 1, "weeks": 7, "months": 30, "years": 365}
_WORDS: Final = {"days": "day", "weeks": "week", "months": "month", "years": "year"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Steps that belong together: a contact, and its further attempts; ``origin``: where the row says it."""

    days: int  # roughly, to order them
    origin: FieldPath
    steps: list[dict[str, Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenOut(Entry[JourneyModel]):
    """A row's journey; what is wrong with one of its steps is told where the row says it."""

    origins: tuple[FieldPath, ...]

    def line(self, *sub: str | int, text_line: int = 1) -> int:
        return Entry.line(self, *self._in_the_row(sub), text_line=text_line)

    def problem(
        self, *sub: str | int, says: str, remedy: str, level: Level = "error", text_line: int = 1
    ) -> Problem:
        path = self._in_the_row(sub)
        return Entry.problem(self, *path, says=says, remedy=remedy, level=level, text_line=text_line)

    def _in_the_row(self, sub: FieldPath) -> FieldPath:
        if len(sub) > 1 and sub[0] == "steps" and isinstance(sub[1], int):
            return (*self.origins[sub[1]], *sub[2:])
        return sub


def expanded(draft: Draft) -> Iterator[WrittenOut]:
    """Write out the valid rows of a pack."""
    for entry in draft.recalls:
        document, origins = written_out(entry.model)
        yield WrittenOut(
            model=JourneyModel.model_validate(document),
            document=entry.document,
            path=entry.path,
            origins=tuple(origins),
        )


def written_out(row: RecallModel) -> tuple[dict[str, Any], list[FieldPath]]:
    """Return the document of the row's journey, and for each step the place in the row it comes from."""
    groups = sorted(_groups(row), key=lambda group: group.days)
    document: dict[str, Any] = {
        "key": f"{PREFIX}{row.key}",
        "kind": "journey",
        "title": f"{row.title}回访",
        "summary": f"护理：{row.care}\n出现这些情况请她打电话：{'；'.join(row.call_us)}。"[:500],
        "persona": row.persona,
        "trigger": [{"on": "visit", "treatment": list(row.treatment)}],
        "again": {"after_days": 0},
        "stops": [{"on": "lost"}, {"on": "visited", "treatment": list(row.returned or row.treatment)}],
        "min_days_between": row.min_days,
        "steps": [step for group in groups for step in group.steps],
    }
    if row.only is not None:
        document["only"] = row.only.model_dump(by_alias=True, exclude_unset=True)
    origins = [group.origin for group in groups for _ in group.steps]
    return document, origins


def _groups(row: RecallModel) -> Iterator[_Group]:
    for index, point in enumerate(row.follow_up):
        yield _Group(days=_days(point), origin=("follow_up", index), steps=[_care(row, point)])
    for index, due in enumerate(row.due):
        first = _said(_key(due), due, due.text, late=DUE_LATE)
        steps = _attempts(row, first, due.again, days=_days(due))
        yield _Group(days=_days(due), origin=("due", index), steps=steps)
    if row.every_year is not None:
        yearly = row.every_year
        for year in range(yearly.start, yearly.end + 1):
            first = _step(f"year-{year}", {"months": 12 * year}, yearly.at, DUE_LATE)
            days = year * _DAYS["years"]
            steps = _attempts(row, first | _source([yearly.content], ""), yearly.again, days=days)
            yield _Group(days=year * _DAYS["years"], origin=("every_year",), steps=steps)
    if row.reactivate is not None:
        last = row.reactivate
        step = _step("reactivate", {"months": last.months}, last.at, DUE_LATE) | _source([last.content], "")
        step["when"] = {"inactive_days": SILENT, "booked": False}
        yield _Group(days=last.months * _DAYS["months"], origin=("reactivate",), steps=[step])


def _days(point: PointModel) -> int:
    unit, number = _time(point)
    return number * _DAYS[unit]


def _time(point: PointModel) -> tuple[str, int]:
    for unit in _DAYS:
        value: int | None = getattr(point, unit)
        if value is not None:
            return unit, value
    raise AssertionError("a point has one time")  # PointModel.has_one_time


def _key(point: PointModel) -> str:
    unit, number = _time(point)
    return f"{_WORDS[unit]}-{number}"


def _after(point: PointModel) -> dict[str, int]:
    unit, number = _time(point)
    if unit in ("weeks", "days"):
        return {"days": number * _DAYS[unit]}
    return {"months": number * (12 if unit == "years" else 1)}


def _care(row: RecallModel, point: PointModel) -> dict[str, Any]:
    unit, number = _time(point)
    soon = unit == "days" and number < 7
    text = point.text if point.content or point.text else _spoken(row)
    return _said(_key(point), point, text, late=CARE_LATE if soon else LATER_CARE_LATE)


def _spoken(row: RecallModel) -> str:
    return f"{row.care}\n\n如果{'，或者'.join(row.call_us)}，别等，打 {{{{ clinic.phone }}}}。"


def _said(key: str, point: PointModel, text: str, *, late: int) -> dict[str, Any]:
    contents = point.content
    step = _step(key, _after(point), point.at, late) | _source(contents, text)
    channel = point.channel or ("todo" if contents and all(personal(one) for one in contents) else "mass")
    return step | ({"channel": "todo", "to": ["member"]} if channel == "todo" else {})


def _step(key: str, after: dict[str, int], at: str | None, late: int) -> dict[str, Any]:
    return {
        "key": key,
        "channel": "mass",
        "after": after,
        "at": at or AT,
        "late": {"policy": "within", "hours": late},
    }


def _source(contents: Sequence[str], text: str) -> dict[str, Any]:
    if len(contents) > 1:
        return {
            "variants": [
                {"key": chr(ord("a") + number), "share": 1, "content": content}
                for number, content in enumerate(contents)
            ]
        }
    return {"content": contents[0]} if contents else {"text": text}


def _attempts(
    row: RecallModel, first: dict[str, Any], again: Sequence[str], *, days: int
) -> list[dict[str, Any]]:
    """Return a due contact and what follows when nobody booked: a person asks, in her own words.

    Who was here shortly before is not told to come; ``days``: how long after the treatment it is due, since
    that visit itself does not count.
    """
    unless_booked: dict[str, Any] = {"booked": False} if row.stop_when_booked else {}
    lately = max(min(row.days_between, days - 1), 0)
    if unless_booked:
        came: dict[str, Any] = {"none_of": [{"came_days": lately}]} if lately else {}
        first = first | {"when": unless_booked | came}
    steps = [first]
    for number in range(2, row.attempts + 1):
        # Who wrote, or was here since what she was not told for, is left in peace.
        been = {"came_days": lately + row.days_between * (number - 1)}
        silent: dict[str, Any] = {"none_of": [{"replied_days": row.days_between}, been]}
        step: dict[str, Any] = {
            "key": f"{first['key']}-again-{number}",
            "channel": "todo",
            "after": {"since": "previous", "days": row.days_between},
            "at": AT,
            "title": f"{row.title}到期，还没有约",
            "to": ["member"],
            "within_hours": 72,
            "when": unless_booked | silent,
            "late": {"policy": "within", "hours": DUE_LATE},
        }
        steps.append(step | _source(again[: number - 1][-1:], _asking(row)))
    return steps


def _asking(row: RecallModel) -> str:
    return (
        "{% if patient.name %}{{ patient.name }}，{% endif %}我是{{ member.alias }}。"
        f"上次提醒的复查（{row.title}）还没约上，是这阵子忙吗？\n\n"
        "告诉我哪几天有空，我来排；暂时不方便，或者已经在别处看过了，也回我一声。"
    )
