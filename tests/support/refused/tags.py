"""What corp tags and tagging refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import Case, Stage, forbids, refuses
from tests.support.refused.contacts import bad_members, half_added, parted
from wecom.errors import NeedsAdmin, RateLimited

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act

MARK = "externalcontact/mark_tag"


def two_tags(s: Stage) -> list[str]:
    """Make 意向 with 高 and 低; return their ids."""
    return group_with(s, "意向", ["高", "低"])[1]


def group_with(s: Stage, name: str, tags: list[str]) -> tuple[str, list[str]]:
    made = s.tenant.tags.add(group_id="", group_name=name, order=0, names=[(tag, 0) for tag in tags])
    return made[0].group_id, [tag.id for tag in made[1]]


def two_groups(s: Stage) -> str:
    group_with(s, "来源", ["前台"])
    return group_with(s, "意向", ["高"])[0]


def full(s: Stage) -> None:
    s.rules.corp_tag_quota = sum(len(group.tags) for group in s.tenant.tags.groups.values()) + 1


def deleted(s: Stage) -> str:
    tag_id = two_tags(s)[0]
    s.tenant.tags.delete([tag_id], [])
    return tag_id


def thousands_worn(s: Stage) -> str:
    """Put 3000 tags on the patient; return one more."""
    worn = group_with(s, "多", [str(number) for number in range(3_001)])[1]
    s.tenant.people.member_edits_patient("xiaohu", s.patient, add_tags=worn[:3_000])
    return worn[-1]


def five_at_once(s: Stage) -> str:
    for _ in range(5):
        s.tenant.limits.enter(MARK)
    return two_tags(s)[0]


def add(name: str, *tags: str) -> Act:
    return lambda s, _: s.client.tags.add(name, tags)


def edit(**wanted: Any) -> Act:
    return lambda s, tag_id: s.client.tags.edit(tag_id or "et", **wanted)


def mark(userid: str = "xiaohu", *tags: str, external_userid: str | None = None) -> Act:
    return lambda s, _: s.client.tags.mark(
        userid, s.patient if external_userid is None else external_userid, add=tags or ("et",)
    )


CASES: list[Case] = [
    refuses("tags.add", 40071, "the group has the name", add("意向", "中", "高"), given=two_tags),
    refuses("tags.add", 40071, "a name twice", add("意向", "高", "高")),
    refuses(
        "tags.add",
        40126,
        "one tag over the corp's quota",
        add("意向", "高", "低"),
        given=full,
        error=NeedsAdmin,
    ),
    forbids("tags.add", "group_name", "no name", add(" ", "高")),
    forbids("tags.add", "group_name", "31 characters", add("意" * 31, "高")),
    forbids("tags.add", "names", "no tag", add("意向")),
    forbids("tags.add", "names", "10001 tags", add("意向", *["高"] * 10_001)),
    forbids("tags.add", "names", "a tag without a name", add("意向", "高", "")),
    forbids("tags.add", "names", "31 characters in a tag", add("意向", "高" * 31)),
    refuses("tags.edit", 40068, "nothing has the id", edit(name="高")),
    refuses("tags.edit", 40068, "the tag is deleted", edit(name="高"), given=deleted),
    refuses("tags.edit", 40071, "a sister has the name", edit(name="低"), given=lambda s: two_tags(s)[0]),
    refuses("tags.edit", 40071, "another group has the name", edit(name="来源"), given=two_groups),
    forbids("tags.edit", "tag_or_group_id", "no id", lambda s, _: s.client.tags.edit(" ", name="高")),
    forbids("tags.edit", "name", "no name", edit(name=" ")),
    forbids("tags.edit", "name", "31 characters", edit(name="高" * 31)),
    forbids("tags.edit", "order", "below 0", edit(order=-1)),
    forbids("tags.edit", "order", "2 to the 32nd", edit(order=2**32)),
    forbids("tags.edit", "name, order", "nothing to change", edit()),
    refuses("tags.delete", 40068, "no such tag", lambda s, _: s.client.tags.delete(tag_ids=["etNobody"])),
    refuses("tags.delete", 40068, "no such group", lambda s, _: s.client.tags.delete(group_ids=["etNobody"])),
    refuses(
        "tags.delete",
        40068,
        "one of two is gone already",
        lambda s, ids: s.client.tags.delete(tag_ids=[*ids, "etNobody"]),
        given=two_tags,
    ),
    forbids("tags.delete", "tag_ids, group_ids", "nothing", lambda s, _: s.client.tags.delete()),
    forbids(
        "tags.delete",
        "tag_ids, group_ids",
        "10001 tags",
        lambda s, _: s.client.tags.delete(tag_ids=["et"] * 10_001),
    ),
    *bad_members("tags.mark", lambda s, userid: mark(userid)(s, None)),
    refuses("tags.mark", 40003, "no member", mark("")),
    refuses("tags.mark", 41035, "no patient", mark(external_userid="")),
    refuses("tags.mark", 40096, "nobody has the id", mark(external_userid="wmNobody")),
    refuses("tags.mark", 84061, "another's patient", mark("li.na")),
    *(
        refuses(
            "tags.mark",
            84061,
            when,
            lambda s, some_id: s.client.tags.mark("xiaohu", some_id, add=["et"]),
            given=given,
        )
        for when, given in (("not confirmed", half_added), ("she was deleted", parted))
    ),
    refuses("tags.mark", 40068, "a tag to add is none", mark("xiaohu", "etNobody")),
    refuses(
        "tags.mark",
        40068,
        "a tag to take off is deleted",
        lambda s, tag_id: s.client.tags.mark("xiaohu", s.patient, remove=[tag_id]),
        given=deleted,
    ),
    refuses(
        "tags.mark",
        40058,
        "a patient's tag number 3001",
        lambda s, tag_id: s.client.tags.mark("xiaohu", s.patient, add=[tag_id]),
        given=thousands_worn,
    ),
    refuses(
        "tags.mark",
        45033,
        "a sixth call at once",
        lambda s, tag_id: s.client.tags.mark("xiaohu", s.patient, add=[tag_id]),
        given=five_at_once,
        error=RateLimited,
    ),
    forbids("tags.mark", "tags", "no tag", lambda s, _: s.client.tags.mark("xiaohu", s.patient)),
    forbids("tags.mark", "tags", "3001 tags", mark("xiaohu", *["et"] * 3_001)),
    forbids("tags.list", "tag_ids", "10001 ids", lambda s, _: s.client.tags.list(tag_ids=["et"] * 10_001)),
    forbids(
        "tags.list", "group_ids", "10001 ids", lambda s, _: s.client.tags.list(group_ids=["et"] * 10_001)
    ),
]
