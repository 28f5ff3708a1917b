"""Whose turn it is now: a rule hands a patient to the next colleague, by a to-do with a card."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import todos
from sop.case import short_key
from sop.handouts import hand_out

if TYPE_CHECKING:
    from clinic.rules.rules import HandOff, Rule
    from sop.case import Case

KIND: Final = "handoff"


async def hand_over(case: Case, rule: Rule, *, key: str) -> bool:
    """Ask whoever the rule names, once per ``key``; return whether it was asked now."""
    if rule.hand_off is None:
        return False
    hand_off = rule.hand_off
    return await hand_out(
        case.session,
        roster=case.roster,
        public_url=case.public_url,
        key=short_key(f"handoff:{rule.key}:{case.head.id}:{key}", most=160),
        kind=KIND,
        assignee=assignee_of(case, hand_off),
        title=hand_off.title,
        body=f"{case.story()}。{hand_off.body}",
        now=case.now,
        patient_id=case.head.id,
        due_at=case.now + timedelta(hours=hand_off.within_hours),
        page=case.page,
    )


def assignee_of(case: Case, hand_off: HandOff) -> str:
    """Resolve ``member``, ``assistant``, ``doctor`` and ``manager``; several userids take turns by patient.

    When nobody fits, a manager decides.
    """
    words = {"member", "assistant", "doctor", "manager"}
    if len(hand_off.to) > 1 or hand_off.to[0] not in words:
        named = [userid for userid in hand_off.to if userid not in words]
        following = [follow.userid for follow in case.connected if follow.userid in named]
        return following[0] if following else named[case.head.id % len(named)]
    word = hand_off.to[0]
    if word == "manager":
        return todos.MANAGER
    following = [follow.userid for follow in case.connected]
    if word == "member":
        return following[0] if following else todos.MANAGER
    mine = [userid for userid in following if case.roster.persona_of(userid).kind == word]
    if mine:
        return mine[0]
    if word == "assistant":
        senders = case.roster.senders(case.book.pack.default_persona)
        if senders:
            return senders[case.head.id % len(senders)]
    return todos.MANAGER
