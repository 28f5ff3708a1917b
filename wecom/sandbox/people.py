"""Patients and members find each other, write, part; the phones' side of 客户联系."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .refusal import Refusal
from .rules import WELCOME_LIFE
from .state import Customer, Follow, Json, Message, WelcomeCode

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .corp import Corp
    from .events import Value


class Mistake(ValueError):
    """A test or a phone page asked for something that cannot happen; the text says why."""


class Unknown(Mistake):
    """A test or a phone page named an id that nobody has."""


class People:
    """Contacts and their welcome codes."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._welcomes: dict[str, WelcomeCode] = {}
        self._of_pair: dict[tuple[str, str], list[WelcomeCode]] = {}
        # Called with (userid, external_userid) when a patient writes: acquisition links count that.
        self.listeners: list[Callable[[str, str], None]] = []

    def create_patient(self, name: str, *, gender: int = 0, external_userid: str | None = None) -> Customer:
        """Create a WeChat user whom nobody in the corp knows yet."""
        corp = self._corp
        customer = Customer(
            external_userid=external_userid or corp.ids.customer(),
            name=name,
            gender=gender,
            unionid=corp.ids.union(),
        )
        corp.customers[customer.external_userid] = customer
        corp.changed("patient.created", patients=[customer.external_userid])
        return customer

    def patient(self, external_userid: str) -> Customer:
        try:
            return self._corp.customers[external_userid]
        except KeyError:
            raise Unknown(f"no patient has the external_userid {external_userid!r}") from None

    def _known_member(self, userid: str) -> None:
        member = self._corp.members.get(userid)
        if member is None or member.left_at is not None:
            raise Mistake(f"no member has the userid {userid!r}")

    def patient_adds_member(
        self,
        external_userid: str,
        userid: str,
        *,
        state: str = "",
        add_way: int = 1,
        half: bool = False,
        silent: bool = False,
        link_id: str = "",
    ) -> WelcomeCode | None:
        """Let a patient add a member, e.g. by scanning a code; WeCom calls back unless ``silent``.

        ``half``: the member asks for no verification and has not confirmed yet. Adding again after
        having deleted the member makes a fresh relation, as on a phone. ``silent`` is for scenes
        and for callbacks that WeCom lost.

        Returns:
            The welcome code, or None where WeCom delivers none (console welcome, half confirmed).
        """
        corp = self._corp
        customer = self.patient(external_userid)
        self._known_member(userid)
        earlier = corp.follow(userid, external_userid)
        if earlier is not None and earlier.lost_at is None and not earlier.half:
            raise Mistake(f"{external_userid} is already a contact of {userid}")
        corp.add_follow(
            Follow(
                userid=userid,
                external_userid=external_userid,
                createtime=corp.now,
                state=state,
                add_way=add_way,
                oper_userid=external_userid,
                half=half,
                tags=list(earlier.tags) if earlier else [],
                remark=earlier.remark if earlier else customer.name,
            )
        )
        self._seat(userid, external_userid, f"你已添加了{customer.name}，现在可以开始聊天了。")
        if silent:
            return None
        return self._announce_add(userid, external_userid, state=state, half=half, link_id=link_id)

    def _seat(self, userid: str, external_userid: str, text: str) -> None:
        bubble = self._corp.message(
            sender_kind="system", sender_id="", kind="notice", text=text, origin="notice"
        )
        self._corp.say_in_chat(userid, external_userid, bubble)

    def _announce_add(
        self, userid: str, external_userid: str, *, state: str, half: bool, link_id: str = ""
    ) -> WelcomeCode | None:
        corp = self._corp
        fields: dict[str, Value] = {
            "ChangeType": "add_half_external_contact" if half else "add_external_contact",
            "UserID": userid,
            "ExternalUserID": external_userid,
        }
        if state:
            fields["State"] = state
        welcome = None if corp.members[userid].console_welcome else self._issue(userid, external_userid)
        if welcome is not None:
            fields["WelcomeCode"] = welcome.code
        if link_id and corp.rules.link_id_in_add:
            fields["LinkId"] = link_id
        corp.emit("change_external_contact", **fields)
        return welcome

    def _issue(self, userid: str, external_userid: str) -> WelcomeCode:
        welcome = WelcomeCode(
            code=self._corp.ids.code(),
            userid=userid,
            external_userid=external_userid,
            issued_at=self._corp.now,
        )
        self._welcomes[welcome.code] = welcome
        self._of_pair.setdefault((userid, external_userid), []).append(welcome)
        return welcome

    def member_confirms_patient(self, userid: str, external_userid: str) -> None:
        """Let a member confirm a half-added patient: the full add event, without a second code if greeted."""
        follow = self._corp.follow(userid, external_userid)
        if follow is None or not follow.half:
            raise Mistake(f"{external_userid} is not waiting for {userid} to confirm")
        follow.half = False
        if self._greeted(follow):
            fields: dict[str, Value] = {"ChangeType": "add_external_contact", "UserID": userid}
            fields["ExternalUserID"] = external_userid
            if follow.state:
                fields["State"] = follow.state
            self._corp.emit("change_external_contact", **fields)
        else:
            self._announce_add(userid, external_userid, state=follow.state, half=False)
        self._corp.changed("contact.confirmed", members=[userid], patients=[external_userid])

    def _greeted(self, follow: Follow) -> bool:
        """Tell whether a welcome arrived since this relation began; an earlier one does not count."""
        codes = self._of_pair.get((follow.userid, follow.external_userid), [])
        return any(code.spent and code.issued_at >= follow.createtime for code in codes)

    def patient_deletes_member(self, external_userid: str, userid: str, *, silent: bool = False) -> None:
        """Let a patient delete a member: del_follow_user; the one-way relation remains."""
        follow = self._standing(userid, external_userid)
        follow.lost_at = self._corp.now
        if not silent:
            self._corp.emit(
                "change_external_contact",
                ChangeType="del_follow_user",
                UserID=userid,
                ExternalUserID=external_userid,
            )
        self._corp.changed("contact.lost", members=[userid], patients=[external_userid])

    def member_deletes_patient(
        self, userid: str, external_userid: str, *, source: str = "", silent: bool = False
    ) -> None:
        """Let a member delete a patient: del_external_contact; APIs answer 84061 from now on."""
        follow = self._corp.follow(userid, external_userid)
        if follow is None:
            raise Mistake(f"{external_userid} is no contact of {userid}")
        self._corp.drop_follow(follow)
        if not silent:
            extra: dict[str, Value] = {"Source": source} if source else {}
            self._corp.emit(
                "change_external_contact",
                ChangeType="del_external_contact",
                UserID=userid,
                ExternalUserID=external_userid,
                **extra,
            )
        self._corp.changed("contact.removed", members=[userid], patients=[external_userid])

    def member_edits_patient(
        self,
        userid: str,
        external_userid: str,
        *,
        remark: str | None = None,
        description: str | None = None,
        mobiles: Sequence[str] | None = None,
        add_tags: Sequence[str] = (),
        remove_tags: Sequence[str] = (),
    ) -> None:
        """Let a member change remark, phone numbers or tags on the phone: edit_external_contact."""
        follow = self._corp.follow(userid, external_userid)
        if follow is None:
            raise Mistake(f"{external_userid} is no contact of {userid}")
        if remark is not None:
            follow.remark = remark
        if description is not None:
            follow.description = description
        if mobiles is not None:
            follow.remark_mobiles = list(mobiles)
        follow.tags = [tag for tag in follow.tags if tag not in remove_tags]
        follow.tags += [tag for tag in add_tags if tag not in follow.tags]
        self._corp.emit(
            "change_external_contact",
            ChangeType="edit_external_contact",
            UserID=userid,
            ExternalUserID=external_userid,
        )
        self._corp.changed("contact.edited", members=[userid], patients=[external_userid])

    def _standing(self, userid: str, external_userid: str) -> Follow:
        follow = self._corp.follow(userid, external_userid)
        if follow is None or follow.lost_at is not None:
            raise Mistake(f"{external_userid} and {userid} are not in touch")
        return follow

    def write(self, userid: str, external_userid: str, text: str, *, from_patient: bool) -> Message:
        """Let a patient write to a member, or a member to a patient, by hand. No callback exists for it."""
        follow = self._standing(userid, external_userid)
        follow.last_chat_at = self._corp.now
        bubble = self._corp.message(
            sender_kind="patient" if from_patient else "member",
            sender_id=external_userid if from_patient else userid,
            kind="text",
            text=text,
        )
        self._corp.say_in_chat(userid, external_userid, bubble)
        if from_patient:
            for hear in self.listeners:
                hear(userid, external_userid)
        return bubble

    # -- the welcome message ------------------------------------------------------------------------

    def welcome(self, code: str) -> WelcomeCode:
        """Return a welcome code that still works.

        Raises:
            Refusal: 41049 none given; 41050 unknown or older than 20 s; 41051 greeted or chatting already.
        """
        if not code:
            raise Refusal(41049)
        welcome = self._welcomes.get(code)
        if welcome is None or self._corp.now - welcome.issued_at > WELCOME_LIFE:
            raise Refusal(41050)
        bubbles = self._corp.chats.get((welcome.userid, welcome.external_userid), [])
        chatting = any(b.origin == "chat" and b.at >= welcome.issued_at for b in bubbles)
        follow = self._corp.follow(welcome.userid, welcome.external_userid)
        greeted = welcome.spent or (follow is not None and self._greeted(follow))
        if chatting or greeted:
            raise Refusal(41051)
        return welcome

    def greet(self, welcome: WelcomeCode, text: str, attachments: Sequence[Json]) -> None:
        """Spend a code: text and attachments arrive as separate messages of the member."""
        welcome.spent = True
        for bubble in content_bubbles(
            self._corp, sender_id=welcome.userid, text=text, attachments=attachments, origin="welcome"
        ):
            self._corp.say_in_chat(welcome.userid, welcome.external_userid, bubble)


def content_bubbles(
    corp: Corp, *, sender_id: str, text: str, attachments: Sequence[Json], origin: str, ref: str = ""
) -> list[Message]:
    """Turn a text and WeCom attachments into the bubbles a patient sees, in order."""
    bubbles = []
    if text:
        bubbles.append(
            corp.message(
                sender_kind="member", sender_id=sender_id, kind="text", text=text, origin=origin, ref=ref
            )
        )
    for attachment in attachments:
        kind = str(attachment["msgtype"])
        bubbles.append(
            corp.message(
                sender_kind="member",
                sender_id=sender_id,
                kind=kind,
                payload=attachment[kind],
                origin=origin,
                ref=ref,
            )
        )
    return bubbles
