"""What one-time codes and moves of sessions refuse: one row per method and errcode or limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from tests.support.refusal_stage import GONE, Case, Stage, forbids, refuses
from wecom.api.kf import State
from wecom.kf_messages import (
    KfMenu,
    MenuText,
)

if TYPE_CHECKING:
    from tests.support.refusal_stage import Act, Given

from tests.support.refused.kf_desk import HELLO, MENU, asked, in_state, two_days_ago


async def welcome_code(s: Stage) -> str:
    await s.desk()
    return next(reversed(s.tenant.kf._codes))


def code_for(*states: State) -> Given:
    """Return the code of the last of some moves."""

    async def moved(s: Stage) -> str:
        await s.desk("在吗")
        code = ""
        for state in states:
            servicer = "xiaohu" if state is State.HUMAN else ""
            code = await s.client.kf.move(s.kfid, s.patient, state, servicer=servicer)
        assert code
        return code

    return moved


def after(given: Given, **span: float) -> Given:
    async def waited(s: Stage) -> Any:
        there = await cast("Any", given(s))
        s.later(**span)
        return there

    return waited


def spent(given: Given) -> Given:
    async def used(s: Stage) -> str:
        code: str = await cast("Any", given(s))
        await s.client.kf.send_on_event(code, HELLO)
        return code

    return used


def moved_on(given: Given, state: State) -> Given:
    async def further(s: Stage) -> str:
        code: str = await cast("Any", given(s))
        servicer = "xiaohu" if state is State.HUMAN else ""
        await s.client.kf.move(s.kfid, s.patient, state, servicer=servicer)
        return code

    return further


async def rating_too_late(s: Stage) -> str:
    code: str = await cast("Any", code_for(State.ENDED)(s))
    s.write("还有一个问题")
    return code


async def welcome_and_used_msgid(s: Stage) -> str:
    code = await welcome_code(s)
    s.write()
    await s.client.kf.send(s.kfid, s.patient, HELLO, msgid="bot-1")
    return code


async def closed_account(s: Stage) -> str:
    code = await welcome_code(s)
    s.tenant.kf.close(s.kfid)
    return code


def reply(content: Any = HELLO, **wanted: Any) -> Act:
    return lambda s, code: s.client.kf.send_on_event(code, content, **wanted)


QUEUED, TAKEN, RATED = code_for(State.POOL), code_for(State.HUMAN), code_for(State.ENDED)
ON_EVENT = [
    refuses(
        "kf.send_on_event", 95007, "an unknown code", lambda s, _: s.client.kf.send_on_event("CODE", HELLO)
    ),
    refuses("kf.send_on_event", 95007, "the account is gone", reply(), given=closed_account),
    *(
        case
        for name, given, life in (
            ("welcome", welcome_code, {"seconds": 21}),
            ("queue notice", QUEUED, {"hours": 48, "seconds": 1}),
            ("taken over", TAKEN, {"hours": 48, "seconds": 1}),
            ("rating", RATED, {"seconds": 21}),
        )
        for case in (
            refuses("kf.send_on_event", 95007, f"the {name} twice", reply(), given=spent(given)),
            refuses("kf.send_on_event", 95007, f"the {name} too late", reply(), given=after(given, **life)),
        )
    ),
    refuses("kf.send_on_event", 95018, "queueing is over", reply(), given=moved_on(QUEUED, State.HUMAN)),
    refuses("kf.send_on_event", 95018, "the customer wrote again", reply(), given=rating_too_late),
    refuses(
        "kf.send_on_event", 95013, "it has ended while queueing", reply(), given=moved_on(QUEUED, State.ENDED)
    ),
    refuses(
        "kf.send_on_event", 95013, "the person has ended it", reply(), given=moved_on(TAKEN, State.ENDED)
    ),
    refuses("kf.send_on_event", 40008, "a menu for who queues", reply(MENU), given=QUEUED),
    refuses("kf.send_on_event", 40008, "a menu for who was taken over", reply(MENU), given=TAKEN),
    refuses(
        "kf.send_on_event", 40058, "a message id twice", reply(msgid="bot-1"), given=welcome_and_used_msgid
    ),
    forbids("kf.send_on_event", "code", "no code", lambda s, _: s.client.kf.send_on_event(" ", HELLO)),
    forbids("kf.send_on_event", "msgid", "33 characters", lambda s, _: reply(msgid="m" * 33)(s, "CODE")),
    forbids(
        "kf.send_on_event",
        "menu.items",
        "eleven items",
        lambda s, _: reply(KfMenu(items=(MenuText(content="x"),) * 11))(s, "CODE"),
    ),
]


def move(to: State, servicer: str = "") -> Act:
    return lambda s, kfid: s.client.kf.move(kfid, s.patient, to, servicer=servicer)


async def paused(s: Stage) -> str:
    await s.desk("在吗")
    s.tenant.desk.set_receiving(s.kfid, "xiaohu", receiving=False)
    return s.kfid


async def deactivated(s: Stage) -> str:
    await s.desk("在吗")
    s.tenant.corp.members["xiaohu"].verified = False
    return s.kfid


async def strict_end(s: Stage) -> str:
    s.rules.kf_end_from_any = False
    return await s.desk("在吗")


MOVES = {
    "assistant to new": (State.NEW, (State.ASSISTANT,)),
    "pool to new": (State.NEW, (State.POOL,)),
    "pool to assistant": (State.ASSISTANT, (State.POOL,)),
    "person to new": (State.NEW, (State.HUMAN,)),
    "person to assistant": (State.ASSISTANT, (State.HUMAN,)),
    "person to pool": (State.POOL, (State.HUMAN,)),
    "ended to new": (State.NEW, (State.ENDED,)),
    "ended to assistant": (State.ASSISTANT, (State.ENDED,)),
    "ended to pool": (State.POOL, (State.ENDED,)),
    "ended to ended": (State.ENDED, (State.ENDED,)),
    "new to new": (State.NEW, ()),
}
MOVE = [
    *(
        refuses("kf.move", 95016, name, move(to), given=in_state(*before))
        for name, (to, before) in MOVES.items()
    ),
    refuses("kf.move", 95016, "ended to person", move(State.HUMAN, "xiaohu"), given=in_state(State.ENDED)),
    refuses("kf.move", 95016, "after 48 hours it has ended", move(State.POOL), given=two_days_ago),
    refuses("kf.move", 95016, "new to ended where only persons end", move(State.ENDED), given=strict_end),
    refuses("kf.move", 60253, "no servicer of the account", move(State.HUMAN, "li.na"), given=asked),
    refuses(
        "kf.move", 95019, "the servicer has stopped receiving", move(State.HUMAN, "xiaohu"), given=paused
    ),
    refuses(
        "kf.move", 95014, "the servicer is not activated", move(State.HUMAN, "xiaohu"), given=deactivated
    ),
    refuses("kf.move", 40003, "the servicer is nobody", move(State.HUMAN, "nobody"), given=asked),
    refuses("kf.move", 40003, "the servicer has left", move(State.HUMAN, GONE), given=asked),
    forbids("kf.move", "servicer", "a person without a name", lambda s, _: move(State.HUMAN)(s, "wk1")),
    forbids(
        "kf.move", "servicer", "a name without a person", lambda s, _: move(State.POOL, "xiaohu")(s, "wk1")
    ),
]


CASES: list[Case] = [*ON_EVENT, *MOVE]
