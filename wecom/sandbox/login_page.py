"""WeCom's authorize pages: pick who you are, and go back to the program with a code.

``GET /sandbox/oauth2/authorize`` takes what WeCom's OAuth URL takes, ``/sandbox/wwlogin/sso/login`` what the
browser login takes. With ``&as=USERID`` (or an external_userid) it redirects at once; without, a page asks.
"""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from aiohttp import web

from .people import Mistake

if TYPE_CHECKING:
    from .tenant import Tenant

SHOWN = 100  # patients on the page; more are named with &as=


class LoginPages:
    """Serves both pages for one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/sandbox/oauth2/authorize", self._authorize),
            web.get("/sandbox/wwlogin/sso/login", self._authorize),
        ]

    async def _authorize(self, request: web.Request) -> web.StreamResponse:
        query = dict(request.query)
        person = query.pop("as", "")
        staff_only = request.path.endswith("/login")
        try:
            if person:
                back = self._tenant.identity.authorize(query, person, staff_only=staff_only)
            else:
                self._tenant.identity.check_request(query)
        except Mistake as exc:
            return web.Response(status=400, text=f"授权失败：{exc}\n")
        if person:
            return web.Response(status=302, headers={"Location": back})
        return web.Response(text=self._page(query, staff_only=staff_only), content_type="text/html")

    def _page(self, query: dict[str, str], *, staff_only: bool) -> str:
        corp = self._tenant.corp
        people = [(m.userid, f"{m.name} · {m.position}") for m in corp.members.values() if m.left_at is None]
        if not staff_only:
            shown = zip(range(SHOWN), corp.customers.values(), strict=False)
            people += [(customer.external_userid, customer.name) for _, customer in shown]
        lines = "".join(
            f'<li><a href="?{escape(urlencode({**query, "as": some_id}))}">{escape(name)}</a></li>'
            for some_id, name in people
        )
        return (
            '<!doctype html><html lang="zh-CN"><meta charset="utf-8"><title>企业微信授权（模拟）</title>'
            '<meta name="viewport" content="width=device-width"><h1>以谁的身份登录？</h1>'
            f"<ul>{lines}</ul></html>"
        )
