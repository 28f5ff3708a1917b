"""What handovers refuse as a whole: one row per method and errcode or limit."""

from __future__ import annotations

from typing import Any

from tests.support.refusal_stage import ASLEEP, GONE, HIDDEN, IDLE, Case, Stage, drain, forbids, refuses
from wecom.errors import NeedsAdmin

# Who cannot take over: (errcode, when, userid, class).
BAD_TAKERS: tuple[tuple[int, str, str, dict[str, Any]], ...] = (
    (40003, "the taker is nobody", "nobody", {}),
    (40003, "the taker has left", GONE, {}),
    (60011, "the taker is out of sight", HIDDEN, {"error": NeedsAdmin}),
    (84074, "the taker serves no customers", IDLE, {"error": NeedsAdmin}),
    (40098, "the taker is not activated", ASLEEP, {"error": NeedsAdmin}),
)


def start(s: Stage, handover: str = "xiaohu", takeover: str = "li.na", **wanted: Any) -> Any:
    return s.client.transfers.start(handover, takeover, wanted.pop("customers", [s.patient]), **wanted)


def start_resigned(s: Stage, handover: str = "zhang.wei", takeover: str = "li.na", **wanted: Any) -> Any:
    return s.client.transfers.start_resigned(handover, takeover, wanted.pop("customers", [s.patient]))


def left(s: Stage) -> list[str]:
    """Let zhang.wei leave; return his groups."""
    s.tenant.transfers.leave("zhang.wei")
    return [group.chat_id for group in s.tenant.corp.groups_owned_by("zhang.wei")]


STARTS = {"transfers.start": start, "transfers.start_resigned": start_resigned}
RESULTS = {"transfers.result": "result", "transfers.resigned_result": "resigned_result"}
GROUPS = {
    "transfers.give_groups": "give_groups",
    "transfers.give_groups_of_resigned": "give_groups_of_resigned",
}


def results(name: str, handover: str, takeover: str) -> Any:
    return lambda s, _: drain(getattr(s.client.transfers, name)(handover, takeover))


def give(name: str, owner: str, chat_ids: list[str] | None = None) -> Any:
    def act(s: Stage, _: Any) -> Any:
        chats = list(s.tenant.corp.groups) if chat_ids is None else chat_ids
        return getattr(s.client.transfers, name)(chats, owner)

    return act


CASES: list[Case] = [
    *(
        case
        for method, begin in STARTS.items()
        for case in (
            *(
                refuses(
                    method,
                    errcode,
                    when,
                    lambda s, _, begin=begin, userid=userid: begin(s, takeover=userid),
                    given=left,
                    **error,
                )
                for errcode, when, userid, error in BAD_TAKERS
            ),
            refuses(
                method,
                40130,
                "to himself",
                lambda s, _, begin=begin: begin(s, handover="li.na"),
            ),
            refuses(
                method, 40003, "the giver is nobody", lambda s, _, begin=begin: begin(s, handover="nobody")
            ),
            forbids(method, "handover", "nobody gives", lambda s, _, begin=begin: begin(s, handover=" ")),
            forbids(method, "takeover", "nobody takes", lambda s, _, begin=begin: begin(s, takeover="")),
            forbids(
                method,
                "external_userids",
                "nobody is given",
                lambda s, _, begin=begin: begin(s, customers=[]),
            ),
            forbids(
                method,
                "external_userids",
                "101 customers",
                lambda s, _, begin=begin: begin(s, customers=["wm"] * 101),
            ),
        )
    ),
    refuses("transfers.start", 40003, "the giver has left", lambda s, _: start(s, handover=GONE)),
    refuses(
        "transfers.start",
        60011,
        "the giver is out of sight",
        lambda s, _: start(s, handover=HIDDEN),
        error=NeedsAdmin,
    ),
    refuses(
        "transfers.start",
        84074,
        "the giver serves no customers",
        lambda s, _: start(s, handover=IDLE),
        error=NeedsAdmin,
    ),
    forbids("transfers.start", "message", "201 characters", lambda s, _: start(s, message="您" * 201)),
    refuses(
        "transfers.start_resigned",
        40097,
        "the giver has not left",
        lambda s, _: start_resigned(s, handover="xiaohu"),
    ),
    *(
        case
        for method, name in RESULTS.items()
        for case in (
            refuses(method, 40003, "the giver is nobody", results(name, "nobody", "li.na")),
            refuses(method, 40003, "no giver", results(name, "", "li.na")),
            refuses(method, 40003, "the taker is nobody", results(name, "xiaohu", "nobody")),
            refuses(method, 40003, "no taker", results(name, "xiaohu", "")),
            refuses(
                method, 60011, "the taker is out of sight", results(name, "xiaohu", HIDDEN), error=NeedsAdmin
            ),
        )
    ),
    *(
        case
        for method, name in GROUPS.items()
        for case in (
            *(
                refuses(method, errcode, when, give(name, userid), **error)
                for errcode, when, userid, error in BAD_TAKERS
            ),
            forbids(method, "new_owner", "nobody takes them", give(name, " ")),
            forbids(method, "chat_ids", "no group", give(name, "li.na", [])),
            forbids(method, "chat_ids", "101 groups", give(name, "li.na", ["wr"] * 101)),
        )
    ),
]
