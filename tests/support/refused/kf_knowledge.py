"""What the knowledge of WeCom's own bot refuses: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import Case, Stage, drain, forbids, refuses
from wecom.api.kf_knowledge import Reply
from wecom.attachments import Image, Link
from wecom.errors import NeedsAdmin
from wecom.kf_messages import KfMiniProgram

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given

REPLY = Reply(text="洗牙后当天少喝带颜色的饮料。")
APPID = "wx0000000000example"


async def a_group(s: Stage) -> str:
    return await s.client.kf_knowledge.add_group("洗牙")


async def default_group(s: Stage) -> str:
    (group,) = [one async for one in s.client.kf_knowledge.groups() if one.is_default]
    return group.group_id


async def an_entry(s: Stage) -> str:
    return await s.client.kf_knowledge.add(await a_group(s), "洗牙疼吗", REPLY, similar=["洗牙会疼吗"])


async def deleted_entry(s: Stage) -> str:
    intent_id = await an_entry(s)
    await s.client.kf_knowledge.delete(intent_id)
    return intent_id


async def two_entries(s: Stage) -> str:
    intent_id = await an_entry(s)
    (entry,) = await drain(s.client.kf_knowledge.list(intent_id=intent_id))
    await s.client.kf_knowledge.add(entry.group_id, "多久洗一次", REPLY)
    return intent_id


async def taught(s: Stage) -> None:
    (entry,) = await drain(s.client.kf_knowledge.list(intent_id=await an_entry(s)))
    s.kfid = entry.group_id


async def hundred_groups(s: Stage) -> None:
    for number in range(99):
        s.tenant.knowledge.add_group(f"第{number}组")


async def full_group(s: Stage) -> str:
    group_id = await a_group(s)
    for number in range(200):
        s.tenant.knowledge.add(group_id, f"问题{number}", [], [])
    return group_id


def add(question: str = "洗牙疼吗", reply: Reply = REPLY, **wanted: Any) -> Act:
    return lambda s, group_id: s.client.kf_knowledge.add(group_id or "kg", question, reply, **wanted)


def update(**wanted: Any) -> Act:
    return lambda s, intent_id: s.client.kf_knowledge.update(intent_id or "intent", **wanted)


def program(appid: str = APPID) -> KfMiniProgram:
    return KfMiniProgram(appid=appid, title="预约", thumb_media_id="MEDIA", pagepath="a.html")


def attached(method: str, errcode: int, when: str, media: Any, **more: Any) -> Case:
    """Refuse an attachment: ``media`` makes it of a stage."""

    async def given(s: Stage) -> tuple[str, Any]:
        there = await (a_group(s) if method == "add" else an_entry(s))
        return there, await media(s)

    def act(s: Stage, there: tuple[str, Any]) -> Any:
        reply = Reply(text="见图", attachments=(there[1],))
        if method == "add":
            return s.client.kf_knowledge.add(there[0], "要带什么", reply)
        return s.client.kf_knowledge.update(there[0], reply=reply)

    return refuses(f"kf_knowledge.{method}", errcode, when, act, given=given, **more)


async def old_picture(s: Stage) -> Image:
    media_id = await s.image()
    s.later(days=3, seconds=1)
    return Image(media_id=media_id)


async def picture_of_an_album(s: Stage) -> Image:
    return Image(media_id=await s.moment_image(album=True))


async def no_program(s: Stage) -> KfMiniProgram:
    return KfMiniProgram(appid="none", title="预约", thumb_media_id=await s.image(), pagepath="a.html")


async def unlinked_program(s: Stage) -> KfMiniProgram:
    s.rules.linked_appids = frozenset()
    return KfMiniProgram(appid=APPID, title="预约", thumb_media_id=await s.image(), pagepath="a.html")


GROUP: dict[str, Act] = {
    "kf_knowledge.rename_group": lambda s, group_id: s.client.kf_knowledge.rename_group(group_id, "种植"),
    "kf_knowledge.delete_group": lambda s, group_id: s.client.kf_knowledge.delete_group(group_id),
}
ENTRY: dict[str, Act] = {
    "kf_knowledge.update": update(question="洗牙痛不痛"),
    "kf_knowledge.delete": lambda s, intent_id: s.client.kf_knowledge.delete(intent_id),
}
USUAL: dict[str, tuple[Given, Act]] = {
    "kf_knowledge.add_group": (lambda _: None, lambda s, _: s.client.kf_knowledge.add_group("洗牙")),
    "kf_knowledge.groups": (a_group, lambda s, _: drain(s.client.kf_knowledge.groups())),
    "kf_knowledge.add": (a_group, add(similar=["洗牙会疼吗"])),
    "kf_knowledge.list": (an_entry, lambda s, _: drain(s.client.kf_knowledge.list())),
    **{name: (a_group, act) for name, act in GROUP.items()},
    **{name: (an_entry, act) for name, act in ENTRY.items()},
}


async def nothing(_: Stage) -> str:
    return "none"


CASES: list[Case] = [
    refuses(
        "kf_knowledge.add_group",
        40058,
        "the name is taken",
        lambda s, _: s.client.kf_knowledge.add_group("洗牙"),
        given=a_group,
    ),
    refuses(
        "kf_knowledge.add_group",
        40058,
        "a hundred are there",
        lambda s, _: s.client.kf_knowledge.add_group("洗牙"),
        given=hundred_groups,
    ),
    refuses(
        "kf_knowledge.rename_group",
        40058,
        "the name is the default group's",
        lambda s, group_id: s.client.kf_knowledge.rename_group(group_id, "默认分组"),
        given=a_group,
    ),
    *(refuses(method, 40058, "no such group", act, given=nothing) for method, act in GROUP.items()),
    *(refuses(method, 40058, "the default group", act, given=default_group) for method, act in GROUP.items()),
    refuses("kf_knowledge.add", 40058, "no such group", add(), given=nothing),
    refuses("kf_knowledge.add", 40058, "two hundred are in it", add(), given=full_group),
    refuses(
        "kf_knowledge.add",
        40058,
        "it is taught as a similar one",
        lambda s, _: s.client.kf_knowledge.add(s.kfid, "洗牙会疼吗", REPLY),
        given=taught,
    ),
    attached("add", 40007, "the picture is three days old", old_picture),
    attached("add", 41072, "the picture is an album's", picture_of_an_album),
    attached("add", 90207, "the appid is none", no_program, error=NeedsAdmin),
    attached("add", 90206, "the app is not linked", unlinked_program, error=NeedsAdmin),
    attached("update", 40007, "the picture is three days old", old_picture),
    attached("update", 41072, "the picture is an album's", picture_of_an_album),
    attached("update", 90207, "the appid is none", no_program, error=NeedsAdmin),
    attached("update", 90206, "the app is not linked", unlinked_program, error=NeedsAdmin),
    *(refuses(method, 40058, "no such question", act, given=nothing) for method, act in ENTRY.items()),
    *(refuses(method, 40058, "it is forgotten", act, given=deleted_entry) for method, act in ENTRY.items()),
    refuses(
        "kf_knowledge.update", 40058, "another one asks it", update(similar=["多久洗一次"]), given=two_entries
    ),
    forbids("kf_knowledge.add_group", "name", "none", lambda s, _: s.client.kf_knowledge.add_group(" ")),
    forbids(
        "kf_knowledge.add_group",
        "name",
        "13 characters",
        lambda s, _: s.client.kf_knowledge.add_group("洗" * 13),
    ),
    forbids(
        "kf_knowledge.rename_group",
        "group_id",
        "none",
        lambda s, _: s.client.kf_knowledge.rename_group("", "洗"),
    ),
    forbids(
        "kf_knowledge.delete_group", "group_id", "none", lambda s, _: s.client.kf_knowledge.delete_group("")
    ),
    forbids(
        "kf_knowledge.add", "group_id", "none", lambda s, _: s.client.kf_knowledge.add("", "疼吗", REPLY)
    ),
    forbids("kf_knowledge.add", "question", "none", add("")),
    forbids("kf_knowledge.add", "question", "201 characters", add("问" * 201)),
    forbids("kf_knowledge.add", "similar", "101 of them", add(similar=["问"] * 101)),
    forbids("kf_knowledge.add", "similar", "an empty one", add(similar=[" "])),
    forbids("kf_knowledge.add", "reply.text", "none", lambda s, _: Reply(text=" ")),
    forbids("kf_knowledge.add", "reply.text", "501 characters", lambda s, _: Reply(text="答" * 501)),
    forbids(
        "kf_knowledge.add",
        "reply.attachments",
        "five",
        lambda s, _: Reply(text="答", attachments=(Link(title="t", url="https://h5.example/"),) * 5),
    ),
    forbids("kf_knowledge.update", "intent_id", "none", lambda s, _: s.client.kf_knowledge.update("")),
    forbids("kf_knowledge.update", "question, similar, reply", "nothing to change", update()),
    forbids("kf_knowledge.delete", "intent_id", "none", lambda s, _: s.client.kf_knowledge.delete("")),
]
