"""What stands before every page: login, forgery checks, headers, and errors told in the console's frame."""

from __future__ import annotations

import re
from contextlib import ExitStack
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit
from uuid import uuid4

import structlog
from aiohttp import web

from clinic.imports.files import MAX_BYTES
from console.forms import FormRefused, local_path
from console.frame import FRAME, PAUSED, SESSION, deps_of, page, wants_fragment
from console.records import RecordNotFound
from content.library.keeping import NotInLibrary
from content.library.uploads import MOST_BYTES
from content.pack import NotInPackError
from sop import pauses
from sop.attachments import AttachmentRefused
from sop.life import NotPossible
from sop.posts import EditRefused, NotEditable, Outdated, PostNotFound
from store.vault import SealBroken

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp.typedefs import Handler

log = structlog.get_logger(__name__)

LOGIN: Final = "/console/login"
IMPORTS: Final = "/console/imports"
# The forms that carry a file, and how large it may be.
FILE_FORMS: Final = (
    (re.compile(re.escape(IMPORTS)), MAX_BYTES),
    (re.compile(r"/console/library/(?:new|asset/[a-z0-9._-]{1,64})"), MOST_BYTES),
)
FIELDS_BYTES: Final = 64 * 1024
NUL: Final = "\0"  # no person types it, and PostgreSQL cannot hold it in a text
STATIC_PREFIX: Final = "/console/static/"
SAFE: Final = frozenset({"GET", "HEAD"})
HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src 'self'; "
        "connect-src 'self'; font-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Not "no-referrer": with it browsers send "Origin: null" even to ourselves.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}
FOREVER: Final = "public, max-age=31536000, immutable"
TITLES: Final = {
    400: "没有看懂这次提交",
    403: "没有通过安全检查",
    404: "没有这个页面",
    405: "不能这样访问",
    409: "内容已经变了",
    413: "提交的内容太大",
    422: "有一项填得不对",
    429: "请稍等一会儿",
    500: "出了点问题",
}

UNREADABLE: Final = (
    "加密的资料解不开：XIAOHU_SECRET_KEY 不是加密时的那一个，或数据已损坏。请管理员恢复原来的密钥。"
)
HTTP_WORDS: Final = {
    403: "这个表单不是从本页面提交的，或者页面打开得太久。请返回、刷新页面后再试。",
    404: "地址可能写错了，或者内容已经不在这里。",
    413: "提交的内容太大：文件最大 20 MB，其他表单最大 1 MB。请缩短后再试。",
}


@web.middleware
async def harden(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Send the headers that keep browsers careful, whatever the answer is."""
    response = await handler(request)
    for name, value in HEADERS.items():
        response.headers[name] = value
    if not request.path.startswith(STATIC_PREFIX):
        response.headers.setdefault("Cache-Control", "no-store")
    elif response.status == 200:
        response.headers["Cache-Control"] = FOREVER if "v" in request.query else "no-cache"
    return response


@web.middleware
async def recall(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find the visitor's session, and renew its cookie while it is in use."""
    if request.path.startswith(STATIC_PREFIX):
        return await handler(request)
    sessions = request.config_dict[FRAME].sessions
    found = sessions.read(request)
    request[SESSION] = found or sessions.start(None)
    response = await handler(request)
    if found is None and request[SESSION].user is None and "Set-Cookie" not in response.headers:
        sessions.write(response, request[SESSION])  # the login form's token needs it
    elif found is not None and sessions.due(found) and not response.cookies:
        sessions.write(response, request[SESSION])
    return response


@web.middleware
async def explain(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn what went wrong into a page that says so and what to do next."""
    try:
        return await handler(request)
    except Exception as exc:
        status, message = _verdict(exc)
        if request.path.startswith(STATIC_PREFIX):
            return web.Response(status=status)
        if status == 500:
            # The traceback may carry a patient's words; the class and the place are enough to find the cause.
            number = uuid4().hex[:8]
            name = type(exc).__name__
            log.error("console.failed", error=name, at=_place(exc), route=_route(request), number=number)
            message = message or f"这次操作没有完成，什么都没有改变。请把编号 {number} 告诉管理员。"
        return _problem(request, status, message)


def _verdict(exc: Exception) -> tuple[int, str]:
    """Return the status and the sentence for what a handler raised; 500 for what nobody foresaw."""
    match exc:
        case web.HTTPException():
            return exc.status, HTTP_WORDS.get(exc.status, "请返回上一页再试。")
        case PostNotFound() | NotInPackError() | NotInLibrary() | RecordNotFound():
            return 404, str(exc)
        case Outdated() | NotPossible() | NotEditable():
            return 409, str(exc)
        case FormRefused() | EditRefused() | AttachmentRefused() | pauses.UnknownScope():
            return 422, str(exc)
        case SealBroken():
            return 500, UNREADABLE
        case _:
            return 500, ""


@web.middleware
async def admit(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Let only logged-in visitors further, and only forms that come from our own pages."""
    if request.path.startswith(STATIC_PREFIX):
        return await handler(request)
    session = request[SESSION]
    if session.user is None and request.path != LOGIN:
        return _to_login(request)
    _check_storable(request.query.values())
    if request.method in SAFE:
        return await handler(request)
    with ExitStack() as files:
        largest = next((size for path, size in FILE_FORMS if path.fullmatch(request.path)), 0)
        if largest and session.user is not None:
            request = request.clone(client_max_size=largest + FIELDS_BYTES)
        token = await _token(request)
        # aiohttp closes the files of the request that it made, not of our copy.
        fields = (await request.post()).values()
        for field in fields:
            if isinstance(field, web.FileField):
                files.callback(field.file.close)
        _check_storable(fields)
        if not (own_origin(request) and session.accepts(token)):
            if request.path == LOGIN:
                return web.Response(status=303, headers={"Location": f"{LOGIN}?lost=1"})
            raise web.HTTPForbidden
        return await handler(request)


@web.middleware
async def note_pauses(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Read which kill switches are on: every page says so."""
    if not request.path.startswith(STATIC_PREFIX) and request[SESSION].user is not None:
        deps = deps_of(request)
        async with deps.database.read() as session:
            request[PAUSED] = await pauses.load(session, deps.pack)
    return await handler(request)


MIDDLEWARES: Final = (harden, recall, explain, admit, note_pauses)


def _check_storable(values: Iterable[object]) -> None:
    if any(NUL in value for value in values if isinstance(value, str)):
        raise web.HTTPBadRequest


async def _token(request: web.Request) -> str:
    try:
        token = (await request.post()).get("csrf", "")
    except (ValueError, LookupError) as exc:  # not the form it claims to be, or in an unknown encoding
        raise web.HTTPBadRequest from exc
    return token if isinstance(token, str) else ""


def own_origin(request: web.Request) -> bool:
    """Tell whether a form came from a page of ours; a client that names no origin is judged by its token."""
    origin = request.headers.get("Origin")
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return False
    if origin is None:
        return True
    public = urlsplit(deps_of(request).public_url)
    return origin == f"{public.scheme}://{public.netloc}" or urlsplit(origin).netloc == request.host


def _to_login(request: web.Request) -> web.StreamResponse:
    if wants_fragment(request):
        back = local_path(urlsplit(request.headers.get("HX-Current-URL", "")).path)
        return web.Response(status=401, headers={"HX-Redirect": f"{LOGIN}?next={quote(back, safe='')}"})
    target = request.path_qs if request.method in SAFE else "/console/"
    known = local_path(target)
    suffix = "" if known == "/console/" else f"?next={quote(known, safe='')}"
    return web.Response(status=303, headers={"Location": LOGIN + suffix})


def _problem(request: web.Request, status: int, message: str) -> web.Response:
    title = TITLES.get(status, "没有成功")
    if wants_fragment(request):
        headers = {"HX-Retarget": "#toast", "HX-Reswap": "innerHTML"}
        return page(request, "_toast.html", status=status, headers=headers, tone="bad", text=message)
    return page(request, "problem.html", status=status, title=title, message=message, code=status)


def _route(request: web.Request) -> str:
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "?"


def _place(exc: BaseException) -> str:
    trace = exc.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
