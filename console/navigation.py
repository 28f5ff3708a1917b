"""The console's main navigation: one line per page, in the order shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A page of the navigation; ``primary``: a tab of its own on phones, where there is room for four."""

    href: str
    icon: str  # a symbol of _icons.html
    label: str
    primary: bool = False

    def active(self, path: str) -> bool:
        """Tell whether the page at ``path`` belongs here."""
        return path == self.href or (self.href != HOME and path.startswith(self.href))


HOME: Final = "/console/"
NAVIGATION: Final = (
    Place(href=HOME, icon="home", label="今日", primary=True),
    Place(href="/console/review", icon="review", label="审核", primary=True),
    Place(href="/console/patients", icon="patient", label="客户", primary=True),
    Place(href="/console/todos", icon="todo", label="待办", primary=True),
    Place(href="/console/week", icon="week", label="周历"),
    Place(href="/console/year", icon="year", label="年历"),
    Place(href="/console/posts", icon="posts", label="内容"),
    Place(href="/console/library", icon="library", label="内容库"),
    Place(href="/console/plans", icon="spark", label="计划"),
    Place(href="/console/groups", icon="group", label="客户群"),
    Place(href="/console/channels", icon="link", label="渠道"),
    Place(href="/console/imports", icon="import", label="导入"),
    Place(href="/console/staff", icon="keys", label="员工"),
    Place(href="/console/accounts", icon="people", label="账号"),
    Place(href="/console/pauses", icon="pause", label="暂停"),
)
