"""Whom a post is for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

# What an audience lists, by the post's kind; a moment's receivers are whoever its sender's tags reach.
LISTED: Final = {"group": "chat_ids", "direct": "external_userids"}


def recipients_of(kind: str, audience: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the chat_ids or external_userids a post goes to; none when they are not known beforehand."""
    listed = LISTED.get(kind)
    return tuple(audience.get(listed, ())) if listed else ()
