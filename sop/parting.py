"""Losing a patient, and finding her again: who is told, with what they need to know."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit, people, todos
from clinic.care_tables import Todo
from clinic.stages import Stage
from clinic.tables import Member
from clinic.todos import TodoState
from sop.handouts import hand_out

if TYPE_CHECKING:
    from clinic.rules.happenings import Happening
    from clinic.stages import Moved
    from sop.case import Case

LOST: Final = "lost"
RETURNED: Final = "returned"
NEWS: Final = timedelta(days=3)  # what happened before that is history, not a reason to disturb somebody
CALL_BACK_WITHIN: Final = timedelta(hours=24)


async def parted(case: Case, happening: Happening, moved: Moved) -> None:
    """Tell the member who was deleted, and the manager when nobody of ours is connected any more."""
    if not moved.fresh or happening.at < case.now - NEWS or happening.by == people.BY_TRANSFER:
        return
    if happening.by == people.BY_SYNC:
        await _found_missing(case)
        return
    when = f"{happening.at.astimezone(case.book.pack.timezone):%m-%d %H:%M}"
    names = await _names(case, happening.userid)
    others = "、".join(names[follow.userid] for follow in case.connected)
    gone = moved.after is Stage.LOST
    left = "，与我们都断开了联系" if gone else f"，还与 {others} 保持联系" if others else ""
    story = case.story(before=moved.before if gone and moved.before is not Stage.LOST else None)
    if await todos.asked_lately(case.session, f"{LOST}:{case.head.id}:{happening.userid}:", now=case.now):
        return
    key = f"{LOST}:{case.head.id}:{happening.userid}:{int(happening.at.timestamp())}"
    member = await case.session.get(Member, happening.userid)
    here = member is None or member.left_at is None
    if happening.by != people.BY_MEMBER and here:
        await _ask(
            case,
            key=f"{key}:member",
            assignee=happening.userid,
            title="一位顾客删除了你",
            body=f"{story}。{when} 起收不到你的消息{left}。不用加回来追问，"
            "想想最近一次联系说了什么，有要紧的复诊请前台电话提醒。",
        )
    if gone or happening.by == people.BY_MEMBER:
        whom = names[happening.userid] + ("" if here else "（已离职）")
        by = f"{whom} 删除了一位顾客" if happening.by == people.BY_MEMBER else f"一位顾客删除了 {whom}"
        await _ask(
            case,
            key=f"{key}:manager",
            assignee=todos.MANAGER,
            title="一位顾客流失了" if gone else "成员删除了一位顾客",
            body=f"{when} {by}{left}。{story}。请看看经过，再决定要不要由别的同事联系。",
        )


async def _names(case: Case, userid: str) -> dict[str, str]:
    """Return how the members are called whom this concerns."""
    userids = {userid, *(follow.userid for follow in case.connected)}
    rows = await case.session.execute(
        select(Member.userid, Member.alias, Member.name).where(Member.userid.in_(userids))
    )
    called = {one: alias or name for one, alias, name in rows}
    return {one: called.get(one) or one for one in userids}


async def _found_missing(case: Case) -> None:
    """A sync may find hundreds at night: one line on the manager's list a day, and no card."""
    day = case.now.astimezone(case.book.pack.timezone).date()
    await todos.ask(
        case.session,
        key=f"{LOST}-sync:{day}",
        kind=LOST,
        assignee=todos.MANAGER,
        title="对账发现有顾客已不在成员的客户列表里",
        body="没有收到企业微信的通知，不知道是谁删的。请在客户页按阶段“流失”看看是哪些。",
        now=case.now,
    )


async def found_again(case: Case, happening: Happening, *, tell: bool) -> None:
    """She came back: what was asked because she was lost is settled, and the member knows whom he has.

    Args:
        tell: hand the member a to-do with a card; not at night, when a sync finds it out.
    """
    open_keys = await case.session.scalars(
        select(Todo.key).where(Todo.patient_id.in_(case.ids), Todo.kind == LOST, Todo.state == TodoState.OPEN)
    )
    for key in list(open_keys):
        await todos.settle(case.session, key, now=case.now, by=audit.RULES)
    audit.record(
        case.session,
        at=case.now,
        actor=audit.RULES,
        action="contact.returned",
        subject=case.subject,
        reason=f"流失后又回来了，添加了成员 {happening.userid}",
        detail={"userid": happening.userid},
    )
    if not tell or happening.at < case.now - NEWS:
        return
    await hand_out(
        case.session,
        roster=case.roster,
        public_url=case.public_url,
        key=f"{RETURNED}:{case.head.id}:{int(happening.at.timestamp())}",
        kind=RETURNED,
        assignee=happening.userid,
        title="一位老顾客回来了",
        body=f"{case.story()}。曾经断开过联系，先看看以前的记录，别当新朋友从头问起。",
        now=case.now,
        patient_id=case.head.id,
        due_at=case.now + CALL_BACK_WITHIN,
        page=case.page,
    )


async def _ask(case: Case, *, key: str, assignee: str, title: str, body: str) -> None:
    await hand_out(
        case.session,
        roster=case.roster,
        public_url=case.public_url,
        key=key,
        kind=LOST,
        assignee=assignee,
        title=title,
        body=body,
        now=case.now,
        patient_id=case.head.id,
        due_at=case.now + CALL_BACK_WITHIN,
        page=case.page,
    )
