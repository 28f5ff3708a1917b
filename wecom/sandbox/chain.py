"""The scene ``chain``: twelve clinics, 200 members, 300 000 patients of whom none is made in advance."""

from __future__ import annotations

import random
import string
from typing import TYPE_CHECKING

from .books import GroupSeats
from .population import HISTORY, Clinic, Population, series_in
from .state import Department, Group, GroupMember, Member

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .tenant import Tenant

PATIENTS = 300_000
CLINICS = (
    "万象城店",
    "福田店",
    "南山店",
    "罗湖店",
    "宝安店",
    "龙华店",
    "龙岗店",
    "前海店",
    "蛇口店",
    "华侨城店",
    "光明店",
    "坪山店",
)
GROUPS = 400

# The first clinic is led by the people of the scene ``small``, so that a content pack finds its members.
_KNOWN = {
    "assistants": (("xiaohu", "小护", ""),),
    "doctors": (("zhang.wei", "张伟", "张医生"), ("li.na", "李娜", "李医生")),
    "aides": (("zhao.min", "赵敏", ""), ("sun.yue", "孙悦", "")),
    "manager": (("chen.jing", "陈静", ""),),
}
_SURNAMES = (
    "王wang 李li 刘liu 杨yang 黄huang 吴wu 周zhou 徐xu 马ma 朱zhu 胡hu 郭guo 何he 林lin 罗luo 梁liang"
    " 宋song 唐tang 许xu 邓deng 冯feng 韩han"
)
_GIVEN = (
    "雪xue 帆fan 婷ting 晨chen 嘉怡jiayi 思远siyuan 雨桐yutong 建国jianguo 浩然haoran 欣xin 佳琪jiaqi 宁ning"
    " 明轩mingxuan 慧hui 俊杰junjie 晓峰xiaofeng 倩qian 志强zhiqiang"
)
_TAG_GROUPS = {
    "意向项目": ("种植", "正畸", "儿牙", "洁牙", "美白", "修复"),
    "阶段": ("新客", "已到诊", "治疗中", "待复诊", "沉睡"),
    "人群": ("儿童家长", "青年", "中年", "银发"),
    "会员": ("普通", "银卡", "金卡"),
    "互动": ("活跃", "偶尔", "从不"),
}
_GROUP_THEMES = ("护牙福利社", "儿牙成长营", "正畸打卡群", "种植关爱群", "洁牙团购群", "老友互助群")


def chain(tenant: Tenant) -> None:
    """Twelve clinics of one dental chain; everything about it follows from the tenant's seed."""
    total = PATIENTS if tenant.patients is None else tenant.patients
    staff = _Staff(tenant)
    tenant.corp.departments[1] = Department(id=1, name="微笑口腔连锁")
    clinics = [staff.hire(place, total) for place in range(len(CLINICS))]
    tags = []
    for name, tag_names in _TAG_GROUPS.items():
        _, added = tenant.tags.add(group_id="", group_name=name, order=0, names=[(n, 0) for n in tag_names])
        tags.append([tag.id for tag in added])
    population = Population(seed=tenant.seed, clinics=clinics, now=tenant.corp.now, tags=tags)
    tenant.corp.populate(population)
    for number in range(GROUPS):
        _open_group(tenant, population, number)


class _Staff:
    """Hires two hundred people, each with a name of their own."""

    def __init__(self, tenant: Tenant) -> None:
        self._corp = tenant.corp
        self._random = random.Random(f"xiaohu-sandbox-chain:{tenant.seed}")  # noqa: S311 - repeatable
        self._names = self._fresh_names()

    def _fresh_names(self) -> Iterator[tuple[str, str]]:
        pairs = [(_spelled(one), _spelled(two)) for one in _SURNAMES.split() for two in _GIVEN.split()]
        self._random.shuffle(pairs)
        for surname, given in pairs:
            userid = f"{surname[1]}.{given[1]}"
            if userid not in self._corp.members:
                yield userid, surname[0] + given[0]

    def hire(self, place: int, total: int) -> Clinic:
        """Fill one clinic: sixteen people, or seventeen in the first eight."""
        corp, name = self._corp, CLINICS[place]
        top = 100 + 10 * place
        for number, (title, order) in enumerate(
            (("", 100), ("前台与客服", 300), ("医生团队", 200), ("管理", 100))
        ):
            parent = top if number else 1
            corp.departments[top + number] = Department(
                id=top + number, name=title or f"微笑口腔·{name}", parent_id=parent, order=order - place
            )
        seats = {"assistants": 4, "doctors": 8 if place < 8 else 7, "aides": 4, "manager": 1}
        hired = {role: self._role(role, count, top, known=place == 0) for role, count in seats.items()}
        first = total * place // len(CLINICS)
        return Clinic(
            name=name,
            first=first,
            patients=total * (place + 1) // len(CLINICS) - first,
            assistants=hired["assistants"],
            doctors=hired["doctors"],
            aides=hired["aides"],
            manager=hired["manager"][0],
        )

    def _role(self, role: str, count: int, top: int, *, known: bool) -> tuple[str, ...]:
        position, department = {
            "assistants": ("小助理", 1),
            "doctors": ("医生", 2),
            "aides": ("医助", 2),
            "manager": ("店长", 3),
        }[role]
        people = list(_KNOWN[role]) if known else []
        while len(people) < count:
            userid, name = next(self._names)
            people.append((userid, name, f"{name[0]}医生" if role == "doctors" else ""))
        for userid, name, alias in people:
            self._corp.members[userid] = Member(
                userid=userid, name=name, alias=alias, position=position, departments=(top + department,)
            )
        return tuple(userid for userid, _, _ in people)


def _spelled(word: str) -> tuple[str, str]:
    """Take ``王wang`` apart."""
    name = word.rstrip(string.ascii_lowercase)
    return name, word.removeprefix(name)


def _open_group(tenant: Tenant, population: Population, number: int) -> None:
    """Open one customer group of a clinic, with 30 to 190 patients spread over the two years."""
    corp = tenant.corp
    place, local = number % len(CLINICS), number // len(CLINICS)
    clinic = population.clinics[place]
    per_clinic = -(-GROUPS // len(CLINICS))
    owners = (*clinic.assistants, *clinic.doctors[:2])
    owner, aide = owners[local % len(owners)], clinic.aides[local % len(clinic.aides)]
    size = 30 + number * 53 % 161
    spread = max(1, clinic.patients // (per_clinic * size))
    patients = series_in(clinic, local, per_clinic * spread, most=size)
    opened = population.came_at(patients.first) if patients.count else corp.now - HISTORY / 2
    opened = opened.replace(microsecond=0)

    def seat(patient: int) -> GroupMember:
        return GroupMember(
            userid=population.id_of(patient),
            type=2,
            join_time=max(population.came_at(patient).replace(microsecond=0), opened),
            join_scene=(3, 1, 2)[patient % 3],
            invitor=owner if patient % 3 == 1 else "",
        )

    staff = {
        userid: GroupMember(userid=userid, type=1, join_time=opened, invitor=owner)
        for userid in dict.fromkeys((owner, aide, clinic.manager))
    }
    theme = _GROUP_THEMES[local % len(_GROUP_THEMES)]
    group = Group(
        chat_id=corp.ids.group(),
        name=f"微笑口腔{clinic.name}·{theme}{local // len(_GROUP_THEMES) + 1}群",
        owner=owner,
        create_time=opened,
        version=corp.ids.version(),
        opengid=corp.ids.mark("tG", 30),
        members=GroupSeats(staff, population=population, patients=patients, seat=seat),
    )
    corp.groups[group.chat_id] = group
