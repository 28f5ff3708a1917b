"""Deliveries about patients and groups: reading details, and what changed in them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar, Final

from sqlalchemy import select

from bot.deliveries.base import Outcome, PlainDelivery, Sent
from clinic import audit, corp_listing, people, tagging
from clinic.effects import FetchContact
from clinic.identity import visible
from clinic.rules.happenings import Happening
from clinic.tables import Follow, Patient
from sop.consequences import reconsider
from sop.roster import load_roster
from store import outbox

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.outbox import OutboxEffect
    from store.vault import Vault
    from wecom.client import WeComClient

CORP_TAG: Final = 1  # a personal tag has no id, a strategy tag is none of ours


class ContactFetch(PlainDelivery):
    """Reads a patient's details into our records."""

    kind: ClassVar[str] = FetchContact.kind

    def __init__(self, client: WeComClient, vault: Vault, *, pack: Pack, public_url: str) -> None:
        self._client = client
        self._vault = vault
        self._pack = pack
        self._public_url = public_url

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = FetchContact.model_validate(effect.payload)
        return Sent(facts=await read_profile(self._client, wanted.external_userid))

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        if not isinstance(outcome.facts, people.Profile):
            return
        wanted = FetchContact.model_validate(effect.payload)
        asked_at = effect.dispatched_at or effect.created_at
        written_at = await session.scalar(
            select(Patient.updated_at).where(Patient.external_userid == wanted.external_userid)
        )
        if written_at is not None and written_at > asked_at:
            # Several are read at once: what another answer has told since may be younger than this one.
            await outbox.put(
                session,
                wanted,
                # By the reading that was overtaken, not by its key: however many rounds, one length.
                key=f"fetch:{wanted.external_userid}:again:{effect.id}",
                now=now,
                deadline=effect.deadline,
                cause="读取期间档案有更新，再读一次",
            )
            return
        try:
            patient = await people.apply_profile(session, outcome.facts, vault=self._vault, now=now)
        except people.Forgotten:
            return
        edited_at = wanted.edited_at
        edits = await note_edits(
            session,
            patient,
            outcome.facts,
            at=datetime.fromtimestamp(edited_at, UTC) if edited_at else asked_at,
            asked_at=asked_at,
            now=now,
        )
        if edits:
            await reconsider(
                session,
                patient,
                Happening(kind="tags_changed", at=now),
                pack=self._pack,
                roster=await load_roster(session, self._pack, now=now),
                public_url=self._public_url,
                now=now,
            )


async def note_edits(
    session: AsyncSession,
    patient: Patient,
    profile: people.Profile,
    *,
    at: datetime,
    asked_at: datetime,
    now: datetime,
) -> bool:
    """Write down the tags that members changed on their phones; return whether there were any.

    Args:
        at: when the edit was that made us look.
        asked_at: when WeCom was asked.
    """
    shown = {fact.userid: fact.tags for fact in profile.follows if fact.tags is not None}
    await corp_listing.record_corp_tags(session, {path: tag for tags in shown.values() for path, tag in tags})
    follows = await session.scalars(
        select(Follow)
        .where(Follow.patient_id == patient.id, Follow.userid.in_(shown))
        .order_by(Follow.id)
        .with_for_update()
    )
    found = False
    for follow in list(follows):
        edited = await tagging.note_worn(
            session,
            follow,
            {path for path, _ in shown[follow.userid]},
            at=at,
            asked_at=asked_at,
            now=now,
        )
        if edited:
            found = True
            words = [f"加上 {path}" for path in edited.put] + [f"去掉 {path}" for path in edited.taken]
            audit.record(
                session,
                at=now,
                actor=follow.userid,
                action="tags.edited",
                subject=f"patient:{patient.external_userid}",
                reason=f"成员 {follow.userid} 在手机上改了标签：{'，'.join(words)}",
                detail={"userid": follow.userid, "put": list(edited.put), "taken": list(edited.taken)},
            )
    return found


async def read_profile(client: WeComClient, external_userid: str, *, urgent: bool = False) -> people.Profile:
    """Read a contact (externalcontact/get) as our records take it."""
    detail = await client.contacts.get(external_userid, urgent=urgent)
    contact = detail.external_contact
    return people.Profile(
        external_userid=external_userid,
        name=visible(contact.name),
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
                tags=tuple(
                    (f"{tag.group_name}/{tag.tag_name}", tag.tag_id)
                    for tag in follow.tags
                    if tag.type == CORP_TAG and tag.tag_id and tag.group_name and tag.tag_name
                ),
            )
            for follow in detail.follow_user
        ),
    )
