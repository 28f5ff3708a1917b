"""Deliveries about tags: putting them on and off, and reading which the corp has."""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, Final

from sqlalchemy import select

from bot.deliveries.base import Outcome, PlainDelivery, Sent
from clinic import audit, corp_listing, people, tagging, todos
from clinic.effects import FetchCorpTags, MarkTags
from clinic.tables import Follow
from store import outbox
from wecom.errors import Refused

if TYPE_CHECKING:
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.corp_tags import CorpTags
    from store.outbox import OutboxEffect
    from wecom.client import WeComClient

UNKNOWN_TAG: Final = 40068
QUOTA: Final = 40126
AT_ONCE: Final = 1000  # of the 3000 tags that one member may put on one patient (doc 92697)
AGAIN_WITHIN: Final = timedelta(days=1)


class TagDelivery(PlainDelivery):
    """Puts tags on and off; doing it twice is doing it once."""

    kind: ClassVar[str] = MarkTags.kind

    def __init__(self, client: WeComClient, corp_tags: CorpTags) -> None:
        self._client = client
        self._corp_tags = corp_tags

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = MarkTags.model_validate(effect.payload)
        try:
            ids = await self._mark(wanted)
        except Refused as exc:
            if exc.errcode != UNKNOWN_TAG:
                raise
            # Deleted in the corp since we read it: read again, create again, once.
            self._corp_tags.forget()
            ids = await self._mark(wanted)
        return Sent(result={"tags": wanted.add, "removed": wanted.remove}, facts=ids)

    async def _mark(self, wanted: MarkTags) -> dict[str, str]:
        add = await self._corp_tags.ids_for(wanted.add)
        # What the corp does not have nobody wears: it need not be taken off.
        remove = await self._corp_tags.ids_for(wanted.remove, create=False)
        changes = [*((tag, True) for tag in add.values()), *((tag, False) for tag in remove.values())]
        for start in range(0, len(changes), AT_ONCE):
            some = changes[start : start + AT_ONCE]
            await self._client.tags.mark(
                wanted.userid,
                wanted.external_userid,
                add=[tag for tag, on in some if on],
                remove=[tag for tag, on in some if not on],
            )
        return add | remove

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = MarkTags.model_validate(effect.payload)
        with suppress(people.Forgotten):  # meanwhile, while WeCom was asked
            if outcome.state == outbox.SENT:
                await self._sent(session, effect, wanted, outcome, now=now)
            elif outcome.state in (outbox.REFUSED, outbox.EXPIRED):
                await self._missed(session, wanted, outcome, now=now)

    async def _sent(
        self,
        session: AsyncSession,
        effect: OutboxEffect,
        wanted: MarkTags,
        outcome: Outcome,
        *,
        now: datetime,
    ) -> None:
        await corp_listing.record_corp_tags(session, outcome.facts)
        patient = await people.patient_of(session, wanted.external_userid, now=now)
        _note(session, wanted, "tags.marked", _told(wanted), now=now)
        follow = (
            await session.scalars(
                select(Follow)
                .where(Follow.patient_id == patient.id, Follow.userid == wanted.userid)
                .with_for_update()
                .execution_options(populate_existing=True)
            )
        ).one_or_none()
        if follow is not None and not follow.connected:
            return  # it ended meanwhile; what is remembered of it was settled then
        await tagging.record_marked(
            session,
            userid=wanted.userid,
            patient_id=patient.id,
            added={path: _mark_of(wanted, path) for path in wanted.add},
            removed=wanted.remove,
            now=now,
        )
        if follow is not None and follow.tags_asked is not None:
            await self._put_right(session, effect, wanted, set(follow.tags_asked), now=now)

    async def _put_right(
        self,
        session: AsyncSession,
        effect: OutboxEffect,
        wanted: MarkTags,
        asked: set[str],
        *,
        now: datetime,
    ) -> None:
        """Ask once more when a younger wish about the same tags was fulfilled before this older one.

        Calls run side by side and a busy WeCom lets some wait; the last word must not be an old one.
        """
        add = [path for path in wanted.remove if path in asked]
        remove = [path for path in wanted.add if path not in asked]
        if add or remove:
            await outbox.put(
                session,
                MarkTags(
                    userid=wanted.userid,
                    external_userid=wanted.external_userid,
                    add=add,
                    remove=remove,
                    reason="核对：以最新的为准",
                    notes={path: note for path, note in wanted.notes.items() if path in add},
                ),
                key=f"tags-again:{effect.id}",
                now=now,
                deadline=now + AGAIN_WITHIN,
                cause="标签以最新的为准，核对一次",
            )

    async def _missed(
        self, session: AsyncSession, wanted: MarkTags, outcome: Outcome, *, now: datetime
    ) -> None:
        patient = await people.patient_of(session, wanted.external_userid, now=now)
        await tagging.nothing_under_way(session, patient.id, wanted.userid)
        paths = "、".join([*wanted.add, *(f"去掉 {path}" for path in wanted.remove)])
        _note(session, wanted, "tags.missed", f"标签 {paths} 没有改成：{outcome.error}", now=now)
        if outcome.errcode == QUOTA:
            await todos.ask(
                session,
                key=f"tag-quota:{now:%G-%V}",
                kind="tag_quota",
                assignee=todos.MANAGER,
                title="企业标签数量已满，新标签打不上",
                body="请到企业微信管理后台“客户联系 → 客户标签”删掉不用的标签，之后会自动补上。",
                now=now,
            )


class CorpTagsFetch(PlainDelivery):
    """Reads all corp tags into our records."""

    kind: ClassVar[str] = FetchCorpTags.kind

    def __init__(self, corp_tags: CorpTags) -> None:
        self._corp_tags = corp_tags

    async def send(self, effect: OutboxEffect) -> Sent:
        del effect
        return Sent(facts=await self._corp_tags.read_all())

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        if outcome.state != outbox.SENT:
            return
        found = await corp_listing.record_listing(
            session, outcome.facts, asked_at=effect.dispatched_at or effect.created_at
        )
        changes = [f"{old} 改名为 {new}" for old, new in found.renamed.items()]
        changes += [f"{path} 被删除" for path in found.gone]
        if changes:
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="corp_tags.changed",
                subject="corp:tags",
                reason=f"企业微信里的标签有改动：{'；'.join(changes)}",
                detail={"renamed": dict(found.renamed), "gone": list(found.gone)},
            )


def _mark_of(wanted: MarkTags, path: str) -> tagging.Mark:
    note = wanted.notes.get(path)
    if note is None:
        return tagging.Mark(reason=wanted.reason)
    return tagging.Mark(reason=note.reason, rule=note.rule, expires_at=note.expires_at)


def _told(wanted: MarkTags) -> str:
    # Effects queued before rules had notes say only why.
    return f"标签 {wanted.reason}" if wanted.notes else f"标签 {'、'.join(wanted.add)}：{wanted.reason}"


def _note(session: AsyncSession, wanted: MarkTags, action: str, reason: str, *, now: datetime) -> None:
    audit.record(
        session,
        at=now,
        actor=audit.RULES,
        action=action,
        subject=f"patient:{wanted.external_userid}",
        reason=reason,
        detail={"userid": wanted.userid, "tags": wanted.add, "removed": wanted.remove},
    )
