"""Who is logged in: a signed cookie, nothing on the server.

The signature covers the secret key *and* the password's digest, so changing the password ends every session.
"""

from __future__ import annotations

import hmac
import secrets
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from itsdangerous import BadSignature, URLSafeSerializer

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

COOKIE: Final = "xiaohu_session"
PATH: Final = "/console"
LIFE_S: Final = 12 * 3600  # since the cookie was last renewed
RENEW_S: Final = 30 * 60  # a session in use gets a new cookie this often
LONGEST_S: Final = 7 * 24 * 3600  # since the login, however much it is used
NOTES_MAX: Final = 3
NOTE_CHARS: Final = 200  # a cookie holds 4 KB


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A sentence for the next page: ``tone`` is ``good``, ``warn`` or ``bad``."""

    tone: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A visitor's session; ``user`` is None before the login (the form's token needs a session, too)."""

    user: str | None
    token: str
    began: int  # seconds since the epoch
    renewed: int
    notes: tuple[Note, ...] = ()

    def accepts(self, token: str) -> bool:
        """Tell whether a form carried this session's token."""
        return hmac.compare_digest(self.token.encode(), token.encode("utf-8", "replace"))

    def with_note(self, note: Note) -> Session:
        return replace(self, notes=(*self.notes, note)[-NOTES_MAX:])


class Sessions:
    """Reads and writes session cookies.

    Args:
        secret_key: ``XIAOHU_SECRET_KEY``.
        password: the admin's; part of the key (see above).
        secure: send the cookie over https only.
        now: seconds since the epoch, of the machine: a jump of the demo's clock must not end a login.
    """

    def __init__(
        self,
        secret_key: str,
        *,
        password: str | None,
        secure: bool,
        now: Callable[[], float] = time.time,
    ) -> None:
        bound_to = sha256((password or "").encode()).hexdigest()
        self._serializer = URLSafeSerializer(
            secret_key + bound_to, salt="xiaohu.console.session", signer_kwargs={"digest_method": sha256}
        )
        self._secure = secure
        self._now = now

    def start(self, user: str | None) -> Session:
        """Begin a session with a fresh token: at a login nothing of the visitor's old one stays."""
        now = int(self._now())
        return Session(user=user, token=secrets.token_urlsafe(24), began=now, renewed=now)

    def read(self, request: web.Request) -> Session | None:
        """Return the session of a request; None when there is none, it is forged or over."""
        raw = request.cookies.get(COOKIE)
        if not raw:
            return None
        try:
            found = _parsed(self._serializer.loads(raw))
        except (BadSignature, ValueError, TypeError, KeyError):
            return None
        now = self._now()
        if now - found.renewed > LIFE_S or now - found.began > LONGEST_S:
            return None
        return found

    def due(self, session: Session) -> bool:
        """Tell whether the cookie is old enough to be renewed."""
        return self._now() - session.renewed > RENEW_S

    def write(self, response: web.StreamResponse, session: Session) -> None:
        """Send the session as a cookie, renewed."""
        now = int(self._now())
        notes = [[note.tone, note.text[:NOTE_CHARS]] for note in session.notes]
        document = {"u": session.user, "t": session.token, "b": session.began, "r": now, "n": notes}
        signed = self._serializer.dumps(document)
        response.set_cookie(
            COOKIE,
            signed if isinstance(signed, str) else signed.decode(),
            max_age=LIFE_S,
            path=PATH,
            httponly=True,
            samesite="Lax",
            secure=self._secure,
        )

    def forget(self, response: web.StreamResponse) -> None:
        """Take the cookie away."""
        response.del_cookie(COOKIE, path=PATH, httponly=True, samesite="Lax", secure=self._secure)


def _parsed(document: dict[str, Any]) -> Session:
    user = document["u"]
    if not (user is None or isinstance(user, str)):
        raise ValueError("user is not a name")
    return Session(
        user=user,
        token=str(document["t"]),
        began=int(document["b"]),
        renewed=int(document["r"]),
        notes=tuple(Note(tone=str(tone), text=str(text)) for tone, text in document["n"]),
    )
