"""What contacts, remarks and welcomes refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import GONE, HIDDEN, IDLE, Case, Stage, drain, forbids, refuses
from wecom.attachments import File, Image, Link, MiniProgram, Video
from wecom.errors import NeedsAdmin, WelcomeSpent

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act

URL = "https://h5.example/tips"
APPID = "wx0000000000example"
# Who cannot be asked about customers: (errcode, when, userid, class).
BAD_MEMBERS: tuple[tuple[int, str, str, dict[str, Any]], ...] = (
    (40003, "the member is nobody", "nobody", {}),
    (40003, "the member has left", GONE, {}),
    (60011, "the member is out of sight", HIDDEN, {"error": NeedsAdmin}),
    (84074, "the member serves no customers", IDLE, {"error": NeedsAdmin}),
)


def bad_members(method: str, act: Any) -> list[Case]:
    """Return a case for each member whom ``act(stage, userid)`` may not be about."""
    return [
        refuses(method, errcode, when, lambda s, _, userid=userid: act(s, userid), **error)
        for errcode, when, userid, error in BAD_MEMBERS
    ]


def half_added(s: Stage) -> str:
    """Let a patient add xiaohu, who has not confirmed yet."""
    patient, _ = s.tenant.patient_scans("xiaohu", half=True)
    return patient.external_userid


def parted(s: Stage) -> str:
    """Let xiaohu delete a patient whom nobody else follows."""
    s.tenant.people.member_deletes_patient("xiaohu", s.patient)
    return s.patient


def of_a_hidden_member(s: Stage) -> str:
    """Let a patient be friends with somebody out of sight only."""
    return s.tenant.patient_scans(HIDDEN)[0].external_userid


# --- remarks ---------------------------------------------------------------------------------------------------


def remark(s: Stage, userid: str, external_userid: str, **fields: Any) -> Any:
    return s.client.contacts.remark(userid, external_userid, **({"remark": "小鱼儿"} | fields))


def remarked(**fields: Any) -> Act:
    return lambda s, _: s.client.contacts.remark("xiaohu", s.patient, **fields)


def pictured(s: Stage, media_id: str) -> Any:
    return s.client.contacts.remark("xiaohu", s.patient, picture_media_id=media_id)


async def old_image(s: Stage) -> str:
    media_id = await s.image()
    s.later(days=3, seconds=1)
    return media_id


# --- welcomes --------------------------------------------------------------------------------------------------


def welcome_code(s: Stage) -> str:
    code = s.tenant.patient_scans("xiaohu")[1]
    assert code is not None
    return code.code


def old_code(s: Stage) -> str:
    code = welcome_code(s)
    s.later(seconds=21)
    return code


def code_of_a_chat(s: Stage) -> str:
    patient, code = s.tenant.patient_scans("xiaohu")
    assert code is not None
    s.tenant.people.write("xiaohu", patient.external_userid, "你好，想咨询种牙", from_patient=True)
    return code.code


async def spent_code(s: Stage) -> str:
    code = welcome_code(s)
    await s.client.contacts.send_welcome(code, "您好")
    return code


def greet(text: str = "您好", **wanted: Any) -> Act:
    return lambda s, code: s.client.contacts.send_welcome(code or "CODE", text, **wanted)


def picture(given: Any) -> dict[str, Any]:
    """Return what makes a welcome with the picture that ``given`` prepares."""

    async def code_and_picture(s: Stage) -> tuple[str, str]:
        media_id = await given(s)
        return welcome_code(s), media_id

    return {
        "given": code_and_picture,
        "act": lambda s, there: s.client.contacts.send_welcome(there[0], "您好", [Image(media_id=there[1])]),
    }


def program(appid: str, *, linked: bool = True) -> dict[str, Any]:
    async def code_and_cover(s: Stage) -> tuple[str, str]:
        s.rules.linked_appids = None if linked else frozenset()
        cover = await s.image()
        return welcome_code(s), cover

    def act(s: Stage, there: tuple[str, str]) -> Any:
        part = MiniProgram(title="预约", pic_media_id=there[1], appid=appid, page="a.html")
        return s.client.contacts.send_welcome(there[0], "您好", [part])

    return {"given": code_and_cover, "act": act}


def blocked(s: Stage) -> str:
    s.rules.blocked_words = frozenset({"包治"})
    return welcome_code(s)


async def unknown(_: Stage) -> str:
    return "MEDIA"


WELCOME = [
    refuses("contacts.send_welcome", 41050, "the code is none", greet(), error=WelcomeSpent),
    refuses(
        "contacts.send_welcome",
        41050,
        "the code is 21 seconds old",
        greet(),
        given=old_code,
        error=WelcomeSpent,
    ),
    refuses(
        "contacts.send_welcome", 41051, "the code is spent", greet(), given=spent_code, error=WelcomeSpent
    ),
    refuses(
        "contacts.send_welcome", 41051, "the chat began", greet(), given=code_of_a_chat, error=WelcomeSpent
    ),
    refuses("contacts.send_welcome", 40201, "a word is blocked", greet("包治百病"), given=blocked),
    refuses("contacts.send_welcome", 40007, "the picture is three days old", **picture(old_image)),
    refuses("contacts.send_welcome", 40007, "the picture is a moment's", **picture(Stage.moment_image)),
    refuses("contacts.send_welcome", 40007, "the picture is a video", **picture(Stage.video)),
    refuses("contacts.send_welcome", 40007, "the picture is unknown", **picture(unknown)),
    refuses(
        "contacts.send_welcome",
        41072,
        "the picture is an album's",
        **picture(lambda s: s.moment_image(album=True)),
    ),
    refuses(
        "contacts.send_welcome",
        40058,
        "pic_url is a stranger's",
        greet(attachments=(Image(pic_url="https://img.example/a.png"),)),
        given=welcome_code,
    ),
    refuses("contacts.send_welcome", 90207, "the appid is none", error=NeedsAdmin, **program("nothing")),
    refuses(
        "contacts.send_welcome",
        90206,
        "the app is not linked",
        error=NeedsAdmin,
        **program(APPID, linked=False),
    ),
    forbids(
        "contacts.send_welcome",
        "welcome_code",
        "none",
        lambda s, _: s.client.contacts.send_welcome(" ", "早"),
    ),
    forbids("contacts.send_welcome", "text", "4001 bytes", greet("x" * 4001)),
    forbids("contacts.send_welcome", "text", "no text and no attachment", greet(" ")),
    forbids(
        "contacts.send_welcome",
        "attachments",
        "ten of them",
        greet(attachments=(Link(title="t", url=URL),) * 10),
    ),
    forbids("contacts.send_welcome", "image.media_id", "missing", lambda s, _: greet(attachments=(Image(),))),
    forbids(
        "contacts.send_welcome",
        "link.title",
        "129 bytes",
        lambda s, _: greet(attachments=(Link(title="x" * 129, url=URL),)),
    ),
    forbids(
        "contacts.send_welcome",
        "video.media_id",
        "missing",
        lambda s, _: greet(attachments=(Video(media_id=""),)),
    ),
    forbids(
        "contacts.send_welcome",
        "file.media_id",
        "missing",
        lambda s, _: greet(attachments=(File(media_id=""),)),
    ),
]

CASES: list[Case] = [
    refuses("contacts.get", 41035, "nobody is named", lambda s, _: s.client.contacts.get("")),
    refuses("contacts.get", 40096, "nobody has the id", lambda s, _: s.client.contacts.get("wmNobody")),
    refuses("contacts.get", 40096, "nobody follows her", lambda s, _: s.client.contacts.get(s.stranger)),
    *(
        refuses("contacts.get", errcode, when, lambda s, some_id: s.client.contacts.get(some_id), given=given)
        for errcode, when, given in (
            (40096, "her member deleted her", parted),
            (40096, "her member is out of sight", of_a_hidden_member),
            (84061, "her member has not confirmed", half_added),
        )
    ),
    *bad_members("contacts.list_of", lambda s, userid: s.client.contacts.list_of(userid)),
    refuses("contacts.list_of", 40003, "no userid", lambda s, _: s.client.contacts.list_of("")),
    *bad_members(
        "contacts.batch_by_user", lambda s, userid: drain(s.client.contacts.batch_by_user(["xiaohu", userid]))
    ),
    *bad_members("contacts.remark", lambda s, userid: remark(s, userid, s.patient)),
    refuses("contacts.remark", 40003, "no member", lambda s, _: remark(s, "", s.patient)),
    refuses("contacts.remark", 41035, "no patient", lambda s, _: remark(s, "xiaohu", "")),
    refuses("contacts.remark", 40096, "nobody has the id", lambda s, _: remark(s, "xiaohu", "wmNobody")),
    refuses("contacts.remark", 84061, "strangers", lambda s, _: remark(s, "xiaohu", s.stranger)),
    refuses("contacts.remark", 84061, "another's patient", lambda s, _: remark(s, "li.na", s.patient)),
    *(
        refuses("contacts.remark", 84061, when, lambda s, some_id: remark(s, "xiaohu", some_id), given=given)
        for when, given in (("not confirmed", half_added), ("she was deleted", parted))
    ),
    refuses("contacts.remark", 40058, "eleven phone numbers", remarked(mobiles=["13900000000"] * 11)),
    refuses("contacts.remark", 40007, "the picture is three days old", pictured, given=old_image),
    refuses("contacts.remark", 40007, "the picture is a video", pictured, given=Stage.video),
    refuses("contacts.remark", 40007, "the picture is unknown", lambda s, _: pictured(s, "MEDIA")),
    refuses(
        "contacts.remark",
        41072,
        "the picture is an album's",
        pictured,
        given=lambda s: s.moment_image(album=True),
    ),
    forbids("contacts.remark", "remark", "21 characters", remarked(remark="鱼" * 21)),
    forbids("contacts.remark", "description", "151 characters", remarked(description="鱼" * 151)),
    forbids("contacts.remark", "company", "21 characters", remarked(company="鱼" * 21)),
    forbids("contacts.remark", "remark fields", "nothing to change", remarked()),
    *WELCOME,
]
