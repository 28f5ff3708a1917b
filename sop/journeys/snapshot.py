"""Reading what is known of many patients, in a number of statements that does not grow with them."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from clinic.rules.facts import Facts, VisitFact
from clinic.rules.wearing import RULE, Word, worn
from content.plans.specs import JourneyBody
from sop.journeys import snapshot_queries as asks
from sop.journeys.conditions import Answered, Booking, Needs, Relation, Snapshot, needs_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan
    from sop.roster import Roster

MOST: Final = 500  # patients of one reading: what one statement may ask for on every database
BOOKED: Final = "booked"


def needs_of_plans(plans: Iterable[Plan]) -> Needs:
    """Return what it takes to decide the steps of these journeys."""
    found = Needs()
    for plan in plans:
        if not isinstance(plan.body, JourneyBody):
            continue
        steps = plan.body.steps
        conditions = [step.when for step in steps] + [way.when for step in steps for way in step.ways]
        stops = (*plan.body.stops, *plan.body.goal, *(stop for step in steps for stop in step.stops))
        found |= needs_of(conditions, stops)
    return found


async def snapshots_of(
    session: AsyncSession,
    patient_ids: Collection[int],
    *,
    needs: Needs,
    pack: Pack,
    roster: Roster,
    now: datetime,
) -> Mapping[int, Snapshot]:
    """Return what is known of these people as of ``now``, by the id that was asked for.

    An id of a record that was merged into another gives the person; one of nobody is left out.
    """
    found: dict[int, Snapshot] = {}
    ids = sorted(set(patient_ids))
    for start in range(0, len(ids), MOST):
        reading = _Reading(session, needs=needs, pack=pack, roster=roster, now=now)
        found |= await reading.read(ids[start : start + MOST])
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spoken:
    at: Mapping[int, datetime]  # by head: when she wrote or answered last
    answers: Mapping[int, Mapping[str, Answered]]


class _Reading:
    """One batch. Everything is kept by the id of the record that speaks for the person (the head)."""

    def __init__(
        self, session: AsyncSession, *, needs: Needs, pack: Pack, roster: Roster, now: datetime
    ) -> None:
        self._session, self._needs, self._pack, self._roster, self._now = session, needs, pack, roster, now
        self._exclusive = frozenset(group.name for group in pack.tag_groups if group.exclusive)
        self._head: dict[int, int] = {}  # of each record
        self._external: dict[str, int] = {}  # head by any of her external_userids
        self._externals: dict[int, str] = {}  # of each record
        self._records: dict[int, list[Any]] = defaultdict(list)
        self._personas: dict[str, tuple[str, str]] = {}

    async def read(self, asked: Sequence[int]) -> dict[int, Snapshot]:
        heads = await self._families(asked)
        follows = await self._follows()
        visits = await self._visits() if self._needs.visits else {}
        spoken = await self._spoken() if self._needs.spoken else _Spoken(at={}, answers={})
        referred = await self._referred() if self._needs.referrals else {}
        words = await self._words() if self._needs.tags else {}
        groups = await self._groups() if self._needs.groups else {}
        consents = await self._consents() if self._needs.consents else {}
        made: dict[int, Snapshot] = {}
        for head_id, records in self._records.items():
            head = records[0]
            mine = follows.get(head_id, ())
            made[head_id] = Snapshot(
                patient_id=head_id,
                external_userid=head.external_userid,
                gender=next((record.gender for record in records if record.gender), 0),
                erased=head.erased_at is not None,
                facts=self._facts(
                    records,
                    mine,
                    visits.get(head_id, ()),
                    spoken.at.get(head_id),
                    tuple(referred.get(head_id, ())),
                ),
                relations=tuple(self._relation(follow) for follow in mine),
                tags=self._worn(words[head_id], mine) if head_id in words else {},
                group_roles=frozenset(groups.get(head_id, ())),
                bookings=tuple(
                    Booking(at=visit.at, treatment=visit.treatment or "", told_at=visit.created_at)
                    for visit in visits.get(head_id, ())
                    if visit.status == BOOKED and visit.at > self._now
                ),
                spoke_at=spoken.at.get(head_id),
                answers=spoken.answers.get(head_id, {}),
                consents=frozenset(consents.get(head_id, ())),
            )
        return {one: made[heads[one]] for one in asked if heads.get(one) in made}

    @property
    def _ids(self) -> list[int]:
        return list(self._head)

    async def _families(self, asked: Sequence[int]) -> dict[int, int]:
        rows = await self._session.execute(asks.HEADS, {"ids": asked})
        heads = {patient_id: merged or patient_id for patient_id, merged in rows}
        wanted = sorted(set(heads.values()))
        records = await self._session.execute(asks.RECORDS, {"ids": wanted})
        for record in records:
            head = record.merged_into or record.id
            self._head[record.id] = head
            self._external[record.external_userid] = head
            self._externals[record.id] = record.external_userid
            self._records[head].append(record)
        return heads

    async def _follows(self) -> dict[int, list[Any]]:
        rows = await self._session.execute(asks.FOLLOWS, {"ids": self._ids})
        return self._by_head(rows)

    def _by_head(self, rows: Iterable[Any]) -> dict[int, list[Any]]:
        found: dict[int, list[Any]] = defaultdict(list)
        for row in rows:
            found[self._head[row.patient_id]].append(row)
        return found

    def _relation(self, follow: Any) -> Relation:
        if follow.userid not in self._personas:
            persona = self._roster.persona_of(follow.userid)
            self._personas[follow.userid] = (persona.key, persona.kind)
        key, kind = self._personas[follow.userid]
        return Relation(
            userid=follow.userid,
            external_userid=self._externals[follow.patient_id],
            channel=follow.channel,
            connected=bool(follow.connected),
            since=follow.added_at or follow.changed_at,
            persona=key,
            kind=kind,
        )

    async def _visits(self) -> dict[int, list[Any]]:
        rows = await self._session.execute(asks.VISITS, {"ids": self._ids})
        return self._by_head(rows)

    async def _spoken(self) -> _Spoken:
        wrote = await self._session.execute(asks.WROTE, {"externals": list(self._external), "now": self._now})
        last: dict[int, datetime] = {}
        for external, at in wrote:
            head = self._external[external]
            last[head] = max(at, last.get(head, at))
        rows = await self._session.execute(asks.ANSWERED, {"ids": self._ids, "now": self._now})
        answers: dict[int, dict[str, Answered]] = defaultdict(dict)
        for patient_id, survey, at, given in rows:
            head = self._head[patient_id]
            last[head] = max(at, last.get(head, at))
            answers[head][survey] = Answered(at=at, answers=given)
        return _Spoken(at=last, answers=answers)

    async def _referred(self) -> dict[int, list[datetime]]:
        rows = await self._session.execute(asks.REFERRED, {"ids": self._ids})
        found: dict[int, list[datetime]] = defaultdict(list)
        for referrer, at, merged in rows:
            head = self._head[referrer or 0]
            if merged is None or self._head.get(merged) != head:
                found[head].append(at)
        return found

    async def _words(self) -> dict[int, list[Word]]:
        """Return what was said about tags, and the tags on record that nothing said answers for.

        Those are put on by people on the phone, or by rules of conditions, whose words are not kept.
        """
        rows = await self._session.execute(asks.WORDS, {"ids": self._ids})
        found: dict[int, list[Word]] = defaultdict(list)
        for row in rows:
            found[self._head[row.patient_id]].append(_word(row, path=row.path, key=row.key))
        answered = {(head, word.rule) for head, words in found.items() for word in words}
        on_record = await self._session.execute(asks.ON_RECORD, {"ids": self._ids})
        for tag in on_record:
            head = self._head[tag.patient_id]
            if tag.origin != RULE or tag.rule is None or (head, tag.rule) not in answered:
                path = f"{tag.group_name}/{tag.name}"
                found[head].append(_word(tag, path=path, key=f"row:{tag.patient_id}:{tag.userid}:{path}"))
        return found

    def _worn(self, words: Sequence[Word], follows: Sequence[Any]) -> dict[str, Word]:
        """Return the tags on any of her relations: what one member took off, another may still have."""
        whose = sorted({follow.userid for follow in follows if follow.connected}) or [""]
        found: dict[str, Word] = {}
        for userid in whose:
            found |= worn(words, exclusive=self._exclusive, now=self._now, userid=userid)
        return found

    async def _groups(self) -> dict[int, set[str]]:
        rows = await self._session.execute(asks.GROUPS, {"externals": list(self._external)})
        found: dict[int, set[str]] = defaultdict(set)
        for person, name, role in rows:
            found[self._external[person]].add(self._pack.role_of_group(name, chosen=role).key)
        return found

    async def _consents(self) -> dict[int, set[str]]:
        rows = await self._session.execute(asks.CONSENTS, {"ids": self._ids, "now": self._now})
        found: dict[int, set[str]] = defaultdict(set)
        for patient_id, kind in rows:
            found[self._head[patient_id]].add(kind)
        return found

    def _facts(
        self,
        records: Sequence[Any],
        follows: Sequence[Any],
        visits: Sequence[Any],
        spoke_at: datetime | None,
        referred: tuple[datetime, ...],
    ) -> Facts:
        head = records[0]
        added = [at for follow in follows for at in (follow.first_added_at, follow.added_at) if at]
        came = [visit.at for visit in visits if visit.status != "cancelled" and visit.at <= self._now]
        since = min([*added, *(visit.at for visit in visits)], default=head.first_seen_at)
        return Facts(
            now=self._now,
            zone=self._pack.timezone,
            since=since,
            seen_at=max([*added, *came, *([spoke_at] if spoke_at else [])], default=since),
            stage=head.stage,
            stage_since=head.stage_at or since,
            born_on=next((record.born_on for record in records if record.born_on is not None), None),
            visits=tuple(
                VisitFact(
                    at=visit.at,
                    status=visit.status,
                    treatment=visit.treatment or "",
                    amount_fen=visit.amount_fen or 0,
                )
                for visit in visits
            ),
            referred=referred,
        )


def _word(row: Any, *, path: str, key: str) -> Word:
    return Word(
        key=key,
        path=path,
        present=getattr(row, "present", True),
        at=row.at,
        origin=row.origin,
        rule=row.rule,
        userid=row.userid,
        expires_at=row.expires_at,
        reason="",
    )
