"""The phones' side of 微信客服: customers enter, write and recall; servicers take over, answer and end."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import parse_qs, quote

from .kf_state import ENDED, HUMAN, POOL, UNTREATED, WINDOW, Account, Session
from .people import Mistake, Unknown
from .urls import parts_of

if TYPE_CHECKING:
    from .corp import Corp
    from .events import Value
    from .kf import CustomerService
    from .state import Json


class KfDesk:
    """What people do in a customer-service chat; each thing rings the app's bell."""

    def __init__(self, corp: Corp, service: CustomerService) -> None:
        self._corp = corp
        self._service = service

    def account(self, open_kfid: str) -> Account:
        account = self._service.accounts.get(open_kfid)
        if account is None:
            raise Unknown(f"no customer-service account has the open_kfid {open_kfid!r}")
        return account

    def _chat(self, account: Account, external_userid: str) -> Session:
        if external_userid not in self._corp.customers:
            raise Unknown(f"no patient has the external_userid {external_userid!r}")
        return self._service.session(account, external_userid)

    def find_link(self, url: str) -> tuple[Account, str, str]:
        """Return account, scene and scene_param of a kf link.

        Raises:
            Mistake: it is none, or its enc_scene belongs to another link.
        """
        parts = parts_of(url)
        account = self.account(parts.path.rsplit("/", 1)[-1])
        query = parse_qs(parts.query)
        mark = query.get("enc_scene", [""])[0]
        if mark not in account.scenes:
            raise Mistake("the parameters of this link were moved from another one")
        param = query.get("scene_param", [""])[0]
        if param and not account.scenes[mark]:
            raise Mistake("scene_param works only on a link with a scene")
        if len(param.encode()) > 128:
            raise Mistake("scene_param takes at most 128 bytes")
        return account, account.scenes[mark], param

    def enter(
        self, open_kfid: str, external_userid: str, *, scene: str = "", scene_param: str = ""
    ) -> str | None:
        """Let a customer enter through a link: enter_session.

        Returns:
            The welcome code; None when she wrote before, or was greeted within 48 hours.
        """
        account = self.account(open_kfid)
        chat = self._chat(account, external_userid)
        now = self._corp.now
        chat.entered_at = now
        chat.context = {"scene": scene, "scene_param": quote(scene_param)}
        fields: dict[str, Value] = {"external_userid": external_userid, **chat.context}
        greeted = chat.welcomed_at is not None and now - chat.welcomed_at <= WINDOW
        code = None
        if not greeted and chat.state == ENDED:
            code = self._service.issue(account, chat, "welcome").code
            fields["welcome_code"] = code
        self._service.record_event(account, "enter_session", **fields)
        self._corp.changed("kf.entered", patients=[external_userid])
        return code

    def write(self, open_kfid: str, external_userid: str, kind: str, payload: Json) -> str:
        """Let a customer write; it opens the 48 hours and gives the program five messages again."""
        account = self.account(open_kfid)
        chat = self._chat(account, external_userid)
        chat.wrote_at, chat.replies = self._corp.now, 0
        if chat.state == ENDED:
            self._service.enter_state(chat, UNTREATED)
        text = str(payload.get("content", "")) if kind == "text" else ""
        bubble = self._corp.message(
            sender_kind="patient",
            sender_id=external_userid,
            kind=kind,
            text=text,
            payload={} if kind == "text" else payload,
        )
        chat.bubbles.append(bubble)
        head: Json = {"open_kfid": open_kfid, "external_userid": external_userid, "origin": 3}
        bubble.ref = self._service.record(account, {**head, "msgtype": kind, kind: payload})
        members = [chat.servicer] if chat.servicer else []
        self._corp.changed("kf.message", patients=[external_userid], members=members)
        return bubble.ref

    def click(self, open_kfid: str, external_userid: str, menu_id: str) -> str:
        """Let a customer tap an item of the last menu: it is a text with the item's id."""
        chat = self._chat(self.account(open_kfid), external_userid)
        for bubble in reversed(chat.bubbles):
            for item in bubble.payload.get("list", []) if bubble.kind == "msgmenu" else []:
                if item["type"] == "click" and item["click"]["id"] == menu_id:
                    payload = {"content": item["click"]["content"], "menu_id": menu_id}
                    return self.write(open_kfid, external_userid, "text", payload)
        raise Mistake(f"no menu in this chat has the item {menu_id!r}")

    def recall(self, open_kfid: str, external_userid: str, msgid: str) -> None:
        """Let a customer take a message back: user_recall_msg."""
        account = self.account(open_kfid)
        chat = self._chat(account, external_userid)
        mine = [b for b in chat.bubbles if b.ref == msgid and b.sender_id == external_userid]
        if not mine:
            raise Mistake(f"{external_userid} sent no message {msgid!r} here")
        mine[0].recalled = True
        self._service.record_event(
            account, "user_recall_msg", external_userid=external_userid, recall_msgid=msgid
        )
        self._corp.changed("kf.message", patients=[external_userid])

    # -- servicers ------------------------------------------------------------------------------------

    def _served(self, open_kfid: str, external_userid: str, userid: str) -> tuple[Account, Session]:
        account = self.account(open_kfid)
        if userid not in account.servicers:
            raise Mistake(f"{userid} is no servicer of {account.name}")
        return account, self._chat(account, external_userid)

    def _changed_state(
        self,
        account: Account,
        chat: Session,
        change: int,
        *,
        old: str = "",
        new: str = "",
        code: str = "",
    ) -> None:
        fields: dict[str, Value] = {"external_userid": chat.external_userid, "change_type": change}
        named = {"old_servicer_userid": old, "new_servicer_userid": new, "msg_code": code}
        fields |= {key: value for key, value in named.items() if value}
        self._service.record_event(account, "session_status_change", **fields)

    def take(self, open_kfid: str, external_userid: str, userid: str) -> str:
        """Let a servicer take a chat from the pool; return the code for the program's words."""
        account, chat = self._served(open_kfid, external_userid, userid)
        if chat.state != POOL:
            raise Mistake("the chat is not waiting in the pool")
        self._service.enter_state(chat, HUMAN, userid)
        code = self._service.issue(account, chat, "taken").code
        self._changed_state(account, chat, 1, new=userid, code=code)
        return code

    def hand_on(self, open_kfid: str, external_userid: str, userid: str, to: str) -> None:
        """Let a servicer give a chat to another one."""
        account, chat = self._served(open_kfid, external_userid, userid)
        if chat.state != HUMAN or chat.servicer != userid or to not in account.servicers:
            raise Mistake("only the servicer of a chat can give it on, and only to another one")
        self._service.enter_state(chat, HUMAN, to)
        self._changed_state(account, chat, 2, old=userid, new=to)

    def end(self, open_kfid: str, external_userid: str, userid: str) -> str:
        """Let a servicer end a chat; return the code for the rating the program may ask for."""
        account, chat = self._served(open_kfid, external_userid, userid)
        if chat.state != HUMAN or chat.servicer != userid:
            raise Mistake("only the servicer of a chat can end it")
        self._service.enter_state(chat, ENDED)
        code = self._service.issue(account, chat, "end").code
        self._changed_state(account, chat, 3, old=userid, code=code)
        return code

    def answer(self, open_kfid: str, external_userid: str, userid: str, text: str) -> str:
        """Let a servicer write; an ended chat is opened again by it."""
        account, chat = self._served(open_kfid, external_userid, userid)
        if chat.state == ENDED:
            self._service.enter_state(chat, HUMAN, userid)
            self._changed_state(account, chat, 4, old=userid, new=userid)
        elif chat.state != HUMAN or chat.servicer != userid:
            raise Mistake("only the servicer of a chat can write in it")
        bubble = self._corp.message(sender_kind="member", sender_id=userid, kind="text", text=text)
        chat.bubbles.append(bubble)
        head: Json = {"open_kfid": open_kfid, "external_userid": external_userid, "origin": 5}
        body = {**head, "servicer_userid": userid, "msgtype": "text", "text": {"content": text}}
        bubble.ref = self._service.record(account, body)
        self._corp.changed("kf.message", patients=[external_userid], members=[userid])
        return bubble.ref

    def set_receiving(self, open_kfid: str, userid: str, *, receiving: bool, suspended: bool = False) -> None:
        """Let a servicer stop or start receiving: servicer_status_change."""
        account = self.account(open_kfid)
        seat = account.servicers.get(userid)
        if seat is None:
            raise Mistake(f"{userid} is no servicer of {account.name}")
        seat.receiving, seat.suspended = receiving, suspended
        fields: dict[str, Value] = {"servicer_userid": userid, "status": 1 if receiving else 2}
        if not receiving:
            fields["stop_type"] = int(suspended)
        self._service.record_event(account, "servicer_status_change", **fields)

    def reject(self, open_kfid: str, external_userid: str, userid: str, *, rejected: bool) -> None:
        """Let a servicer block a customer, or take it back; what is sent to her fails from then on."""
        account, chat = self._served(open_kfid, external_userid, userid)
        chat.rejected = rejected
        self._service.record_event(
            account,
            "reject_customer_msg_switch_change",
            external_userid=external_userid,
            servicer_userid=userid,
            reject_switch=int(rejected),
        )
