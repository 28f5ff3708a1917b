"""微信客服: accounts, the bell, history, states and windows (customer-service-kf.md)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .events import CallbackEvent, Value, to_xml
from .kf_state import (
    ASSISTANT,
    CODE_LIFE,
    CODE_STATE,
    ENDED,
    HISTORY,
    HUMAN,
    POOL,
    REPLIES,
    TOKEN_LIFE,
    UNTREATED,
    WINDOW,
    Account,
    Code,
    CodeKind,
    Item,
    Servicer,
    Session,
)
from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from .corp import Corp
    from .state import Json

ACCOUNTS, ACCOUNTS_UNVERIFIED = 5_000, 10
SERVICERS, DEPARTMENTS = 2_000, 20
_MOVES = {UNTREATED: {ASSISTANT, POOL, HUMAN}, ASSISTANT: {POOL, HUMAN}, POOL: {HUMAN}, HUMAN: {HUMAN, ENDED}}


class CustomerService:
    """Accounts by open_kfid and what the program does with them; ``KfDesk`` is the phones' side."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self.accounts: dict[str, Account] = {}
        self._codes: dict[str, Code] = {}
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self._untokened: dict[str, list[datetime]] = {}

    # -- accounts -------------------------------------------------------------------------------------

    def account(self, open_kfid: str, *, managed: bool = False) -> Account:
        """Return an account; 60251 none named, 95000 no open_kfid, 95004 unknown, 48007 not granted."""
        if not open_kfid:
            raise Refusal(60251)
        if not open_kfid.startswith("wk"):
            raise Refusal(95000)
        account = self.accounts.get(open_kfid)
        if account is None:
            raise Refusal(95004)
        if managed and not (account.granted and self._corp.rules.kf_granted):
            raise Refusal(48007)
        return account

    def open(self, name: str, media_id: str, *, granted: bool = True) -> Account:
        """Open an account; 95005 when there are 5 000, 95027 when the corp is not verified and has ten."""
        if len(self.accounts) >= ACCOUNTS:
            raise Refusal(95005)
        if not self._corp.rules.kf_verified and len(self.accounts) >= ACCOUNTS_UNVERIFIED:
            raise Refusal(95027)
        account = Account(
            open_kfid=self._corp.ids.mark("wk"),
            name=name,
            media_id=media_id,
            created_at=self._corp.now,
            granted=granted,
        )
        self.accounts[account.open_kfid] = account
        self._corp.changed("kf.account")
        return account

    def close(self, open_kfid: str) -> None:
        self.account(open_kfid)
        del self.accounts[open_kfid]
        self._corp.changed("kf.account")

    def contact_url(self, account: Account, scene: str, *, base_url: str) -> str:
        """Return the link that opens the account; its enc_scene belongs to this account and scene only."""
        known = next((enc for enc, name in account.scenes.items() if name == scene), None)
        mark = known or self._corp.ids.mark("ENC", 20)
        account.scenes[mark] = scene
        return f"{base_url}/sandbox/kf/{account.open_kfid}?enc_scene={mark}"

    def add_servicer(self, account: Account, userid: str) -> int:
        """Seat a servicer; return 0, or why not: 40003, 60030 out of range, 95014 not activated."""
        member = self._corp.members.get(userid)
        if member is None or member.left_at is not None:
            return 40003
        if not member.visible:
            return 60030
        if not member.verified:
            return 95014
        account.servicers.setdefault(userid, Servicer(userid=userid))
        return 0

    # -- the bell and the history ---------------------------------------------------------------------

    def record(self, account: Account, body: Json) -> str:
        """Put an entry into the history and ring the bell; return its msgid."""
        corp = self._corp
        msgid = corp.ids.mark("kfm", 24)
        entry: Json = {"msgid": msgid, "send_time": corp.clock.timestamp()} | body
        account.items.append(Item(at=corp.now, body=entry))
        self._ring(account)
        return msgid

    def record_event(self, account: Account, event_type: str, **fields: Value) -> str:
        """Record a system event; its ids are inside ``event``."""
        event: Json = {"event_type": event_type, "open_kfid": account.open_kfid, **fields}
        return self.record(account, {"origin": 4, "msgtype": "event", "event": event})

    def _ring(self, account: Account) -> None:
        if not (account.granted and self._corp.rules.kf_granted):
            return
        token = self._corp.ids.mark("ENC", 40, kind="kf token")
        self._tokens[token] = (account.open_kfid, self._corp.now)
        fields: dict[str, Value] = {
            "ToUserName": self._corp.credentials.corp_id,
            "CreateTime": self._corp.clock.timestamp(),
            "MsgType": "event",
            "Event": "kf_msg_or_event",
            "Token": token,
            "OpenKfId": account.open_kfid,
        }
        self._corp.emit_event(CallbackEvent(name="kf_msg_or_event", xml=to_xml(fields)))

    def announce_grants(self, added: Sequence[str], revoked: Sequence[str]) -> None:
        """Tell the app which accounts it may manage from now on, and which no more."""
        self._corp.emit("kf_account_auth_change", AuthAddOpenKfId=list(added), AuthDelOpenKfId=list(revoked))

    def history(
        self, account: Account, *, start: int, limit: int, token: str
    ) -> tuple[list[Json], int, bool]:
        """Return entries from a position on, the position after them, and whether there are more.

        Entries older than three days are passed over.

        Raises:
            Refusal: 95007 a token that is unknown, another account's or older than ten minutes;
                45009 too many calls without one.
        """
        now = self._corp.now
        if token:
            known = self._tokens.get(token)
            if known is None or known[0] != account.open_kfid or now - known[1] > TOKEN_LIFE:
                raise Refusal(95007)
        elif self._corp.rules.rate_limits:
            recent = [
                at for at in self._untokened.get(account.open_kfid, []) if (now - at).total_seconds() < 60
            ]
            if len(recent) >= self._corp.rules.kf_untokened_per_minute:
                raise Refusal(45009)
            self._untokened[account.open_kfid] = [*recent, now]
        while start < len(account.items) and now - account.items[start].at > HISTORY:
            start += 1
        end = min(start + limit, len(account.items))
        return [item.body for item in account.items[start:end]], end, end < len(account.items)

    # -- conversations --------------------------------------------------------------------------------

    def session(self, account: Account, external_userid: str) -> Session:
        """Return a customer's chat; a conversation that runs for 48 hours has ended by itself.

        Raises:
            Refusal: 41035, 40096 the customer.
        """
        if not external_userid:
            raise Refusal(41035)
        if external_userid not in self._corp.customers:
            raise Refusal(40096)
        session = account.chats.setdefault(external_userid, Session(external_userid=external_userid))
        if session.began_at is not None and self._corp.now - session.began_at > WINDOW:
            session.state, session.servicer, session.began_at = ENDED, "", None
        return session

    def move(self, account: Account, external_userid: str, state: int, servicer: str) -> str:
        """Change the state for the program; return the code of the words that may go with it, or "".

        Raises:
            Refusal: 95016 an illegal move; 40003, 60253, 95014, 95019 the servicer.
        """
        session = self.session(account, external_userid)
        legal = set(_MOVES.get(session.state, set()))
        if self._corp.rules.kf_end_from_any and session.state != ENDED:
            legal.add(ENDED)
        if state not in legal:
            raise Refusal(95016)
        if state == HUMAN:
            self._check_servicer(account, servicer)
        kind: CodeKind | None = None
        if state == ENDED:
            kind = "end"
        elif session.state != state and state in {POOL, HUMAN}:
            kind = "queue" if state == POOL else "taken"
        self.enter_state(session, state, servicer if state == HUMAN else "")
        return self.issue(account, session, kind).code if kind else ""

    def _check_servicer(self, account: Account, userid: str) -> None:
        member = self._corp.members.get(userid)
        if member is None or member.left_at is not None:
            raise Refusal(40003)
        seat = account.servicers.get(userid)
        inside = any(department in member.departments for department in account.departments)
        if seat is None and not inside:
            raise Refusal(60253)
        if not member.verified:
            raise Refusal(95014)
        if seat is not None and not seat.receiving:
            raise Refusal(95019)

    def enter_state(self, session: Session, state: int, servicer: str = "") -> None:
        session.state, session.servicer = state, servicer
        if state == ENDED:
            session.began_at = None
        elif session.began_at is None:
            session.began_at = self._corp.now
        members = [servicer] if servicer else []
        self._corp.changed("kf.state", patients=[session.external_userid], members=members)

    # -- sending --------------------------------------------------------------------------------------

    def issue(self, account: Account, session: Session, kind: CodeKind) -> Code:
        code = Code(
            code=self._corp.ids.code(),
            kind=kind,
            open_kfid=account.open_kfid,
            external_userid=session.external_userid,
            issued_at=self._corp.now,
        )
        self._codes[code.code] = code
        return code

    def usable_code(self, text: str) -> tuple[Code, Account, Session]:
        """Return a code that still works.

        Raises:
            Refusal: 95007 unknown, used or expired; 95013 its conversation has ended; 95018 it has
                moved on.
        """
        code = self._codes.get(text)
        account = self.accounts.get(code.open_kfid) if code else None
        if code is None or account is None or code.spent:
            raise Refusal(95007)
        if self._corp.now - code.issued_at > CODE_LIFE[code.kind]:
            raise Refusal(95007)
        session = self.session(account, code.external_userid)
        wanted = CODE_STATE.get(code.kind, session.state)
        if session.state != wanted:
            raise Refusal(95013 if session.state == ENDED else 95018)
        return code, account, session

    def may_send(self, account: Account, external_userid: str) -> Session:
        """Return the chat the program may write to now.

        Raises:
            Refusal: 95002 no message of the customer in 48 hours; 95018 a human has it, or it has
                ended; 95001 five messages since the customer's last.
        """
        session = self.session(account, external_userid)
        if session.wrote_at is None or self._corp.now - session.wrote_at > WINDOW:
            raise Refusal(95002)
        if session.state not in {UNTREATED, ASSISTANT}:
            raise Refusal(95018)
        if session.replies >= REPLIES:
            raise Refusal(95001)
        return session

    def say(self, account: Account, session: Session, kind: str, payload: Json, msgid: str) -> str:
        """Let the program's message arrive; return its msgid. It is not part of sync_msg's history.

        Raises:
            Refusal: 40058 the account has had this msgid.
        """
        if msgid in account.used_msgids:
            raise Refusal(40058, "invalid Request Parameter: msgid was used before")
        msgid = msgid or self._corp.ids.mark("kfs", 24)
        account.used_msgids.add(msgid)
        bubble = self._corp.message(
            sender_kind="app",
            sender_id=account.open_kfid,
            kind=kind,
            text=str(payload.get("content", "")) if kind == "text" else "",
            payload={} if kind == "text" else payload,
            ref=msgid,
        )
        session.bubbles.append(bubble)
        self._corp.changed("kf.message", patients=[session.external_userid])
        if session.rejected:
            self.fail(account, session.external_userid, msgid, 10)
        return msgid

    def fail(self, account: Account, external_userid: str, msgid: str, fail_type: int) -> None:
        """Report that a message did not arrive after all (msg_send_fail)."""
        self.record_event(
            account,
            "msg_send_fail",
            external_userid=external_userid,
            fail_msgid=msgid,
            fail_type=fail_type,
        )

    def recent(self, external_userid: str) -> Session | None:
        """Return the chat in which a customer entered or wrote within 48 hours, the last one."""
        found = [
            (max(at for at in (chat.entered_at, chat.wrote_at) if at), chat)
            for account in self.accounts.values()
            if (chat := account.chats.get(external_userid)) and (chat.entered_at or chat.wrote_at)
        ]
        if not found:
            return None
        at, chat = max(found, key=lambda pair: pair[0])
        return chat if self._corp.now - at <= WINDOW else None
