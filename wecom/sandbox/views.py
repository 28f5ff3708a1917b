"""What the phones show: JSON for the pages under /sandbox/ and for tests (see README.md beside this file).

Instants are ISO 8601 in UTC. Names are resolved here, so that a page shows them without a second call.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from .people import Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from .state import Follow, Group, Json, MassTask, Member, MemberTask, Message, Moment, Publication
    from .tenant import Tenant

PATIENTS_AT_MOST = 1_000  # in one answer; a scene may have hundreds of thousands
FOUND_AT_MOST = 100
CHATS_AT_MOST = 100
RECIPIENTS_AT_MOST = 500
_STATUS = {0: "未发送", 1: "已发送", 2: "对方不是好友", 3: "已达接收上限"}


def iso(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


class Views:
    """Reads a tenant for the phones; changes nothing."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant

    # -- names and bubbles ----------------------------------------------------------------------------

    def _name(self, some_id: str) -> str:
        corp = self._tenant.corp
        if some_id in corp.members:
            return corp.members[some_id].name
        if some_id in corp.groups:
            return corp.groups[some_id].name
        customer = corp.customers.get(some_id)
        return customer.name if customer else some_id

    def media_url(self, media_id: str) -> str:
        return f"/sandbox/media/{media_id}"

    def _attachment(self, kind: str, payload: Json) -> Json:
        """Return WeCom's attachment object with ``picture``: a URL that a page can show, or None."""
        media_id = payload.get("media_id") or payload.get("pic_media_id") or payload.get("thumb_media_id")
        media = self._tenant.media.find(str(media_id))
        shown = self.media_url(media.media_id) if media else payload.get("pic_url") or payload.get("picurl")
        answer: Json = {
            **payload,
            "kind": kind,
            "picture": shown or None,
            "filename": media.filename if media else None,
        }
        if kind in {"business_card", "upgrade_service"}:
            answer["who"] = self._name(str(payload.get("userid") or payload.get("chat_id") or ""))
        if kind == "mpnews":
            covers = [self.media_url(article["thumb_media_id"]) for article in payload["articles"]]
            answer["articles"] = [
                article | {"picurl": cover}
                for article, cover in zip(payload["articles"], covers, strict=True)
            ]
        return answer

    def _attachments(self, attachments: Iterable[Json]) -> list[Json]:
        return [self._attachment(str(a["msgtype"]), a[str(a["msgtype"])]) for a in attachments]

    def _bubble(self, bubble: Message, *, viewer: str = "") -> Json:
        sender = {"kind": bubble.sender_kind, "id": bubble.sender_id, "name": self._name(bubble.sender_id)}
        if bubble.sender_kind == "app":
            sender["name"] = "小护助手"
        shown: Json = {
            "id": bubble.id,
            "at": iso(bubble.at),
            "from": sender,
            "mine": bubble.sender_id == viewer,
            "kind": bubble.kind,
            "text": bubble.text,
            "payload": self._attachment(bubble.kind, bubble.payload) if bubble.payload else {},
            "origin": bubble.origin,
            "ref": bubble.ref,
            "recalled": bubble.recalled,
        }
        if bubble.kind == "template_card":
            shown["card"] = self._card(bubble.ref, viewer)
        return shown

    def _card(self, msgid: str, userid: str) -> Json | None:
        message = self._tenant.messages.sent.get(msgid)
        held = message.copies.get(userid) if message else None
        if message is None or held is None:
            return None
        return {
            "task_id": message.task_id,
            "card_type": held.card.get("card_type"),
            "card": held.card,
            "clicked_key": held.clicked_key,
            "replaced": held.replaced,
            "updates": held.updates,
            "forwarded": held.forwarded,
            # A button that WeCom has replaced can no longer be tapped on a phone.
            "tappable": not held.replaced and not held.card.get("replace_text"),
        }

    def _bubbles(self, bubbles: Iterable[Message], *, viewer: str = "") -> list[Json]:
        return [self._bubble(bubble, viewer=viewer) for bubble in bubbles]

    def bubbles(self, bubbles: Iterable[Message], *, viewer: str = "") -> list[Json]:
        """Return messages as phones show them; ``viewer`` is whose phone it is."""
        return self._bubbles(bubbles, viewer=viewer)

    # -- the overview ---------------------------------------------------------------------------------

    def state(self, *, limit: int = 200, search: str = "") -> Json:
        """Return members, groups and the first ``limit`` patients, with numbers for badges.

        With ``search`` only the patients whose nickname (or id) it is a part of; see ``FOUND_AT_MOST``.
        """
        tenant, corp = self._tenant, self._tenant.corp
        limit = min(limit, PATIENTS_AT_MOST)
        if search:
            shown = list(islice(corp.customers_named(search), min(limit, FOUND_AT_MOST)))
        else:
            shown = list(islice(corp.customers, limit))
        return {
            "now": iso(corp.now),
            "corp_id": corp.credentials.corp_id,
            "scene": tenant.scene,
            "members": [self._member(member) for member in corp.members.values()],
            "patients": [self.patient_line(external_userid) for external_userid in shown],
            "patients_total": len(corp.customers),
            "groups": [self._group_line(group) for group in corp.groups.values()],
            "tags": [
                {
                    "group_id": group.group_id,
                    "name": group.name,
                    "tags": [{"id": tag.id, "name": tag.name} for tag in group.tags.values()],
                }
                for group in tenant.tags.ordered()
            ],
            "contact_ways": [
                {"config_id": way.config_id, "state": way.body.get("state", ""), "members": way.members}
                for way in tenant.ways.everyone()
            ],
        }

    def _member(self, member: Member) -> Json:
        tenant = self._tenant
        tasks = tenant.mass.of_member(member.userid)
        return {
            "userid": member.userid,
            "name": member.name,
            "alias": member.alias,
            "position": member.position,
            "visible": member.visible,
            "patients": len(tenant.corp.follows_of_member.get(member.userid, {})),
            "mass_pending": sum(self._task_state(t, t.tasks[member.userid]) == "pending" for t in tasks),
            "moments_pending": sum(
                self._moment_state(moment, member.userid) == "pending"
                for moment in tenant.moments.of_member(member.userid)
            ),
        }

    def patient_line(self, external_userid: str) -> Json:
        """Return a patient with the members who know her, their remark, state and tags."""
        corp = self._tenant.corp
        customer = corp.customers[external_userid]
        return {
            "external_userid": external_userid,
            "name": customer.name,
            "gender": customer.gender,
            "follows": [self._follow(f) for f in corp.follows_of_customer.get(external_userid, {}).values()],
        }

    def _follow(self, follow: Follow) -> Json:
        tags = [tag for tag in (self._tenant.tags.find(tag_id) for tag_id in follow.tags) if tag]
        return {
            "userid": follow.userid,
            "name": self._name(follow.userid),
            "external_userid": follow.external_userid,
            "remark": follow.remark,
            "description": follow.description,
            "state": follow.state,
            "add_way": follow.add_way,
            "added_at": iso(follow.createtime),
            "half": follow.half,
            "lost_at": iso(follow.lost_at),
            "tags": [{"id": tag.id, "name": tag.name} for tag in tags],
        }

    def _group_line(self, group: Group) -> Json:
        return {
            "chat_id": group.chat_id,
            "name": group.name,
            "owner": group.owner,
            "owner_name": self._name(group.owner),
            "notice": group.notice,
            "members_total": len(group.members),
            "dismissed": group.dismissed,
        }

    # -- a member's phone -----------------------------------------------------------------------------

    def member_phone(self, userid: str, *, search: str = "", with_chat: str = "") -> Json:
        """Return what a member sees: app conversation, chats, groups, tasks to tap, moments.

        Of thousands of chats it is the ``CHATS_AT_MOST`` that moved last, or those whose nickname or
        remark holds ``search``; and in any case the one with the customer ``with_chat``.
        """
        tenant, corp = self._tenant, self._tenant.corp
        if userid not in corp.members:
            raise Unknown(f"no member has the userid {userid!r}")
        chats = [self._chat(follow) for follow in self._shown_follows(userid, search, with_chat)]
        return {
            "now": iso(corp.now),
            "member": self._member(corp.members[userid]),
            "app_chat": {
                "agent_id": corp.credentials.agent_id,
                "name": "小护助手",
                "messages": self._bubbles(corp.app_chats.get(userid, []), viewer=userid),
            },
            "notices": self._bubbles(corp.assistant_chats.get(userid, []), viewer=userid),
            "chats": sorted(chats, key=lambda chat: str(chat["last_at"]), reverse=True),
            "chats_total": len(corp.follows_of_member.get(userid, ())),
            "groups": [
                {
                    **self._group_line(g),
                    "messages": self._bubbles(corp.group_chats.get(g.chat_id, []), viewer=userid),
                }
                for g in corp.groups.values()
                if userid in g.members
            ],
            "mass_tasks": [
                self._mass_task(task, task.tasks[userid]) for task in tenant.mass.of_member(userid)
            ],
            "moments": [self._moment(moment, userid) for moment in tenant.moments.of_member(userid)],
        }

    def _shown_follows(self, userid: str, search: str, with_chat: str) -> list[Follow]:
        recent = self._tenant.corp.recent_follows(userid)
        wanted = search.strip().casefold()
        if wanted:
            recent = (
                f for f in recent if wanted in f"{f.remark}\n{self._name(f.external_userid)}".casefold()
            )
        shown = list(islice(recent, CHATS_AT_MOST))
        opened = self._tenant.corp.follow(userid, with_chat) if with_chat else None
        if opened is not None and all(follow.external_userid != with_chat for follow in shown):
            shown.append(opened)
        return shown

    def _chat(self, follow: Follow) -> Json:
        """Return a member's chat with a customer, as the member sees it."""
        bubbles = self._tenant.corp.chats.get((follow.userid, follow.external_userid), [])
        return {
            "external_userid": follow.external_userid,
            "name": self._name(follow.external_userid),
            "follow": self._follow(follow),
            "messages": self._bubbles(bubbles, viewer=follow.userid),
            "last_at": iso(bubbles[-1].at if bubbles else follow.createtime),
        }

    @staticmethod
    def _task_state(task: MassTask, part: MemberTask) -> str:
        if part.sent_at is not None:
            return "sent"
        return "cancelled" if task.cancelled_at is not None else "pending"

    def _mass_task(self, task: MassTask, part: MemberTask) -> Json:
        corp = self._tenant.corp
        return {
            "msgid": task.msgid,
            "chat_type": task.chat_type,
            "state": self._task_state(task, part),
            "created_at": iso(task.created_at),
            "sent_at": iso(part.sent_at),
            "reminders": len(task.reminders),
            "allow_select": task.allow_select or task.chat_type == "group",
            "text": task.text,
            "attachments": self._attachments(task.attachments),
            "recipients": [
                {
                    "id": some_id,
                    "name": corp.groups[some_id].name if some_id in corp.groups else self._name(some_id),
                    "status": delivery.status,
                    "status_text": _STATUS[delivery.status],
                    "send_time": iso(delivery.send_time),
                }
                for some_id, delivery in islice(part.recipients.items(), RECIPIENTS_AT_MOST)
            ],
            "recipients_total": len(part.recipients),
        }

    @staticmethod
    def _moment_state(moment: Moment, userid: str) -> str:
        if userid in moment.publications:
            return "published"
        return "cancelled" if moment.cancelled_at is not None else "pending"

    def _moment(self, moment: Moment, userid: str) -> Json:
        publication = moment.publications.get(userid)
        return {
            "moment_id": moment.moment_id,
            "userid": userid,
            "name": self._name(userid),
            "state": self._moment_state(moment, userid),
            "created_at": iso(moment.created_at),
            "text": moment.text,
            "attachments": self._attachments(moment.attachments),
            "public": moment.public,
            **self._reactions(publication),
        }

    def _reactions(self, publication: Publication | None) -> dict[str, Any]:
        if publication is None:
            return {"published_at": None, "seen_by": 0, "likes": [], "comments": []}
        return {
            "published_at": iso(publication.published_at),
            "seen_by": len(publication.delivered),
            "likes": [
                {"external_userid": some_id, "name": self._name(some_id), "at": iso(at)}
                for some_id, at in publication.likes.items()
            ],
            "comments": [
                {"external_userid": some_id, "name": self._name(some_id), "at": iso(at), "text": text}
                for some_id, at, text in publication.comments
            ],
        }

    # -- a patient's phone and a group ----------------------------------------------------------------

    def patient_phone(self, external_userid: str) -> Json:
        """Return all a patient sees: a chat per member, groups, and the moments feed, newest first."""
        tenant, corp = self._tenant, self._tenant.corp
        tenant.people.patient(external_userid)
        chats = []
        for userid, follow in corp.follows_of_customer.get(external_userid, {}).items():
            bubbles = corp.chats.get((userid, external_userid), [])
            chats.append(
                {
                    "userid": userid,
                    "name": self._name(userid),
                    "position": corp.members[userid].position,
                    "follow": self._follow(follow),
                    "messages": self._bubbles(bubbles, viewer=external_userid),
                    "last_at": iso(bubbles[-1].at if bubbles else follow.createtime),
                }
            )
        return {
            "now": iso(corp.now),
            "patient": self.patient_line(external_userid),
            "chats": sorted(chats, key=lambda chat: str(chat["last_at"]), reverse=True),
            "groups": [
                {
                    **self._group_line(g),
                    "messages": self._bubbles(corp.group_chats.get(g.chat_id, []), viewer=external_userid),
                }
                for g in corp.groups.values()
                if external_userid in g.members and not g.dismissed
            ],
            "moments": [
                {**self._moment(moment, userid), "liked": external_userid in publication.likes}
                for moment, userid, publication in tenant.moments.feed_of(external_userid)
            ],
        }

    def group_chat(self, chat_id: str) -> Json:
        """Return a customer group with its people and messages, oldest first."""
        corp = self._tenant.corp
        group = corp.groups.get(chat_id)
        if group is None:
            raise Unknown(f"no group has the chat_id {chat_id!r}")
        return {
            "now": iso(corp.now),
            "group": self._group_line(group),
            "members": [
                {
                    "id": seat.userid,
                    "name": self._name(seat.userid),
                    "type": seat.type,
                    "joined_at": iso(seat.join_time),
                    "owner": seat.userid == group.owner,
                }
                for seat in group.members.values()
            ],
            "messages": self._bubbles(corp.group_chats.get(chat_id, [])),
        }
