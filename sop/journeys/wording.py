"""What the mass message of a step says: one text for many, so it names nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from content.pack import NotInPackError
from content.render import TemplateProblem
from sop.attachments import AttachmentRefused, from_item
from sop.journeys.ports import FAILED, READY, Made

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import ContentItem, Pack
    from content.plans.specs import Step
    from content.render import Renderer
    from sop.journeys.ports import Due


class NothingToSay(ValueError):
    """A step has no text that can be sent; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What a step says in one variant, as one persona."""

    text: str
    attachments: tuple[dict[str, Any], ...]
    category: str = ""
    content_key: str | None = None


def words_of(step: Step, variant: str) -> tuple[str, str]:
    """Return the key of the text that a step says in this variant, or its own words where it has no key."""
    for one in step.variants:
        if one.key == variant and (one.content or one.text):
            return one.content, one.text
    return step.content, step.text


def said(pack: Pack, renderer: Renderer, step: Step, variant: str, persona: str) -> Said:
    """Return what a mass message of this step says; a variant's own words go before the step's.

    Raises:
        NothingToSay: the text is gone from the pack, is not for many, or cannot be filled in.
    """
    content, template = words_of(step, variant)
    try:
        item = item_of(pack, content) if content else None
        return Said(
            text=renderer.render(item.text if item is not None else template, **pack.variables(persona)),
            attachments=tuple(
                from_item((*(item.attachments if item is not None else ()), *step.attachments), pack)
            ),
            category=item.category if item is not None else "",
            content_key=item.key if item is not None else None,
        )
    except (NotInPackError, TemplateProblem, AttachmentRefused) as exc:
        raise NothingToSay(f"没有可发的内容：{exc}") from exc


def item_of(pack: Pack, key: str) -> ContentItem:
    """Return the 1-to-1 text called ``key``, else the moment or group post of that name.

    Raises:
        NotInPackError: the pack has none.
    """
    for item in (*pack.direct_texts, *pack.moments, *pack.group_posts):
        if item.key == key:
            return item
    return pack.direct(key)


class MassChannel:
    """Sends by mass message: the touch is ready, and is gathered with others into a post."""

    def __init__(self, pack: Pack, renderer: Renderer) -> None:
        self._pack, self._renderer = pack, renderer

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        """Find out, once for each wording, whether there is anything to say."""
        del session, now
        checked: dict[tuple[int, str, str, str], Made] = {}
        made = []
        for due in dues:
            wording = (due.version_id, due.step.key, due.variant, due.persona)
            if wording not in checked:
                checked[wording] = self._judge(due)
            made.append(checked[wording])
        return made

    def _judge(self, due: Due) -> Made:
        try:
            said(self._pack, self._renderer, due.step, due.variant, due.persona)
        except NothingToSay as exc:
            return Made(state=FAILED, reason=str(exc))
        return Made(state=READY)
