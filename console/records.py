"""One patient as her page and the API show her: names instead of ids, phones and real names masked."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit, calling, consents, merging, people, timeline, todos
from clinic.care_tables import Visit
from clinic.identity import visible
from clinic.tables import CustomerGroup, Follow, GroupMember, PatientTag, Tag
from clinic.visits import VisitStatus
from console.cards import load_cards, masked_name, masked_phone
from console.views import load_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.care_tables import Consent, StageMove, Todo
    from clinic.consents import Standing
    from clinic.moments import Person
    from clinic.tables import Patient
    from console.cards import Card
    from console.views import Names
    from content.pack import Pack
    from store.vault import Vault

REVEAL: Final = "patient.reveal"
NAMELESS: Final = "未知昵称"
VISITS_SHOWN: Final = 50
# What add_way means (doc 92114).
ADD_WAYS: Final = {
    0: "未知来源",
    1: "扫二维码",
    2: "搜索手机号",
    3: "名片分享",
    4: "群聊",
    5: "手机通讯录",
    6: "微信联系人",
    8: "自动添加的客服",
    9: "搜索邮箱",
    10: "视频号",
    11: "日程参与人",
    12: "会议参与人",
    13: "微信好友的企业微信",
    14: "智慧硬件客服",
    15: "上门服务客服",
    16: "获客链接",
    17: "定制开发",
    18: "需求回复",
    21: "第三方售前客服",
    22: "可能的商务伙伴",
    24: "接受微信上的好友申请",
    201: "内部成员共享",
    202: "管理员分配",
}
LOST_BY: Final = {
    people.BY_PATIENT: "客户删除了成员",
    people.BY_MEMBER: "成员删除了客户",
    people.BY_SYNC: "对账发现已不在列表",
    "erasure": "按要求删除信息",
}
ORIGINS: Final = {"rule": "规则", "wecom": "企业微信", "staff": "员工", "import": "导入"}
JOIN_SCENES: Final = {1: "被邀请", 2: "通过链接", 3: "扫码"}
GENDERS: Final = {1: "男", 2: "女"}


class RecordNotFound(LookupError):
    """There is no such patient (any more); the message says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FollowView:
    """One member's relation to the patient."""

    row: Follow
    member: str
    remark: str
    channel: str  # its title in the pack
    add_way: str
    record: str

    @property
    def standing(self) -> bool:
        return self.row.lost_at is None and not self.row.half

    @property
    def lost_by(self) -> str:
        return LOST_BY.get(self.row.lost_by or "", self.row.lost_by or "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TagView:
    """A tag on the patient; ``members`` whose relations carry it."""

    path: str
    name: str
    members: tuple[str, ...]
    origin: str
    reason: str
    rule: str | None
    at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupView:
    """A customer group that the patient is in."""

    chat_id: str
    name: str
    joined_at: datetime | None
    scene: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentView:
    """A consent and whether it holds now."""

    row: Consent
    title: str
    standing: Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitView:
    """A visit in words."""

    id: int
    number: str
    at: datetime
    treatment: str
    status: str
    status_label: str
    doctor: str
    amount_fen: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Everything that the page of one patient shows, but for the timeline."""

    patient: Patient  # the record that speaks for the person
    family: tuple[Patient, ...]
    card: Card
    clinic_number: str
    born_on: date | None
    gender: str
    referrer: Card | None
    follows: tuple[FollowView, ...]
    tags: tuple[TagView, ...]
    moves: tuple[StageMove, ...]
    groups: tuple[GroupView, ...]
    visits: tuple[VisitView, ...]
    consents: tuple[ConsentView, ...]
    todos: Sequence[Todo]
    names: Names

    @property
    def name(self) -> str:
        return self.card.name


def treatments_of(pack: Pack) -> Mapping[str, str]:
    """Return what the catalogue's treatments are called, by key."""
    return {spec.key: spec.title for spec in pack.treatments}


async def load_record(
    session: AsyncSession, patient: Patient, *, pack: Pack, vault: Vault, now: datetime
) -> Record:
    """Read everything about the person that this record, or the one it was merged into, stands for."""
    family = await merging.family_of(session, patient)
    head, ids = family[0], [record.id for record in family]
    external = {record.id: record.external_userid for record in family}
    follows = (
        await session.scalars(
            select(Follow)
            .where(Follow.patient_id.in_(ids))
            .order_by(Follow.lost_at.is_not(None), Follow.added_at.desc(), Follow.id)
        )
    ).all()
    worn = await worn_tags(session, ids)
    moves = await timeline.stage_moves(session, ids)
    visits = await _visits(session, ids, treatments_of(pack))
    about = await todos.listed(session, patient_ids=ids)
    names = await load_names(
        session,
        userids={
            *(follow.userid for follow in follows),
            *(tag.userid for tag, _ in worn),
            *(visit.doctor for visit in visits),
            *(move.actor for move in moves),
            *(todo.assignee for todo in about),
            *calling.userids_in([*(tag.reason for tag, _ in worn), *(move.reason for move in moves)]),
        },
    )
    channels = {spec.state: spec.title for spec in pack.channels}
    (card,) = await load_cards(session, [head], vault)
    card = _completed(card, family, vault)
    referrer = await session.get(type(head), head.referrer_id) if head.referrer_id else None
    return Record(
        patient=head,
        family=tuple(family),
        card=card,
        clinic_number=next((record.clinic_number for record in family if record.clinic_number), ""),
        born_on=next((record.born_on for record in family if record.born_on), None),
        gender=GENDERS.get(head.gender, ""),
        referrer=(await load_cards(session, [referrer], vault))[0] if referrer else None,
        follows=tuple(
            FollowView(
                row=follow,
                member=names.person(follow.userid),
                remark=people.remark_of(follow, vault),
                channel=channels.get(follow.channel, follow.channel),
                add_way=ADD_WAYS.get(follow.add_way or 0, ADD_WAYS[0]),
                record=external[follow.patient_id],
            )
            for follow in follows
        ),
        tags=_tag_views(worn, names),
        moves=tuple(moves),
        groups=await _groups(session, list(external.values())),
        visits=tuple(visits),
        consents=tuple(
            ConsentView(
                row=consent,
                title=consents.ConsentKind(consent.kind).title,
                standing=consents.standing(consent, now=now),
            )
            for consent in await consents.of_patients(session, ids)
        ),
        todos=about,
        names=names,
    )


def person_of(record: Record, *, pack: Pack, vault: Vault, now: datetime) -> Person:
    """Return whose timeline to read."""
    return timeline.person_of(record.family, vault, now=now, treatments=treatments_of(pack))


def revealed(family: Sequence[Patient], vault: Vault) -> tuple[str, str]:
    """Return real name and phone in clear; the caller writes down who asked (:func:`note_reveal`)."""
    real = next((name for one in family if (name := people.real_name_of(one, vault))), "")
    phone = next((phone for one in family if (phone := people.phone_of(one, vault))), "")
    return real, phone


def note_reveal(session: AsyncSession, patient: Patient, *, actor: str, reason: str, now: datetime) -> None:
    """Write down that somebody saw a real name and a phone in clear."""
    audit.record(
        session,
        at=now,
        actor=actor,
        action=REVEAL,
        subject=f"patient:{patient.external_userid}",
        reason=f"查看了完整的姓名和电话：{reason}" if reason else "查看了完整的姓名和电话",
    )


def _completed(card: Card, family: Sequence[Patient], vault: Vault) -> Card:
    """Let the speaking record show what only the others know."""
    return replace(
        card,
        name=card.name or next((n for one in family if (n := visible(people.name_of(one, vault)))), ""),
        real_name=next((n for one in family if (n := masked_name(one, vault))), ""),
        phone=next((p for one in family if (p := masked_phone(one, vault))), ""),
        first_seen_at=min(one.first_seen_at for one in family),
    )


async def worn_tags(session: AsyncSession, ids: Sequence[int]) -> list[tuple[PatientTag, Tag]]:
    """Return the tags on these records, one for each relation that carries it."""
    rows = await session.execute(
        select(PatientTag, Tag)
        .join(Tag, Tag.id == PatientTag.tag_id)
        .where(PatientTag.patient_id.in_(ids))
        .order_by(Tag.group_name, Tag.name, PatientTag.userid)
    )
    return [(worn, tag) for worn, tag in rows]


def _tag_views(worn: Iterable[tuple[PatientTag, Tag]], names: Names) -> tuple[TagView, ...]:
    by_path: defaultdict[str, list[PatientTag]] = defaultdict(list)
    for row, tag in worn:
        by_path[tag.path].append(row)
    views = []
    for path, rows in by_path.items():
        first = min(rows, key=lambda row: row.at)
        views.append(
            TagView(
                path=path,
                name=path.partition("/")[2],
                members=tuple(dict.fromkeys(names.person(row.userid) for row in rows)),
                origin=ORIGINS.get(first.origin, first.origin),
                reason=names.sentence(first.reason),
                rule=first.rule,
                at=first.at,
                expires_at=first.expires_at,
            )
        )
    return tuple(views)


async def _groups(session: AsyncSession, external: Sequence[str]) -> tuple[GroupView, ...]:
    rows = await session.execute(
        select(GroupMember, CustomerGroup.name)
        .join(CustomerGroup, CustomerGroup.chat_id == GroupMember.chat_id)
        .where(GroupMember.person.in_(external), CustomerGroup.dismissed_at.is_(None))
        .order_by(GroupMember.joined_at.desc(), GroupMember.chat_id)
    )
    return tuple(
        GroupView(
            chat_id=seat.chat_id,
            name=name or "未命名的群",
            joined_at=seat.joined_at,
            scene=JOIN_SCENES.get(seat.join_scene, ""),
        )
        for seat, name in rows
    )


async def _visits(
    session: AsyncSession, ids: Sequence[int], titles: Mapping[str, str]
) -> Sequence[VisitView]:
    rows = await session.scalars(
        select(Visit)
        .where(Visit.patient_id.in_(ids))
        .order_by(Visit.at.desc(), Visit.id.desc())
        .limit(VISITS_SHOWN)
    )
    return [
        VisitView(
            id=visit.id,
            number=visit.number,
            at=visit.at,
            treatment=titles.get(visit.treatment or "") or visit.treatment_code or "未写项目",
            status=visit.status,
            status_label=VisitStatus(visit.status).label,
            doctor=visit.doctor,
            amount_fen=visit.amount_fen,
        )
        for visit in rows
    ]
