"""Tells one person's history to the handlers, event by event, and lets WeCom accept what is asked of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from bot.deliveries.base import Outcome
from bot.deliveries.groups import GroupFetch, _Read
from bot.deliveries.kf import KfFetch, _News
from bot.deliveries.people import ContactFetch
from bot.deliveries.tags import TagDelivery
from clinic import people
from clinic.care_tables import GroupMove, StageMove, Visit
from clinic.effects import FetchContact, MarkTags
from clinic.kf import FROM_CUSTOMER, Heard
from clinic.people import FollowFact, Profile
from clinic.rules.happenings import Happening
from clinic.rules.wearing import RULE
from clinic.tables import Follow, Patient, PatientTag, Tag
from clinic.tables import GroupMember as Seat
from handlers.contacts import contact_router
from handlers.groups import group_router
from handlers.kf import kf_router
from handlers.router import Router, Turn
from sop.consequences import reconsider
from sop.roster import load_roster
from store import outbox
from store.outbox import OutboxEffect
from store.vault import Vault
from wecom.api.groups import GroupChat, GroupMember
from wecom.events import (
    ContactAdded,
    ContactEdited,
    ContactRemovedByMember,
    GroupUpdated,
    MemberRemovedByContact,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from content.pack import Pack
    from store.database import Database
    from wecom.events import Event

NOW: Final = datetime(2026, 11, 23, 1, tzinfo=UTC)
WHO: Final = "wmAAAA0000000000000000000000001"
PUBLIC: Final = "http://127.0.0.1:8080"


def added(
    userid: str, at: datetime, *, state: str | None = None, half: bool = False, who: str = WHO
) -> ContactAdded:
    return ContactAdded(
        corp_id="ww",
        happened_at=at,
        kind="change_external_contact.add_external_contact",
        userid=userid,
        external_userid=who,
        state=state,
        welcome_code=None,
        half=half,
    )


def left(userid: str, at: datetime, *, who: str = WHO) -> MemberRemovedByContact:
    return MemberRemovedByContact(
        corp_id="ww",
        happened_at=at,
        kind="change_external_contact.del_follow_user",
        userid=userid,
        external_userid=who,
    )


def removed(userid: str, at: datetime, *, transfer: bool = False, who: str = WHO) -> ContactRemovedByMember:
    return ContactRemovedByMember(
        corp_id="ww",
        happened_at=at,
        kind="change_external_contact.del_external_contact",
        userid=userid,
        external_userid=who,
        source="DELETE_BY_TRANSFER" if transfer else None,
    )


def edited(userid: str, at: datetime, *, who: str = WHO) -> ContactEdited:
    return ContactEdited(
        corp_id="ww",
        happened_at=at,
        kind="change_external_contact.edit_external_contact",
        userid=userid,
        external_userid=who,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Came:
    """She came to the clinic, or booked; a visit is recorded once, however often it is told."""

    happened_at: datetime
    treatment: str
    status: str = "done"
    external_userid: str = WHO


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """She used one of the pack's keywords in 微信客服."""

    happened_at: datetime
    keyword: str
    external_userid: str = WHO


@dataclass(frozen=True, slots=True, kw_only=True)
class Wrote:
    """She wrote in 微信客服; it is read once or more often, and at whatever time."""

    happened_at: datetime
    text: str
    external_userid: str = WHO


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """She came into her group, or went; ``number``: which change of the group's people this was."""

    happened_at: datetime
    joined: bool
    number: int
    external_userid: str = WHO

    def event(self) -> GroupUpdated:
        return GroupUpdated(
            corp_id="ww",
            happened_at=self.happened_at,
            kind="change_external_chat.update",
            chat_id=group_of(self.external_userid),
            update_detail="add_member" if self.joined else "del_member",
            members=(self.external_userid,),
            join_scene=3 if self.joined else 0,
            quit_scene=0,
            last_version=f"version-{self.number - 1}",
            current_version=f"version-{self.number}",
        )


def group_of(who: str) -> str:
    """Return the group that is there for one person."""
    return f"wr-{who}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Teller:
    """One database, one pack, and the handlers of contacts, groups and 微信客服."""

    database: Database
    pack: Pack
    vault: Vault = field(default_factory=lambda: Vault("a secret of the tests"))

    async def tell(self, event: Event | Came | Said | Wrote | Moved, *, now: datetime = NOW) -> int:
        """Handle one event in its own transaction; return how many handlers it called."""
        if isinstance(event, Came | Said):
            await self._hear(event, now=now)
            return 0
        if isinstance(event, Wrote):
            await self._read_kf(event, now=now)
            return 0
        routers = Router("history")
        routers.include(
            contact_router(self.pack, public_url=PUBLIC),
            group_router(self.pack, public_url=PUBLIC),
            kf_router(self.pack, vault=self.vault, public_url=PUBLIC),
        )
        async with self.database.write() as session:
            turn = Turn(session=session, now=now, received_at=now)
            return await routers.handle(event.event() if isinstance(event, Moved) else event, turn)

    async def _read_kf(self, said: Wrote, *, now: datetime) -> None:
        heard = Heard(
            msgid=f"{said.external_userid}:{said.happened_at:%m%d%H%M}:{said.text}",
            open_kfid="wk-1",
            external_userid=said.external_userid,
            origin=FROM_CUSTOMER,
            kind="text",
            text=said.text,
            at=said.happened_at,
        )
        delivery = KfFetch(
            None,  # type: ignore[arg-type]  # it makes no call here, as below
            self.database,
            pack=self.pack,
            vault=self.vault,
            public_url=PUBLIC,
            clock=None,  # type: ignore[arg-type]
        )
        effect = OutboxEffect(payload={"open_kfid": "wk-1", "token": "", "rung_at": 0})
        news = _News(since="", cursor="", heard=(heard,), more=False, name="")
        async with self.database.write() as session:
            await delivery.record(session, effect, Outcome(state=outbox.SENT, facts=news), now=now)

    async def read_contact(
        self, tags: Mapping[str, Iterable[str]], *, edited_at: datetime, asked_at: datetime, who: str = WHO
    ) -> None:
        """Let her details be read: these tags of people's hands, by member, and those that we put on."""
        async with self.database.write() as session:
            ours = await session.execute(
                select(PatientTag.userid, Tag.group_name + "/" + Tag.name)
                .join(Tag, Tag.id == PatientTag.tag_id)
                .join(Patient, Patient.id == PatientTag.patient_id)
                .where(PatientTag.origin == RULE, Patient.external_userid == who)
            )
            shown = {userid: set(paths) for userid, paths in tags.items()}
            for userid, path in ours:
                shown.setdefault(userid, set()).add(path)
            profile = Profile(
                external_userid=who,
                name="晓晴",
                unionid=None,
                gender=2,
                follows=tuple(
                    FollowFact(
                        userid=userid,
                        channel="",
                        add_way=1,
                        added_at=NOW - timedelta(days=1),
                        tags=tuple((path, f"et-{path}") for path in sorted(paths)),
                    )
                    for userid, paths in sorted(shown.items())
                ),
            )
            wanted = FetchContact(external_userid=who, edited_at=int(edited_at.timestamp()))
            effect = OutboxEffect(
                id=int(asked_at.timestamp()),
                key=f"fetch:{who}:{asked_at:%H%M%S}",
                payload=wanted.model_dump(mode="json"),
                dispatched_at=asked_at,
                deadline=asked_at + timedelta(days=1),
            )
            delivery = ContactFetch(None, self.vault, pack=self.pack, public_url=PUBLIC)  # type: ignore[arg-type]
            await delivery.record(session, effect, Outcome(state=outbox.SENT, facts=profile), now=asked_at)

    async def read_group(self, moves: Sequence[Moved], *, who: str = WHO, now: datetime = NOW) -> None:
        """Let her group be read as it is after these changes, which WeCom knows in order."""
        begun = NOW - timedelta(days=30)
        people = [GroupMember(userid="li.na", type=1, join_time=begun)]
        if moves and moves[-1].joined:
            people.append(GroupMember(userid=who, type=2, join_time=moves[-1].happened_at, join_scene=3))
        chat = GroupChat(
            chat_id=group_of(who),
            name="儿牙成长营",
            owner="li.na",
            create_time=begun,
            member_list=tuple(people),
            member_version=f"version-{moves[-1].number if moves else 0}",
        )
        # Only what it writes down is asked of it here; it makes no call.
        delivery = GroupFetch(None, self.database, pack=self.pack, public_url=PUBLIC, clock=None)  # type: ignore[arg-type]
        outcome = Outcome(state=outbox.SENT, facts=_Read(chat=chat, asked_at=now))
        async with self.database.write() as session:
            await delivery.record(session, OutboxEffect(), outcome, now=now)

    async def _hear(self, fact: Came | Said, *, now: datetime) -> None:
        """Record what the clinic's system or 微信客服 tells, as those who take it in do."""
        async with self.database.write() as session:
            patient = await people.patient_of(session, fact.external_userid, now=now)
            if isinstance(fact, Said):
                happening = Happening(kind="keyword", at=fact.happened_at, keyword=fact.keyword)
            else:
                happening = Happening(
                    kind="visit",
                    at=fact.happened_at,
                    visit_status=fact.status,
                    treatment=fact.treatment,
                )
                number = f"{patient.id}:{happening.key}"
                known = await session.scalar(select(Visit.id).where(Visit.number == number))
                if known is None:
                    session.add(
                        Visit(
                            patient_id=patient.id,
                            source="clinic",
                            number=number,
                            status=fact.status,
                            at=fact.happened_at,
                            treatment=fact.treatment,
                            amount_fen=250_000,
                            created_at=now,
                            updated_at=now,
                        )
                    )
            await reconsider(
                session,
                patient,
                happening,
                pack=self.pack,
                roster=await load_roster(session, self.pack),
                public_url=PUBLIC,
                now=now,
            )

    async def accept(self, *, now: datetime = NOW) -> int:
        """Let WeCom accept every change of tags that is queued, oldest first; return how many."""
        accepted = 0
        while True:
            async with self.database.write() as session:
                effect = await session.scalar(
                    select(OutboxEffect)
                    .where(OutboxEffect.kind == MarkTags.kind, OutboxEffect.state == outbox.QUEUED)
                    .order_by(OutboxEffect.id)
                    .limit(1)
                )
                if effect is None:
                    return accepted
                effect.state = outbox.SENT
                wanted = MarkTags.model_validate(effect.payload)
                ids = {path: f"et-{path}" for path in (*wanted.add, *wanted.remove)}
                # Only what it writes down is asked of it here; it makes no call.
                delivery = TagDelivery(client=None, corp_tags=None)  # type: ignore[arg-type]
                await delivery.record(session, effect, Outcome(state=outbox.SENT, facts=ids), now=now)
                accepted += 1

    async def marks(self) -> int:
        """Count the changes of tags that were ever asked of WeCom."""
        async with self.database.read() as session:
            query = select(func.count()).where(OutboxEffect.kind == MarkTags.kind)
            return int(await session.scalar(query) or 0)

    async def record(self, who: str = WHO) -> dict[str, Any]:
        """Return everything that is known of a patient and that events decide."""
        async with self.database.read() as session:
            patient = await session.scalar(select(Patient).where(Patient.external_userid == who))
            if patient is None:
                return {}
            follows = await session.scalars(
                select(Follow).where(Follow.patient_id == patient.id).order_by(Follow.userid)
            )
            tags = await session.execute(
                select(PatientTag.userid, Tag.group_name, Tag.name, PatientTag.rule)
                .join(Tag, Tag.id == PatientTag.tag_id)
                .where(PatientTag.patient_id == patient.id)
                .order_by(PatientTag.userid, Tag.group_name, Tag.name)
            )
            moves = await session.execute(
                select(StageMove.key, StageMove.stage, StageMove.at)
                .where(StageMove.patient_id == patient.id)
                .order_by(StageMove.key)
            )
            groups = await session.execute(
                select(GroupMove.chat_id, GroupMove.kind, GroupMove.at)
                .where(GroupMove.person == who)
                .order_by(GroupMove.at)
            )
            seats = await session.scalars(select(Seat.chat_id).where(Seat.person == who))
            return {
                "groups": [(row.chat_id.removesuffix(who), row.kind, row.at) for row in groups],
                "seats": len(seats.all()),
                "stage": (patient.stage, patient.stage_at),
                "follows": [
                    (
                        f.userid,
                        f.channel,
                        f.first_added_at,
                        f.added_at,
                        f.lost_at,
                        f.lost_by,
                        f.half,
                        f.changed_at,
                    )
                    for f in follows
                ],
                "tags": [tuple(row) for row in tags],
                "moves": [tuple(row) for row in moves],
            }
