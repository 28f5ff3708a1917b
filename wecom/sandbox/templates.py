"""Group welcome material (入群欢迎语素材): staff apply it to a group, newcomers are greeted with it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .people import Mistake, content_bubbles
from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .corp import Corp
    from .state import Json

MOST = 100
NICKNAME = "%NICKNAME%"


@dataclass(slots=True, kw_only=True)
class GroupTemplate:
    """``body`` holds text and at most one of image, link, miniprogram, file, video."""

    template_id: str
    body: Json

    def text(self) -> str:
        return str(self.body.get("text", {}).get("content", ""))

    def attachments(self) -> list[Json]:
        return [{"msgtype": kind, kind: value} for kind, value in self.body.items() if kind != "text"]


class GroupTemplates:
    """At most 100 templates per corp (41055); applying one is the owner's tap, not the API's."""

    def __init__(self, corp: Corp) -> None:
        self._corp = corp
        self._templates: dict[str, GroupTemplate] = {}
        self.applied: dict[str, str] = {}  # chat_id -> template_id

    def add(self, body: Json, *, notify: bool) -> GroupTemplate:
        """Keep a checked template; ``notify`` tells the owners of groups. 41055 when there are 100."""
        if len(self._templates) >= MOST:
            raise Refusal(41055)
        template = GroupTemplate(template_id=self._corp.ids.mark("msg", 29, kind="template"), body=body)
        self._templates[template.template_id] = template
        if notify:
            for userid in sorted({g.owner for g in self._corp.groups.values() if not g.dismissed}):
                text = "企业新增了入群欢迎语素材，可以应用到你的客户群。"
                self._corp.notify(userid, text, ref=template.template_id)
        return template

    def get(self, template_id: str) -> GroupTemplate:
        """Return a template; 40058 no such id."""
        try:
            return self._templates[template_id]
        except KeyError:
            raise Refusal(40058, "invalid template_id") from None

    def delete(self, template_id: str) -> None:
        self.get(template_id)
        del self._templates[template_id]
        self.applied = {chat: used for chat, used in self.applied.items() if used != template_id}

    def everyone(self) -> list[GroupTemplate]:
        return list(self._templates.values())

    def apply(self, template_id: str, chat_id: str) -> None:
        """Let a group's owner apply a template on the phone."""
        if template_id not in self._templates or self._corp.group(chat_id) is None:
            raise Mistake("no such template, or no such standing group")
        self.applied[chat_id] = template_id

    def greet(self, chat_id: str, newcomers: Sequence[str]) -> None:
        """Greet patients who joined a group that has a template; colleagues are not greeted."""
        template = self._templates.get(self.applied.get(chat_id, ""))
        names = [self._corp.customers[p].name for p in newcomers if p in self._corp.customers]
        if template is None or not names:
            return
        text = template.text().replace(NICKNAME, "、".join(names))
        for bubble in content_bubbles(
            self._corp,
            sender_id=self._corp.groups[chat_id].owner,
            text=text,
            attachments=template.attachments(),
            origin="welcome",
            ref=template.template_id,
        ):
            self._corp.say_in_group(chat_id, bubble)
