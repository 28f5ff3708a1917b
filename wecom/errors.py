"""What can go wrong when we call WeCom: one class per remedy, not per errcode.

WeComError
├── NotDone             nothing happened, or doing it again changes nothing  -> try again, within a budget
│   ├── Busy            errcode -1, 6000, 41096, 41063, 41079; no connection; a read without an answer
│   ├── RateLimited     errcode 45009, 45033            -> after a pause
│   ├── NotYet          errcode 41062, 41078, 41094, …  -> when WeCom's own window has passed
│   └── TokenRejected   errcode 40014, 42001, 41001 even after a refresh
├── OutcomeUnknown      no answer after dispatch        -> reconcile first, never blindly again
└── Refused             any other errcode               -> never again; staff decide
    ├── NeedsAdmin      a setting, permission or quota in the admin console
    ├── Unlisted        an errcode that nobody documents -> somebody must be told
    └── WelcomeSpent    errcode 41049, 41050, 41051

No message holds a token, a secret or words written by a person.
"""

from __future__ import annotations

import re
from typing import ClassVar

from wecom.errcodes import RULES, UNKNOWN, Action, Rule

RATE_LIMIT_CODES = frozenset({45009, 45033})
TOKEN_CODES = frozenset({40014, 42001, 41001})
WELCOME_SPENT_CODES = frozenset({41049, 41050, 41051})

_IP = re.compile(r"from ip:?\s*([0-9A-Fa-f]{1,4}(?:[.:]+[0-9A-Fa-f]{1,4})+)", re.IGNORECASE)
_PHONE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)")
_SECRETS = re.compile(r"\b(access_token|corpsecret|secret|code|ticket)=[^&\s,]+", re.IGNORECASE)
_NOT_PLAIN = re.compile(r"[^\x20-\x7e]+")
ERRMSG_LIMIT = 300


class WeComError(Exception):
    """A call to WeCom did not end well. ``call`` is the endpoint, e.g. ``externalcontact/mark_tag``."""

    outcome: ClassVar[str] = "error"  # a metric label

    def __init__(
        self, call: str, message: str, *, errcode: int | None = None, errmsg: str = "", remedy: str = ""
    ) -> None:
        super().__init__(message)
        self.call = call
        self.errcode = errcode
        self.errmsg = errmsg  # cleaned
        self.remedy = remedy  # 简体中文, for staff


class NotDone(WeComError):
    """Nothing happened, or doing it again changes nothing: try again, within a budget."""

    outcome: ClassVar[str] = "not_done"

    def __init__(
        self,
        call: str,
        reason: str,
        *,
        errcode: int | None = None,
        errmsg: str = "",
        remedy: str = "企业微信暂时无法访问，系统会自动重试。",
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(
            call, f"{call} was not done: {reason}", errcode=errcode, errmsg=errmsg, remedy=remedy
        )
        self.retry_after_s = (
            retry_after_s  # the least pause that makes sense; None: the caller's own back-off
        )


class Busy(NotDone):
    """WeCom, or the way to it, cannot serve right now."""

    outcome: ClassVar[str] = "busy"


class RateLimited(NotDone):
    """Too many calls (45009) or too many at once (45033): pause, then fewer."""

    outcome: ClassVar[str] = "rate_limited"


class NotYet(NotDone):
    """WeCom will do it, but only after a window of its own."""

    outcome: ClassVar[str] = "not_yet"


class TokenRejected(NotDone):
    """A fresh access_token was refused too: a wrong kind of token, or two deployments that renew each
    other's.
    """

    outcome: ClassVar[str] = "token_rejected"


class OutcomeUnknown(WeComError):
    """The request left and no usable answer came: WeCom may have done it. Reconcile before anything else."""

    outcome: ClassVar[str] = "unknown"

    def __init__(self, call: str, reason: str) -> None:
        super().__init__(
            call,
            f"{call} may or may not have been done: {reason}",
            remedy="企业微信没有给出结果，系统会先核对是否已生效，再决定是否重试。",
        )


class Refused(WeComError):
    """WeCom understood the call and will not do it."""

    outcome: ClassVar[str] = "refused"

    def __init__(
        self,
        call: str,
        *,
        errcode: int,
        errmsg: str,
        remedy: str,
        action: Action = Action.DROP,
    ) -> None:
        super().__init__(
            call,
            f"{call} refused with errcode {errcode} ({errmsg}): {remedy}",
            errcode=errcode,
            errmsg=errmsg,
            remedy=remedy,
        )
        self.action = action


class NeedsAdmin(Refused):
    """Nothing changes until the clinic's WeCom administrator changes something."""

    outcome: ClassVar[str] = "needs_admin"


class Unlisted(Refused):
    """The errcode is not in our table: permanent for the item, and its ``outcome`` raises an alarm."""

    outcome: ClassVar[str] = "unlisted"


class WelcomeSpent(Refused):
    """The welcome code is used, expired or unknown, or the chat has begun: no welcome will ever be sent
    with it.
    """

    outcome: ClassVar[str] = "welcome_spent"


def rule_for(errcode: int) -> Rule:
    """Return what the code asks for; the permanent ``UNKNOWN`` for a code that is not documented."""
    return RULES.get(errcode, UNKNOWN)


def error_for(call: str, errcode: int, errmsg: str) -> WeComError:
    """Return (not raise) the error for an answer with a non-zero ``errcode``.

    ``errmsg`` is WeCom's own text; what could be a secret or a person's words is taken out of it.
    """
    rule = rule_for(errcode)
    said = clean_errmsg(errmsg)
    remedy = rule.remedy.replace("{ip}", _ip_in(errmsg))
    reason = f"errcode {errcode} ({said}): {remedy}"
    match rule.action:
        case Action.REFRESH:
            kind: type[NotDone] = TokenRejected
        case Action.RETRY | Action.LATER if errcode in RATE_LIMIT_CODES:
            kind = RateLimited
        case Action.RETRY:
            kind = Busy
        case Action.LATER:
            kind = NotYet
        case Action.DROP | Action.FIX | Action.ADMIN:
            refusal: type[Refused] = NeedsAdmin if rule.action is Action.ADMIN else Refused
            if errcode in WELCOME_SPENT_CODES:
                refusal = WelcomeSpent
            elif rule is UNKNOWN:
                refusal = Unlisted
            return refusal(call, errcode=errcode, errmsg=said, remedy=remedy, action=rule.action)
    return kind(call, reason, errcode=errcode, errmsg=said, remedy=remedy, retry_after_s=rule.retry_after_s)


def clean_errmsg(errmsg: str) -> str:
    """Return ``errmsg`` fit for a log: one line of ASCII, at most 300 characters, no phone number, no secret.

    WeCom writes its messages in English with an ip, a hint and a request id, which support asks for; anything
    else in them may be an echo of what we sent, thus a person's words.
    """
    text = _SECRETS.sub(r"\1=***", _PHONE.sub("***", errmsg))
    return _NOT_PLAIN.sub("…", text).strip()[:ERRMSG_LIMIT]


def _ip_in(errmsg: str) -> str:
    found = _IP.search(errmsg)
    return f" {found[1]}" if found else "本服务器的出口 IP"
