"""Mass sends (企业群发): the API makes a task, a member taps it on the phone, results can be read."""

from __future__ import annotations

import calendar
from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .people import Mistake, content_bubbles
from .refusal import Refusal
from .rules import CHINA
from .state import ChatType, Delivery, Json, MassTask, MemberTask

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from .corp import Corp
    from .rules import MassCap

REMINDERS_PER_DAY = 3


def allowance(cap: MassCap, at: datetime) -> tuple[datetime, int]:
    """Return the start of the window that holds ``at`` and how many mass messages fit into it.

    Windows are China's calendar: the month (as many as it has days), the week from Monday (7), the
    day (1).
    """
    local = at.astimezone(CHINA)
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0)
    if cap == "day_1":
        return midnight, 1
    if cap == "week_7":
        return midnight - timedelta(days=midnight.weekday()), 7
    return midnight.replace(day=1), calendar.monthrange(local.year, local.month)[1]


class MassSends:
    """Tasks by msgid, and how often each customer and group was reached."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self.tasks: dict[str, MassTask] = {}
        self._reached: defaultdict[str, list[datetime]] = defaultdict(list)

    # -- the API's side -----------------------------------------------------------------------------

    def create(
        self,
        *,
        chat_type: ChatType,
        text: str,
        attachments: Sequence[Json],
        parts: Mapping[str, MemberTask],
        allow_select: bool,
    ) -> MassTask:
        """Create a task of a part for each sender; ``reachable`` says whether anybody can get it."""
        task = MassTask(
            msgid=self._corp.ids.mass_task(),
            chat_type=chat_type,
            text=text,
            attachments=list(attachments),
            created_at=self._corp.now,
            allow_select=allow_select,
            tasks=dict(parts),
        )
        self.tasks[task.msgid] = task
        for userid in task.tasks:
            self._corp.notify(userid, "企业下发了新的群发任务，请前往群发助手发送。", ref=task.msgid)
        self._corp.changed("mass.created", members=list(task.tasks))
        return task

    def reachable(self, chat_type: ChatType, userid: str, some_id: str) -> bool:
        """Tell whether a send to this recipient would arrive now: a friend or own group, below the cap."""
        return self._verdict(chat_type, userid, some_id) == 1

    def _verdict(self, chat_type: ChatType, userid: str, some_id: str) -> int:
        """Return the status a send to this recipient would get now: 1, 2 not a friend, 3 capped."""
        if chat_type == "single":
            follow = self._corp.follow(userid, some_id)
            if follow is None or follow.half or follow.lost_at is not None:
                return 2
        else:
            group = self._corp.group(some_id)
            if group is None or group.owner != userid:
                return 2
        since, most = allowance(self._corp.rules.mass_cap, self._corp.now)
        if sum(at >= since for at in self._reached[some_id]) >= most:
            return 3
        return 1

    def get(self, msgid: str) -> MassTask:
        """Return a task; 41046 no msgid given, 41047 no such task."""
        if not msgid:
            raise Refusal(41046)
        try:
            return self.tasks[msgid]
        except KeyError:
            raise Refusal(41047) from None

    def dispatched(self, msgid: str) -> MassTask:
        """Return a task that has left dispatching; 41063 while it has not."""
        task = self.get(msgid)
        if not self._is_dispatched(task):
            raise Refusal(41063)
        return task

    def _is_dispatched(self, task: MassTask) -> bool:
        return self._corp.now >= task.created_at + timedelta(seconds=self._corp.rules.dispatch_s)

    def listed(
        self,
        chat_type: str,
        start: datetime,
        end: datetime,
        *,
        creator: str = "",
        personal: bool | None = None,
    ) -> list[MassTask]:
        """Return tasks created in [start, end], newest first, as far as WeCom's list has caught up.

        ``personal``: True for members' own, False for the corp's, None for both. ``creator``: of one member.
        """
        seen = self._corp.now - timedelta(seconds=self._corp.rules.list_lag_s)
        return sorted(
            (
                t
                for t in self.tasks.values()
                if t.chat_type == chat_type
                and start <= t.created_at <= min(end, seen)
                and (personal is None or bool(t.creator) == personal)
                and (not creator or t.creator == creator)
            ),
            key=lambda task: task.created_at,
            reverse=True,
        )

    def remind(self, msgid: str) -> None:
        """Nudge members who have not sent; at most three times in 24 hours per task (41094)."""
        task = self.dispatched(msgid)
        if task.cancelled_at is not None:
            raise Refusal(41093)
        now = self._corp.now
        if sum(now - at < timedelta(hours=24) for at in task.reminders) >= REMINDERS_PER_DAY:
            raise Refusal(41094)
        task.reminders.append(now)
        for part in task.tasks.values():
            if part.sent_at is None:
                self._corp.notify(part.userid, "管理员提醒你：有一条群发任务还没有发送。", ref=msgid)

    def cancel(self, msgid: str) -> None:
        """Stop members who have not sent yet; what was sent stays."""
        task = self.dispatched(msgid)
        if task.cancelled_at is not None:
            raise Refusal(41093)
        task.cancelled_at = self._corp.now
        self._corp.changed("mass.cancelled", members=list(task.tasks))

    # -- the phone's side ---------------------------------------------------------------------------

    def of_member(self, userid: str) -> list[MassTask]:
        """Return the tasks of a member, newest first."""
        return [task for task in reversed(self.tasks.values()) if userid in task.tasks]

    def tap(self, userid: str, msgid: str, *, only: Sequence[str] | None = None) -> MemberTask:
        """Let a member tap send, once. ``only``: a choice of groups, or of patients where allowed.

        Every recipient gets its status now: 1 sent, 2 not a friend, 3 over the cap. Groups that the
        owner did not choose stay unsent and unlisted.

        Raises:
            Mistake: not the member's task, cancelled, sent already, or a choice that is not offered.
        """
        task = self.tasks.get(msgid)
        if task is None or userid not in task.tasks:
            raise Mistake(f"{userid} has no mass-send task {msgid!r}")
        part = task.tasks[userid]
        if task.cancelled_at is not None:
            raise Mistake("the task was cancelled")
        if part.sent_at is not None:
            raise Mistake("the task was sent already")
        chosen = list(part.recipients) if only is None else list(dict.fromkeys(only))
        if only is not None and task.chat_type == "single" and not task.allow_select:
            raise Mistake("the task does not let the member choose recipients")
        if not chosen or any(some_id not in part.recipients for some_id in chosen):
            raise Mistake("choose at least one recipient, and only from the task's own")
        part.sent_at = self._corp.now
        for some_id in chosen:
            self._deliver(task, part, some_id)
        self._corp.changed("mass.sent", members=[userid])
        return part

    def send_personal(
        self,
        userid: str,
        text: str,
        *,
        customers: Sequence[str] | None = None,
        chats: Sequence[str] | None = None,
    ) -> MassTask:
        """Let a member send a mass message of their own, at once: it counts for the caps too.

        Without recipients it goes to all their patients.

        Raises:
            Mistake: unknown member, both kinds of recipients, or none of them.
        """
        if userid not in self._corp.members:
            raise Mistake(f"no member has the userid {userid!r}")
        if customers is not None and chats is not None:
            raise Mistake("a mass message goes to patients or to groups, not to both")
        mine: Collection[str] = self._corp.follows_of_member.get(userid) or ()
        recipients = chats if chats is not None else customers if customers is not None else list(mine)
        known = mine
        if chats is not None:
            known = {group.chat_id for group in self._corp.groups_owned_by(userid)}
        if not recipients or any(some_id not in known for some_id in recipients):
            raise Mistake("choose at least one recipient, and only own patients or groups")
        part = MemberTask(userid=userid, recipients={some_id: Delivery() for some_id in recipients})
        task = MassTask(
            msgid=self._corp.ids.mass_task(),
            chat_type="single" if chats is None else "group",
            text=text,
            attachments=[],
            created_at=self._corp.now,
            tasks={userid: part},
            creator=userid,
        )
        self.tasks[task.msgid] = task
        part.sent_at = self._corp.now
        for some_id in part.recipients:
            self._deliver(task, part, some_id)
        self._corp.changed("mass.sent", members=[userid])
        return task

    def _deliver(self, task: MassTask, part: MemberTask, some_id: str) -> None:
        delivery = part.recipients[some_id]
        delivery.status = self._verdict(task.chat_type, part.userid, some_id)
        if delivery.status != 1:
            return
        delivery.send_time = self._corp.now
        self._reached[some_id].append(self._corp.now)
        for bubble in content_bubbles(
            self._corp,
            sender_id=part.userid,
            text=task.text,
            attachments=task.attachments,
            origin="mass",
            ref=task.msgid,
        ):
            if task.chat_type == "single":
                self._corp.say_in_chat(part.userid, some_id, bubble)
            else:
                self._corp.say_in_group(some_id, bubble)

    def fill_cap(self, some_id: str, times: int | None = None) -> None:
        """Pretend that a customer or group got ``times`` mass messages today; all that fit when None."""
        _, most = allowance(self._corp.rules.mass_cap, self._corp.now)
        self._reached[some_id] += [self._corp.now] * (most if times is None else times)
