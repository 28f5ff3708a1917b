"""What group-welcome templates (入群欢迎语素材) refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.refusal_stage import Case, Stage, forbids, refuses
from tests.support.refused.contact_ways import cover, nothing, of_a_moment, of_an_album
from tests.support.refused.contacts import APPID, old_image
from wecom.api.group_welcomes import GroupWelcome
from wecom.attachments import File, Image, Link, MiniProgram, Video
from wecom.errors import NeedsAdmin

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given

HELLO = GroupWelcome(text="欢迎 %NICKNAME%")


async def a_template(s: Stage) -> str:
    return await s.client.group_welcomes.add(HELLO)


async def deleted_template(s: Stage) -> str:
    template_id = await a_template(s)
    await s.client.group_welcomes.delete(template_id)
    return template_id


def hundred(s: Stage) -> None:
    for number in range(100):
        s.tenant.templates.add({"text": {"content": f"欢迎 {number}"}}, notify=False)


async def blocked(s: Stage) -> str:
    s.rules.blocked_words = frozenset({"包治"})
    return ""


async def an_image(s: Stage) -> str:
    return await s.image()


def program(media_id: str, appid: str = APPID, page: str = "a.html") -> GroupWelcome:
    return GroupWelcome(attachment=MiniProgram(title="预约", pic_media_id=media_id, appid=appid, page=page))


def pictured(media_id: str) -> GroupWelcome:
    return GroupWelcome(attachment=Image(media_id=media_id))


STRANGE = "https://h5.example/a.png"
CONTENTS: tuple[tuple[int, str, Given, Any, dict[str, Any]], ...] = (
    (40007, "the picture is unknown", nothing, pictured, {}),
    (40007, "the picture is three days old", old_image, pictured, {}),
    (40007, "the picture is a moment's", of_a_moment, pictured, {}),
    (41072, "the picture is an album's", of_an_album, pictured, {}),
    (40007, "a picture for a video", an_image, lambda m: GroupWelcome(attachment=Video(media_id=m)), {}),
    (40007, "a picture for a file", an_image, lambda m: GroupWelcome(attachment=File(media_id=m)), {}),
    (40007, "the cover is unknown", nothing, program, {}),
    (
        40058,
        "the picture is elsewhere",
        nothing,
        lambda _: GroupWelcome(attachment=Image(pic_url=STRANGE)),
        {},
    ),
    (
        40058,
        "a space in the address",
        nothing,
        lambda _: GroupWelcome(attachment=Link(title="护牙", url="https://h5.example/a b")),
        {},
    ),
    (40058, "1025 bytes of page", an_image, lambda m: program(m, page="a" * 1_025), {}),
    (90206, "the mini-program is not linked", cover, program, {"error": NeedsAdmin}),
    (90207, "the appid is none", cover, lambda m: program(m, "gh_example"), {"error": NeedsAdmin}),
    (40201, "a blocked word", blocked, lambda _: GroupWelcome(text="包治百病"), {}),
)


def contents() -> list[Case]:
    """Return a case for each content that is refused, in a new template and in a changed one."""
    cases: list[Case] = []
    for errcode, when, given, content, error in CONTENTS:

        async def with_template(s: Stage, given: Any = given) -> tuple[str, str]:
            return await a_template(s), await given(s)

        def add(s: Stage, media_id: str, content: Any = content) -> Any:
            return s.client.group_welcomes.add(content(media_id))

        def edit(s: Stage, there: tuple[str, str], content: Any = content) -> Any:
            return s.client.group_welcomes.edit(there[0], content(there[1]))

        cases += [
            refuses("group_welcomes.add", errcode, when, add, given=given, **error),
            refuses("group_welcomes.edit", errcode, when, edit, given=with_template, **error),
        ]
    return cases


OF_A_TEMPLATE: dict[str, Act] = {
    "group_welcomes.edit": lambda s, some_id: s.client.group_welcomes.edit(some_id, HELLO),
    "group_welcomes.get": lambda s, some_id: s.client.group_welcomes.get(some_id),
    "group_welcomes.delete": lambda s, some_id: s.client.group_welcomes.delete(some_id),
}

CASES: list[Case] = [
    *contents(),
    refuses(
        "group_welcomes.add",
        41055,
        "number 101",
        lambda s, _: s.client.group_welcomes.add(HELLO),
        given=hundred,
        error=NeedsAdmin,
    ),
    forbids("group_welcomes.add", "text", "nothing to say", lambda *_: GroupWelcome(text=" ")),
    forbids("group_welcomes.add", "text", "3001 bytes", lambda *_: GroupWelcome(text="a" * 3_001)),
    *(
        refuses(method, 40058, "no such template", act, given=nothing)
        for method, act in OF_A_TEMPLATE.items()
    ),
    *(
        refuses(method, 40058, "it is deleted", act, given=deleted_template)
        for method, act in OF_A_TEMPLATE.items()
    ),
    *(
        forbids(method, "template_id", "no id", lambda s, _, act=act: act(s, " "))
        for method, act in OF_A_TEMPLATE.items()
    ),
]
