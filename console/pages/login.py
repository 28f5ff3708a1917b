"""Login and logout of ``admin``."""

from __future__ import annotations

import hmac
import math
from hashlib import sha256
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web

from clinic import audit
from console.forms import local_path
from console.frame import FRAME, SESSION, deps_of, keep, page
from console.sessions import Note

if TYPE_CHECKING:
    from collections.abc import Iterable

log = structlog.get_logger(__name__)

ADMIN: Final = "admin"
LOST: Final = "登录页放得太久，或者浏览器没有带回 Cookie（地址要与 XIAOHU_PUBLIC_URL 一致）。请再试一次。"


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get("/login", show),
        web.post("/login", enter),
        web.post("/logout", leave),
    )


async def show(request: web.Request) -> web.StreamResponse:
    """The login form; who is logged in already goes on."""
    if request[SESSION].user is not None:
        return _see(local_path(request.query.get("next")))
    problem = LOST if "lost" in request.query else ""
    return _form(request, then=local_path(request.query.get("next")), problem=problem)


async def enter(request: web.Request) -> web.StreamResponse:
    """Check name and password; too many failures from one address have to wait."""
    deps, throttle = deps_of(request), request.config_dict[FRAME].throttle
    form = await request.post()
    then, address = local_path(str(form.get("next", ""))), address_of(request)
    pause = throttle.pause_s(address)
    if pause > 0:
        return _wait(request, then, pause)
    name, password = str(form.get("name", "")).strip(), str(form.get("password", ""))
    if deps.admin_password is None or not _matches(name, password, deps.admin_password):
        pause = throttle.failed(address)
        log.warning("console.login_failed", failures_pause_s=pause)
        if pause > 0:
            return _wait(request, then, pause)
        return _form(request, then=then, status=422, name=name, problem="用户名或密码不对，请再试一次。")
    throttle.succeeded(address)
    now = deps.clock.now()
    async with deps.database.write() as session:
        audit.record(
            session, at=now, actor=ADMIN, action="console.login", subject=f"user:{ADMIN}", reason="登录控制台"
        )
    response = _see(then)
    keep(request, response, request.config_dict[FRAME].sessions.start(ADMIN))
    return response


async def leave(request: web.Request) -> web.StreamResponse:
    """Forget the session."""
    frame = request.config_dict[FRAME]
    response = _see("/console/login")
    keep(request, response, frame.sessions.start(None).with_note(Note(tone="good", text="已安全退出。")))
    return response


def _matches(name: str, password: str, expected: str) -> bool:
    """Compare in constant time, both parts always: the answer's delay must not tell which was wrong."""
    same_name = hmac.compare_digest(_digest(name), _digest(ADMIN))
    same_password = hmac.compare_digest(_digest(password), _digest(expected))
    return same_name and same_password


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "replace")).digest()


def _wait(request: web.Request, then: str, pause: float) -> web.Response:
    seconds = math.ceil(pause)
    problem = f"失败次数太多，请 {seconds} 秒后再试。"
    headers = {"Retry-After": str(seconds)}
    return _form(request, then=then, status=429, problem=problem, headers=headers)


def _form(
    request: web.Request,
    *,
    then: str,
    status: int = 200,
    name: str = "",
    problem: str = "",
    headers: dict[str, str] | None = None,
) -> web.Response:
    deps = deps_of(request)
    return page(
        request,
        "login.html",
        status=status,
        headers=headers,
        then=then,
        name=name,
        problem=problem,
        unset=deps.admin_password is None,
        demo_password=deps.admin_password if deps.demo_login else None,
    )


def _see(path: str) -> web.Response:
    return web.Response(status=303, headers={"Location": path})


def address_of(request: web.Request) -> str:
    """Return who asks: behind a proxy on this machine the address it saw, otherwise the connection's own."""
    remote = request.remote or "?"
    if remote in ("127.0.0.1", "::1"):
        # The last entry is the proxy's; earlier ones may be invented by whoever asks.
        forwarded = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip()
        return forwarded[:64] or remote
    return remote
