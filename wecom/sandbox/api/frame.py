"""What every API call goes through: faults, token, rates, body, journal; then its endpoint.

HTTP is 200 whatever happens, as with WeCom: the answer's ``errcode`` says what did. Only a path that is
no API of this sandbox is a 404.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

from aiohttp import BodyPartReader, web

from wecom.sandbox.refusal import USUAL, Refusal, errmsg
from wecom.sandbox.state import Json, Media

from . import ENDPOINTS
from .downloads import download
from .endpoint import Call, Upload
from .fields import Fields

if TYPE_CHECKING:
    from wecom.sandbox.faults import Fault
    from wecom.sandbox.journal import ApiCall
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Endpoint

# A JSON escape \uXXXX: a backslash that is not itself escaped (40033).
_ESCAPE = re.compile(rb"(?<!\\)(?:\\\\)*\\u[0-9a-fA-F]{4}")
_PLAIN_FILENAME = re.compile(r';\s*filename="([^"]*)"', re.IGNORECASE)
LONGEST_URL = 1024
DEEPEST = 64  # objects and arrays inside each other; no call of WeCom's needs ten


class ApiFrame:
    """Serves /cgi-bin/ for one tenant."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._endpoints = {endpoint.path: endpoint for endpoint in ENDPOINTS}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one API call."""
        tenant = self._tenant
        tenant.settle()
        api = request.match_info["api"]
        entry = tenant.journal.begin(
            at=tenant.clock.now(), method=request.method, api=api, query=dict(request.query)
        )
        endpoint = self._endpoints.get(api)
        if endpoint is None:
            entry.errmsg = "no such API"
            return web.json_response({"error": f"the sandbox has no API /cgi-bin/{api}"}, status=404)
        faults = tenant.faults.strike_api(api)
        entry.fault = ",".join(fault.kind for fault in faults)
        if delay_s := sum(fault.delay_s for fault in faults if fault.kind == "delay"):
            if endpoint.takes != "file":
                # It has arrived: a caller who hangs up while we are slow does not undo his call.
                await request.read()
            await asyncio.sleep(delay_s)
        fault = next((fault for fault in faults if fault.kind != "delay"), None)
        if fault is not None and fault.kind == "reset_before":
            return _cut(request)
        try:
            if fault is not None and fault.kind == "errcode":
                raise _wanted(fault)
            result = await self._perform(endpoint, request, entry)
        except Refusal as refusal:
            result = self._refused(refusal, request, entry)
        else:
            entry.errcode, entry.errmsg = 0, "ok"
        if fault is not None and fault.kind == "reset_after":
            return _cut(request)
        if isinstance(result, Media):
            return download(request, result)
        return _answer(result)

    def _refused(self, refusal: Refusal, request: web.Request, entry: ApiCall) -> Json:
        entry.errcode = refusal.errcode
        entry.errmsg = errmsg(
            refusal.errcode,
            refusal.why,
            stamp=self._tenant.clock.timestamp(),
            ip=request.remote or "127.0.0.1",
        )
        return {"errcode": entry.errcode, "errmsg": entry.errmsg}

    async def _perform(self, endpoint: Endpoint, request: web.Request, entry: ApiCall) -> Json | Media:
        tenant = self._tenant
        if len(request.raw_path) > LONGEST_URL:
            raise Refusal(40039, "invalid url size: at most 1024 bytes")
        if endpoint.needs_token:
            tenant.tokens.check(request.query.get("access_token", ""))
        if request.method != endpoint.method:
            raise Refusal(43001 if endpoint.method == "GET" else 40058)
        tenant.limits.count(endpoint.path, debug=request.query.get("debug") == "1")
        body, uploaded = {}, None
        if endpoint.takes == "file":
            uploaded = await _upload(request)
            entry.body = {"filename": uploaded.filename, "bytes": len(uploaded.blob)}
        elif endpoint.method == "POST":
            body = _parse(await request.read(), request.content_type)
            entry.body = body
        call = Call(
            tenant=tenant,
            query=request.query,
            body=Fields(body),
            base_url=str(request.url.origin()),
            upload=uploaded,
            ranged="Range" in request.headers,
        )
        limits = tenant.limits  # a tenant that begins again while we wait has others
        limits.enter(endpoint.path)
        try:
            if tenant.rules.latency_s:
                await asyncio.sleep(tenant.rules.latency_s)
            answered = endpoint.handler(call)
            result = await answered if isinstance(answered, Awaitable) else answered
        finally:
            limits.leave(endpoint.path)
        return result if isinstance(result, Media) else {"errcode": 0, "errmsg": "ok", **result}


def _parse(raw: bytes, content_type: str) -> Json:
    """Return a body's object; 40063 empty or a form, 40033 unicode escapes, 40058 no JSON object.

    What is let in can be copied, shown and told on as JSON: no infinite numbers, no bottomless nesting.
    """
    if not raw.strip() or content_type in {"application/x-www-form-urlencoded", "multipart/form-data"}:
        raise Refusal(40063)
    if _ESCAPE.search(raw):
        raise Refusal(40033)
    try:
        body = json.loads(raw.decode(), parse_constant=_no_constant, parse_float=_finite)
    except (ValueError, RecursionError):
        raise Refusal(40058, "invalid Request Parameter, Warning: wrong json format.") from None
    if not isinstance(body, dict):
        raise Refusal(40058, "invalid Request Parameter: the body must be an object")
    if _depth(body) > DEEPEST:
        raise Refusal(40058, f"invalid Request Parameter: nested more than {DEEPEST} deep")
    return body


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"{text} is beyond every float")
    return number


def _depth(value: Any) -> int:
    """Count the objects and arrays inside each other, level by level: a recursion would end in an error."""
    level, depth = [value], 0
    while level := [item for item in level if isinstance(item, dict | list)]:
        depth += 1
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return depth


async def _upload(request: web.Request) -> Upload:
    """Return the ``media`` part; 44001 when there is none with a plain filename and bytes."""
    if request.content_type != "multipart/form-data":
        raise Refusal(44001)
    try:
        reader = await request.multipart()
        async for part in reader:
            disposition = getattr(part, "headers", {}).get("Content-Disposition", "")
            name = _PLAIN_FILENAME.search(_as_utf8(disposition))
            if getattr(part, "name", None) != "media" or not isinstance(part, BodyPartReader):
                continue
            if name is None or not name[1]:
                # WeCom overlooks a part that carries filename*= only, as some clients send it.
                raise Refusal(44001, 'empty media data: the part needs filename="…"')
            blob = bytes(await part.read())
            return Upload(
                filename=name[1],
                content_type=part.headers.get("Content-Type", "application/octet-stream").split(";")[0],
                blob=blob,
            )
    except (ValueError, RuntimeError, AssertionError):
        raise Refusal(44001, "empty media data: the multipart body is broken") from None
    raise Refusal(44001)


def _as_utf8(header: str) -> str:
    return header.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _wanted(fault: Fault) -> Refusal:
    return Refusal(fault.errcode, fault.errmsg or USUAL.get(fault.errcode, "fault on demand"))


def _cut(request: web.Request) -> web.Response:
    """Reset the connection; the response returned is never written."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _answer(body: Json) -> web.Response:
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return web.Response(text=text, content_type="application/json", charset="utf-8")
