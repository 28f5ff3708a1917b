"""What follows when a member uses the app's conversation: writes, opens it, taps its menu."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from clinic import audit
from clinic.tables import Member
from handlers.router import Router, Turn
from sop import briefing
from sop.effects import AnswerStaff
from sop.roster import load_roster
from store import outbox
from wecom.events import (
    AgentEntered,
    CardTapped,
    MenuClicked,
    MessageReceived,
)

if TYPE_CHECKING:
    from content.pack import Pack

ANSWER_WITHIN: Final = timedelta(minutes=10)  # an answer that comes later answers nobody


def agent_router(pack: Pack, *, public_url: str) -> Router:
    """Answer members in the app's conversation, each message once."""
    router = Router("agent")

    @router.on(MessageReceived)
    async def wrote(event: MessageReceived, turn: Turn) -> None:
        """``今日`` and ``帮助`` are understood; pictures and the rest get a hint."""
        stamp = event.message_id or str(int(event.happened_at.timestamp()))
        meant = briefing.meant_by(event.text or "") if event.msg_type.lower() == "text" else "other"
        await _answer(turn, event.userid, meant, pack, public_url, key=f"answer:{event.userid}:{stamp}")

    @router.on(MenuClicked, lambda event: not event.opened_url)
    async def clicked(event: MenuClicked, turn: Turn) -> None:
        """The app's menu is the administrator's: its keys mean what the words mean."""
        key = event.event_key.strip().casefold()
        meant = briefing.MENU.get(key) or briefing.meant_by(event.event_key)
        stamp = int(event.happened_at.timestamp())
        await _answer(
            turn,
            event.userid,
            meant,
            pack,
            public_url,
            key=f"menu:{event.userid}:{event.event_key[:60]}:{stamp}",
        )

    @router.on(CardTapped, lambda event: event.menu)
    async def card_menu(event: CardTapped, turn: Turn) -> None:
        """Our cards have no menu of their own; whoever taps one all the same is told what there is."""
        audit.record(
            turn.session,
            at=turn.now,
            actor=event.userid,
            action="card.menu",
            subject=f"card:{event.task_id[:100]}",
            reason="点了卡片右上角的菜单，回了帮助",
            detail={"key": event.event_key[:60]},
        )
        stamp = int(event.happened_at.timestamp())
        await _answer(turn, event.userid, "help", pack, public_url, key=f"card-menu:{event.userid}:{stamp}")

    @router.on(AgentEntered)
    async def entered(event: AgentEntered, turn: Turn) -> None:
        """Say hello once, and later once a day when something waits: the event comes at every opening."""
        name = await _name(turn, event.userid)
        if await _say(turn, event.userid, briefing.help_words(name=name), key=f"hello:{event.userid}"):
            return
        day = event.happened_at.astimezone(pack.timezone).date()
        found = await briefing.brief(
            turn.session,
            event.userid,
            roster=await load_roster(turn.session, pack, now=turn.now),
            now=turn.now,
            zone=pack.timezone,
        )
        if found.waiting:
            await _say(
                turn,
                event.userid,
                briefing.hello_words(found, name=name),
                key=f"hello:{event.userid}:{day}",
            )

    return router


async def _answer(turn: Turn, userid: str, meant: str, pack: Pack, public_url: str, *, key: str) -> None:
    name = await _name(turn, userid)
    if meant == "today":
        found = await briefing.brief(
            turn.session,
            userid,
            roster=await load_roster(turn.session, pack, now=turn.now),
            now=turn.now,
            zone=pack.timezone,
        )
        text = briefing.today_words(found, name=name, now=turn.now, zone=pack.timezone, public_url=public_url)
    else:
        text = briefing.help_words(name=name) if meant == "help" else briefing.hint_words(name=name)
    await _say(turn, userid, text, key=key)


async def _name(turn: Turn, userid: str) -> str:
    member = await turn.session.get(Member, userid)
    return (member.alias or member.name) if member is not None else ""


async def _say(turn: Turn, userid: str, text: str, *, key: str) -> bool:
    return await outbox.put(
        turn.session,
        AnswerStaff(to=userid, text=text),
        key=key[:200],
        now=turn.now,
        deadline=turn.now + ANSWER_WITHIN,
        cause="回复员工在应用里的消息",
    )
