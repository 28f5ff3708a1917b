"""What follows when a 微信客服 account rings, is granted to the app or taken from it."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from clinic import audit, kf
from clinic.effects import FetchKf
from clinic.lookup import known_patient
from clinic.timeline import KF_TEXT
from handlers.router import Router, Turn
from sop import kf_words
from store import outbox
from wecom.events import ContactAdded, KfAuthChanged, KfBell

if TYPE_CHECKING:
    from datetime import datetime

    from content.pack import Pack
    from store.vault import Vault

WINDOW: Final = timedelta(days=3)  # what sync_msg still knows (doc 94670)


def kf_router(pack: Pack, *, vault: Vault, public_url: str) -> Router:
    """Queue the reading; what was written is no part of the event."""
    router = Router("kf")

    @router.on(ContactAdded, lambda event: not event.half)
    async def became_patient(event: ContactAdded, turn: Turn) -> None:
        """She may have asked in the chat before she added anybody; now the rules may know. Comes after the
        router that records her.
        """
        said = await kf.said_by(turn.session, event.external_userid, since=event.happened_at - WINDOW)
        patient = await known_patient(turn.session, event.external_userid) if said else None
        if patient is not None:
            texts = [(one.at, vault.open(one.text_sealed, about=KF_TEXT)) for one in said if one.text_sealed]
            await kf_words.heed(turn.session, patient, texts, pack=pack, public_url=public_url, now=turn.now)

    @router.on(KfBell)
    async def rung(event: KfBell, turn: Turn) -> None:
        """A bell proves the grant: an account taken from us does not ring."""
        if await kf.authorise(turn.session, event.open_kfid, granted=True, at=event.happened_at):
            await _fetch(event.open_kfid, turn, at=event.happened_at, token=event.token or "")

    @router.on(KfAuthChanged)
    async def granted(event: KfAuthChanged, turn: Turn) -> None:
        for open_kfid, given in [(i, True) for i in event.added] + [(i, False) for i in event.removed]:
            readable = await kf.authorise(turn.session, open_kfid, granted=given, at=event.happened_at)
            audit.record(
                turn.session,
                at=turn.now,
                actor=audit.RULES,
                action="kf.granted" if given else "kf.withdrawn",
                subject=f"kf:{open_kfid}",
                reason="客服账号交给小护接待" if given else "客服账号不再由小护接待",
            )
            if given and readable:
                await _fetch(open_kfid, turn, at=event.happened_at)

    return router


async def _fetch(open_kfid: str, turn: Turn, *, at: datetime, token: str = "") -> None:
    stamp = int(at.timestamp())
    # Several bells of one second carry different tokens; each may be the one that still works.
    bell = sha256(token.encode()).hexdigest()[:12] if token else "granted"
    await outbox.put(
        turn.session,
        FetchKf(open_kfid=open_kfid, token=token, rung_at=stamp),
        key=f"kf:{open_kfid}:{stamp}:{bell}",
        now=turn.now,
        deadline=turn.now + WINDOW,
        cause="读取微信客服的新消息",
    )
