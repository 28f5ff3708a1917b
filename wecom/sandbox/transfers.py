"""Handing over customers and groups (继承): on the job, and of members who left (external-contact.md §10)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .people import Mistake
from .refusal import Refusal
from .state import Follow, Group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .corp import Corp
    from .people import People

TAKES = timedelta(hours=24)
PER_CUSTOMER, PER_CUSTOMER_WINDOW = 2, timedelta(days=90)
GROUPS_PER_DAY = 300
DONE, WAITING, REFUSED, FULL, NO_RECORD = 1, 2, 3, 4, 5
GROUP_LEFT, GROUP_INHERITED = 1, 3
HANDED_OVER = 202  # add_way of a relation that an administrator assigned


@dataclass(slots=True, kw_only=True)
class Transfer:
    """One customer on the way from one member to another."""

    handover: str
    takeover: str
    external_userid: str
    started_at: datetime
    resigned: bool
    message: str = ""
    status: int = WAITING
    ended_at: datetime | None = None


class Transfers:
    """What was handed over, newest last; ``settle`` completes what nobody refused within 24 hours."""

    def __init__(self, corp: Corp, people: People) -> None:
        self._corp = corp
        self._people = people
        self._transfers: list[Transfer] = []
        self._waiting: dict[str, Transfer] = {}
        self._group_moves: defaultdict[str, list[datetime]] = defaultdict(list)
        self._taken_groups: defaultdict[str, list[datetime]] = defaultdict(list)
        self._inherited: set[str] = set()

    # -- members who leave ----------------------------------------------------------------------------

    def leave(self, userid: str) -> None:
        """Let a member leave the corp: customers and groups wait to be handed over."""
        corp = self._corp
        member = corp.members.get(userid)
        if member is None or member.left_at is not None:
            raise Mistake(f"no member has the userid {userid!r}")
        member.left_at, member.visible = corp.now, False
        corp.emit("change_contact", ChangeType="delete_user", UserID=userid)
        corp.changed("member.left", members=[userid])

    def unassigned(self) -> list[Follow]:
        """Return what members who left have not handed over yet, the latest leaver first."""
        left = [m for m in self._corp.members.values() if m.left_at is not None]
        left.sort(key=lambda member: member.left_at or self._corp.now, reverse=True)
        return [
            follow
            for member in left
            for follow in self._corp.follows_of_member.get(member.userid, {}).values()
            if not follow.half and follow.external_userid not in self._waiting
        ]

    # -- customers ------------------------------------------------------------------------------------

    def start(
        self,
        handover: str,
        takeover: str,
        customers: Sequence[str],
        *,
        resigned: bool,
        message: str = "",
    ) -> list[tuple[str, int]]:
        """Begin to hand customers over; return the errcode of each.

        Raises:
            Refusal: 40130 to oneself; 40097 the handover member has not left; 40003, 60011, 84074 a
                member; 40098 the taker is not activated or not verified.
        """
        if handover == takeover:
            raise Refusal(40130)
        if resigned:
            leaver = self._corp.members.get(handover)
            if leaver is None:
                raise Refusal(40003)
            if leaver.left_at is None:
                raise Refusal(40097)
        else:
            self._corp.contact_member(handover)
        if not self._corp.contact_member(takeover).verified:
            raise Refusal(40098)
        answers = []
        for external_userid in dict.fromkeys(customers):
            errcode = self._why_not(handover, takeover, external_userid)
            answers.append((external_userid, errcode))
            if errcode == 0:
                transfer = Transfer(
                    handover=handover,
                    takeover=takeover,
                    external_userid=external_userid,
                    started_at=self._corp.now,
                    resigned=resigned,
                    message=message,
                )
                self._transfers.append(transfer)
                self._waiting[external_userid] = transfer
        return answers

    def _why_not(self, handover: str, takeover: str, external_userid: str) -> int:
        """Return why this customer cannot be handed over now; 0 when she can."""
        corp = self._corp
        if external_userid not in corp.customers:
            return 40096
        follow = corp.follow(handover, external_userid)
        if follow is None or follow.half:
            return 40131
        if external_userid in self._waiting:
            return 40129
        if self._room(takeover) <= 0:
            return 40099
        since = corp.now - PER_CUSTOMER_WINDOW
        earlier = [
            t
            for t in self._transfers
            if t.external_userid == external_userid and t.started_at > since and not t.resigned
        ]
        return 40128 if len(earlier) >= PER_CUSTOMER else 0

    def _room(self, userid: str) -> int:
        return self._corp.rules.customers_per_member - len(self._corp.follows_of_member.get(userid, {}))

    def results(self, handover: str, takeover: str, *, resigned: bool) -> list[Transfer]:
        """Return the latest transfer of each customer between two members.

        Raises:
            Refusal: 40003 nobody ever had the first one's userid; 40003, 60011 the taker.
        """
        if handover not in self._corp.members:
            raise Refusal(40003)
        self._corp.member(takeover)
        latest = {
            t.external_userid: t
            for t in self._transfers
            if (t.handover, t.takeover, t.resigned) == (handover, takeover, resigned)
        }
        return list(latest.values())

    def refuse(self, external_userid: str) -> None:
        """Let a customer refuse the new member within the 24 hours."""
        transfer = self._waiting.get(external_userid)
        if transfer is None:
            raise Mistake(f"{external_userid} is not being handed over")
        self._fail(transfer, REFUSED, "customer_refused")

    def _fail(self, transfer: Transfer, status: int, reason: str) -> None:
        transfer.status, transfer.ended_at = status, self._corp.now
        del self._waiting[transfer.external_userid]
        self._corp.emit(
            "change_external_contact",
            ChangeType="transfer_fail",
            FailReason=reason,
            UserID=transfer.takeover,
            ExternalUserID=transfer.external_userid,
        )

    def settle(self) -> None:
        """Complete what was begun 24 hours ago."""
        due = [t for t in self._waiting.values() if self._corp.now - t.started_at >= TAKES]
        for transfer in due:
            if self._room(transfer.takeover) <= 0:
                self._fail(transfer, FULL, "customer_limit_exceed")
            else:
                self._complete(transfer)

    def _complete(self, transfer: Transfer) -> None:
        corp, some_id = self._corp, transfer.external_userid
        del self._waiting[some_id]
        old = corp.follow(transfer.handover, some_id)
        if old is None:  # they parted meanwhile: nothing is left to hand over
            transfer.status, transfer.ended_at = NO_RECORD, corp.now
            return
        transfer.status, transfer.ended_at = DONE, corp.now
        corp.drop_follow(old)
        pair = (transfer.takeover, some_id)
        if corp.follow(*pair) is None:
            corp.add_follow(
                Follow(
                    userid=transfer.takeover,
                    external_userid=some_id,
                    createtime=corp.now,
                    add_way=HANDED_OVER,
                    state=old.state,
                    remark=old.remark,
                    description=old.description,
                    remark_mobiles=list(old.remark_mobiles),
                    tags=list(old.tags),
                    oper_userid=transfer.handover,
                )
            )
        words = transfer.message or "您好，您的服务已升级，后续将由我为您服务。"
        corp.say_in_chat(
            *pair,
            corp.message(sender_kind="member", sender_id=transfer.takeover, kind="text", text=words),
        )
        if not transfer.resigned:
            corp.emit(
                "change_external_contact",
                ChangeType="del_external_contact",
                UserID=transfer.handover,
                ExternalUserID=some_id,
                Source="DELETE_BY_TRANSFER",
            )
        # The taker's own event comes without a welcome code: the corp has greeted already.
        corp.emit(
            "change_external_contact",
            ChangeType="add_external_contact",
            UserID=transfer.takeover,
            ExternalUserID=some_id,
        )
        members = [transfer.handover, transfer.takeover]
        corp.changed("contact.transferred", members=members, patients=[some_id])

    # -- groups ---------------------------------------------------------------------------------------

    def group_status(self, group: Group) -> int:
        """Return 0 normal, 1 the owner left, 3 inherited after the owner left."""
        if self._corp.members[group.owner].left_at is not None:
            return GROUP_LEFT
        return GROUP_INHERITED if group.chat_id in self._inherited else 0

    def move_groups(
        self, chat_ids: Sequence[str], new_owner: str, *, resigned: bool
    ) -> list[tuple[str, int, str]]:
        """Give groups a new owner at once; return chat_id, errcode and errmsg of those that stay.

        Raises:
            Refusal: 40003, 60011, 84074, 40098 the new owner.
        """
        if not self._corp.contact_member(new_owner).verified:
            raise Refusal(40098)
        failed = []
        for chat_id in dict.fromkeys(chat_ids):
            why = self._group_stays(chat_id, new_owner, resigned=resigned)
            if why is not None:
                failed.append((chat_id, *why))
                continue
            group = self._corp.groups[chat_id]
            seat = group.members.pop(group.owner)
            seat.userid = new_owner
            group.members.setdefault(new_owner, seat)
            if not resigned:
                self._group_moves[chat_id].append(self._corp.now)
            else:
                self._inherited.add(chat_id)
            self._taken_groups[new_owner].append(self._corp.now)
            group.owner = new_owner
            self._corp.changed("group.change_owner", groups=[chat_id], members=[new_owner])
        return failed

    def _group_stays(self, chat_id: str, new_owner: str, *, resigned: bool) -> tuple[int, str] | None:
        corp = self._corp
        group = corp.group(chat_id)
        if group is None:
            return 90501, "chat is not external group chat"
        now, left = corp.now, corp.members[group.owner].left_at is not None
        taken = sum(now - at < timedelta(days=1) for at in self._taken_groups.get(new_owner, ()))
        moves = sum(now - at < PER_CUSTOMER_WINDOW for at in self._group_moves.get(chat_id, ()))
        inherited = chat_id in self._inherited
        reasons = (
            (resigned and not left and inherited, 90508, "group chat already transferred"),
            (resigned and not left, 90500, "the owner of this chat is not resigned"),
            (not resigned and left, 90502, "the owner of this chat is resigned"),
            (group.owner == new_owner, 90504, "owner unchanged"),
            (
                new_owner not in group.members and len(group.members) > corp.rules.group_size,
                90503,
                "group chat member limit",
            ),
            (taken >= GROUPS_PER_DAY, 45009, "new owner took too many groups today"),
            (not resigned and moves >= PER_CUSTOMER, 40128, "transferred too often"),
        )
        return next(((code, why) for holds, code, why in reasons if holds), None)
