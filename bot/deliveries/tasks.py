"""Deliveries of posts: creating WeCom's tasks exactly once, reminding, cancelling."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from bot.deliveries.base import Outcome, PlainDelivery, Sent, Withdrawn
from bot.deliveries.pausing import hold_if_paused
from bot.deliveries.task_search import TaskSearch
from sop import push
from sop.effects import CancelTask, CreateTask, RemindSender
from sop.journeys import withdrawing
from sop.journeys.withdrawing import Remaining
from sop.life import PostState
from sop.posts import get_post
from sop.tables import Push
from store import outbox
from wecom.api.mass import MassSend
from wecom.api.moments import MomentTask
from wecom.attachments import Image, Link, MiniProgram, Video
from wecom.errors import NotYet, Refused

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.corp_tags import CorpTags
    from bot.media import MediaLibrary, Purpose
    from content.pack import Pack
    from sop.tables import Post
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from wecom.attachments import Attachment
    from wecom.client import WeComClient

TWIN_PAUSE_S: Final = 5.0
CANCELLED_ALREADY: Final = 41093
MEDIA_GONE: Final = 40007
ON_ITS_WAY: Final = (PostState.CREATING, PostState.UNKNOWN)


class TaskDelivery(PlainDelivery):
    """Creates the task of an approved post.

    Neither API has an idempotency key. After a lost answer the task is looked for in WeCom's lists (see
    :mod:`bot.deliveries.task_search`), and of two that look alike there only one is created at a time.
    """

    kind: ClassVar[str] = CreateTask.kind
    lease: ClassVar[timedelta] = timedelta(minutes=3)
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "find"

    def __init__(
        self,
        client: WeComClient,
        database: Database,
        *,
        media: MediaLibrary,
        corp_tags: CorpTags,
        pack: Pack,
        clock: Clock,
    ) -> None:
        self._client = client
        self._pack = pack
        self._clock = clock
        self._corp_tags = corp_tags
        self._database = database
        self._media = media
        self._search = TaskSearch(client, database, clock=clock)

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
                    await self._media.forget(card["sha256"], purpose)
            return await self._create(effect)

    async def _create(self, effect: OutboxEffect) -> Sent:
        post = await self._approved(effect)
        if post.kind == "moment":
            moment = MomentTask(
                text=post.text,
                attachments=tuple([await self._attachment(card, "moment") for card in post.attachments]),
                userids=(post.sender,),
                tag_ids=await self._tag_ids(post),
            )
            await self._ready(effect)  # uploads take time; a kill switch may have been pulled meanwhile
            return Sent(result={"job_id": await self._client.moments.create(moment)})
        attachments = tuple([await self._attachment(card, "message") for card in post.attachments])
        left = await self._ready(effect)
        chat_ids = tuple(post.audience.get("chat_ids", ()))
        if not (left.external_userids or chat_ids):
            # Without recipients WeCom would offer the task for all of the member's customers, or groups.
            raise Withdrawn("没有收件人了：名单里的人都已经不需要这条消息")
        created = await self._client.mass.create(
            MassSend(
                chat_type="single" if post.kind == "direct" else "group",
                sender=post.sender,
                chat_ids=chat_ids,
                external_userids=left.external_userids,
                text=post.text,
                attachments=attachments,
            )
        )
        result = {"remote_id": created.msgid, "unreachable": list(created.fail_list)}
        return Sent(result=result, facts=left.withdrawn)

    async def find(self, effect: OutboxEffect) -> Sent | None:
        found = await self._search.find(effect)
        if found is None or not found.result.get("unreachable"):
            return found
        # Some of those that the task leaves out were withdrawn before the call whose answer was lost.
        async with self._database.read() as session:
            post = await get_post(session, CreateTask.model_validate(effect.payload).post_id)
            withdrawn = (await self._remaining(session, post)).withdrawn
        out = set(found.result["unreachable"])
        known = {gone.external_userid for gone in withdrawn.values()}
        return Sent(
            result=found.result | {"unreachable": sorted(out - known)},
            facts={one: gone for one, gone in withdrawn.items() if gone.external_userid in out},
        )

    async def _remaining(self, session: AsyncSession, post: Post) -> Remaining:
        if post.kind != "direct":
            return Remaining(external_userids=())
        return await withdrawing.remaining(session, post, pack=self._pack, now=self._clock.now())

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = CreateTask.model_validate(effect.payload)
        post = await get_post(session, wanted.post_id, lock=True)
        match outcome.state:
            case outbox.SENT:
                result: dict[str, Any] = outcome.result or {}
                await withdrawing.note(session, post, outcome.facts or {}, now=now)
                await push.created(
                    session,
                    post,
                    now=now,
                    job_id=result.get("job_id"),
                    remote_id=result.get("remote_id"),
                    unreachable=result.get("unreachable", ()),
                )
            case outbox.REFUSED:
                await push.end(
                    session, post, PostState.FAILED, now=now, reason=outcome.error or "企业微信拒绝了任务"
                )
            case outbox.EXPIRED:
                await push.end(session, post, PostState.EXPIRED, now=now, reason=outcome.error or "已过时限")
            case outbox.CANCELLED if post.digest == wanted.digest and PostState(post.state) in ON_ITS_WAY:
                left = await withdrawing.remaining(session, post, pack=self._pack, now=now)
                await withdrawing.note(session, post, left.withdrawn, now=now)
                await push.end(
                    session, post, PostState.CANCELLED, now=now, reason=outcome.error or "没有创建"
                )
            case outbox.UNKNOWN:
                push.lost_answer(post, now=now)
            case outbox.QUEUED:
                push.certainly_absent(post, now=now)

    async def _approved(self, effect: OutboxEffect) -> Post:
        async with self._database.read() as session:
            return await self._as_approved(session, effect)

    async def _as_approved(self, session: AsyncSession, effect: OutboxEffect) -> Post:
        wanted = CreateTask.model_validate(effect.payload)
        post = await get_post(session, wanted.post_id)
        if PostState(post.state) not in ON_ITS_WAY or post.digest != wanted.digest:
            raise Withdrawn("内容已不是审核通过的那一版")
        return post

    async def _ready(self, effect: OutboxEffect) -> Remaining:
        """Make sure, right before the call, that it is still wanted and that its answer may get lost.

        Returns:
            For whom it still is.
        """
        async with self._database.read() as session:
            post = await self._as_approved(session, effect)
            await hold_if_paused(session, effect.kind, persona=post.persona, plan=post.plan_key)
            if await push.twin_under_way(session, post, effect):
                raise NotYet(
                    effect.kind,
                    f"post {post.id} has a twin whose task is not known yet",
                    remedy="同一成员有一条文字相同的内容正在创建，还不知道结果，这一条先等一等",
                    retry_after_s=TWIN_PAUSE_S,
                )
            return await self._remaining(session, post)

    async def _tag_ids(self, post: Post) -> tuple[str, ...]:
        """Return the corp's ids of the tags whose wearers see a moment.

        Raises:
            ValueError: the corp lacks a tag: nobody wears it, and without it everybody would see the moment.
        """
        paths = post.audience.get("tags", ())
        ids = await self._corp_tags.ids_for(paths, create=False)
        if missing := [path for path in paths if path not in ids]:
            raise ValueError(f"企业微信里没有标签 {'、'.join(missing)}，这条朋友圈没有人能看到，没有创建")
        return tuple(ids[path] for path in paths)

    async def _attachment(self, card: dict[str, Any], purpose: Literal["moment", "message"]) -> Attachment:
        approved = card.get("sha256")
        match card["kind"]:
            case "image":
                return Image(media_id=await self._media.fresh(card["asset"], purpose, approved=approved))
            case "video":
                return Video(media_id=await self._media.fresh(card["asset"], purpose, approved=approved))
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


class ReminderDelivery(PlainDelivery):
    """Lets WeCom remind a mass task's members. A lost answer is left alone: three a day is WeCom's limit.

    A reminder makes a member send, so a kill switch holds it too.
    """

    kind: ClassVar[str] = RemindSender.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "assume_sent"

    def __init__(self, client: WeComClient, database: Database) -> None:
        self._client = client
        self._database = database

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = RemindSender.model_validate(effect.payload)
        async with self._database.read() as session:
            push_row = await session.get_one(Push, wanted.push_id)
            post = await get_post(session, push_row.post_id)
            await hold_if_paused(session, effect.kind, persona=post.persona, plan=post.plan_key)
        await self._client.mass.remind(wanted.remote_id)
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
