"""The lunar calendar and the solar terms as civil dates: the only place that knows lunar_python."""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from typing import Final

from lunar_python import Lunar

# In the order of the civil year, with the key that plans and calendars use.
TERMS: Final = (
    ("xiaohan", "小寒"), ("dahan", "大寒"), ("lichun", "立春"), ("yushui", "雨水"),
    ("jingzhe", "惊蛰"), ("chunfen", "春分"), ("qingming", "清明"), ("guyu", "谷雨"),
    ("lixia", "立夏"), ("xiaoman", "小满"), ("mangzhong", "芒种"), ("xiazhi", "夏至"),
    ("xiaoshu", "小暑"), ("dashu", "大暑"), ("liqiu", "立秋"), ("chushu", "处暑"),
    ("bailu", "白露"), ("qiufen", "秋分"), ("hanlu", "寒露"), ("shuangjiang", "霜降"),
    ("lidong", "立冬"), ("xiaoxue", "小雪"), ("daxue", "大雪"), ("dongzhi", "冬至"),
)  # fmt: skip


@lru_cache(maxsize=512)
def lunar_day(year: int, month: int, day: int) -> date:
    """Give the civil date of a day of lunar year ``year`` (never of its leap month)."""
    solar = Lunar.fromYmd(year, month, day).getSolar()
    return date(solar.getYear(), solar.getMonth(), solar.getDay())


def new_year(year: int) -> date:
    """Give 正月初一 of ``year``, between 21 January and 21 February."""
    return lunar_day(year, 1, 1)


def new_years_eve(year: int) -> date:
    """Give 除夕, the day before 正月初一 of ``year``: the last lunar month has 29 or 30 days."""
    return new_year(year) - timedelta(days=1)


@lru_cache(maxsize=128)
def solar_terms(year: int) -> tuple[date, ...]:
    """Give the civil dates (UTC+8) of the 24 terms that fall into ``year``, from 小寒 to 冬至."""
    # The library's table of a year runs from the 冬至 before it to the 惊蛰 after it; the second round has
    # other names (DONG_ZHI), so that each Chinese name stands once.
    table = Lunar.fromYmd(year, 6, 1).getJieQiTable()
    found = {**table, "冬至": table["DONG_ZHI"]}
    moments = (found[title] for _, title in TERMS)
    return tuple(date(moment.getYear(), moment.getMonth(), moment.getDay()) for moment in moments)
