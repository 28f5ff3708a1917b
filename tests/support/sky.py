"""Sun and moon computed from scratch, to check the calendar library by another way.

Formulas of Meeus, "Astronomical Algorithms" (2nd ed.): the sun's apparent longitude of chapter 25 (0.01°, about
15 minutes of time), new moons of chapter 49 (well under a minute), and the rules of GB/T 33661-2017 on top.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from math import radians, sin

J2000 = 2451545.0
NOON_2000 = datetime(2000, 1, 1, 12, tzinfo=UTC)
BEIJING = timezone(timedelta(hours=8))


def _beijing(jde: float) -> datetime:
    """Turn an ephemeris day into Beijing wall clock (ΔT after Espenak and Meeus)."""
    year = 2000 + (jde - J2000) / 365.25
    t = year - 2000
    if year < 2005:
        delta = 63.86 + 0.3345 * t - 0.060374 * t**2
    elif year < 2050:
        delta = 62.92 + 0.32217 * t + 0.005589 * t**2
    else:
        delta = -20 + 32 * ((year - 1820) / 100) ** 2 - 0.5628 * (2150 - year)
    return (NOON_2000 + timedelta(days=jde - J2000, seconds=-delta)).astimezone(BEIJING)


def sun_longitude(jde: float) -> float:
    t = (jde - J2000) / 36525
    m = radians(357.52911 + 35999.05029 * t - 0.0001537 * t**2)
    centre = (
        (1.914602 - 0.004817 * t) * sin(m) + (0.019993 - 0.000101 * t) * sin(2 * m) + 0.000289 * sin(3 * m)
    )
    true = 280.46646 + 36000.76983 * t + 0.0003032 * t**2 + centre
    return (true - 0.00569 - 0.00478 * sin(radians(125.04 - 1934.136 * t))) % 360


def term_moment(year: int, index: int) -> datetime:
    """Give the Beijing moment of the ``index``-th term of a civil year, 0 = 小寒 (longitude 285°)."""
    target = (285 + 15 * index) % 360
    jde = J2000 + (year - 2000) * 365.2422 + 4 + index * 15.2
    for _ in range(8):
        jde += ((target - sun_longitude(jde) + 180) % 360 - 180) * 365.2422 / 360
    return _beijing(jde)


_MOON = (  # coefficient, powers of E, multiples of M, M', F
    (-0.40720, 0, 0, 1, 0), (0.17241, 1, 1, 0, 0), (0.01608, 0, 0, 2, 0), (0.01039, 0, 0, 0, 2),
    (0.00739, 1, -1, 1, 0), (-0.00514, 1, 1, 1, 0), (0.00208, 2, 2, 0, 0), (-0.00111, 0, 0, 1, -2),
    (-0.00057, 0, 0, 1, 2), (0.00056, 1, 1, 2, 0), (-0.00042, 0, 0, 3, 0), (0.00042, 1, 1, 0, 2),
    (0.00038, 1, 1, 0, -2), (-0.00024, 1, -1, 2, 0), (-0.00007, 0, 2, 1, 0), (0.00004, 0, 0, 2, -2),
    (0.00004, 0, 3, 0, 0), (0.00003, 0, 1, 1, -2), (0.00003, 0, 0, 2, 2), (-0.00003, 0, 1, 1, 2),
    (0.00003, 0, -1, 1, 2), (-0.00002, 0, -1, 1, -2), (-0.00002, 0, 1, 3, 0), (0.00002, 0, 0, 4, 0),
)  # fmt: skip
_PLANETS = (
    (299.77, 0.107408, 325), (251.88, 0.016321, 165), (251.83, 26.651886, 164), (349.42, 36.412478, 126),
    (84.66, 18.206239, 110), (141.74, 53.303771, 62), (207.14, 2.453732, 60), (154.84, 7.306860, 56),
    (34.52, 27.261239, 47), (207.19, 0.121824, 42), (291.34, 1.844379, 40), (161.72, 24.198154, 37),
    (239.56, 25.513099, 35), (331.55, 3.592518, 23),
)  # fmt: skip


def new_moon(k: int) -> datetime:
    """Give the Beijing moment of the ``k``-th new moon; 0 is 6 January 2000."""
    t = k / 1236.85
    jde = 2451550.09766 + 29.530588861 * k + 0.00015437 * t**2
    e = 1 - 0.002516 * t - 0.0000074 * t**2
    m = radians(2.5534 + 29.10535670 * k - 0.0000014 * t**2)
    moon = radians(201.5643 + 385.81693528 * k + 0.0107582 * t**2 + 0.00001238 * t**3)
    f = radians(160.7108 + 390.67050284 * k - 0.0016118 * t**2)
    jde -= 0.00017 * sin(radians(124.7746 - 1.56375588 * k + 0.0020672 * t**2))
    for coefficient, power, a, b, c in _MOON:
        jde += coefficient * e**power * sin(a * m + b * moon + c * f)
    for start, speed, millionths in _PLANETS:
        jde += millionths * 1e-6 * sin(radians(start + speed * k))
    return _beijing(jde)


def minutes_from_midnight(moment: datetime) -> float:
    into = moment.hour * 60 + moment.minute + moment.second / 60
    return min(into, 1440 - into)


def new_moons(year: int) -> list[datetime]:
    """Give the new moons of a civil year and of the two months on either side."""
    k = int((year - 2000) * 12.3685) - 3
    moments = [new_moon(k + n) for n in range(20)]
    return [m for m in moments if date(year - 1, 11, 1) < m.date() < date(year + 1, 3, 1)]


def month_starts(year: int) -> dict[int, date]:
    """Give the first days of lunar months 1–10 of ``year`` (leap months left out), by the rules alone.

    冬至 always falls into month 11. Thirteen months from one month 11 to the next make a leap year: the first
    of them without a 中气 is leap and has no number.
    """
    firsts = [moment.date() for moment in new_moons(year)]
    before, after = term_moment(year - 1, 23).date(), term_moment(year, 23).date()
    eleventh = max(first for first in firsts if first <= before)
    next_eleventh = max(first for first in firsts if first <= after)
    months = [first for first in firsts if eleventh <= first < next_eleventh]
    centres = [term_moment(y, index).date() for y in (year - 1, year) for index in range(1, 24, 2)]
    leap = None
    if len(months) == 13:
        ends = [*months[1:], next_eleventh]
        leap = next(
            first
            for first, end in zip(months, ends, strict=True)
            if not any(first <= centre < end for centre in centres)
        )
    numbered = [first for first in months if first != leap]
    return {number - 1: first for number, first in enumerate(numbered) if number >= 2}
