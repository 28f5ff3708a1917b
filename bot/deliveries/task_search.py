"""Looking for a task whose creation was never answered, in WeCom's own lists."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from bot.deliveries.base import Sent
from sop import push
from sop.audience import recipients_of
from sop.effects import CreateTask
from sop.posts import get_post
from wecom.errors import Refused

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime

    from sop.tables import Post
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from wecom.api.mass import MassRecord
    from wecom.api.moments import MomentRecord
    from wecom.client import WeComClient

SKEW: Final = timedelta(minutes=2)  # between WeCom's clock and ours
GONE: Final = frozenset({41093, 41047, 41060})  # cancelled, or no such task any more


class Undecidable(ValueError):
    """A task is listed that may or may not be the one; only a person can tell. Nothing is created again."""

    def __init__(self) -> None:
        super().__init__(
            "没有收到企业微信的回答；企业微信里有一条内容相同、但创建时间更早的任务，不能确定是不是这一条，"
            "所以没有再创建。请在企业微信里看一眼，需要的话重新排一条"
        )


class TaskSearch:
    """Finds the task of a post after a lost answer: created since the call, by the API, with the same text
    and kinds of attachments, for this sender and no other recipients, and not known as another post's.
    """

    def __init__(self, client: WeComClient, database: Database, *, clock: Clock) -> None:
        self._client = client
        self._database = database
        self._clock = clock

    async def find(self, effect: OutboxEffect) -> Sent | None:
        """Return what the call made, or None when it is not listed (yet).

        Raises:
            Undecidable: on the second look, when all that fits was created before the call.
            WeComError: the lists could not be read.
        """
        wanted = CreateTask.model_validate(effect.payload)
        dispatched = effect.dispatched_at or effect.created_at
        async with self._database.read() as session:
            post = await get_post(session, wanted.post_id)
            taken = await push.known_remote_ids(session, kind=post.kind, since=dispatched - SKEW)
        doubtful = False
        async for record in self._listed(post, dispatched - SKEW, self._clock.now() + SKEW):
            remote_id = record_id(record)
            if remote_id in taken or not same_content(post, record):
                continue
            if (listed := await self._recipients(post, remote_id)) is None:
                continue
            if not after_dispatch(record, dispatched):
                doubtful = True
                continue
            # What the answer would have named in its fail_list is what the task leaves out.
            left_out = set(recipients_of(post.kind, post.audience)) - listed if listed else set()
            unreachable = sorted(left_out) if post.kind == "direct" else []
            return Sent(result={"remote_id": remote_id, "found": True, "unreachable": unreachable})
        if doubtful and effect.looks:
            raise Undecidable
        return None

    def _listed(
        self, post: Post, start: datetime, end: datetime
    ) -> AsyncIterator[MomentRecord] | AsyncIterator[MassRecord]:
        if post.kind == "moment":
            return self._client.moments.list(start, end)
        return self._client.mass.list("single" if post.kind == "direct" else "group", start, end)

    async def _recipients(self, post: Post, remote_id: str) -> set[str] | None:
        """Return whom the listed task reaches, as far as WeCom says; None when it is not this post's."""
        try:
            if post.kind == "moment":
                members = {task.userid async for task in self._client.moments.tasks(remote_id)}
                return set() if post.sender in members else None
            members = {task.userid async for task in self._client.mass.tasks(remote_id)}
            if post.sender not in members:
                return None
            listed = {
                row.external_userid or row.chat_id or ""
                async for row in self._client.mass.results(remote_id, post.sender)
            }
        except Refused as exc:
            if exc.errcode in GONE:
                return None
            raise
        # Groups are listed once the member has sent to them, patients at once: none listed proves nothing.
        return listed if listed <= set(recipients_of(post.kind, post.audience)) else None


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


def after_dispatch(record: MomentRecord | MassRecord, dispatched: datetime) -> bool:
    """Tell whether a listed task was created since the call; WeCom counts whole seconds."""
    return record.create_time is None or record.create_time >= dispatched.replace(microsecond=0)
