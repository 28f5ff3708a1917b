"""What is said to one person: her name, the member's, and the address of her survey may stand in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from content.pack import NotInPackError
from content.render import TemplateProblem
from sop.journeys.wording import NothingToSay, item_of, words_of

if TYPE_CHECKING:
    from content.pack import Pack
    from content.plans.specs import Step
    from content.render import Renderer

TODO_TEXT: Final = "todo.text"  # what a sealed text is bound to
MOST_BYTES: Final = 4000


def personal(
    pack: Pack,
    renderer: Renderer,
    step: Step,
    variant: str,
    persona: str,
    *,
    name: str,
    member: str,
    link: str = "",
) -> str:
    """Return what a step says to one person; ``link`` stands on a line of its own at the end.

    Raises:
        NothingToSay: the text is gone from the pack, cannot be filled in, or is empty.
    """
    content, template = words_of(step, variant)
    try:
        if content:
            template = item_of(pack, content).text
        text = renderer.render(template, **pack.variables(persona, patient_name=name, member_alias=member))
    except (NotInPackError, TemplateProblem) as exc:
        raise NothingToSay(f"没有可发的内容：{exc}") from exc
    return with_link(text, link)


def with_link(text: str, link: str) -> str:
    """Return a text with an address at its end.

    Raises:
        NothingToSay: there is nothing at all.
    """
    whole = f"{text}\n{link}".strip() if link else text
    if not whole:
        raise NothingToSay("没有可发的内容：这一步没有写文字")
    return whole
