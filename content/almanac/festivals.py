"""The days that return every year: festivals, health days, commerce days, school terms.

Only days with a fixed rule stand here. Where a day is counted differently from place to place (小年, school
terms) the entry says so. Sources of the health days: docs/almanac.md.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from content.almanac import lunar
from content.almanac.entries import Entry, Kind, check_year

if TYPE_CHECKING:
    from collections.abc import Iterator

_MONDAY, _THURSDAY, _SATURDAY, _SUNDAY = 0, 3, 5, 6

# key, title, month, day
_SOLAR: Final = (
    ("new-year", "元旦", 1, 1),
    ("valentine", "情人节", 2, 14),
    ("womens-day", "妇女节", 3, 8),
    ("arbor-day", "植树节", 3, 12),
    ("labour-day", "劳动节", 5, 1),
    ("youth-day", "青年节", 5, 4),
    ("nurses-day", "国际护士节", 5, 12),
    ("childrens-day", "儿童节", 6, 1),
    ("party-day", "建党节", 7, 1),
    ("army-day", "建军节", 8, 1),
    ("doctors-day", "中国医师节", 8, 19),
    ("teachers-day", "教师节", 9, 10),
    ("national-day", "国庆节", 10, 1),
    ("christmas-eve", "平安夜", 12, 24),
    ("christmas", "圣诞节", 12, 25),
)
_DOCTORS_DAY_SINCE: Final = 2018
# key, title, month, day, first year: nobody wishes a happy one
_SOLEMN: Final = (
    ("disaster-day", "全国防灾减灾日（汶川地震）", 5, 12, 2009),
    ("september-18", "九一八事变纪念日", 9, 18, 2000),
    ("memorial-day", "国家公祭日", 12, 13, 2014),
)
# key, title, lunar month, lunar day
_LUNAR: Final = (
    ("spring-festival", "春节", 1, 1),
    ("lantern", "元宵节", 1, 15),
    ("dragon-head", "龙抬头", 2, 2),
    ("dragon-boat", "端午节", 5, 5),
    ("qixi", "七夕", 7, 7),
    ("zhongyuan", "中元节", 7, 15),
    ("mid-autumn", "中秋节", 8, 15),
    ("double-ninth", "重阳节", 9, 9),
    ("laba", "腊八节", 12, 8),
    ("little-new-year", "小年（北方）", 12, 23),
    ("little-new-year-south", "小年（南方）", 12, 24),
)
_REGIONAL: Final = ("little-new-year", "little-new-year-south")
# key, title, month, weekday, which one of the month
_WEEKDAYS: Final[tuple[tuple[str, str, Kind, int, int, int], ...]] = (
    ("love-nose-day", "全国爱鼻日", "健康日", 4, _SATURDAY, 2),
    ("mothers-day", "母亲节", "节日", 5, _SUNDAY, 2),
    ("fathers-day", "父亲节", "节日", 6, _SUNDAY, 3),
    ("first-aid-day", "世界急救日", "健康日", 9, _SATURDAY, 2),
    ("thanksgiving", "感恩节", "节日", 11, _THURSDAY, 4),
)
# key, title, month, day, number of days, first year (2000: older than our tables)
_HEALTH: Final = (
    ("love-ear-day", "全国爱耳日", 3, 3, 1, 2000),
    ("oral-health-day", "世界口腔健康日", 3, 20, 1, 2013),
    ("sleep-day", "世界睡眠日", 3, 21, 1, 2001),
    ("tuberculosis-day", "世界防治结核病日", 3, 24, 1, 2000),
    ("health-day", "世界卫生日", 4, 7, 1, 2000),
    ("cancer-week", "全国肿瘤防治宣传周", 4, 15, 7, 2000),
    ("vaccination-day", "全国儿童预防接种日", 4, 25, 1, 2000),
    ("orthodontic-day", "世界正畸健康日", 5, 15, 1, 2017),
    ("hypertension-world", "世界高血压日", 5, 17, 1, 2006),
    ("student-nutrition", "中国学生营养日", 5, 20, 1, 2001),
    ("no-tobacco-day", "世界无烟日", 5, 31, 1, 2000),
    ("love-eye-day", "全国爱眼日", 6, 6, 1, 2000),
    ("blood-donor-day", "世界献血者日", 6, 14, 1, 2004),
    ("breastfeeding-week", "世界母乳喂养周", 8, 1, 7, 2000),
    ("fitness-day", "全民健身日", 8, 8, 1, 2009),
    ("love-teeth-day", "全国爱牙日", 9, 20, 1, 2000),
    ("alzheimer-day", "世界阿尔茨海默病日", 9, 21, 1, 2000),
    ("heart-day", "世界心脏日", 9, 29, 1, 2011),
    ("hypertension-china", "全国高血压日", 10, 8, 1, 2000),
    ("mental-health-day", "世界精神卫生日", 10, 10, 1, 2000),
    ("osteoporosis-day", "世界骨质疏松日", 10, 20, 1, 2000),
    ("stroke-day", "世界卒中日", 10, 29, 1, 2006),
    ("diabetes-day", "联合国糖尿病日", 11, 14, 1, 2000),
    ("aids-day", "世界艾滋病日", 12, 1, 1, 2000),
)
_COMMERCE: Final = (
    ("love-yourself", "520", 5, 20),
    ("618", "618", 6, 18),
    ("double-11", "双11", 11, 11),
    ("double-12", "双12", 12, 12),
)


@lru_cache(maxsize=128)
def recurring(year: int) -> tuple[Entry, ...]:
    """Give every returning day that touches civil ``year``, by date.

    Raises:
        ValueError: ``year`` is not within 2000–2099.
    """
    check_year(year)
    seasons = (entry for season in (year - 1, year) for entry in _season(season))
    touching = [entry for entry in seasons if entry.start.year <= year <= entry.end.year]
    return tuple(sorted(touching, key=lambda entry: (entry.start, entry.key)))


@lru_cache(maxsize=128)
def _season(year: int) -> tuple[Entry, ...]:
    """Give what belongs to civil year or lunar year ``year``; 腊八 and 小年 often fall into the next."""
    return (*_civil(year), *_moon(year), *_terms(year), *_weekdays(year), *_school(year))


def _one(
    key: str, season: int, title: str, kind: Kind, day: date, *, solemn: bool = False, regional: bool = False
) -> Entry:
    return Entry(
        key=key, season=season, title=title, kind=kind, start=day, end=day, solemn=solemn, regional=regional
    )


def _civil(year: int) -> Iterator[Entry]:
    for key, title, month, day in _SOLAR:
        if key != "doctors-day" or year >= _DOCTORS_DAY_SINCE:
            yield _one(key, year, title, "节日", date(year, month, day))
    for key, title, month, day, since in _SOLEMN:
        if year >= since:
            yield _one(key, year, title, "节日", date(year, month, day), solemn=True)
    for key, title, month, day, days, since in _HEALTH:
        first = date(year, month, day)
        last = first + timedelta(days=days - 1)
        if year >= since:
            yield Entry(key=key, season=year, title=title, kind="健康日", start=first, end=last)
    for key, title, month, day in _COMMERCE:
        yield _one(key, year, title, "电商", date(year, month, day))


def _moon(year: int) -> Iterator[Entry]:
    for key, title, month, day in _LUNAR:
        when = lunar.lunar_day(year, month, day)
        solemn, regional = key == "zhongyuan", key in _REGIONAL
        yield _one(key, year, title, "节日", when, solemn=solemn, regional=regional)
    # 除夕 closes the lunar year before; people and shops count it to the year that begins.
    yield _one("new-years-eve", year, "除夕", "节日", lunar.new_years_eve(year))


def _terms(year: int) -> Iterator[Entry]:
    for (key, title), day in zip(lunar.TERMS, lunar.solar_terms(year), strict=True):
        yield _one(f"term.{key}", year, title, "节气", day, solemn=key == "qingming")


def _weekdays(year: int) -> Iterator[Entry]:
    for key, title, kind, month, weekday, nth in _WEEKDAYS:
        yield _one(key, year, title, kind, nth_weekday(year, month, weekday, nth))


def nth_weekday(year: int, month: int, weekday: int, nth: int) -> date:
    """Give the ``nth`` (1–4) ``weekday`` (0 = Monday) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (nth - 1))


def _school(year: int) -> Iterator[Entry]:
    """Give school terms as most cities keep them; each province publishes its own."""
    new_year = lunar.new_year(year)
    before = new_year - timedelta(days=11)
    winter = before - timedelta(days=(before.weekday() - _SATURDAY) % 7)
    lantern = new_year + timedelta(days=12)
    back = lantern + timedelta(days=(_SUNDAY - lantern.weekday()) % 7)
    # In 2020 the examination was put off by a month, the only time so far.
    exam = date(year, 7 if year == 2020 else 6, 7)
    september = date(year, 9, 1)
    autumn = september + timedelta(
        days=(7 - september.weekday()) % 7 if september.weekday() >= _SATURDAY else 0
    )
    for key, title, start, end in (
        ("winter-break", "寒假", winter, back),
        ("spring-term", "春季开学", back + timedelta(days=1), back + timedelta(days=1)),
        ("gaokao", "高考", exam, exam + timedelta(days=1)),
        ("summer-break", "暑假", date(year, 7, 5), date(year, 8, 31)),
        ("autumn-term", "秋季开学", autumn, autumn),
    ):
        note = "各地不同，以当地教育部门通知为准"
        yield Entry(
            key=key, season=year, title=title, kind="学期", start=start, end=end, regional=True, note=note
        )
