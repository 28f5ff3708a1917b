"""OAuth codes, user tickets and JS-SDK tickets (identity.md §2 to §4)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlencode, urlunsplit

from .people import Mistake
from .refusal import Refusal
from .urls import parts_of

if TYPE_CHECKING:
    from .corp import Corp
    from .state import Json, Member

CODE_LIFE = timedelta(minutes=5)
USER_TICKET_LIFE = timedelta(seconds=1800)
TICKET_LIFE = timedelta(seconds=7200)


@dataclass(slots=True, kw_only=True)
class Login:
    """A code on its way back to the program: who logged in, with which consent."""

    person: str  # userid or external_userid
    consent: bool
    trusted: bool
    issued_at: datetime
    used: bool = False


class Identity:
    """Who opened a page of the program."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._logins: dict[str, Login] = {}
        self._user_tickets: dict[str, tuple[str, datetime]] = {}
        self._tickets: dict[str, tuple[str, datetime]] = {}

    def check_request(self, query: dict[str, str]) -> None:
        """Refuse an authorize request that WeCom's page would refuse.

        Raises:
            Mistake: another corp, no redirect_uri, or a scope, type or state that WeCom does not take.
        """
        if query.get("appid") != self._corp.credentials.corp_id:
            raise Mistake("appid is not this corp's id")
        parts = parts_of(query.get("redirect_uri", ""))
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise Mistake("redirect_uri must be an http(s) URL")
        state = query.get("state", "")
        if len(state.encode()) > 128:
            raise Mistake("state takes at most 128 bytes")

    def authorize(self, query: dict[str, str], person: str, *, staff_only: bool = False) -> str:
        """Let a person log in; return the redirect_uri with a code and the state.

        Raises:
            Mistake: the request is bad, or nobody has this id.
        """
        self.check_request(query)
        corp = self._corp
        member = corp.members.get(person)
        standing = member is not None and member.left_at is None
        if not standing and (staff_only or person not in corp.customers):
            raise Mistake(f"nobody who could log in here has the id {person!r}")
        parts = parts_of(query["redirect_uri"])
        domains = corp.rules.trusted_domains
        code = corp.ids.mark("", 43, kind="oauth code")
        # Without an agentid the consent is not asked for: WeCom degrades to snsapi_base.
        consent = query.get("scope") == "snsapi_privateinfo" and bool(query.get("agentid"))
        trusted = domains is None or parts.netloc in domains
        self._logins[code] = Login(person=person, consent=consent, trusted=trusted, issued_at=corp.now)
        back = [*parse_qsl(parts.query, keep_blank_values=True), ("code", code)]
        if "state" in query:
            back.append(("state", query["state"]))
        return urlunsplit(parts._replace(query=urlencode(back)))

    def redeem(self, code: str) -> Json:
        """Return who logged in, once.

        Raises:
            Refusal: 40029 unknown or used; 42003 older than five minutes; 50001 the redirect_uri was not on a
                trusted domain.
        """
        login = self._logins.get(code)
        if login is None or login.used:
            raise Refusal(40029)
        if self._corp.now - login.issued_at > CODE_LIFE:
            raise Refusal(42003)
        if not login.trusted:
            raise Refusal(50001)
        login.used = True
        member = self._corp.members.get(login.person)
        if member is None:
            return self._outsider(login.person)
        answer: Json = {"userid": member.userid}
        if login.consent and member.visible:
            ticket = self._corp.ids.mark("", 64, kind="user ticket")
            self._user_tickets[ticket] = (member.userid, self._corp.now)
            answer["user_ticket"] = ticket
        return answer

    def _outsider(self, external_userid: str) -> Json:
        openid = "o" + hashlib.sha256(f"openid:{external_userid}".encode()).hexdigest()[:27]
        known = bool(self._corp.listed_follows(external_userid))
        return {"openid": openid} | ({"external_userid": external_userid} if known else {})

    def detail(self, user_ticket: str) -> Member:
        """Return the member who consented; 84015 no such ticket, 84014 older than 1800 s."""
        found = self._user_tickets.get(user_ticket)
        if found is None:
            raise Refusal(84015)
        if self._corp.now - found[1] > USER_TICKET_LIFE:
            raise Refusal(84014)
        return self._corp.members[found[0]]

    def ticket(self, kind: str) -> tuple[str, int]:
        """Return the JS-SDK ticket of the corp or of the app, the same one while it lives."""
        now = self._corp.now
        ticket, end = self._tickets.get(kind, ("", now))
        if end <= now:
            ticket, end = self._corp.ids.mark("", 86, kind=f"ticket {kind}"), now + TICKET_LIFE
            self._tickets[kind] = (ticket, end)
        return ticket, int((end - now).total_seconds())
