"""What contact ways (联系我) refuse: one row per method and errcode or limit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import ASLEEP, GONE, Case, Stage, forbids, refuses
from tests.support.refused.contacts import APPID, BAD_MEMBERS, bad_members, half_added, old_image
from wecom.api.contact_ways import Closing, ContactWay
from wecom.attachments import Image, Link, MiniProgram
from wecom.errors import NeedsAdmin
from wecom.sandbox.state import Department, Member

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given

EMPTY, CROWDED, SLEEPY = 901, 902, 903  # departments: who is in them cannot or need not be asked
DAY_S = 86_400


def way(*userids: str, **wanted: Any) -> ContactWay:
    return ContactWay(userids=userids, **wanted)


async def a_way(s: Stage) -> str:
    return (await s.client.contact_ways.add(way("xiaohu", state="front-desk"))).config_id


async def way_of_several(s: Stage) -> str:
    return (await s.client.contact_ways.add(way("xiaohu", "li.na"))).config_id


async def deleted_way(s: Stage) -> str:
    config_id = await a_way(s)
    await s.client.contact_ways.delete(config_id)
    return config_id


async def temporary_chat(s: Stage) -> str:
    """Let a patient come by a temporary code; return her id."""
    closing = Closing(text="祝您早日康复")
    made = await s.client.contact_ways.add(way("xiaohu", is_temp=True, closing=closing))
    return s.tenant.patient_scans(config_id=made.config_id)[0].external_userid


def departments(s: Stage) -> None:
    """Open departments: of nobody but one who left, of 101 members, of one who is not activated."""
    corp = s.tenant.corp
    for number in (EMPTY, CROWDED, SLEEPY):
        corp.departments[number] = Department(id=number, name=f"部门 {number}", parent_id=1)
    corp.members[GONE].departments = (EMPTY,)
    corp.members[ASLEEP].departments = (SLEEPY,)
    for number in range(101):
        userid = f"m{number}"
        corp.members[userid] = Member(userid=userid, name="众", departments=(CROWDED,))


async def way_and_departments(s: Stage) -> str:
    departments(s)
    return await way_of_several(s)


def full(s: Stage) -> None:
    s.rules.contact_way_quota = 0


async def full_for_today(s: Stage) -> None:
    """Let the corp make one temporary code a day, and have made it."""
    s.rules.temporary_ways_per_day = 1
    await s.client.contact_ways.add(way("xiaohu", is_temp=True))


async def ended_chat(s: Stage) -> str:
    external_userid = await temporary_chat(s)
    await s.client.contact_ways.close_temp_chat("xiaohu", external_userid)
    return external_userid


def add(*userids: str, **wanted: Any) -> Act:
    return lambda s, _: s.client.contact_ways.add(way(*userids, **wanted))


def update(*userids: str, **wanted: Any) -> Act:
    return lambda s, config_id: s.client.contact_ways.update(config_id or "x", way(*userids, **wanted))


def close(userid: str, external_userid: str | None = None) -> Act:
    return lambda s, there: s.client.contact_ways.close_temp_chat(
        userid, (there or s.patient) if external_userid is None else external_userid
    )


# --- closing words, in a new way or a changed one --------------------------------------------------------------


async def cover(s: Stage) -> str:
    s.rules.linked_appids = frozenset()
    return await s.image()


async def of_a_moment(s: Stage) -> str:
    return await s.moment_image()


async def of_an_album(s: Stage) -> str:
    return await s.moment_image(album=True)


def pictured(media_id: str) -> Closing:
    return Closing(attachment=Image(media_id=media_id))


def programmed(media_id: str, appid: str) -> Closing:
    return Closing(attachment=MiniProgram(title="预约", pic_media_id=media_id, appid=appid, page="a.html"))


def linked(_: str) -> Closing:
    return Closing(attachment=Link(title="护牙", url="https://h5.example/a b"))


async def nothing(_: Stage) -> str:
    return "MEDIA"


CLOSINGS: tuple[tuple[int, str, Given, Any, dict[str, Any]], ...] = (
    (40007, "the picture is unknown", nothing, pictured, {}),
    (40007, "the picture is three days old", old_image, pictured, {}),
    (40007, "the picture is a moment's", of_a_moment, pictured, {}),
    (41072, "the picture is an album's", of_an_album, pictured, {}),
    (40058, "a space in the address", nothing, linked, {}),
    (90206, "the mini-program is not linked", cover, lambda m: programmed(m, APPID), {"error": NeedsAdmin}),
    (90207, "the appid is none", cover, lambda m: programmed(m, "gh_example"), {"error": NeedsAdmin}),
)


def closings() -> list[Case]:
    """Return a case for each closing that is refused, in a new temporary way and in a changed one."""
    cases: list[Case] = []
    for errcode, when, given, closing, error in CLOSINGS:

        async def with_way(s: Stage, given: Any = given) -> tuple[str, str]:
            config_id = (await s.client.contact_ways.add(way("xiaohu", is_temp=True))).config_id
            return config_id, await given(s)

        def act(s: Stage, media_id: str, closing: Any = closing) -> Any:
            return s.client.contact_ways.add(way("xiaohu", is_temp=True, closing=closing(media_id)))

        def act_update(s: Stage, there: tuple[str, str], closing: Any = closing) -> Any:
            wanted = way("xiaohu", is_temp=True, closing=closing(there[1]))
            return s.client.contact_ways.update(there[0], wanted)

        cases += [
            refuses("contact_ways.add", errcode, when, act, given=given, **error),
            refuses("contact_ways.update", errcode, when, act_update, given=with_way, **error),
        ]
    return cases


def refused_members() -> list[Case]:
    """Return the cases of members and departments that cannot be in a way, new or changed."""
    cases = bad_members("contact_ways.add", lambda s, userid: add("xiaohu", userid)(s, None))
    cases += [
        refuses("contact_ways.update", errcode, when, update("xiaohu", userid), given=way_of_several, **error)
        for errcode, when, userid, error in BAD_MEMBERS
    ]
    for errcode, when, wanted, error in (
        (41054, "a member is not activated", {"userids": ("xiaohu", ASLEEP)}, {"error": NeedsAdmin}),
        (41054, "a department's is not activated", {"department_ids": (SLEEPY,)}, {"error": NeedsAdmin}),
        (60123, "no such department", {"department_ids": (99,)}, {}),
        (41042, "nobody is left in the department", {"department_ids": (EMPTY,)}, {}),
        (41041, "101 members in the department", {"department_ids": (CROWDED,)}, {}),
    ):

        def act(s: Stage, _: Any, wanted: Any = wanted) -> Any:
            return s.client.contact_ways.add(ContactWay(**wanted))

        def act_update(s: Stage, config_id: str, wanted: Any = wanted) -> Any:
            return s.client.contact_ways.update(config_id, ContactWay(**wanted))

        cases += [
            refuses("contact_ways.add", errcode, when, act, given=departments, **error),
            refuses("contact_ways.update", errcode, when, act_update, given=way_and_departments, **error),
        ]
    return cases


def between(start: timedelta | None, end: timedelta | None) -> Act:
    async def act(s: Stage, _: Any) -> list[str]:
        listed = s.client.contact_ways.list(
            None if start is None else s.now + start, None if end is None else s.now + end
        )
        return [one async for one in listed]

    return act


def aware_only() -> Act:
    async def act(s: Stage, _: Any) -> list[str]:
        naive = s.now.replace(tzinfo=None)
        return [one async for one in s.client.contact_ways.list(naive, naive)]

    return act


HOUR = timedelta(hours=1)
TEMP: dict[str, Any] = {"is_temp": True}
CASES: list[Case] = [
    *refused_members(),
    *closings(),
    refuses("contact_ways.add", 41039, "a style that is none", add("xiaohu", scene="button", style=4)),
    refuses("contact_ways.add", 40058, "129 bytes of unionid", add("xiaohu", unionid="o" * 129, **TEMP)),
    refuses(
        "contact_ways.update",
        40058,
        "129 bytes of unionid",
        update("xiaohu", unionid="o" * 129, **TEMP),
        given=a_way,
    ),
    refuses("contact_ways.add", 41045, "one over the quota", add("xiaohu"), given=full, error=NeedsAdmin),
    refuses(
        "contact_ways.add",
        41045,
        "one over the day's temporary ones",
        add("xiaohu", **TEMP),
        given=full_for_today,
        error=NeedsAdmin,
    ),
    forbids("contact_ways.add", "userids", "nobody", add()),
    forbids("contact_ways.add", "userids", "101 members", add(*["xiaohu"] * 101)),
    forbids("contact_ways.add", "department_ids", "101 departments", add(department_ids=(1,) * 101)),
    forbids("contact_ways.add", "state", "31 characters", add("xiaohu", state="前" * 31)),
    forbids("contact_ways.add", "remark", "31 characters", add("xiaohu", remark="前" * 31)),
    forbids("contact_ways.add", "is_temp", "a unionid in a lasting way", add("xiaohu", unionid="o")),
    forbids(
        "contact_ways.add",
        "is_temp",
        "closing words in a lasting way",
        lambda s, _: add("xiaohu", closing=Closing(text="再见"))(s, None),
    ),
    forbids("contact_ways.add", "userids", "a temporary chat with two", add("xiaohu", "li.na", **TEMP)),
    forbids("contact_ways.add", "userids", "a temporary chat in turn", add("xiaohu", rotates=True, **TEMP)),
    *(
        forbids("contact_ways.add", name, when, add("xiaohu", **TEMP, **{name: seconds}))
        for name in ("expires_in_s", "chat_expires_in_s")
        for when, seconds in (("no second", 0), ("over 14 days", 14 * DAY_S + 1))
    ),
    forbids("contact_ways.add", "closing.text", "no closing words", lambda *_: Closing(text=" ")),
    forbids("contact_ways.add", "closing.text", "4001 bytes", lambda *_: Closing(text="a" * 4_001)),
    forbids(
        "contact_ways.add",
        "closing.image",
        "a picture by its address",
        lambda *_: Closing(attachment=Image(pic_url="https://h5.example/a.png")),
    ),
    refuses("contact_ways.get", 41044, "no such id", lambda s, _: s.client.contact_ways.get("x")),
    refuses(
        "contact_ways.get",
        41044,
        "it is deleted",
        lambda s, config_id: s.client.contact_ways.get(config_id),
        given=deleted_way,
    ),
    forbids("contact_ways.get", "config_id", "no id", lambda s, _: s.client.contact_ways.get(" ")),
    forbids("contact_ways.list", "start", "no end", between(-HOUR, None)),
    forbids("contact_ways.list", "start", "no start", between(None, HOUR)),
    forbids("contact_ways.list", "start", "no UTC offset", aware_only()),
    forbids("contact_ways.list", "end", "the end first", between(HOUR, -HOUR)),
    forbids("contact_ways.list", "end", "over twenty years", between(-timedelta(days=7_321), HOUR)),
    refuses("contact_ways.update", 41044, "no such id", update("xiaohu")),
    refuses("contact_ways.update", 41044, "it is deleted", update("xiaohu"), given=deleted_way),
    refuses("contact_ways.update", 41041, "a second in a way of one", update("xiaohu", "li.na"), given=a_way),
    forbids(
        "contact_ways.update",
        "config_id",
        "no id",
        lambda s, _: s.client.contact_ways.update(" ", way("xiaohu")),
    ),
    refuses("contact_ways.delete", 41044, "no such id", lambda s, _: s.client.contact_ways.delete("x")),
    refuses(
        "contact_ways.delete",
        41044,
        "it is deleted",
        lambda s, config_id: s.client.contact_ways.delete(config_id),
        given=deleted_way,
    ),
    forbids("contact_ways.delete", "config_id", "no id", lambda s, _: s.client.contact_ways.delete(" ")),
    *bad_members("contact_ways.close_temp_chat", lambda s, userid: close(userid)(s, None)),
    refuses("contact_ways.close_temp_chat", 40003, "no member", close("")),
    refuses("contact_ways.close_temp_chat", 41035, "no patient", close("xiaohu", "")),
    refuses("contact_ways.close_temp_chat", 40096, "nobody has the id", close("xiaohu", "wmNobody")),
    refuses("contact_ways.close_temp_chat", 84061, "the chat is no temporary one", close("xiaohu")),
    refuses("contact_ways.close_temp_chat", 84061, "another's patient", close("li.na")),
    refuses("contact_ways.close_temp_chat", 84061, "not confirmed", close("xiaohu"), given=half_added),
    refuses("contact_ways.close_temp_chat", 84061, "ended already", close("xiaohu"), given=ended_chat),
]
