"""Deliveries about patients: tags, and reading details."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final

from bot.deliveries.base import Outcome, PlainDelivery, Sent
from clinic import audit, people, tagging
from clinic.effects import FetchContact, MarkTags
from store import outbox
from wecom.errors import Refused

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from bot.corp_tags import CorpTags
    from store.outbox import OutboxEffect
    from store.vault import Vault
    from wecom.client import WeComClient

UNKNOWN_TAG: Final = 40068


class TagDelivery(PlainDelivery):
    """Marks tags; marking twice is marking once."""

    kind: ClassVar[str] = MarkTags.kind

    def __init__(self, client: WeComClient, corp_tags: CorpTags) -> None:
        self._client = client
        self._corp_tags = corp_tags

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = MarkTags.model_validate(effect.payload)
        ids = await self._corp_tags.ids_for(wanted.add)
        try:
            await self._client.tags.mark(wanted.userid, wanted.external_userid, add=list(ids.values()))
        except Refused as exc:
            if exc.errcode != UNKNOWN_TAG:
                raise
            # Deleted in the corp since we read it: read again, create again, once.
            self._corp_tags.forget()
            ids = await self._corp_tags.ids_for(wanted.add)
            await self._client.tags.mark(wanted.userid, wanted.external_userid, add=list(ids.values()))
        return Sent(result={"tags": wanted.add}, facts=ids)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = MarkTags.model_validate(effect.payload)
        subject = f"patient:{wanted.external_userid}"
        detail = {"userid": wanted.userid, "tags": wanted.add}
        if outcome.state == outbox.SENT:
            await tagging.record_corp_tags(session, outcome.facts)
            await tagging.record_marked(
                session,
                userid=wanted.userid,
                external_userid=wanted.external_userid,
                added=wanted.add,
                origin="rule",
                reason=wanted.reason,
                now=now,
            )
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="tags.marked",
                subject=subject,
                reason=f"标签 {'、'.join(wanted.add)}：{wanted.reason}",
                detail=detail,
            )
        elif outcome.state in (outbox.REFUSED, outbox.EXPIRED):
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="tags.missed",
                subject=subject,
                reason=f"标签 {'、'.join(wanted.add)} 没有打上：{outcome.error}",
                detail=detail,
            )


class ContactFetch(PlainDelivery):
    """Reads a patient's details into our records."""

    kind: ClassVar[str] = FetchContact.kind

    def __init__(self, client: WeComClient, vault: Vault) -> None:
        self._client = client
        self._vault = vault

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = FetchContact.model_validate(effect.payload)
        return Sent(facts=await read_profile(self._client, wanted.external_userid))

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        del effect
        if isinstance(outcome.facts, people.Profile):
            await people.apply_profile(session, outcome.facts, vault=self._vault, now=now)


async def read_profile(client: WeComClient, external_userid: str, *, urgent: bool = False) -> people.Profile:
    """Read a contact (externalcontact/get) as our records take it."""
    detail = await client.contacts.get(external_userid, urgent=urgent)
    contact = detail.external_contact
    return people.Profile(
        external_userid=external_userid,
        name=contact.name,
        unionid=contact.unionid or None,
        gender=contact.gender,
        follows=tuple(
            people.FollowFact(
                userid=follow.userid,
                channel=follow.state,
                add_way=follow.add_way,
                added_at=follow.created_at or datetime.now(UTC),
                remark=follow.remark,
                phones=follow.remark_mobiles,
            )
            for follow in detail.follow_user
        ),
    )
