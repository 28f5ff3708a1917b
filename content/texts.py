"""Checks every text of a pack the way it will be used: filled in, for each persona that may say it."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from content import limits, schema, schema_channels, schema_items
from content.draft import Entry
from content.limits import size
from content.pack import personal
from content.render import Renderer, TemplateProblem

if TYPE_CHECKING:
    from content import schema_groups
    from content.draft import Draft
    from content.problems import Problem

_PERSONA_NAMES = {"persona.name", "persona.title", "persona.intro", "persona.kind"}
_PATIENT_VARIABLES = {"patient.name", "member.alias"}
_WELCOME_NAMES = {*_PATIENT_VARIABLES, "doctor.name", "doctor.title"}
# A patient may have no name, a short one, or the longest nickname WeChat allows.
_PATIENT_NAMES = ("", "王女士", "名" * limits.NICKNAME_CHARS)

# By whether the variable tells who the patient is (else: which doctor's channel she came by).
_NOT_HERE = {
    True: "一条发给许多人，不能称呼某一位；这个变量只有欢迎语和 key 以 .todo 结尾的一对一内容能用",
    False: "这个变量只有欢迎语能用",
}

Variables = Mapping[str, Mapping[str, str]]


def check_texts(draft: Draft, renderer: Renderer) -> Iterator[Problem]:
    """Find templates that fail and texts that WeCom would refuse for their length."""
    clinic = {f"clinic.{name}" for name in draft.clinic_names or ()}
    for entry in draft.moments:
        yield from _text(draft, entry, renderer, clinic | _PERSONA_NAMES)
    for post in draft.group_posts:
        yield from _text(draft, post, renderer, clinic | _PERSONA_NAMES)
    for direct in draft.direct_texts:
        names = _PATIENT_VARIABLES if personal(direct.model.key) else set[str]()
        yield from _text(draft, direct, renderer, clinic | _PERSONA_NAMES | names)
    for welcome in draft.welcomes:
        known = clinic | _PERSONA_NAMES | _WELCOME_NAMES
        yield from _text(draft, welcome, renderer, known)
        for index, variant in enumerate(welcome.model.variants):
            place = Entry(model=variant, document=welcome.document, path=(*welcome.path, "variants", index))
            yield from _text(draft, place, renderer, known, said_by=welcome.model)
    for role in draft.roles:
        yield from _group_welcome(draft, role, renderer, clinic)
    for asset in draft.assets:
        yield from _asset(draft, asset, renderer, clinic)


def _template(
    draft: Draft, entry: Entry[Any], field: str, renderer: Renderer, known: set[str]
) -> tuple[bool, list[Problem]]:
    """Check one template's syntax and variables; answers whether it can be filled in."""
    try:
        uses = renderer.check(getattr(entry.model, field))
    except TemplateProblem as exc:
        return False, [_broken(entry, field, exc)]
    if draft.clinic_names is None:  # pack.yaml tells them, and is reported as broken already
        return False, []
    problems = []
    for use in uses:
        if use.name not in known:
            close = difflib.get_close_matches(use.name, sorted(known), n=1)
            remedy = f"是不是想写 {close[0]}？" if close else f"可用的变量：{'、'.join(sorted(known))}"
            if use.name in _WELCOME_NAMES:
                remedy = _NOT_HERE[use.name in _PATIENT_VARIABLES]
            says = f"没有变量 {use.name}"
            problems.append(entry.problem(field, says=says, remedy=remedy, text_line=use.line))
    return not problems, problems


def _broken(entry: Entry[Any], field: str, exc: TemplateProblem) -> Problem:
    remedy = "只用变量 {{ … }} 和 {% if %}…{% endif %}"
    return entry.problem(field, says=exc.message, remedy=remedy, text_line=exc.line)


def _text(
    draft: Draft, entry: Entry[Any], renderer: Renderer, known: set[str], said_by: Any = None
) -> Iterator[Problem]:
    """Check a text; ``said_by`` is the greeting that a variant belongs to."""
    usable, problems = _template(draft, entry, "text", renderer, known)
    yield from problems
    if not usable or draft.pack is None:
        return
    longest = ""
    for variables in _samples(draft, said_by or entry.model):
        try:
            text = renderer.render(entry.model.text, **variables)
        except TemplateProblem as exc:
            yield _broken(entry, "text", exc)
            return
        if not text:
            yield entry.problem("text", says="填好变量以后是空的", remedy="写一段任何情况下都有的文字")
            return
        longest = max(longest, text, key=size)
    if isinstance(entry.model, schema_items.MomentModel) and len(longest) > limits.MOMENT_CHARS:
        yield _long(entry, len(longest), limits.MOMENT_CHARS, "字")
    if size(longest) > limits.MESSAGE_BYTES:
        yield _long(entry, size(longest), limits.MESSAGE_BYTES, "字节")


def _long(entry: Entry[Any], length: int, limit: int, unit: str) -> Problem:
    remedy = f"缩短到 {limit} {unit}以内（一个汉字 3 字节）" if unit == "字节" else f"缩短到 {limit} 字以内"
    return entry.problem("text", says=f"{length} {unit}，企业微信最多 {limit} {unit}", remedy=remedy)


def _samples(draft: Draft, model: Any) -> Iterator[Variables]:
    """Yield the variables of every persona that may say this text."""
    assert draft.pack is not None
    welcome = isinstance(model, schema_channels.WelcomeModel)
    by_hand = isinstance(model, schema_items.DirectModel) and personal(model.key)
    for persona in _speakers(draft, model):
        base = {
            "clinic": draft.pack.model.clinic,
            "persona": {
                "name": persona.name,
                "title": persona.title,
                "intro": persona.intro,
                "kind": persona.kind,
            },
        }
        if by_hand:
            for name in _PATIENT_NAMES:
                yield {**base, "patient": {"name": name}, "member": {"alias": persona.name}}
            continue
        if not welcome:
            yield base
            continue
        for name in _PATIENT_NAMES:
            for doctor in _doctors(draft, persona):
                yield {
                    **base,
                    "patient": {"name": name},
                    "member": {"alias": persona.name},
                    "doctor": doctor,
                }


def _doctors(draft: Draft, persona: schema.PersonaModel) -> list[dict[str, str]]:
    """Return the doctors that a greeting of ``persona`` may name: itself, else a channel's, or nobody."""
    doctors = [entry.model for entry in draft.personas if entry.model.kind == "doctor"]
    named = [persona] if persona.kind == "doctor" else doctors
    nobody = [] if persona.kind == "doctor" else [{"name": "", "title": ""}]
    return [*nobody, *({"name": doctor.name, "title": doctor.title} for doctor in named)]


def _speakers(draft: Draft, model: Any) -> Sequence[schema.PersonaModel]:
    personas = [entry.model for entry in draft.personas]
    if isinstance(model, schema_channels.WelcomeModel):
        return [p for p in personas if p.key == model.persona or p.kind == model.kind]
    return [p for p in personas if not model.audience or {p.key, p.kind} & set(model.audience)]


def _group_welcome(
    draft: Draft, entry: Entry[schema_groups.RoleModel], renderer: Renderer, known: set[str]
) -> Iterator[Problem]:
    """Check what newcomers of a group read: one template for all owners, so only ``clinic.*`` is there."""
    welcome = entry.model.welcome
    if welcome is None:
        return
    try:
        uses = renderer.check(welcome.text)
        unknown = [use for use in uses if draft.clinic_names is not None and use.name not in known]
        for use in unknown:
            remedy = "称呼新成员写 %NICKNAME%，诊所信息写 {{ clinic.name }} 等"
            says = f"没有变量 {use.name}"
            yield entry.problem("welcome", "text", says=says, remedy=remedy, text_line=use.line)
        if unknown or draft.pack is None:
            return
        text = renderer.render(welcome.text, clinic=draft.pack.model.clinic)
    except TemplateProblem as exc:
        remedy = "只用变量 {{ … }} 和 {% if %}…{% endif %}"
        yield entry.problem("welcome", "text", says=exc.message, remedy=remedy, text_line=exc.line)
        return
    if not text:
        yield entry.problem("welcome", "text", says="填好变量以后是空的", remedy="写一段任何情况下都有的文字")
    elif size(text) > limits.GROUP_WELCOME_BYTES:
        says = f"{size(text)} 字节，企业微信最多 {limits.GROUP_WELCOME_BYTES} 字节"
        yield entry.problem("welcome", "text", says=says, remedy="缩短到 1000 个汉字以内")


ASSET_TEMPLATES = ("title", "desc", "url", "page")

_BYTES = {
    ("link", "title"): limits.LINK_TITLE_BYTES,
    ("link", "desc"): limits.LINK_DESC_BYTES,
    ("link", "url"): limits.LINK_URL_BYTES,
    ("miniprogram", "title"): limits.MINIPROGRAM_TITLE_BYTES,
}


def _asset(draft: Draft, entry: Entry[Any], renderer: Renderer, known: set[str]) -> Iterator[Problem]:
    """Check the fields of a card, which may use ``clinic.*``, and their lengths."""
    for field in ASSET_TEMPLATES:
        if not getattr(entry.model, field, ""):
            continue
        usable, problems = _template(draft, entry, field, renderer, known)
        yield from problems
        if not usable or draft.pack is None:
            continue
        try:
            value = renderer.render(getattr(entry.model, field), clinic=draft.pack.model.clinic)
        except TemplateProblem as exc:
            yield _broken(entry, field, exc)
            continue
        limit = _BYTES.get((entry.model.kind, field))
        if limit is not None and size(value) > limit:
            says = f"{size(value)} 字节，企业微信最多 {limit} 字节"
            remedy = f"缩短到 {limit // 3} 个汉字以内"
            yield entry.problem(field, says=says, remedy=remedy)
        if field == "url" and not (
            value.startswith(("https://", "http://")) and len(value) > 8 and not _has_space(value)
        ):
            yield entry.problem(field, says="链接地址不完整", remedy="写成 https:// 开头的完整地址")


def _has_space(value: str) -> bool:
    return any(character.isspace() for character in value)
