"""Loads a content pack: reads, judges everything at once, and hands out either a `Pack` or all its faults."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, time, timedelta
from hashlib import sha256
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from content.channel_check import check_channels
from content.channel_specs import ChannelSpec, CodeSpec, Shift, Span, VariantSpec, WelcomeSpec
from content.crosscheck import cross_check
from content.draft import Draft, Entry, read_draft
from content.group_specs import GroupWelcomeSpec, KeywordSpec
from content.house import HouseRules
from content.items import asset_of, item_of
from content.pack import AssetSpec, GroupRole, Pack, TagGroupSpec
from content.persona_specs import PersonaSpec, WeekSlot
from content.pictures import ASSETS_FOLDER, check_pictures
from content.places import Place
from content.plans.check import check_plans
from content.plans.documents import to_spec
from content.plans.recalls import expanded
from content.problems import PackError, Problem
from content.render import Renderer
from content.rotation import rotation_warnings
from content.rule_specs import rule_of
from content.survey_specs import survey_of
from content.talk_check import check_talk
from content.talk_specs import answer_of, script_of
from content.texts import check_texts
from content.treatment_specs import specs_of
from content.written import FILED, SHAPES, Written, document_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content import schema, schema_channels, schema_groups
    from content.schema_house import HouseModel

PACKAGED = Path(__file__).parent / "packs"


def packaged_packs() -> tuple[str, ...]:
    """Name the packs that come with the program."""
    return tuple(sorted(path.parent.name for path in PACKAGED.glob("*/pack.yaml")))


def load_pack(name_or_path: str | Path) -> Pack:
    """Load a packaged pack by name (``dental``) or any pack by its folder.

    Warnings do not prevent loading: they are in the pack's ``warnings``.

    Raises:
        PackError: the pack has errors; it holds all of them, and the warnings found so far.
    """
    root = _folder(name_or_path)
    draft = read_draft(root)
    renderer = Renderer()
    problems = [
        *draft.problems,
        *cross_check(draft),
        *check_channels(draft),
        *check_texts(draft, renderer),
        *check_talk(draft, renderer),
        *check_pictures(draft),
        *check_plans(draft),
    ]
    if any(problem.level == "error" for problem in problems):
        raise PackError(_in_order(problems))
    pack = _build(draft, renderer)
    warnings = _in_order([*problems, *rotation_warnings(pack)])
    return replace(pack, warnings=warnings)


def _folder(name_or_path: str | Path) -> Path:
    if name_or_path in packaged_packs():
        return PACKAGED / name_or_path
    try:
        root = Path(name_or_path).expanduser()
        found = root.is_dir()
    except (OSError, ValueError, RuntimeError):
        found = False
    if found:
        return root
    names = "、".join(packaged_packs())
    remedy = f"写内置内容包的名字（{names}），或一个含有 pack.yaml 的文件夹"
    raise PackError(
        [Problem(file=str(name_or_path), line=1, field="", message="找不到内容包", remedy=remedy)]
    )


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.file, p.line, p.field)))


# ── from what pydantic accepted to what the program uses ─────────────────────────────────────────────


def _build(draft: Draft, renderer: Renderer) -> Pack:
    assert draft.pack is not None
    model = draft.pack.model
    return Pack(
        root=draft.root,
        name=model.name,
        title=model.title,
        version=model.version,
        default_persona=model.default_persona,
        timezone=ZoneInfo(model.timezone),
        clinic=MappingProxyType(dict(model.clinic)),
        rotation_days=model.rotation_days,
        opening=tuple(_span(span) for span in model.opening),
        house=_house(model.house),
        tag_groups=tuple(
            TagGroupSpec(
                name=e.model.name, exclusive=e.model.exclusive, tags=tuple(e.model.tags), place=_place(e)
            )
            for e in draft.tag_groups
        ),
        personas=tuple(_persona(entry) for entry in draft.personas),
        channels=tuple(_channel(entry) for entry in draft.channels),
        welcomes=tuple(_welcome(entry) for entry in draft.welcomes),
        roles=tuple(
            GroupRole(
                key=e.model.key,
                title=e.model.title,
                match=tuple(e.model.match),
                default=e.model.default,
                week=_week(e.model.week),
                place=_place(e),
                one_per_patient=e.model.one_per_patient,
                quit_alert=e.model.quit_alert or "",
                welcome=_group_welcome(e),
            )
            for e in draft.roles
        ),
        keywords=tuple(
            KeywordSpec(
                key=e.model.key,
                title=e.model.title,
                words=tuple(e.model.words),
                without=tuple(e.model.without),
                place=_place(e),
            )
            for e in draft.keywords
        ),
        treatments=tuple(spec for entry in draft.treatments for spec in specs_of(entry)),
        rules=tuple(rule_of(entry) for entry in draft.rules),
        surveys=tuple(survey_of(entry, _place(entry)) for entry in draft.surveys),
        plans=tuple(to_spec(entry.model) for entry in _plans(draft)),
        plan_places=MappingProxyType(dict(_plan_places(draft))),
        scripts=tuple(script_of(entry) for entry in _active(draft.scripts)),
        answers=tuple(answer_of(entry) for entry in _active(draft.answers)),
        moments=tuple(item_of(entry, "moment") for entry in _active(draft.moments)),
        group_posts=tuple(item_of(entry, "group") for entry in _active(draft.group_posts)),
        direct_texts=tuple(item_of(entry, "direct") for entry in _active(draft.direct_texts)),
        assets=tuple(_asset(entry, draft.root, renderer, model.clinic) for entry in draft.assets),
        written=tuple(_written(draft)),
        draft=draft,
    )


def _house(model: HouseModel) -> HouseRules:
    return HouseRules(
        marketing_a_week=model.marketing.a_week,
        marketing_apart=timedelta(hours=model.marketing.hours_apart),
        one_marketing_journey=model.marketing.one_journey,
        quiet_from=time.fromisoformat(model.quiet.start),
        quiet_until=time.fromisoformat(model.quiet.end),
        wecom_quota=model.wecom_quota,
        two_person=model.two_person,
    )


def _place(entry: Entry[Any]) -> Place:
    return Place(file=entry.document.file, line=entry.line())


def _plans(draft: Draft) -> Iterator[Entry[Any]]:
    """Yield the plans that are written as such and those that recalls.yaml stands for."""
    yield from draft.plans
    yield from expanded(draft)


def _plan_places(draft: Draft) -> Iterator[tuple[str, Place]]:
    for entry in _plans(draft):
        yield entry.model.key, _place(entry)
        if entry.model.kind == "journey":
            for index, step in enumerate(entry.model.steps):
                line = entry.line("steps", index, "text")
                yield f"{entry.model.key}/{step.key}", Place(file=entry.document.file, line=line)


def _text_place(entry: Entry[Any]) -> Place:
    """Where the text itself begins: findings count lines from there."""
    return Place(file=entry.document.file, line=entry.line("text"))


def _week(slots: list[schema.SlotModel]) -> tuple[WeekSlot, ...]:
    week = (
        WeekSlot(day=slot.day, at=time.fromisoformat(slot.at), categories=tuple(slot.categories))
        for slot in slots
    )
    return tuple(sorted(week, key=lambda slot: (slot.day, slot.at)))


def _persona(entry: Entry[schema.PersonaModel]) -> PersonaSpec:
    model = entry.model
    return PersonaSpec(
        key=model.key,
        kind=model.kind,
        name=model.name,
        title=model.title,
        intro=model.intro,
        voice=model.voice,
        members=tuple(model.members),
        delegates=tuple(model.delegates),
        approvers=tuple(model.approvers),
        categories=tuple(model.categories),
        max_moments_per_day=model.max_moments_per_day,
        week=_week(model.week),
        place=_place(entry),
        max_direct_per_day=model.max_direct_per_day,
    )


def _group_welcome(entry: Entry[schema_groups.RoleModel]) -> GroupWelcomeSpec | None:
    model = entry.model.welcome
    if model is None:
        return None
    place = Place(file=entry.document.file, line=entry.line("welcome", "text"))
    return GroupWelcomeSpec(text=model.text, attachment=model.attachment, place=place)


def _span(model: schema.SpanModel) -> Span:
    return Span(
        days=tuple(sorted(set(model.days))),
        start=time.fromisoformat(model.start),
        end=time.fromisoformat(model.end),
    )


def _channel(entry: Entry[schema_channels.ChannelModel]) -> ChannelSpec:
    model = entry.model
    return ChannelSpec(
        state=model.state,
        title=model.title,
        tags=tuple(model.tags),
        persona=model.persona,
        place=_place(entry),
        welcome=model.welcome,
        stage=model.stage,
        journey=model.journey,
        region=model.region or "",
        code=_code(model.code) if model.code else None,
    )


def _code(model: schema_channels.CodeModel) -> CodeSpec:
    return CodeSpec(
        members=tuple(model.members),
        shifts=tuple(Shift(members=tuple(shift.members), span=_span(shift)) for shift in model.shifts),
        substitutes=tuple(model.substitutes),
        overflow=tuple(model.overflow),
        daily_cap=model.daily_cap,
        skip_verify=model.skip_verify,
        exclusive=model.exclusive,
        expires_on=date.fromisoformat(model.expires_on) if model.expires_on else None,
        remark=model.remark,
    )


def _welcome(entry: Entry[schema_channels.WelcomeModel]) -> WelcomeSpec:
    model = entry.model
    return WelcomeSpec(
        key=model.key,
        persona=model.persona,
        kind=model.kind,
        channels=tuple(model.channels),
        text=model.text,
        attachments=tuple(model.attachments),
        place=_place(entry),
        text_place=_text_place(entry),
        tags=tuple(model.tags),
        regions=tuple(model.regions),
        contact=model.contact,
        when=model.when,
        share=model.share,
        variants=tuple(
            VariantSpec(
                key=variant.key,
                text=variant.text,
                attachments=tuple(variant.attachments),
                share=variant.share,
                text_place=Place(file=entry.document.file, line=entry.line("variants", index, "text")),
            )
            for index, variant in enumerate(model.variants)
        ),
    )


def _active(entries: Iterable[Entry[Any]]) -> Iterator[Entry[Any]]:
    return (entry for entry in entries if entry.model.state == "active")


def _asset(entry: Entry[Any], root: Path, renderer: Renderer, clinic: dict[str, str]) -> AssetSpec:
    file = _picture(entry, root)
    digest = sha256(file.read_bytes()).hexdigest() if file else ""
    return asset_of(entry, renderer=renderer, clinic=clinic, file=file, sha256=digest)


def _picture(entry: Entry[Any], root: Path) -> Path | None:
    return (root / ASSETS_FOLDER / entry.model.file).resolve() if entry.model.kind in FILED else None


def _written(draft: Draft) -> Iterator[Written]:
    """Yield every text and asset, assets in the order of their file whatever they are."""
    for target in dict.fromkeys(shape.target for shape in SHAPES.values()):
        kinds = [kind for kind, shape in SHAPES.items() if shape.target == target]
        for entry in getattr(draft, target):
            file = _picture(entry, draft.root) if target == "assets" else None
            yield Written(
                kind=entry.model.kind if target == "assets" else kinds[0],
                key=entry.model.key,
                file=entry.document.file,
                document=document_of(entry.model),
                picture=sha256(file.read_bytes()).hexdigest() if file else "",
            )
