"""How the console says things: hours in the clinic's zone, states and levels, each with a sign."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sop.life import LABELS, PostState

if TYPE_CHECKING:
    from datetime import date
    from zoneinfo import ZoneInfo

WEEKDAYS: Final = ("周一", "周二", "周三", "周四", "周五", "周六", "周日")
KINDS: Final = {"moment": "朋友圈", "group": "客户群", "direct": "一对一"}
LEVELS: Final = {"block": "必须修改", "warn": "请留意", "hint": "提示"}
LEVEL_ORDER: Final = ("block", "warn", "hint")
ROLES: Final = {"speaker": "代表发言", "delegate": "医助", "approver": "审核人"}
VIA: Final = {"console": "控制台", "card": "企业微信卡片", "api": "接口", "standing": "长期审核"}
PEOPLE: Final = {"admin": "管理员", "api": "接口", "command-line": "命令行"}
RECEIPTS: Final = {
    "sent": "已送达",
    "waiting": "等待发送",
    "not_friend": "已不是好友",
    "capped": "本月次数已满",
    "unreachable": "无法送达",
}
ACTIONS: Final = {
    "post.approve": "通过",
    "post.reject": "退回",
    "post.cancel": "取消",
    "post.cancelled": "取消",
    "post.override": "带着提醒通过",
    "post.pulled": "撤回",
    "todo.pulled": "收回待办",
    "post.edit": "修改",
    "post.task_created": "创建发送任务",
    "post.published": "发布完成",
    "post.partial": "部分送达",
    "post.expired": "过期",
    "post.failed": "失败",
    "post.unknown": "核对",
    "persona.bind": "调整绑定",
    "persona.reset": "恢复默认绑定",
    "inbox.replay": "重新处理",
    "post.reminded": "提醒审核",
    "post.escalated": "上报店长",
    "post.reopen": "重新待审",
    "post.resend": "补发",
    "standing.grant": "设为以后自动通过",
    "library.save": "改内容库",
    "library.offer": "送去审核",
    "library.retire": "停用",
    "library.restore": "恢复使用",
    "library.delete": "删除",
    "library.take": "采用更新",
    "library.decline": "不采用更新",
    "consent.link": "登记同意",
    "consent.unlink": "去掉同意",
    "consent.ended": "同意失效",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sign:
    """A state as it is shown: never by colour alone."""

    label: str
    tone: str  # grey, amber, teal, blue, green, red
    icon: str  # name of a symbol in icons.svg


_S = PostState
_SIGNS: Final = {
    _S.DRAFT: ("red", "pencil"),
    _S.IN_REVIEW: ("amber", "clock"),
    _S.APPROVED: ("teal", "check"),
    _S.CREATING: ("blue", "sync"),
    _S.UNKNOWN: ("red", "question"),
    _S.AWAITING_SENDER: ("blue", "hand"),
    _S.PUBLISHED: ("green", "done"),
    _S.PARTIAL: ("amber", "half"),
    _S.REJECTED: ("grey", "back"),
    _S.EXPIRED: ("grey", "clock"),
    _S.CANCELLED: ("grey", "cross"),
    _S.FAILED: ("red", "alert"),
}


def sign(state: str) -> Sign:
    """Return how a post's state is shown."""
    known = PostState(state)
    tone, icon = _SIGNS[known]
    return Sign(label=LABELS[known], tone=tone, icon=icon)


def weekday(day: date) -> str:
    """Return ``周二``."""
    return WEEKDAYS[day.weekday()]


def day_label(day: date) -> str:
    """Return ``周二 11-24``."""
    return f"{weekday(day)} {day:%m-%d}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """Writes instants for people of the clinic."""

    zone: ZoneInfo
    now: datetime

    def local(self, moment: datetime) -> datetime:
        return moment.astimezone(self.zone)

    @property
    def today(self) -> date:
        return self.local(self.now).date()

    def full(self, moment: datetime) -> str:
        """Return ``周二 11-24 12:10``, with the year when it is not this one."""
        at = self.local(moment)
        year = "" if at.year == self.today.year else f"{at.year}-"
        return f"{weekday(at)} {year}{at:%m-%d %H:%M}"

    def last_day(self, until: datetime) -> date:
        """Return the last day of a span that ends, exclusively, at ``until``."""
        return self.local(until - timedelta(seconds=1)).date()

    def clock(self, moment: datetime) -> str:
        """Return ``12:10``."""
        return f"{self.local(moment):%H:%M}"

    def near(self, moment: datetime) -> str:
        """Return ``今天 12:10``, ``明天 12:10`` or the full form."""
        at = self.local(moment)
        named = {0: "今天", 1: "明天", -1: "昨天"}.get((at.date() - self.today).days)
        return f"{named} {at:%H:%M}" if named else self.full(moment)

    def since(self, moment: datetime) -> str:
        """Return how long ago: ``刚刚``, ``12 分钟``, ``3 小时``, ``2 天``."""
        passed = max(self.now - moment, timedelta())
        minutes = int(passed.total_seconds() // 60)
        if minutes < 1:
            return "刚刚"
        if minutes < 60:
            return f"{minutes} 分钟"
        return f"{minutes // 60} 小时" if minutes < 48 * 60 else f"{minutes // 1440} 天"

    def input(self, moment: datetime) -> str:
        """Return the value of a ``datetime-local`` field."""
        return f"{self.local(moment):%Y-%m-%dT%H:%M}"

    def iso(self, moment: datetime) -> str:
        """Return the value of ``<time datetime>``."""
        return self.local(moment).isoformat(timespec="seconds")
