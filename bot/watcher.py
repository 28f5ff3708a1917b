"""Looks at WeCom's tasks: WeCom tells nobody when a member taps, so we ask, less and less often."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

import structlog

from sop import decisions, receipts
from sop import push as pushes
from sop.life import PostState
from sop.receipts import STATUS, Look, Seen
from sop.tables import Post, Push
from wecom.errors import NotDone, Refused, WeComError

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.metrics import Metrics
    from store.clock import Clock
    from store.database import Database
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

GONE: Final = frozenset({41093, 41047, 41060})  # cancelled, or no such task any more
JOB_LIFE: Final = timedelta(hours=24)
UNREADABLE: Final = timedelta(hours=24)  # after a task expired: then nobody can tell what became of it


class Watcher:
    """Polls open tasks and writes down what WeCom says."""

    def __init__(self, database: Database, client: WeComClient, *, clock: Clock, metrics: Metrics) -> None:
        self._database = database
        self._client = client
        self._clock = clock
        self._metrics = metrics

    async def look(self) -> int:
        """Look once at every task that is due; return how many. One that fails is put off, not given up."""
        async with self._database.read() as session:
            due = await receipts.due_pushes(session, now=self._clock.now())
        waiting: list[Push] = []
        for push, post in due:
            try:
                if await self._nothing_yet(push, post):
                    waiting.append(push)
            except WeComError as exc:
                log.info("push.look_failed", push_id=push.id, outcome=exc.outcome, errcode=exc.errcode)
                await self._put_off(push.id, exc)
            except Exception as exc:  # the item's boundary: one broken push must not hide all others
                log.error("push.look_broken", push_id=push.id, error=type(exc).__name__)
                # A database that is gone fails here as well, and ends the tick.
                await self._put_off(push.id, exc)
                self._metrics.alarms.labels("push.look_broken").inc()
        if waiting:
            async with self._database.write() as session:
                await receipts.nothing_yet(session, waiting, now=self._clock.now())
        return len(due)

    async def _nothing_yet(self, push: Push, post: Post) -> bool:
        """Look at a task and write down what is there to see; True: nothing is, which the caller notes."""
        if push.remote_id is None:
            await self._look_at_job(push, post)
            return False
        look = (
            await self._moment(push.remote_id, post)
            if push.kind == "moment"
            else await self._mass(push.remote_id, post)
        )
        if not (look.tapped or look.gone) and self._clock.now() < push.expires_at:
            return True
        async with self._database.write() as session:
            state = await receipts.record(session, push.id, look, now=self._clock.now())
        if state is not None:
            log.info("post.ended", post_id=post.id, state=str(state))
        return False

    async def _look_at_job(self, push: Push, post: Post) -> None:
        """Ask whether a moment's job is done: only then there is a moment, and an id to ask about."""
        job = await self._client.moments.job_result(push.job_id or "")
        now = self._clock.now()
        async with self._database.write() as session:
            push = await session.get_one(Push, push.id, with_for_update=True)
            post = await session.get_one(Post, post.id, with_for_update=True)
            if push.remote_id is not None or push.closed_at is not None:
                return
            if not job.is_finished or job.result is None:
                push.polls += 1
                push.next_poll_at = now + receipts.pause_after(push.polls)
                await self._give_up(session, push, post, now)
                return
            if job.result.errcode or not job.result.moment_id:
                pushes.close(push, now)
                reason = f"企业微信没有创建朋友圈任务（错误码 {job.result.errcode}）"
                await pushes.end(session, post, PostState.FAILED, now=now, reason=reason)
                return
            await pushes.job_finished(
                session,
                push,
                post,
                remote_id=job.result.moment_id,
                sender_invalid=post.sender in job.result.invalid_senders.user_list,
                now=now,
            )

    async def _mass(self, msgid: str, post: Post) -> Look:
        try:
            tapped = [
                t async for t in self._client.mass.tasks(msgid) if t.userid == post.sender and t.is_sent
            ]
            if not tapped:
                return Look(tapped=False)
            rows = [
                Seen(
                    recipient=row.chat_id or row.external_userid or "",
                    status=STATUS.get(row.status, "waiting"),
                    at=row.send_time,
                )
                async for row in self._client.mass.results(msgid, post.sender)
            ]
        except Refused as exc:
            if exc.errcode in GONE:
                return Look(tapped=False, gone=True)
            raise
        return Look(tapped=True, rows=tuple(row for row in rows if row.recipient))

    async def _moment(self, moment_id: str, post: Post) -> Look:
        try:
            members = [m async for m in self._client.moments.tasks(moment_id) if m.userid == post.sender]
            if not any(member.is_published for member in members):
                return Look(tapped=False)
            seen = [
                Seen(recipient=customer.external_userid, status="sent")
                async for customer in self._client.moments.send_result(moment_id, post.sender)
            ]
        except Refused as exc:
            if exc.errcode in GONE:
                return Look(tapped=False, gone=True)
            raise
        return Look(tapped=True, rows=tuple(seen))

    async def _put_off(self, push_id: int, exc: Exception) -> None:
        now = self._clock.now()
        async with self._database.write() as session:
            push = await session.get_one(Push, push_id, with_for_update=True)
            if push.closed_at is not None:
                return
            push.polls += 1
            wait = max(timedelta(minutes=5), receipts.pause_after(push.polls))
            if isinstance(exc, NotDone):  # WeCom was busy or away, and will be there again
                wait = timedelta(seconds=max(exc.retry_after_s or 0, 15))
            push.next_poll_at = now + wait
            post = await session.get_one(Post, push.post_id, with_for_update=True)
            await self._give_up(session, push, post, now)

    async def _give_up(self, session: AsyncSession, push: Push, post: Post, now: datetime) -> None:
        """Stop asking about a task of which WeCom says nothing: nobody is asked for ever."""
        if push.remote_id is None and now - push.created_at > JOB_LIFE:
            pushes.close(push, now)
            reason = "24 小时内没有得到任务结果，请在企业微信里核对"
            await pushes.end(session, post, PostState.FAILED, now=now, reason=reason)
            self._metrics.alarms.labels("push.job_lost").inc()
        elif push.remote_id is not None and now >= push.expires_at + UNREADABLE:
            cause = f"内容 #{post.id} 的发送结果一直读不到"
            await decisions.withdraw_task(session, post, now=now, cause=cause)
            reason = "两天里读不到发送结果，任务已撤销；成员可能已经发出，请在企业微信里核对"
            await pushes.end(session, post, PostState.FAILED, now=now, reason=reason)
            self._metrics.alarms.labels("push.unreadable").inc()
