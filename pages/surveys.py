"""The form of a survey: opened by the address in an invitation, handed in once."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from aiohttp import web

from clinic.surveys import ANSWER_CHARS
from content.survey_specs import UNHAPPY
from pages.frame import FURNITURE, page
from sop.survey_forms import FormClosed, hand_in, open_form

if TYPE_CHECKING:
    from clinic.surveys import Answer
    from content.survey_specs import Question, SurveySpec
    from pages.frame import Furniture
    from sop.survey_forms import Form

WORDS: Final = 500
PHONE_CHARS: Final = 40
CLOSED: Final = {
    "unknown": (404, "没有找到这份问卷", "地址可能没有复制完整。请从收到的消息里重新点开。"),
    "expired": (
        410,
        "这份问卷已经过期",
        "谢谢你愿意说。有话想告诉我们，随时可以打电话，或者回复加你的同事。",
    ),
    "used": (200, "已经收到了", "谢谢，这份问卷已经交过，不用再填。想补充什么，直接回复加你的同事就好。"),
}


def routes() -> list[web.RouteDef]:
    return [web.get("/{token}", show), web.post("/{token}", take)]


@dataclass(slots=True)
class Filled:
    """What somebody wrote into a form, and what is wrong with it, by the question's place."""

    answers: dict[str, Answer] = field(default_factory=dict)
    given: dict[int, tuple[str, ...]] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


async def show(request: web.Request) -> web.StreamResponse:
    """Show the form; messengers look at addresses beforehand, so this changes nothing."""
    try:
        form = await _open(request)
    except FormClosed as closed:
        return _closed(request, closed)
    return _form(request, form, Filled(), phone="")


async def take(request: web.Request) -> web.StreamResponse:
    """Take a filled-in form, or show it again with what is missing."""
    furniture = request.config_dict[FURNITURE]
    try:
        form = await _open(request)
    except FormClosed as closed:
        return _closed(request, closed)
    try:
        said = await request.post()
    except (ValueError, LookupError) as exc:  # not the form it claims to be, or in an unknown encoding
        raise web.HTTPBadRequest from exc
    filled = read(form.survey, {name: [str(one) for one in said.getall(name)] for name in said})
    phone = str(said.get("phone", ""))[:PHONE_CHARS]
    if filled.faults:
        return _form(request, form, filled, phone=phone, status=422)
    try:
        mood = await _hand_in(furniture, form, filled, phone)
    except FormClosed as closed:
        return _closed(request, closed)
    furniture.wake()
    survey = form.survey
    words = survey.sorry if mood == UNHAPPY else survey.thanks
    return page(request, "notice.html", title="收到了", message=words)


def read(survey: SurveySpec, said: dict[str, list[str]]) -> Filled:
    """Judge what was sent: only offered answers count, and what must be answered is."""
    filled = Filled()
    for place, question in enumerate(survey.questions):
        given = tuple(text for one in said.get(f"q{place}", ()) if (text := _clean(one)))
        filled.given[place] = given
        fault = _fault(question, given)
        if fault:
            filled.faults[place] = fault
        elif given:
            filled.answers[question.key] = list(given) if question.many else given[0]
    if not filled.answers and not filled.faults:
        filled.faults[0] = "还什么都没有填"
    return filled


def _fault(question: Question, given: tuple[str, ...]) -> str:
    if not given:
        return (
            "这一题要选一个" if question.required and question.options else "请写几个字" * question.required
        )
    if len(given) > 1 and not question.many:
        return "只能选一个"
    if question.options and not set(given) <= set(question.options):
        return "请从给出的里面选"
    if len(set(given)) < len(given):
        return "同一个选了两次"
    if not question.options and len(given[0]) > min(WORDS, ANSWER_CHARS):
        return f"最多 {min(WORDS, ANSWER_CHARS)} 个字"
    return ""


def _clean(text: str) -> str:
    """Return what was written without what no keyboard writes; line ends stay."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(sign for sign in text if sign == "\n" or (sign.isprintable())).strip()


async def _open(request: web.Request) -> Form:
    furniture = request.config_dict[FURNITURE]
    async with furniture.database.read() as session:
        return await open_form(
            session,
            request.match_info["token"],
            pack=furniture.pack,
            vault=furniture.vault,
            now=furniture.clock.now(),
        )


async def _hand_in(furniture: Furniture, form: Form, filled: Filled, phone: str) -> str:
    async with furniture.database.write() as session:
        return await hand_in(
            session,
            form,
            filled.answers,
            phone=phone,
            pack=furniture.pack,
            vault=furniture.vault,
            public_url=furniture.public_url,
            now=furniture.clock.now(),
        )


def _form(request: web.Request, form: Form, filled: Filled, *, phone: str, status: int = 200) -> web.Response:
    return page(
        request,
        "survey.html",
        status=status,
        survey=form.survey,
        named=form.named,
        given=filled.given,
        faults=filled.faults,
        first_fault=min(filled.faults, default=None),
        phone_number=phone,
        most=WORDS,
    )


def _closed(request: web.Request, closed: FormClosed) -> web.Response:
    status, title, message = CLOSED[closed.why]
    return page(request, "notice.html", status=status, title=title, message=message)
