"""What the inbox must know before it answers: in whose queue an event waits, and whether it is urgent.

Nothing is parsed here: this runs before the 200, a few microseconds per callback. A text that pretends to
hold other elements can at worst put its own event into another queue.
"""

from __future__ import annotations

import re

_VALUE = rb"\s*(?:<!\[CDATA\[)?\s*([^<>\]\s]{1,256})"
_LANES = (
    (re.compile(rb"<ExternalUserID>" + _VALUE), "p:"),
    (re.compile(rb"<ChatId>" + _VALUE), "g:"),
    (re.compile(rb"<OpenKfId>" + _VALUE), "k:"),
)
_SENDER = re.compile(rb"<FromUserName>" + _VALUE)
_WELCOME = re.compile(rb"<WelcomeCode>" + _VALUE)


def lane_of(plaintext: bytes) -> str:
    """Return the key whose events must be handled in order of arrival; "" when order does not matter.

    ``p:`` patient, ``g:`` customer group, ``k:`` 微信客服 account, ``m:`` member. Never raises.
    """
    for pattern, prefix in _LANES:
        if found := pattern.search(plaintext):
            return prefix + _text(found)
    if (found := _SENDER.search(plaintext)) and found[1].lower() != b"sys":
        return "m:" + _text(found)
    return ""


def is_urgent(plaintext: bytes) -> bool:
    """Whether the event carries a welcome code, which dies 20 s after it happened. Never raises."""
    return _WELCOME.search(plaintext) is not None


def _text(found: re.Match[bytes]) -> str:
    return found[1].decode("utf-8", "replace")
