"""Who may use the API: whoever shows the key."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from console.api import problems
from console.api.problems import Problem
from console.deps import DEPS

if TYPE_CHECKING:
    from aiohttp import web

ACTOR: Final = "api"  # the name in the audit trail
VIA: Final = "api"
CHALLENGE: Final = 'Bearer realm="xiaohu-api", charset="UTF-8"'


def check_key(request: web.Request) -> None:
    """Let the request pass when it carries the bearer key.

    Raises:
        Problem: 403 when no key is set, 401 when none or another one is shown.
    """
    key = request.app[DEPS].api_key
    if not key:
        raise Problem(
            kind=problems.CLOSED, detail="API 没有开启：请设置环境变量 XIAOHU_API_KEY 后重新启动，再用它访问"
        )
    given = request.headers.getall("Authorization", [])
    scheme, _, token = given[0].partition(" ") if len(given) == 1 else ("", "", "")
    # Digests have one length: comparing them takes the same time for every wrong key.
    if scheme.lower() == "bearer" and hmac.compare_digest(_digest(token.strip(" ")), _digest(key)):
        return
    said = "密钥不对" if given else "没有给出密钥"
    raise Problem(
        kind=problems.UNAUTHORIZED,
        detail=f"{said}：请写上请求头 Authorization: Bearer <XIAOHU_API_KEY 的值>",
        headers={"WWW-Authenticate": CHALLENGE},
    )


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogateescape")).digest()
