"""The greeting: what a new contact hears first, while its 20 seconds last."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from sqlalchemy import select

from clinic import audit, greetings
from clinic.effects import SendWelcome
from content.greeting import WHY_CHARS, Arrival, variant_of
from handlers.router import Router, Turn
from sop.roster import load_speakers
from store import outbox
from store.outbox import OutboxEffect
from wecom.events import ArchiveApproved, ContactAdded

if TYPE_CHECKING:
    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack

SPEAKERS: Final = "welcomes.speakers"
WELCOME_WINDOW: Final = timedelta(seconds=20)  # doc 92137: the code's life


def welcome_router(pack: Pack) -> Router:
    """Greet whoever brings a welcome code. Comes before the router that records the contact."""
    router = Router("welcomes")

    @router.on(ContactAdded, lambda event: event.welcome_code is not None, hurried=True)
    async def greet(event: ContactAdded, turn: Turn) -> None:
        """Queue the greeting; the courier sends it while the code still works."""
        await _greet(event, event.welcome_code or "", turn, pack)

    @router.on(ArchiveApproved, lambda event: event.welcome_code is not None, hurried=True)
    async def greet_after_consent(event: ArchiveApproved, turn: Turn) -> None:
        """Consent to archiving brings the welcome code that was withheld before (41053)."""
        await _greet(event, event.welcome_code or "", turn, pack)

    return router


async def decided(session: AsyncSession, event: ContactAdded) -> SendWelcome | None:
    """Return the greeting that was decided for this addition; None when it has none."""
    if event.welcome_code is None:
        return None
    query = select(OutboxEffect.payload).where(OutboxEffect.key == _key(event.welcome_code))
    payload = await session.scalar(query)
    return None if payload is None else SendWelcome.model_validate(payload)


def _key(code: str) -> str:
    """Name the greeting: the code itself is a key to a chat, its digest says as much and opens nothing."""
    return f"welcome:{sha256(code.encode()).hexdigest()[:40]}"


async def _greet(event: ContactAdded | ArchiveApproved, code: str, turn: Turn, pack: Pack) -> None:
    # Called before older events and before the contact is recorded: few statements, and no row is certain.
    # Several are greeted in one transaction: who speaks as whom is read once for them all.
    speakers = turn.session.info.get(SPEAKERS)
    if speakers is None:
        speakers = turn.session.info[SPEAKERS] = await load_speakers(turn.session, pack)
    known = await greetings.known_of(
        turn.session, event.external_userid, event.userid, tags=any(w.tags for w in pack.welcomes)
    )
    state = event.state if isinstance(event, ContactAdded) else known.channel or None
    channel = pack.channel(state)
    persona = speakers.persona_of(event.userid, otherwise=channel.persona if channel else None)
    welcome = pack.greet(
        Arrival(
            persona=persona,
            state=state,
            open=pack.open_at(turn.received_at),
            again=known.again(event.happened_at),
            tags=known.tags,
        )
    )
    variant = variant_of(welcome, event.external_userid)
    why = f"{welcome.why}（{variant.key}）"[:WHY_CHARS] if welcome.variants else welcome.why
    queued = await outbox.put(
        turn.session,
        SendWelcome(
            welcome_code=code,
            userid=event.userid,
            external_userid=event.external_userid,
            persona=persona.key,
            welcome=welcome.key,
            variant=variant.key,
            channel=(state or "")[:64],
            added_at=int(event.happened_at.timestamp()),
        ),
        key=_key(code),
        now=turn.now,
        # From our own clock: WeCom's may run differently, and it says itself when the code is spent.
        deadline=turn.received_at + WELCOME_WINDOW,
        cause=why,
        urgent=True,
    )
    if queued:
        audit.record(
            turn.session,
            at=turn.now,
            actor=audit.RULES,
            action="welcome.queued",
            subject=f"patient:{event.external_userid}",
            reason=why,
            detail={
                "userid": event.userid,
                "welcome": welcome.key,
                "variant": variant.key,
                "persona": persona.key,
            },
        )
