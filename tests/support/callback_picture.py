"""What the program knows at a moment, in flat words: two such pictures show what a callback changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic.care_tables import ChannelDay, GroupMove, KfAccount, Todo
from clinic.tables import AuditEntry, CustomerGroup, GroupMember, Member, Tag
from sop.tables import Post
from tests.support.quiet import rows

if TYPE_CHECKING:
    from tests.support.clinic import Clinic

# What the program asks and uploads by itself, whatever WeCom tells it.
OWN = frozenset({"gettoken", "media/upload", "media/uploadimg", "media/upload_attachment"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """``rows``: what stands there, in words; ``told``: timelines' lines, each by what makes it itself."""

    rows: Mapping[str, Any]
    told: Mapping[str, str]


async def look(clinic: Clinic, people: Mapping[str, str]) -> Picture:
    """Return what is known now; ``people``: patients by what the picture calls them."""
    found: dict[str, Any] = {}
    told: dict[str, str] = {}
    for name, who in people.items():
        record = await clinic.api("GET", f"/patients/{who}")
        found |= _patient(name, record)
        for line in record["timeline"]:
            itself = (name, line["at"], line["action"], str(line["detail"]))
            told["|".join(itself)] = f"{name}: {line['reason']}"
    for group in await rows(clinic, select(CustomerGroup).where(CustomerGroup.name.contains("群"))):
        seats = select(GroupMember.person).where(GroupMember.chat_id == group.chat_id)
        state = "解散" if group.dismissed_at else f"群主 {group.owner}，{len(await rows(clinic, seats))} 人"
        found[group.name] = state
    found["moves"] = len(await rows(clinic, select(GroupMove.id)))
    for tag in await rows(clinic, select(Tag).where(Tag.wecom_id.is_not(None))):
        found[f"tag {tag.path}"] = "in WeCom"
    for day in await rows(clinic, select(ChannelDay)):
        found[f"count {day.channel} {day.kind} {day.userid}".strip()] = day.count
    for member in await rows(clinic, select(Member)):
        gone = "left" if member.left_at else "here"
        found[f"member {member.userid}"] = " ".join(filter(None, (member.name, member.position, gone)))
    for account in await rows(clinic, select(KfAccount)):
        found["kf account"] = "ours" if account.authorised else "not ours"
    for kind, number in Counter(await rows(clinic, select(Todo.kind).where(Todo.state == "open"))).items():
        found[f"open to-do {kind}"] = number
    found["posts"] = "，".join(sorted(await rows(clinic, select(Post.state).distinct())))
    # What is told of patients is in their timelines, and how many posts there are is the pack's matter.
    audit = select(AuditEntry.action).where(
        AuditEntry.subject.not_like("patient:%"), AuditEntry.subject.not_like("post:%")
    )
    for action, number in Counter(await rows(clinic, audit)).items():
        found[f"audit {action}"] = number
    return Picture(rows=found, told=told)


def _patient(name: str, record: Mapping[str, Any]) -> dict[str, Any]:
    found = {f"{name} stage": record["stage"], f"{name} name": record["name"]}
    for follow in record["follows"]:
        state = (
            f"lost: {follow['lost_by']}" if follow["lost_at"] else "half" if follow["half"] else "standing"
        )
        found[f"{name} & {follow['userid']}"] = " ".join(filter(None, (state, follow["remark"])))
    for tag in record["tags"]:
        found[f"{name} wears {tag['name']} ({tag['userid']})"] = tag["origin"]
    for group in record["groups"]:
        found[f"{name} in {group['name']}"] = True
    return found


def changes(before: Picture, after: Picture) -> dict[str, Any]:
    """Return what of the rows became different, with what it is now; None for what is there no more."""
    was, now = before.rows, after.rows
    return {key: now.get(key) for key in sorted({*was, *now}) if was.get(key) != now.get(key)}


def news(before: Picture, after: Picture) -> list[str]:
    """Return the lines that came into timelines."""
    return sorted(line for key, line in after.told.items() if key not in before.told)


def calls_since(clinic: Clinic, seq: int) -> list[str]:
    """Return the last words of what the program called in WeCom since then, sorted."""
    since = clinic.tenant.journal.calls(since=seq)
    return sorted(call.api.removeprefix("externalcontact/") for call in since if call.api not in OWN)


def last_call(clinic: Clinic) -> int:
    return max((call.seq for call in clinic.tenant.journal.calls()), default=0)
