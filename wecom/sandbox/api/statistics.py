"""Numbers of members and groups by day (external-contact.md §8 and §11): whole days in China, no today.

What happened in the tenant is counted; what cannot be known of days nobody played is drawn from the ids, so
that the same question has the same plausible answer.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from wecom.sandbox.refusal import Refusal
from wecom.sandbox.rules import CHINA

from .endpoint import post
from .slices import Slices
from .times import LATEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from wecom.sandbox.corp import Corp
    from wecom.sandbox.state import Follow, Group, Json
    from wecom.sandbox.tenant import Tenant

    from .endpoint import Call

SPAN, KEPT = timedelta(days=30), timedelta(days=180)
DAY = timedelta(days=1)
COUNTED = ("chat_cnt", "message_cnt", "negative_feedback_cnt", "new_apply_cnt", "new_contact_cnt")
ORDERS = {1: "new_chat_cnt", 2: "chat_total", 3: "new_member_cnt", 4: "member_total"}


def _draw(*what: object, below: int) -> int:
    """Return a number in [0, below) that is always the same for the same thing."""
    digest = hashlib.sha256(":".join(map(str, what)).encode()).digest()
    return int.from_bytes(digest[:6]) % below if below > 0 else 0


def _days(call: Call, first: str, last: str, *, last_required: bool) -> list[datetime]:
    """Return the midnights asked for: at most 30 days apart, from 180 days ago to yesterday."""
    body, today = call.body, _midnight(call.tenant.clock.now())
    if not body.has(first) or (last_required and not body.has(last)):
        raise Refusal(40058, f"invalid Request Parameter: {first} and {last} are required")
    start = _midnight(datetime.fromtimestamp(body.integer(first, high=LATEST), UTC))
    end = _midnight(datetime.fromtimestamp(body.integer(last, high=LATEST), UTC)) if body.has(last) else start
    if not start <= end <= start + SPAN:
        raise Refusal(40058, "invalid Request Parameter: at most 30 days")
    if start < today - KEPT or end >= today:
        raise Refusal(40058, "invalid Request Parameter: from 180 days ago to yesterday")
    return [start + DAY * n for n in range((end - start).days + 1)]


def _midnight(at: datetime) -> datetime:
    return at.astimezone(CHINA).replace(hour=0, minute=0, second=0, microsecond=0)


async def get_user_behavior_data(call: Call) -> Json:
    """Sum up what members did; a hundred members may have 150 000 patients, so that is done in slices."""
    body, tenant, corp, slices = call.body, call.tenant, call.tenant.corp, Slices()
    userids = [corp.contact_member(u).userid for u in body.texts("userid", at_most=100)]
    parties = body.integers("partyid", at_most=100)
    for party in parties:
        if party not in corp.departments:
            raise Refusal(60123)
        inside = corp.members_of_department(party)
        userids += [member.userid for member in inside if member.visible and member.contact_enabled]
    if not userids and not parties:
        raise Refusal(40058, "invalid Request Parameter: userid and partyid are both empty")
    days = _days(call, "start_time", "end_time", last_required=True)
    members = list(dict.fromkeys(userids))
    totals = {day: dict.fromkeys(COUNTED, 0) for day in days}
    for userid in members:
        book = corp.follows_of_member.get(userid)
        follows = list(book.moved(days[0], days[-1] + DAY)) if book is not None else []
        for day in days:
            for key, value in _of_member(corp, userid, day, follows, of=len(book or ())).items():
                totals[day][key] += value
            if slices.over:
                await slices.pause()
    if tenant.corp is not corp:
        raise Refusal(-1)  # the tenant began again while we counted
    rows = [{"stat_time": int(day.timestamp()), **_answered(totals[day], members, day)} for day in days]
    return {"behavior_data": rows}


def _answered(total: dict[str, int], userids: list[str], day: datetime) -> Json:
    if total["chat_cnt"]:
        # Nobody's answers are timed here; the fields are absent on a day without chats, as in WeCom.
        mark = (",".join(userids), day.date())
        share, minutes = _draw(*mark, "share", below=21), _draw(*mark, "minutes", below=30)
        return total | {"reply_percentage": 80 + share, "avg_reply_time": 1 + minutes}
    return dict(total)


def _of_member(
    corp: Corp, userid: str, day: datetime, follows: Sequence[Follow], *, of: int
) -> dict[str, int]:
    """Return a member's numbers of a day; ``follows`` are those that moved lately, of so many."""
    end = day + DAY
    added = sum(day <= follow.createtime < end for follow in follows)
    lost = sum(follow.lost_at is not None and day <= follow.lost_at < end for follow in follows)
    said = [
        [
            bubble
            for bubble in corp.chats.get((userid, f.external_userid), [])
            if bubble.origin == "chat" and day <= bubble.at < end
        ]
        for f in follows
        if f.last_chat_at is not None
    ]
    chats = _draw(userid, day.date(), "chats", below=of // 5 + 1)
    return {
        "chat_cnt": sum(bool(bubbles) for bubbles in said) + chats,
        "message_cnt": sum(b.sender_kind == "member" for bubbles in said for b in bubbles) + chats * 4,
        "negative_feedback_cnt": lost,
        "new_apply_cnt": added,
        "new_contact_cnt": sum(day <= f.createtime < end and not f.half for f in follows),
    }


def _owners(call: Call) -> list[str]:
    owners = call.body.part("owner_filter", required=True).texts("userid_list", at_most=100, required=True)
    return [call.tenant.corp.member(userid).userid for userid in dict.fromkeys(owners)]


def _numbers(tenant: Tenant, groups: Iterable[Group], days: list[datetime]) -> dict[str, int]:
    """Return the numbers of groups over days that follow each other; totals are those at the end."""
    start, end = days[0], days[-1] + DAY
    data = dict.fromkeys(
        (
            "new_chat_cnt",
            "chat_total",
            "chat_has_msg",
            "new_member_cnt",
            "member_total",
            "member_has_msg",
            "msg_total",
        ),
        0,
    )
    for group in groups:
        if group.create_time >= end or group.dismissed:
            continue
        seats = [seat for seat in group.members.values() if seat.join_time < end]
        said = [b for b in tenant.corp.group_chats.get(group.chat_id, []) if start <= b.at < end]
        spoken = len({bubble.sender_id for bubble in said})
        drawn = sum(_draw(group.chat_id, day.date(), below=len(seats) // 3 + 1) for day in days)
        data["new_chat_cnt"] += int(group.create_time >= start)
        data["chat_total"] += 1
        data["chat_has_msg"] += int(bool(said) or drawn > 0)
        data["new_member_cnt"] += sum(seat.join_time >= start for seat in seats)
        data["member_total"] += len(seats)
        data["member_has_msg"] += min(len(seats), spoken + drawn)
        data["msg_total"] += len(said) + 3 * drawn
    return data


def groupchat_statistic(call: Call) -> Json:
    body, tenant = call.body, call.tenant
    days = _days(call, "day_begin_time", "day_end_time", last_required=False)
    owners = _owners(call)
    order = ORDERS[body.integer("order_by", default=1, low=1, high=4)]
    ascending = body.flag("order_asc")
    offset, limit = body.integer("offset"), body.limit(default=500, most=1000)
    items: list[Json] = []
    for userid in owners:
        groups = tenant.corp.groups_owned_by(userid)
        if groups:
            items.append({"owner": userid, "data": _numbers(tenant, groups, days)})
    items.sort(key=lambda item: int(item["data"][order]), reverse=not ascending)
    shown = items[offset : offset + limit]
    return {"total": len(items), "next_offset": offset + len(shown), "items": shown}


def groupchat_statistic_by_day(call: Call) -> Json:
    tenant = call.tenant
    days = _days(call, "day_begin_time", "day_end_time", last_required=False)
    groups = [group for userid in _owners(call) for group in tenant.corp.groups_owned_by(userid)]
    return {
        "items": [
            {"stat_time": int(day.timestamp()), "data": _numbers(tenant, groups, [day])} for day in days
        ]
    }


ENDPOINTS = (
    post("externalcontact/get_user_behavior_data", get_user_behavior_data),
    post("externalcontact/groupchat/statistic", groupchat_statistic),
    post("externalcontact/groupchat/statistic_group_by_day", groupchat_statistic_by_day),
)
