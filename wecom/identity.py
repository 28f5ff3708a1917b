"""Addresses of WeCom's logins, and the JS-SDK's signature: pure functions (identity.md §2-§4; doc 91022,
98152, 90506).
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from urllib.parse import urlencode

from wecom.limits import check_present, check_url

AUTHORIZE = "https://open.weixin.qq.com/connect/oauth2/authorize"
WEB_LOGIN = "https://login.work.weixin.qq.com/wwlogin/sso/login"
_STATE = re.compile(r"[0-9A-Za-z]{1,128}")


def authorize_url(
    *, corp_id: str, agent_id: int, redirect_uri: str, state: str, asks_consent: bool = False
) -> str:
    """Return where a page in WeCom or WeChat sends its visitor to learn who they are (doc 91022).

    They come back to ``redirect_uri`` with ``code`` (once, 5 minutes) and ``state``.

    Args:
        redirect_uri: on the app's trusted domain, port included.
        state: 1 to 128 letters and digits; use a fresh one per visit and compare it.
        asks_consent: asks for private details (snsapi_privateinfo); only visible members.
    """
    query: dict[str, str | int] = {
        "appid": corp_id,
        "redirect_uri": redirect_uri,
        "response_type": "code",
        "scope": "snsapi_privateinfo" if asks_consent else "snsapi_base",
        "state": state,
        "agentid": agent_id,
    }
    return f"{AUTHORIZE}?{_query(query)}#wechat_redirect"


def web_login_url(*, corp_id: str, agent_id: int, redirect_uri: str, state: str) -> str:
    """Return the page where a member scans a code to log in from a browser (doc 98152).

    ``redirect_uri`` must be on the app's Web网页授权回调域; the rest is as in ``authorize_url``.
    """
    query: dict[str, str | int] = {
        "login_type": "CorpApp",
        "appid": corp_id,
        "agentid": agent_id,
        "redirect_uri": redirect_uri,
        "state": state,
    }
    return f"{WEB_LOGIN}?{_query(query)}"


def _query(query: dict[str, str | int]) -> str:
    check_present("corp_id", str(query["appid"]))
    check_url("redirect_uri", str(query["redirect_uri"]))
    if not _STATE.fullmatch(str(query["state"])):
        raise ValueError("state: 1 to 128 letters and digits")
    return urlencode(query)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """What a page hands to ``ww.register``'s signature callbacks; holds no ticket."""

    timestamp: int
    nonce: str
    signature: str


def sign_page(*, ticket: str, nonce: str, timestamp: int, url: str) -> Signature:
    """Sign one page for the JS-SDK; ``url`` is the page's own address, what follows a # is dropped."""
    check_present("ticket", ticket)
    page = url.partition("#")[0]
    check_url("url", page)
    text = f"jsapi_ticket={ticket}&noncestr={nonce}&timestamp={timestamp}&url={page}"
    digest = hashlib.sha1(text.encode()).hexdigest()  # noqa: S324 - the scheme is WeCom's
    return Signature(timestamp=timestamp, nonce=nonce, signature=digest)
