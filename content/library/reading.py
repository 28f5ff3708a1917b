"""Texts as they will be read: filled in for whoever says them, with what the content check finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from content import limits
from content.limits import size
from content.pack import personal
from content.render import TemplateProblem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from content.compliance import Checker, Finding
    from content.pack import Pack
    from content.persona_specs import PersonaSpec
    from content.render import Renderer
    from content.rulebook import Channel

SOMEBODY: Final = "王女士"  # a patient's name, where a text may have one
KF: Final = "answer"
_CHANNELS: Final[dict[str, Channel]] = {"moment": "moment", "group": "group"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A text as one persona says it; ``limit`` in bytes is WeCom's for this kind."""

    persona: PersonaSpec
    text: str
    findings: tuple[Finding, ...]
    limit: int

    @property
    def size(self) -> int:
        return size(self.text)

    @property
    def blocked(self) -> bool:
        return any(finding.level == "block" for finding in self.findings)


def speakers_of(kind: str, document: Mapping[str, Any], pack: Pack) -> tuple[PersonaSpec, ...]:
    """Return the personas that may say an entry, as far as its document can be read."""
    if kind == KF:
        return (pack.persona(pack.default_persona),)
    audience = _listed(document.get("for"))
    promotes = document.get("category") == "活动"
    return tuple(
        persona
        for persona in pack.personas
        if (not audience or persona.key in audience or persona.kind in audience)
        and not (promotes and persona.kind == "doctor")
    )


def read_as(
    kind: str,
    document: Mapping[str, Any],
    persona: PersonaSpec,
    pack: Pack,
    *,
    renderer: Renderer,
    checker: Checker,
) -> Reading:
    """Return an entry as a persona says it; what scripts offer to say stands in one text.

    Raises:
        TemplateProblem: it cannot be filled in.
    """
    names = SOMEBODY if kind == "script" or personal(str(document.get("key", ""))) else None
    variables = pack.variables(persona, patient_name=names)
    if kind == KF:
        variables = {"clinic": pack.clinic}
    templates: Sequence[str] = _listed(document.get("say")) if kind == "script" else [_plain(document)]
    text = "\n\n".join(renderer.render(template, **variables) for template in templates)
    own = tuple(pack.clinic.values())
    channel = _CHANNELS.get(kind, "direct")
    return Reading(
        persona=persona,
        text=text,
        findings=checker.check(text, persona=persona.kind, channel=channel, own=own),
        limit=limits.KF_BYTES if kind == KF else limits.MESSAGE_BYTES,
    )


def readings(
    kind: str, document: Mapping[str, Any], pack: Pack, *, renderer: Renderer, checker: Checker
) -> tuple[Reading, ...]:
    """Return an entry as everybody who may say it says it; one that cannot be filled in is not among them."""
    found = []
    for persona in speakers_of(kind, document, pack):
        try:
            found.append(read_as(kind, document, persona, pack, renderer=renderer, checker=checker))
        except TemplateProblem:
            continue
    return tuple(found)


def _plain(document: Mapping[str, Any]) -> str:
    return str(document.get("text", ""))


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value or ())
