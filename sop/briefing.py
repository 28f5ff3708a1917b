"""What the app answers a member who writes to it: what waits for him today, in one message.

Pure words below, one reading above them. WeCom takes 2048 bytes of text (doc 90236), about 680 characters.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from clinic import todos
from sop.life import PostState
from sop.tables import Post

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from sop.roster import Roster

TEXT_BYTES: Final = 2000
SHOWN: Final = 5
TODAY_WORDS: Final = frozenset({"今日", "今天", "待办", "代办", "任务", "today", "todo"})
HELP_WORDS: Final = frozenset({"帮助", "help", "怎么用", "?", "？", "菜单"})
# Keys an administrator may give the app's menu entries.
MENU: Final = {"menu_today": "today", "menu_todo": "today", "menu_help": "help"}
KINDS: Final = {"moment": "朋友圈", "group": "群消息", "direct": "一对一"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a list; ``at`` is when it is due, or goes out."""

    text: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Briefing:
    """What waits for a member. The lists are cut, the numbers are not."""

    todos: tuple[Item, ...]
    todo_count: int
    reviews: int  # posts that wait for his decision
    taps: tuple[Item, ...]  # tasks that wait for his tap
    today: tuple[Item, ...]  # his own posts of today

    @property
    def waiting(self) -> int:
        return self.todo_count + self.reviews + len(self.taps)


async def brief(
    session: AsyncSession, userid: str, *, roster: Roster, now: datetime, zone: ZoneInfo
) -> Briefing:
    """Read what waits for a member; a manager sees what is asked of managers."""
    assignees = [userid, *([todos.MANAGER] if roster.manages(userid) else [])]
    asked = await todos.open_for(session, assignees)
    personas = [spec.key for spec in roster.pack.personas if userid in roster.reviewers(spec.key)]
    reviews = await session.scalar(
        select(func.count())
        .select_from(Post)
        .where(Post.state == PostState.IN_REVIEW, Post.persona.in_(personas))
    )
    waiting = await session.scalars(
        select(Post)
        .where(Post.sender == userid, Post.state == PostState.AWAITING_SENDER)
        .order_by(Post.scheduled_at)
        .limit(SHOWN)
    )
    midnight = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    today = await session.scalars(
        select(Post)
        .where(
            Post.sender == userid,
            Post.scheduled_at >= midnight,
            Post.scheduled_at < midnight + timedelta(days=1),
            Post.state.in_((PostState.IN_REVIEW, PostState.APPROVED)),
        )
        .order_by(Post.scheduled_at)
        .limit(SHOWN)
    )
    return Briefing(
        todos=tuple(Item(text=todo.title, at=todo.due_at) for todo in asked[:SHOWN]),
        todo_count=len(asked),
        reviews=reviews or 0,
        taps=tuple(Item(text=_kind(post)) for post in waiting),
        today=tuple(Item(text=_kind(post), at=post.scheduled_at) for post in today),
    )


def _kind(post: Post) -> str:
    return f"{KINDS.get(post.kind, post.kind)} #{post.id}"


def today_words(found: Briefing, *, name: str, now: datetime, zone: ZoneInfo, public_url: str) -> str:
    """Return the answer to 今日: what waits, most pressing first, and where to do it."""
    base = public_url.rstrip("/")
    hello = f"{name}，" if name else ""
    if not found.waiting and not found.today:
        return f"{hello}今天没有等你处理的事，安心忙吧。\n发“帮助”看我能做什么。"
    lines = [f"{hello}今天等你处理的："]
    if found.todo_count:
        lines.append(f"\n待办 {found.todo_count} 件")
        lines += [f"· {item.text[:40]}{_due(item.at, now, zone)}" for item in found.todos]
        if found.todo_count > len(found.todos):
            lines.append(f"· 还有 {found.todo_count - len(found.todos)} 件")
        lines.append(f'<a href="{base}/console/todos">打开待办</a>')
    if found.reviews:
        lines.append(f"\n等你审核 {found.reviews} 条内容")
        lines.append(f'<a href="{base}/console/review">去审核</a>')
    if found.taps:
        lines.append(f"\n等你点发送 {len(found.taps)} 条（在企业微信“客户联系”里点一下就发出）")
        lines += [f"· {item.text}" for item in found.taps]
    if found.today:
        lines.append("\n今天以你的账号发")
        lines += [f"· {item.at.astimezone(zone):%H:%M} {item.text}" for item in found.today if item.at]
    return _cut(lines)


def hello_words(found: Briefing, *, name: str) -> str:
    """Return what a member reads who opens the conversation while something waits."""
    hello = f"{name}，" if name else ""
    parts = [
        f"{count} {what}"
        for count, what in (
            (found.todo_count, "件待办"),
            (found.reviews, "条内容等你审核"),
            (len(found.taps), "条等你点发送"),
        )
        if count
    ]
    return f"{hello}今天有 {'、'.join(parts)}。发“今日”看明细。"


def help_words(*, name: str) -> str:
    """Return what the app can do, for whoever asks."""
    hello = f"{name}，" if name else ""
    return (
        f"{hello}我是小护，帮你记着顾客和内容。可以发：\n"
        "· 今日：看今天的待办、等审核和等点发送的内容\n"
        "· 帮助：看这段说明\n\n"
        "收到审核卡片点“全部通过”或“逐条查看”；收到发送提醒，到企业微信里点一下就发出。"
    )


def hint_words(*, name: str) -> str:
    """Return the answer to anything that is not understood."""
    hello = f"{name}，" if name else ""
    return f"{hello}这句话我还不会处理。发“今日”看今天的待办，发“帮助”看我能做什么；要找同事请直接发给同事。"


def meant_by(text: str) -> str:
    """Return ``today``, ``help`` or ``other`` for what a member wrote."""
    said = text.strip().strip("。.!！~～ ").casefold()
    if said in TODAY_WORDS:
        return "today"
    return "help" if said in HELP_WORDS or text.strip() in HELP_WORDS else "other"


def _due(at: datetime | None, now: datetime, zone: ZoneInfo) -> str:
    if at is None:
        return ""
    late = "已过 " if at < now else ""
    return f"（{late}{at.astimezone(zone):%m-%d %H:%M}）"


def _cut(lines: list[str]) -> str:
    """Join lines, leaving out what would not fit; never half a line, so never half a link."""
    kept: list[str] = []
    size = 0
    for line in lines:
        size += len(line.encode()) + 1
        if size > TEXT_BYTES:
            kept.append("…")
            break
        kept.append(line)
    return "\n".join(kept)
