"""Everything there is to say about a pack before it is used: faults, legal findings, what is in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from content.channel_specs import MAIN, WelcomeSpec
from content.compliance import Checker
from content.loader import load_pack
from content.places import Place
from content.plans.wordings import wordings_of
from content.problems import PackError
from content.render import Renderer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from content.compliance import Finding
    from content.pack import ContentItem, Pack
    from content.persona_specs import PersonaSpec
    from content.problems import Problem
    from content.rulebook import Channel, PersonaKind

__all__ = ["PackReport", "TextFinding", "check_pack"]

# A greeting is checked for a patient with a name and for one without.
_PATIENT_NAMES = ("王女士", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TextFinding:
    """A finding of the content check in one of the pack's texts."""

    place: Place
    key: str  # of the item, greeting or asset
    persona: PersonaKind
    channel: Channel
    excerpt: str  # the words themselves
    finding: Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class PackReport:
    """What `check_pack` found. Without a pack there are only problems."""

    name: str
    pack: Pack | None
    problems: tuple[Problem, ...]
    findings: tuple[TextFinding, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.level == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.level == "warning")

    @property
    def ok(self) -> bool:
        """True when the pack loads and no text has a finding worse than a hint."""
        return not self.errors and all(found.finding.level == "hint" for found in self.findings)

    def moment_counts(self) -> dict[str, Counter[str]]:
        """Count the moments each persona may publish, per category."""
        if self.pack is None:
            return {}
        return {
            persona.key: Counter(item.category for item in self.pack.moments_for(persona))
            for persona in self.pack.personas
        }

    def direct_counts(self) -> dict[str, Counter[str]]:
        """Count the 1-to-1 texts each persona may say, per category."""
        if self.pack is None:
            return {}
        return {
            persona.key: Counter(item.category for item in self.pack.direct_texts if item.suits(persona))
            for persona in self.pack.personas
        }

    def group_counts(self) -> dict[str, Counter[str]]:
        """Count the posts of each group role, per category."""
        if self.pack is None:
            return {}
        return {
            role.key: Counter(item.category for item in self.pack.group_posts if role.key in item.roles)
            for role in self.pack.roles
        }


def check_pack(
    name_or_path: str | Path, *, checker: Checker | None = None, renderer: Renderer | None = None
) -> PackReport:
    """Load a pack and check every text as it will be sent. Never raises for what the pack contains."""
    try:
        pack = load_pack(name_or_path)
    except PackError as exc:
        return PackReport(name=str(name_or_path), pack=None, problems=exc.problems, findings=())
    findings = find_in_pack(pack, checker or Checker.load(), renderer or Renderer())
    return PackReport(name=str(name_or_path), pack=pack, problems=pack.warnings, findings=findings)


def find_in_pack(pack: Pack, checker: Checker, renderer: Renderer) -> tuple[TextFinding, ...]:
    """Check every text of a pack, for each persona that may say it; the same words are told once."""
    own = tuple(pack.clinic.values())
    found: dict[tuple[object, ...], TextFinding] = {}
    for text in texts_of(pack, renderer):
        for finding in checker.check(text.text, persona=text.persona, channel=text.channel, own=own):
            excerpt = text.text[finding.start : finding.end]
            told = TextFinding(
                place=_line_of(text, excerpt),
                key=text.key,
                persona=text.persona,
                channel=text.channel,
                excerpt=excerpt,
                finding=finding,
            )
            found.setdefault((text.key, text.persona, finding.rule, told.place, excerpt), told)
    return tuple(sorted(found.values(), key=lambda told: (told.place.file, told.place.line)))


@dataclass(frozen=True, slots=True, kw_only=True)
class FilledIn:
    """A filled-in text and where its template stands."""

    place: Place
    key: str
    template: str
    text: str
    persona: PersonaKind
    channel: Channel


def texts_of(pack: Pack, renderer: Renderer) -> Iterator[FilledIn]:
    """Return every text of a pack, filled in, once for each persona that may say it."""
    yield from _posts(pack, renderer)
    yield from _direct(pack, renderer)
    yield from _plans(pack, renderer)
    yield from _talk(pack, renderer)
    yield from _surveys(pack)
    yield from _greetings(pack, renderer)
    yield from _group_welcomes(pack, renderer)
    shown = _shown_by(pack)
    for asset in pack.assets:
        card = "\n".join(part for part in (asset.title, asset.desc) if part)
        for kind in sorted(shown.get(asset.key, {"assistant"})):
            yield FilledIn(
                place=asset.place, key=asset.key, template="", text=card, persona=kind, channel="moment"
            )


def _posts(pack: Pack, renderer: Renderer) -> Iterator[FilledIn]:
    for item in (*pack.moments, *pack.group_posts):
        for persona in filter(item.suits, pack.personas):
            yield _text(item, persona, renderer.render(item.text, **pack.variables(persona)), item.kind)


def _direct(pack: Pack, renderer: Renderer) -> Iterator[FilledIn]:
    for item in pack.direct_texts:
        for persona in filter(item.suits, pack.personas):
            for name in _PATIENT_NAMES if item.personal else (None,):
                variables = pack.variables(persona, patient_name=name)
                yield _text(item, persona, renderer.render(item.text, **variables), "direct")


def _plans(pack: Pack, renderer: Renderer) -> Iterator[FilledIn]:
    """Read what plans say in their own words as everybody who may speak for the plan."""
    for wording in (wording for plan in pack.plans for wording in wordings_of(plan)):
        plan = wording.plan
        place = pack.plan_places.get(f"{plan.key}/{wording.step}", pack.plan_places[plan.key])
        for persona in pack.personas:
            if plan.persona not in ("follow", persona.key, persona.kind):
                continue
            for name in _PATIENT_NAMES if wording.by_hand else (None,):
                text = renderer.render(wording.text, **pack.variables(persona, patient_name=name))
                yield FilledIn(
                    place=place,
                    key=wording.key,
                    template=wording.text,
                    text=text,
                    persona=persona.kind,
                    channel="direct",
                )


def _talk(pack: Pack, renderer: Renderer) -> Iterator[FilledIn]:
    """Read scripts as whoever uses them, answers as the assistant; what never to say is not read."""
    for script in pack.scripts:
        for persona in pack.personas:
            if script.audience and not {persona.key, persona.kind} & set(script.audience):
                continue
            for name, (template, place) in product(
                _PATIENT_NAMES, zip(script.say, script.say_places, strict=True)
            ):
                text = renderer.render(template, **pack.variables(persona, patient_name=name))
                yield FilledIn(
                    place=place,
                    key=script.key,
                    template=template,
                    text=text,
                    persona=persona.kind,
                    channel="direct",
                )
    for answer in pack.answers:
        yield FilledIn(
            place=answer.text_place,
            key=answer.key,
            template=answer.text,
            text=renderer.render(answer.text, clinic=pack.clinic),
            persona="assistant",
            channel="direct",
        )


def _surveys(pack: Pack) -> Iterator[FilledIn]:
    """The clinic itself asks: read as the assistant's words."""
    for survey in pack.surveys:
        asked = (part for one in survey.questions for part in (one.ask, *one.options))
        words = (survey.title, survey.intro, *asked, survey.thanks, survey.sorry)
        yield FilledIn(
            place=survey.place,
            key=survey.key,
            template="",
            text="\n".join(word for word in words if word),
            persona="assistant",
            channel="direct",
        )


def _greetings(pack: Pack, renderer: Renderer) -> Iterator[FilledIn]:
    for welcome in pack.welcomes:
        for persona in filter(welcome.suits, pack.personas):
            for name, text in product(_PATIENT_NAMES, welcome.texts):
                doctor = pack.doctor_of(persona, next(iter(welcome.channels), None))
                variables = pack.variables(persona, patient_name=name, doctor=doctor)
                yield FilledIn(
                    place=text.text_place,
                    key=welcome.key if text.key == MAIN else f"{welcome.key} 的 {text.key}",
                    template=text.text,
                    text=renderer.render(text.text, **variables),
                    persona=persona.kind,
                    channel="direct",
                )


def _group_welcomes(pack: Pack, renderer: Renderer) -> Iterator[FilledIn]:
    """Any owner's newcomers read it, so it must pass as a doctor's words and as the assistant's."""
    kinds = sorted({persona.kind for persona in pack.personas})
    for role in pack.roles:
        if role.welcome is None:
            continue
        text = renderer.render(role.welcome.text, clinic=pack.clinic)
        for kind in kinds:
            yield FilledIn(
                place=role.welcome.place,
                key=f"{role.key} 的入群欢迎语",
                template=role.welcome.text,
                text=text,
                persona=kind,
                channel="group",
            )


def _shown_by(pack: Pack) -> dict[str, set[PersonaKind]]:
    """Tell for every asset that is used which kinds of persona show it."""
    shown: dict[str, set[PersonaKind]] = {}
    items = (*pack.moments, *pack.group_posts, *pack.direct_texts)
    specs: tuple[ContentItem | WelcomeSpec, ...] = (*items, *pack.welcomes)
    for spec in specs:
        for persona in filter(spec.suits, pack.personas):
            for key in _shown_with(spec):
                shown.setdefault(key, set()).add(persona.kind)
    for answer in pack.answers:
        for key in answer.attachments:
            shown.setdefault(key, set()).add("assistant")
    for role in pack.roles:
        if role.welcome is not None and role.welcome.attachment is not None:
            shown.setdefault(role.welcome.attachment, set()).update(p.kind for p in pack.personas)
    return shown


def _shown_with(spec: ContentItem | WelcomeSpec) -> Iterator[str]:
    if isinstance(spec, WelcomeSpec):
        for text in spec.texts:
            yield from text.attachments
    else:
        yield from spec.attachments


def _text(spec: ContentItem, persona: PersonaSpec, text: str, channel: Channel) -> FilledIn:
    return FilledIn(
        place=spec.text_place,
        key=spec.key,
        template=spec.text,
        text=text,
        persona=persona.kind,
        channel=channel,
    )


def _line_of(text: FilledIn, excerpt: str) -> Place:
    """Find the line of the words in the template; words that a variable brought stand at its beginning."""
    at = text.template.find(excerpt)
    lines = text.template.count("\n", 0, at) if at > 0 else 0
    return Place(file=text.place.file, line=text.place.line + lines)
