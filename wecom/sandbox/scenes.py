"""Scenes: how a tenant begins. A scene is a function that fills an empty tenant; it calls nobody back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from .chain import chain
from .state import Department, Member

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tenant import Tenant

# (nickname, gender, {member: state}, groups): 福 = 护牙福利社, 娃 = 儿牙成长营, 种 = 张医生种植VIP服务群
_SMALL_PATIENTS: tuple[tuple[str, int, dict[str, str], str], ...] = (
    ("小鱼儿", 2, {"xiaohu": "front-desk"}, "福"),
    ("阿杰", 1, {"xiaohu": "front-desk"}, "福"),
    ("一叶知秋", 2, {"xiaohu": "wechat-oa"}, "福"),
    ("糖糖妈妈", 2, {"xiaohu": "front-desk", "li.na": "dr-li-card"}, "福娃"),
    ("老周", 1, {"xiaohu": "front-desk", "zhang.wei": "dr-zhang-card"}, "福种"),
    ("Cindy", 2, {"xiaohu": "douyin"}, "福"),
    ("向日葵", 2, {"xiaohu": "douyin"}, "福"),
    ("大海无量", 1, {"zhang.wei": "dr-zhang-card"}, "种"),
    ("乐乐爸", 1, {"xiaohu": "old-friend", "li.na": "dr-li-card"}, "娃"),
    ("云淡风轻", 2, {"xiaohu": "meituan"}, "福"),
    ("刘姐", 2, {"xiaohu": "old-friend"}, "福"),
    ("Kevin", 1, {"xiaohu": "meituan"}, ""),
    ("豆豆麻麻", 2, {"xiaohu": "free-clinic", "li.na": "dr-li-card"}, "娃"),
    ("平安是福", 1, {"xiaohu": "free-clinic", "zhang.wei": "dr-zhang-card"}, "福种"),
    ("晴天", 2, {"xiaohu": "front-desk"}, "福"),
    ("王大力", 1, {"xiaohu": "front-desk"}, "福"),
    ("静待花开", 2, {"xiaohu": "old-friend"}, "福娃"),
    ("小满", 2, {"xiaohu": "douyin"}, "福"),
    ("石头他爹", 1, {"li.na": "dr-li-card"}, "娃"),
    ("陈阿姨", 2, {"xiaohu": "old-friend", "zhang.wei": "dr-zhang-card"}, "种"),
    ("Momo", 2, {"xiaohu": "wechat-oa"}, ""),
    ("顺其自然", 1, {"xiaohu": "meituan"}, "福"),
    ("米粒", 2, {"xiaohu": "front-desk"}, "福"),
    ("安安妈咪", 2, {"xiaohu": "wechat-oa", "li.na": "dr-li-card"}, "福娃"),
    ("知足常乐", 1, {"zhang.wei": "dr-zhang-card"}, "种"),
    ("橙子不酸", 2, {"xiaohu": "douyin"}, "福"),
    ("孙先生", 1, {"xiaohu": "front-desk", "zhang.wei": "dr-zhang-card"}, "种"),
    ("风铃", 2, {"xiaohu": "free-clinic"}, "福"),
    ("壮壮的妈", 2, {"xiaohu": "old-friend", "li.na": "dr-li-card"}, "娃"),
    ("清欢", 2, {"xiaohu": "wechat-oa"}, "福"),
)


def small(tenant: Tenant) -> None:
    """One dental clinic, 微笑口腔: six members, three customer groups, thirty patients."""
    corp = tenant.corp
    for department in (
        Department(id=1, name="微笑口腔", order=100_000_000),
        Department(id=2, name="前台与客服", parent_id=1, order=300),
        Department(id=3, name="医生团队", parent_id=1, order=200),
        Department(id=4, name="管理", parent_id=1, order=100),
    ):
        corp.departments[department.id] = department
    for member in (
        Member(userid="xiaohu", name="小护", position="小助理", departments=(2,)),
        Member(userid="zhang.wei", name="张伟", alias="张医生", position="种植修复医生", departments=(3,)),
        Member(userid="li.na", name="李娜", alias="李医生", position="正畸儿牙医生", departments=(3,)),
        Member(userid="zhao.min", name="赵敏", position="张医生的医助", departments=(3,)),
        Member(userid="sun.yue", name="孙悦", position="李医生的医助", departments=(3,)),
        Member(userid="chen.jing", name="陈静", position="店长", departments=(4,)),
    ):
        corp.members[member.userid] = member
    seats: dict[str, list[str]] = {"福": [], "娃": [], "种": []}
    for number, (nickname, gender, friends, groups) in enumerate(_SMALL_PATIENTS):
        patient = tenant.people.create_patient(nickname, gender=gender)
        for userid, state in friends.items():
            tenant.people.patient_adds_member(patient.external_userid, userid, state=state, silent=True)
            _age(tenant, userid, patient.external_userid, timedelta(days=14 + 6 * number))
        for letter in groups:
            seats[letter].append(patient.external_userid)
    tenant.groups.create("微笑口腔·护牙福利社", "xiaohu", ["chen.jing", *seats["福"]], silent=True)
    tenant.groups.create("微笑口腔·儿牙成长营", "xiaohu", ["li.na", "sun.yue", *seats["娃"]], silent=True)
    tenant.groups.create("张医生种植VIP服务群", "zhang.wei", ["zhao.min", *seats["种"]], silent=True)
    for group in corp.groups.values():
        group.create_time -= timedelta(days=240)
        for seat in group.members.values():
            seat.join_time -= timedelta(days=10)


def _age(tenant: Tenant, userid: str, external_userid: str, by: timedelta) -> None:
    """Let a relation have begun earlier: a scene's patients are not this minute's new ones."""
    follow = tenant.corp.follow(userid, external_userid)
    assert follow is not None
    follow.createtime -= by
    for bubble in tenant.corp.chats[userid, external_userid]:
        bubble.at -= by


SCENES: dict[str, Callable[[Tenant], None]] = {"small": small, "chain": chain}
