"""The app's messages to staff: delivery, template cards, taps, updates, recall."""

from __future__ import annotations

import copy
import json
from collections import defaultdict, deque
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from .cards import INTERACTIVE
from .events import Value, text_message
from .people import Mistake
from .refusal import Refusal
from .rules import RECALL_WINDOW, RESPONSE_CODE_LIFE
from .state import AppMessage, CardCopy, Json, ResponseCode

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .corp import Corp

PER_MINUTE = 30  # the same member; excess is dropped without an error (messages-and-cards.md §1)
PER_HOUR = 1000


class Messages:
    """Messages by msgid, cards by task_id, and the one-time codes that update cards."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self.sent: dict[str, AppMessage] = {}
        self._by_task: dict[str, AppMessage] = {}
        self._codes: dict[str, ResponseCode] = {}
        self._recent: defaultdict[str, deque[datetime]] = defaultdict(deque)
        self._contents: dict[str, datetime] = {}

    # -- the API's side -----------------------------------------------------------------------------

    def send(
        self,
        *,
        receivers: Sequence[str],
        msgtype: str,
        payload: Json,
        duplicate_check_s: int | None = None,
    ) -> tuple[AppMessage, ResponseCode | None]:
        """Deliver a message to members; the response code comes with cards that can be updated.

        A repeat inside ``duplicate_check_s`` is accepted and not delivered, as WeCom does.

        Raises:
            Refusal: 42014 the card's task_id was used before.
        """
        corp = self._corp
        card = payload if msgtype == "template_card" else None
        task_id = str(card.get("task_id", "")) if card else ""
        if task_id and task_id in self._by_task:
            raise Refusal(42014, "invalid task_id: it was used before in this app")
        message = AppMessage(
            msgid=corp.ids.mark("MSG", 40),
            msgtype=msgtype,
            payload=payload,
            sent_at=corp.now,
            receivers=list(receivers),
            task_id=task_id,
        )
        repeat = duplicate_check_s is not None and self._is_repeat(message, duplicate_check_s)
        if repeat:
            return message, None
        self.sent[message.msgid] = message
        if task_id:
            self._by_task[task_id] = message
        for userid in receivers:
            if not self._dropped(userid):
                self._deliver(message, userid)
        updatable = card is not None and (card["card_type"] in INTERACTIVE or "action_menu" in card)
        return message, self._issue(message.msgid) if updatable else None

    def _is_repeat(self, message: AppMessage, within_s: int) -> bool:
        print_of = json.dumps(
            [sorted(message.receivers), message.msgtype, message.payload], sort_keys=True, ensure_ascii=False
        )
        before = self._contents.get(print_of)
        if before is not None and self._corp.now - before < timedelta(seconds=within_s):
            return True
        self._contents[print_of] = self._corp.now
        return False

    def _dropped(self, userid: str) -> bool:
        now, recent = self._corp.now, self._recent[userid]
        while recent and now - recent[0] >= timedelta(hours=1):
            recent.popleft()
        this_minute = sum(now - at < timedelta(minutes=1) for at in recent)
        if this_minute >= PER_MINUTE or len(recent) >= PER_HOUR:
            return True
        recent.append(now)
        return False

    def _deliver(self, message: AppMessage, userid: str, *, forwarded: bool = False) -> None:
        if message.msgtype == "template_card":
            message.copies[userid] = CardCopy(card=copy.deepcopy(message.payload), forwarded=forwarded)
        text = message.payload.get("content", "") if message.msgtype in {"text", "markdown"} else ""
        bubble = self._corp.message(
            sender_kind="app",
            sender_id=str(self._corp.credentials.agent_id),
            kind=message.msgtype,
            text=str(text),
            payload={} if message.msgtype == "template_card" else message.payload,
            origin="app",
            ref=message.msgid,
        )
        self._corp.say_in_app(userid, bubble)

    def _issue(self, msgid: str) -> ResponseCode:
        code = ResponseCode(code=self._corp.ids.code(), msgid=msgid, issued_at=self._corp.now)
        self._codes[code.code] = code
        return code

    def card_of(self, task_id: str) -> AppMessage | None:
        return self._by_task.get(task_id)

    def usable_code(self, code: str) -> tuple[ResponseCode, AppMessage]:
        """Return a response code that still works; 60140 unknown, used, or older than 72 hours."""
        found = self._codes.get(code)
        if found is None or found.used or self._corp.now - found.issued_at > RESPONSE_CODE_LIFE:
            raise Refusal(60140)
        message = self.sent.get(found.msgid)
        if message is None:
            raise Refusal(60140)
        return found, message

    def update(
        self,
        found: ResponseCode,
        message: AppMessage,
        *,
        userids: Sequence[str],
        replace_name: str | None = None,
        card: Json | None = None,
    ) -> list[str]:
        """Change the card of these members and spend the code; return those who hold no copy.

        Raises:
            Refusal: 82102 none of them holds the card.
        """
        holders = [userid for userid in userids if userid in message.copies]
        if not holders:
            raise Refusal(82102)
        found.used = True
        for userid in holders:
            held = message.copies[userid]
            held.updates += 1
            if card is None:
                held.replaced = replace_name or ""
            else:
                held.card = copy.deepcopy(card)
                held.replaced = str(card.get("replace_text", ""))
        self._corp.changed("card.updated", members=holders)
        return [userid for userid in userids if userid not in message.copies]

    def recall(self, msgid: str) -> None:
        """Take a message back within 24 hours; 40058 not this app's message, 42052 too late."""
        message = self.sent.get(msgid)
        if message is None:
            raise Refusal(40058, "invalid msgid")
        if self._corp.now - message.sent_at > RECALL_WINDOW:
            raise Refusal(42052)
        message.recalled_at = message.recalled_at or self._corp.now
        for userid in message.receivers:
            for bubble in self._corp.app_chats.get(userid, []):
                bubble.recalled = bubble.recalled or bubble.ref == msgid
        self._corp.changed("app.recalled", members=message.receivers)

    # -- the phones' side ---------------------------------------------------------------------------

    def tap(
        self,
        userid: str,
        task_id: str,
        key: str,
        *,
        response_code: str | None = None,
        selected: Mapping[str, Sequence[str]] | None = None,
        card_type: str | None = None,
        menu: bool = False,
        copy_for_stranger: bool = True,
    ) -> str:
        """Let somebody tap a card's button: template_card_event; return the event's response code.

        Nothing is refused, because a program must survive any tap: ``userid`` may be a stranger
        who never got the card (who then holds a copy marked *forwarded*, so that an update can be
        seen, unless ``copy_for_stranger`` is off), ``task_id`` may be stale or unknown, and a given
        ``response_code`` travels verbatim, old or used.
        """
        message = self._by_task.get(task_id)
        if userid not in self._corp.members:
            raise Mistake(f"no member has the userid {userid!r}")
        if message is not None:
            if userid not in message.copies and copy_for_stranger:
                self._deliver(message, userid, forwarded=True)
            if userid in message.copies:
                message.copies[userid].clicked_key = key
            card_type = card_type or str(message.payload["card_type"])
        # An unknown task's code leads to no message: updating with it answers 60140.
        code = response_code or self._issue(message.msgid if message else "").code
        fields: dict[str, Value] = {
            "EventKey": key,
            "TaskId": task_id,
            "CardType": card_type or "button_interaction",
            "ResponseCode": code,
            "AgentID": self._corp.credentials.agent_id,
        }
        if not menu:
            fields["SelectedItems"] = self._selected(selected or {})
        self._corp.emit("template_card_menu_event" if menu else "template_card_event", userid, **fields)
        self._corp.changed("card.tapped", members=[userid])
        return code

    @staticmethod
    def _selected(selected: Mapping[str, Sequence[str]]) -> Value:
        items: list[Value] = [
            {"QuestionKey": question, "OptionIds": {"OptionId": list(options)}}
            for question, options in selected.items()
        ]
        return {"SelectedItem": items} if items else {}

    def member_writes(self, userid: str, text: str) -> int:
        """Let a member write to the app: a text callback; return its MsgId."""
        if userid not in self._corp.members:
            raise Mistake(f"no member has the userid {userid!r}")
        corp = self._corp
        number = corp.ids.number()
        bubble = corp.message(sender_kind="member", sender_id=userid, kind="text", text=text)
        corp.say_in_app(userid, bubble)
        corp.emit_event(
            text_message(
                corp_id=corp.credentials.corp_id,
                at=corp.clock.timestamp(),
                sender=userid,
                text=text,
                msg_id=number,
                agent_id=corp.credentials.agent_id,
            )
        )
        return number

    def member_enters(self, userid: str) -> None:
        """Let a member open the app's conversation: enter_agent."""
        if userid not in self._corp.members:
            raise Mistake(f"no member has the userid {userid!r}")
        self._corp.emit("enter_agent", userid, EventKey="", AgentID=self._corp.credentials.agent_id)
