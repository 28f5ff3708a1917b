"""The servers that ``bench.callbacks`` measures; started as processes of their own."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

import uvloop
from aiohttp import web
from pydantic import SecretStr

from bot.app import create_app
from bot.logs import configure_logging
from bot.roles import Role
from bot.server import Stopper, serve
from bot.settings import Settings
from content.loader import load_pack
from wecom.crypto import CallbackCrypto, read_envelope
from wecom.events import parse_event

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = "benchToken01"
AES_KEY = "qWERtyUI0pasDFghJKLzxcVBNM1234567890abcDEFg"
CORP = "wwBenchCorp"
PATH = "/wecom/callback"
MODES = {
    "a": "bare handler",
    "b": "verify + decrypt + parse",
    "c": "real path, durable",
    "d": "whole program, one process",
}


def bare() -> web.Application:
    """(a): only read the body."""

    async def handle(request: web.Request) -> web.Response:
        await request.read()
        return web.Response()

    return _with(handle)


def unsealed() -> web.Application:
    """(b): verify, decrypt and parse; keep nothing."""
    crypto = CallbackCrypto(token=TOKEN, aes_key=AES_KEY, corp_id=CORP)

    async def handle(request: web.Request) -> web.Response:
        query = request.query
        plaintext = crypto.decrypt(
            read_envelope(await request.read()),
            signature=query["msg_signature"],
            timestamp=query["timestamp"],
            nonce=query["nonce"],
        )
        parse_event(plaintext)
        return web.Response()

    return _with(handle)


def wecom() -> web.Application:
    """Answer at once what (d) asks of WeCom, so that its events are handled as in life."""

    async def token(_: web.Request) -> web.Response:
        return web.json_response({"errcode": 0, "errmsg": "ok", "access_token": "bench", "expires_in": 7200})

    async def contact(request: web.Request) -> web.Response:
        person = {"external_userid": request.query.get("external_userid", ""), "name": "测", "type": 1}
        return web.json_response(
            {"errcode": 0, "errmsg": "ok", "external_contact": person, "follow_user": []}
        )

    async def nothing(_: web.Request) -> web.Response:
        return web.json_response({"errcode": 48002, "errmsg": "not part of this bench"})

    app = web.Application()
    app.router.add_get("/cgi-bin/gettoken", token)
    app.router.add_get("/cgi-bin/externalcontact/get", contact)
    app.router.add_route("*", "/{rest:.*}", nothing)
    return app


def _with(handle: Callable[[web.Request], object]) -> web.Application:
    app = web.Application()
    app.router.add_post(PATH, handle)  # type: ignore[arg-type]
    return app


def real(database: str, api_base: str, role: Role, on_crash: Callable[[], None]) -> web.Application:
    """(c) and (d): the program itself."""
    settings = Settings(
        _env_file=None,
        database_url=SecretStr(f"sqlite+aiosqlite:///{database}"),
        secret_key=SecretStr("bench-secret-key"),
        admin_password=SecretStr("bench-password"),
        wecom_api_base=api_base,
        wecom_corp_id=CORP,
        wecom_agent_id=1000002,
        wecom_secret=SecretStr("bench-secret"),
        wecom_token=SecretStr(TOKEN),
        wecom_aes_key=SecretStr(AES_KEY),
    )
    return create_app(settings, load_pack("dental"), role=role, on_crash=on_crash)


async def main() -> None:
    """Serve one configuration; say where on standard output."""
    mode, database, api_base = sys.argv[1:]
    configure_logging(level=logging.CRITICAL)
    stopper = Stopper()
    match mode:
        case "a":
            app = bare()
        case "b":
            app = unsealed()
        case "wecom":
            app = wecom()
        case _:
            app = real(database, api_base, Role.WEB if mode == "c" else Role.ALL, stopper.crash)

    def ready(port: int) -> None:
        sys.stdout.write(json.dumps({"url": f"http://127.0.0.1:{port}{PATH}"}) + "\n")
        sys.stdout.flush()

    await serve(app, host="127.0.0.1", port=0, stopper=stopper, on_ready=ready)


if __name__ == "__main__":
    uvloop.run(main())
