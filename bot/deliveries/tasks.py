"""Deliveries of posts: creating WeCom's tasks exactly once, reminding, cancelling."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from bot.deliveries.base import Outcome, PlainDelivery, Sent, Withdrawn
from sop import push
from sop.effects import CancelTask, CreateTask, RemindSender
from sop.life import PostState
from sop.posts import get_post
from store import outbox
from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.attachments import Image, Link, MiniProgram
from wecom.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.media import MediaLibrary, Purpose
    from sop.tables import Post
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from wecom.api.mass import MassRecord
    from wecom.api.moments import MomentRecord
    from wecom.attachments import Attachment
    from wecom.client import WeComClient

SKEW: Final = timedelta(minutes=2)  # between WeCom's clock and ours
CANCELLED_ALREADY: Final = 41093
MEDIA_GONE: Final = 40007
ON_ITS_WAY: Final = (PostState.CREATING, PostState.UNKNOWN)


class TaskDelivery(PlainDelivery):
    """Creates the task of an approved post.

    Neither API has an idempotency key. After a lost answer the task is looked for in WeCom's lists: same
    text, same kinds of attachments, created in the time since the call, by the API (no creator), for this
    sender, and not known as another post's.
    """

    kind: ClassVar[str] = CreateTask.kind
    lease: ClassVar[timedelta] = timedelta(minutes=3)
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "find"

    def __init__(self, client: WeComClient, database: Database, *, media: MediaLibrary, clock: Clock) -> None:
        self._client = client
        self._database = database
        self._media = media
        self._clock = clock

    async def send(self, effect: OutboxEffect) -> Sent:
        try:
            return await self._create(effect)
        except Refused as exc:
            if exc.errcode != MEDIA_GONE:
                raise
            # Refused means nothing was created: upload anew and try once more.
            post = await self._approved(effect)
            purpose: Purpose = "moment" if post.kind == "moment" else "message"
            for card in post.attachments:
                if "sha256" in card:
                    await self._media.forget(card["asset"], purpose)
            return await self._create(effect)

    async def _create(self, effect: OutboxEffect) -> Sent:
        post = await self._approved(effect)
        if post.kind == "moment":
            moment = MomentTask(
                text=post.text,
                attachments=tuple([await self._attachment(card, "moment") for card in post.attachments]),
                userids=(post.sender,),
            )
            await self._approved(effect)  # uploads take time; a kill switch may have been pulled meanwhile
            return Sent(result={"job_id": await self._client.moments.create(moment)})
        mass = MassSend(
            chat_type="group",
            sender=post.sender,
            chat_ids=tuple(post.audience["chat_ids"]),
            text=post.text,
            attachments=tuple([await self._attachment(card, "message") for card in post.attachments]),
        )
        await self._approved(effect)
        created = await self._client.mass.create(mass)
        return Sent(result={"remote_id": created.msgid, "unreachable": list(created.fail_list)})

    async def find(self, effect: OutboxEffect) -> Sent | None:
        wanted = CreateTask.model_validate(effect.payload)
        async with self._database.read() as session:
            post = await get_post(session, wanted.post_id)
            since = (effect.dispatched_at or effect.created_at) - SKEW
            taken = await push.known_remote_ids(session, kind=post.kind, since=since)
        end = self._clock.now() + SKEW
        records: AsyncIterator[MomentRecord | MassRecord]
        if post.kind == "moment":
            records = self._client.moments.list(since, end)
        else:
            records = self._client.mass.list("group", since, end)
        async for record in records:
            remote_id = record_id(record)
            if remote_id in taken or not same_content(post, record):
                continue
            if await self._is_for(post, remote_id):
                return Sent(result={"remote_id": remote_id, "found": True})
        return None

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = CreateTask.model_validate(effect.payload)
        post = await get_post(session, wanted.post_id, lock=True)
        match outcome.state:
            case outbox.SENT:
                result: dict[str, Any] = outcome.result or {}
                await push.created(
                    session,
                    post,
                    now=now,
                    job_id=result.get("job_id"),
                    remote_id=result.get("remote_id"),
                    unreachable=result.get("unreachable", ()),
                )
            case outbox.REFUSED:
                push.end(
                    session, post, PostState.FAILED, now=now, reason=outcome.error or "企业微信拒绝了任务"
                )
            case outbox.EXPIRED:
                push.end(session, post, PostState.EXPIRED, now=now, reason=outcome.error or "已过时限")
            case outbox.UNKNOWN:
                push.lost_answer(post, now=now)
            case outbox.QUEUED:
                push.certainly_absent(post, now=now)

    async def _approved(self, effect: OutboxEffect) -> Post:
        wanted = CreateTask.model_validate(effect.payload)
        async with self._database.read() as session:
            post = await get_post(session, wanted.post_id)
        if PostState(post.state) not in ON_ITS_WAY or post.digest != wanted.digest:
            raise Withdrawn("内容已不是审核通过的那一版")
        return post

    async def _attachment(self, card: dict[str, Any], purpose: Literal["moment", "message"]) -> Attachment:
        approved = card.get("sha256")
        match card["kind"]:
            case "image":
                return Image(media_id=await self._media.fresh(card["asset"], purpose, approved=approved))
            case "miniprogram":
                cover = await self._media.fresh(card["asset"], "message", approved=approved)
                return MiniProgram(
                    title=card["title"], pic_media_id=cover, appid=card["appid"], page=card["page"]
                )
            case _:
                link = {"title": card["title"], "url": card["url"], "desc": card.get("desc", "")}
                if approved is None:
                    return Link(**link)
                where: Purpose = "moment" if purpose == "moment" else "url"
                cover = await self._media.fresh(card["asset"], where, approved=approved)
                return Link(**link, media_id=cover) if where == "moment" else Link(**link, picurl=cover)

    async def _is_for(self, post: Post, remote_id: str) -> bool:
        tasks = (
            self._client.moments.tasks(remote_id)
            if post.kind == "moment"
            else self._client.mass.tasks(remote_id)
        )
        members = {task.userid async for task in tasks}
        return post.sender in members


def record_id(record: MomentRecord | MassRecord) -> str:
    """Return WeCom's id of a listed task."""
    return record.msgid if hasattr(record, "msgid") else record.moment_id


def same_content(post: Post, record: MomentRecord | MassRecord) -> bool:
    """Tell whether a listed task may be this post's: made by the API, same text, same attachment kinds."""
    kinds = sorted(card["kind"] for card in post.attachments)
    return (
        not record.creator
        and record.content.strip() == post.text.strip()
        and sorted(record.attachment_kinds) == kinds
    )


class ReminderDelivery(PlainDelivery):
    """Lets WeCom remind a mass task's members. A lost answer is left alone: three a day is WeCom's limit."""

    kind: ClassVar[str] = RemindSender.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "assume_sent"

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def send(self, effect: OutboxEffect) -> Sent:
        await self._client.mass.remind(RemindSender.model_validate(effect.payload).remote_id)
        return Sent()


class CancelDelivery(PlainDelivery):
    """Takes a task from members who have not tapped; cancelling twice is cancelling once."""

    kind: ClassVar[str] = CancelTask.kind

    def __init__(self, client: WeComClient) -> None:
        self._client = client

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = CancelTask.model_validate(effect.payload)
        try:
            if wanted.post_kind == "moment":
                await self._client.moments.cancel(wanted.remote_id)
            else:
                await self._client.mass.cancel(wanted.remote_id)
        except Refused as exc:
            if exc.errcode != CANCELLED_ALREADY:
                raise
        return Sent()
