"""微信客服 as the phones show it (see README.md beside this file); messages are those of ``views.py``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .people import Unknown
from .views import Views, iso

if TYPE_CHECKING:
    from .kf_state import Account, Session
    from .state import Json
    from .tenant import Tenant

_STATES = {0: "未处理", 1: "由智能助手接待", 2: "待接入池排队中", 3: "由人工接待", 4: "已结束"}


class KfViews:
    """Reads accounts and chats; changes nothing."""

    def __init__(self, tenant: Tenant) -> None:
        self._tenant = tenant
        self._views = Views(tenant)

    def _line(self, account: Account) -> Json:
        return {
            "open_kfid": account.open_kfid,
            "name": account.name,
            "avatar": self._views.media_url(account.media_id) if account.media_id else None,
            "granted": account.granted,
            "servicers": [
                {
                    "userid": seat.userid,
                    "name": self._tenant.corp.members[seat.userid].name,
                    "receiving": seat.receiving,
                }
                for seat in account.servicers.values()
            ],
            "scenes": sorted(account.scenes.values()),
        }

    def _chat(self, account: Account, session: Session, *, viewer: str = "") -> Json:
        # Read through the service, so that a conversation older than 48 hours is shown as ended.
        session = self._tenant.kf.session(account, session.external_userid)
        corp = self._tenant.corp
        bubbles = session.bubbles
        return {
            "open_kfid": account.open_kfid,
            "account": account.name,
            "external_userid": session.external_userid,
            "name": corp.customers[session.external_userid].name,
            "state": session.state,
            "state_text": _STATES[session.state],
            "servicer": session.servicer or None,
            "replies_left": max(0, 5 - session.replies) if session.wrote_at else 0,
            "entered_at": iso(session.entered_at),
            "last_at": iso(bubbles[-1].at if bubbles else session.entered_at),
            "messages": self._views.bubbles(bubbles, viewer=viewer),
        }

    def accounts(self) -> Json:
        """Return every account."""
        return {
            "now": iso(self._tenant.corp.now),
            "accounts": [self._line(account) for account in self._tenant.kf.accounts.values()],
        }

    def account(self, open_kfid: str) -> Json:
        """Return an account with all its chats."""
        account = self._tenant.desk.account(open_kfid)
        return {
            "now": iso(self._tenant.corp.now),
            "account": self._line(account),
            "chats": [self._chat(account, chat) for chat in list(account.chats.values())],
        }

    def of_patient(self, external_userid: str) -> Json:
        """Return a patient's customer-service chats, as she sees them."""
        self._tenant.people.patient(external_userid)
        accounts = self._tenant.kf.accounts.values()
        pairs = [(a, a.chats[external_userid]) for a in accounts if external_userid in a.chats]
        return {
            "now": iso(self._tenant.corp.now),
            "chats": [self._chat(account, chat, viewer=external_userid) for account, chat in pairs],
        }

    def of_member(self, userid: str) -> Json:
        """Return the chats of the accounts a member serves: their own, and those in the pool."""
        if userid not in self._tenant.corp.members:
            raise Unknown(f"no member has the userid {userid!r}")
        served = [a for a in self._tenant.kf.accounts.values() if userid in a.servicers]
        return {
            "now": iso(self._tenant.corp.now),
            "accounts": [self._line(account) for account in served],
            "chats": [
                self._chat(account, chat, viewer=userid)
                for account in served
                for chat in list(account.chats.values())
            ],
        }
