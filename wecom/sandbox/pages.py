"""The files behind the phones: the page itself, uploaded media, and the codes of contact ways."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import segno
from aiohttp import web

from .people import Mistake

if TYPE_CHECKING:
    from pathlib import Path

    from .tenant import Tenant

NO_PAGE = "手机页面还没有安装（缺少 phones/index.html）；JSON 视图见 /sandbox/api/state。\n"


class PageFiles:
    """Serves ``phones/index.html``, ``phones/static/``, media and QR codes."""

    def __init__(self, tenant: Tenant, phones: Path) -> None:
        self._tenant = tenant
        self._phones = phones

    def routes(self) -> list[web.RouteDef]:
        return [
            web.get("/", self._to_index),
            web.get("/sandbox", self._to_index),
            web.get("/sandbox/", self._index),
            web.get("/sandbox/static/{path:.+}", self._static),
            web.get("/sandbox/media/{media_id}", self._media),
            web.get("/sandbox/qr/{config_id}", self._qr),
            web.get("/sandbox/ca/{link_id}", self._link),
            web.get("/sandbox/kf/{open_kfid}", self._kf),
        ]

    async def _to_index(self, _: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/sandbox/")

    async def _index(self, _: web.Request) -> web.StreamResponse:
        page = self._phones / "index.html"
        if page.is_file():
            return web.FileResponse(page, headers={"Cache-Control": "no-cache"})
        return web.Response(text=NO_PAGE)

    async def _static(self, request: web.Request) -> web.StreamResponse:
        wanted = request.match_info["path"]
        if "\0" in wanted:
            raise web.HTTPNotFound
        for folder in (self._phones / "static", self._phones):
            file = (folder / wanted).resolve()
            if file.is_relative_to(folder.resolve()) and file.is_file():
                return web.FileResponse(file, headers={"Cache-Control": "no-cache"})
        raise web.HTTPNotFound

    async def _media(self, request: web.Request) -> web.StreamResponse:
        media = self._tenant.media.find(request.match_info["media_id"])
        if media is None:
            raise web.HTTPNotFound
        # What was uploaded is shown to people: never as a page of this origin.
        headers = {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
        return web.Response(body=media.blob, content_type=media.content_type, headers=headers)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        try:
            link = self._tenant.links.find(request.match_info["link_id"])
        except Mistake:
            raise web.HTTPNotFound from None
        self._tenant.links.click(link)
        return web.Response(
            text=f"获客链接：{link.body['link_name']}。在手机页面里用 add-through-link 添加。\n"
        )

    async def _kf(self, request: web.Request) -> web.StreamResponse:
        account = self._tenant.kf.accounts.get(request.match_info["open_kfid"])
        if account is None:
            raise web.HTTPNotFound
        return web.Response(text=f"微信客服「{account.name}」；请用控制接口的 kf-enter 进入。\n")

    async def _qr(self, request: web.Request) -> web.StreamResponse:
        config_id = request.match_info["config_id"]
        codes = {way.config_id for way in self._tenant.ways.everyone()}
        codes |= {way.config_id for way in self._tenant.joins.everyone()}
        if config_id not in codes:
            raise web.HTTPNotFound
        drawing = io.BytesIO()
        segno.make(str(request.url)).save(drawing, kind="png", scale=6)
        return web.Response(body=drawing.getvalue(), content_type="image/png")
