"""The callback address, asked as WeCom asks it when the address is saved."""

from __future__ import annotations

import base64
import ipaddress
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import aiohttp
from yarl import URL

from bot.callback import PATH
from bot.checkup.findings import bad, doubt, good
from wecom.crypto import CallbackCrypto

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from bot.checkup.findings import Finding
    from bot.settings import Settings
    from store.clock import Clock

WITHIN_S: Final = 1.0  # WeCom's own limit for the GET (document 90930)
PATIENCE_S: Final = 5.0  # so that "slow" can be told from "dead"
AREA: Final = "回调地址"
SAVE: Final = "改好后在 应用管理 → 本应用 → 接收消息 → 设置 API 接收 里重新保存一次。"

# What the running program says when its settings are not those of this command.
_SAID: Final = {
    "bad_signature": "运行中的程序用的 Token 不是现在设置里的：重启 xiaohu serve。",
    "bad_ciphertext": "运行中的程序用的 EncodingAESKey 不是现在设置里的：重启 xiaohu serve。",
    "wrong_receiver": "运行中的程序用的企业 ID 不是现在设置里的：重启 xiaohu serve。",
    "stale": "运行程序的机器时钟差了 24 小时以上：打开自动校时（timedatectl set-ntp true）。",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answer:
    status: int
    body: bytes
    seconds: float


async def check_callback(
    session: aiohttp.ClientSession, settings: Settings, *, clock: Clock
) -> AsyncIterator[Finding]:
    """Ask ``XIAOHU_PUBLIC_URL`` for an encrypted echo. It is asked from here, not from WeCom's network."""
    url = URL(settings.public_url)
    shown = f"{settings.public_url}{PATH}"
    rehearsing = _is_private(URL(settings.wecom_api_base).host or "")
    if not rehearsing:
        if _is_private(url.host or ""):
            yield bad(
                AREA,
                f"{url.host} 只在本机或内网有效，企业微信到不了",
                "把 XIAOHU_PUBLIC_URL 设成公网域名 https://…，前面放反向代理（见 docs/operations.md）。",
            )
            return
        if url.scheme != "https":
            yield doubt(
                AREA,
                "没有用 https，登录密码会在网上明文传",
                "给域名配证书，把 XIAOHU_PUBLIC_URL 改成 https://…。",
            )
    echo = secrets.token_hex(12)
    try:
        answer = await _ask(session, shown, _query(settings, echo, clock))
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        yield await _unreachable(session, settings, exc)
        return
    if answer.status == 200 and answer.body == echo.encode():
        took = f"{answer.seconds * 1000:.0f} 毫秒"
        if answer.seconds > WITHIN_S:
            yield bad(AREA, f"验证通过，但用了 {took}，企业微信只等 1 秒", "检查反向代理和服务器负载。")
        elif rehearsing:
            yield good(AREA, f"验证通过（{took}；模拟环境）")
        else:
            yield good(AREA, f"{url.scheme} 验证通过（{took}，从本机访问）")
        return
    said = answer.body.decode("utf-8", "replace").strip()
    if said in _SAID:
        yield bad(AREA, f"程序在运行，但没有通过验证（{said}）", _SAID[said])
        return
    yield bad(
        AREA,
        f"{shown} 回答的不是小护（HTTP {answer.status}）",
        f"让反向代理把 {PATH} 原样转给 {settings.host}:{settings.port}，不跳转、不要求登录。{SAVE}",
    )


def _query(settings: Settings, echo: str, clock: Clock) -> dict[str, str]:
    crypto = CallbackCrypto(
        token=settings.wecom_token.get_secret_value(),
        aes_key=settings.wecom_aes_key.get_secret_value(),
        corp_id=settings.wecom_corp_id,
    )
    # WeCom's echo is base64 of its own; any text will do.
    sealed = crypto.encrypt(echo)
    stamp, nonce = str(int(clock.now().timestamp())), base64.b32encode(secrets.token_bytes(5)).decode()
    return {
        "msg_signature": crypto.sign(stamp, nonce, sealed),
        "timestamp": stamp,
        "nonce": nonce,
        "echostr": sealed,
    }


async def _ask(session: aiohttp.ClientSession, url: str, query: dict[str, str]) -> _Answer:
    began = time.perf_counter()
    async with session.get(
        url, params=query, timeout=aiohttp.ClientTimeout(total=PATIENCE_S), allow_redirects=False
    ) as response:
        body = await response.content.read(4096)
        return _Answer(status=response.status, body=body, seconds=time.perf_counter() - began)


async def _unreachable(session: aiohttp.ClientSession, settings: Settings, exc: Exception) -> Finding:
    """Tell a program that does not run from a proxy, a name or a certificate that is wrong."""
    host = "127.0.0.1" if settings.host in {"0.0.0.0", "::"} else settings.host  # noqa: S104  (compared)
    local = URL.build(scheme="http", host=host, port=settings.port, path="/healthz")
    try:
        alive = (await _ask(session, str(local), {})).status == 200
    except (aiohttp.ClientError, TimeoutError, OSError):
        alive = False
    name = type(exc).__name__
    if not alive:
        return bad(
            AREA,
            f"小护没有在运行（{host}:{settings.port} 没有回答）",
            "先启动 xiaohu serve，再查一次。",
        )
    if isinstance(exc, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return bad(
            AREA, f"小护在运行，但 HTTPS 证书有问题（{name}）", f"换一张域名对得上、没有过期的证书。{SAVE}"
        )
    return bad(
        AREA,
        f"小护在运行，但 {settings.public_url} 到不了（{name}）",
        f"检查域名解析、防火墙和反向代理，让它转到 {host}:{settings.port}。{SAVE}",
    )


def _is_private(host: str) -> bool:
    try:
        return not ipaddress.ip_address(host.strip("[]")).is_global
    except ValueError:
        return host == "localhost" or "." not in host or host.endswith((".local", ".internal", ".lan"))
