"""The files of a pack read and judged one by one: what of them is usable, where it stands, what is wrong.

A broken entry hides nothing else: its neighbours are still checked, and its key still counts as known, so
that one slip does not make fifty complaints.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar, get_args

from pydantic import BaseModel, TypeAdapter, ValidationError

from content import (
    schema,
    schema_channels,
    schema_groups,
    schema_items,
    schema_recalls,
    schema_rules,
    schema_surveys,
    schema_talk,
    schema_treatments,
)
from content.plans import models as schema_plans
from content.problems import FieldPath, Level, Problem, field_name
from content.sources import Document, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry(Generic[M]):
    """A valid entry of a file and where it stands."""

    model: M
    document: Document
    path: FieldPath

    def line(self, *sub: str | int, text_line: int = 1) -> int:
        return self.document.line((*self.path, *sub), text_line=text_line)

    def problem(
        self, *sub: str | int, says: str, remedy: str, level: Level = "error", text_line: int = 1
    ) -> Problem:
        """Make a problem at this entry, or at a field below it."""
        path = (*self.path, *sub)
        return Problem(
            file=self.document.file,
            line=self.document.line(path, text_line=text_line),
            field=field_name(path),
            message=says,
            remedy=remedy,
            level=level,
        )


@dataclass(slots=True)
class Draft:
    """All valid entries of a pack's files, the keys that are written (valid or not), and the problems."""

    root: Path
    problems: list[Problem] = field(default_factory=list)
    pack: Entry[schema.PackFile] | None = None
    tag_groups: list[Entry[schema.TagGroupModel]] = field(default_factory=list)
    personas: list[Entry[schema.PersonaModel]] = field(default_factory=list)
    channels: list[Entry[schema_channels.ChannelModel]] = field(default_factory=list)
    welcomes: list[Entry[schema_channels.WelcomeModel]] = field(default_factory=list)
    roles: list[Entry[schema_groups.RoleModel]] = field(default_factory=list)
    keywords: list[Entry[schema_groups.KeywordModel]] = field(default_factory=list)
    treatments: list[Entry[schema_treatments.TreatmentModel]] = field(default_factory=list)
    rules: list[Entry[schema_rules.RuleModel]] = field(default_factory=list)
    surveys: list[Entry[schema_surveys.SurveyModel]] = field(default_factory=list)
    scripts: list[Entry[schema_talk.ScriptModel]] = field(default_factory=list)
    answers: list[Entry[schema_talk.AnswerModel]] = field(default_factory=list)
    moments: list[Entry[schema_items.MomentModel]] = field(default_factory=list)
    group_posts: list[Entry[schema_items.GroupPostModel]] = field(default_factory=list)
    direct_texts: list[Entry[schema_items.DirectModel]] = field(default_factory=list)
    assets: list[Entry[Any]] = field(default_factory=list)
    plans: list[Entry[schema_plans.PlanModel]] = field(default_factory=list)
    recalls: list[Entry[schema_recalls.RecallModel]] = field(default_factory=list)
    # Keys as written, per list below; a list is missing here when its file could not be read at all.
    written: dict[str, set[str]] = field(default_factory=dict)
    clinic_names: set[str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKind:
    """One kind of file of the format; the whole format is the table `FILE_KINDS`."""

    name: str  # a file, or ``folder/*.yaml``
    model: type[BaseModel]
    entries: str = ""  # the file's one field, a list of entries
    target: str = ""  # the `Draft` list that the entries go to
    key: str = "key"  # the field that names an entry
    required: bool = True


FILE_KINDS = (
    FileKind(name="pack.yaml", model=schema.PackFile),
    FileKind(name="tags.yaml", model=schema.TagsFile, entries="groups", target="tag_groups", key="name"),
    FileKind(name="personas.yaml", model=schema.PersonasFile, entries="personas", target="personas"),
    FileKind(
        name="channels.yaml",
        model=schema_channels.ChannelsFile,
        entries="channels",
        target="channels",
        key="state",
    ),
    FileKind(name="welcomes.yaml", model=schema_channels.WelcomesFile, entries="welcomes", target="welcomes"),
    FileKind(name="groups.yaml", model=schema_groups.GroupsFile, entries="roles", target="roles"),
    FileKind(
        name="keywords.yaml",
        model=schema_groups.KeywordsFile,
        entries="keywords",
        target="keywords",
        required=False,
    ),
    FileKind(
        name="treatments.yaml",
        model=schema_treatments.TreatmentsFile,
        entries="treatments",
        target="treatments",
        required=False,
    ),
    FileKind(
        name="rules.yaml", model=schema_rules.RulesFile, entries="rules", target="rules", required=False
    ),
    FileKind(
        name="surveys.yaml",
        model=schema_surveys.SurveysFile,
        entries="surveys",
        target="surveys",
        required=False,
    ),
    FileKind(
        name="scripts.yaml",
        model=schema_talk.ScriptsFile,
        entries="scripts",
        target="scripts",
        required=False,
    ),
    FileKind(
        name="answers.yaml",
        model=schema_talk.AnswersFile,
        entries="answers",
        target="answers",
        required=False,
    ),
    FileKind(name="moments/*.yaml", model=schema_items.MomentsFile, entries="items", target="moments"),
    FileKind(name="groups/*.yaml", model=schema_items.GroupPostsFile, entries="items", target="group_posts"),
    FileKind(name="direct/*.yaml", model=schema_items.DirectFile, entries="items", target="direct_texts"),
    FileKind(
        name="recalls.yaml",
        model=schema_recalls.RecallsFile,
        entries="recalls",
        target="recalls",
        required=False,
    ),
    FileKind(name="plans/*.yaml", model=schema_plans.PlansFile, entries="plans", target="plans"),
    FileKind(
        name="assets/assets.yaml", model=schema.AssetsFile, entries="assets", target="assets", required=False
    ),
)


def read_draft(root: Path) -> Draft:
    """Read every file of the pack in ``root``."""
    draft = Draft(root=root)
    seen: set[Path] = set()
    for kind in FILE_KINDS:
        for path in paths_of(kind, root):
            seen.add(path)
            if not kind.required and not path.exists():
                draft.written[kind.target] = set()
                continue
            document, problems = read_document(path, root=root)
            draft.problems.extend(problems)
            if document is not None:
                take(draft, kind, document)
        if "*" in kind.name:
            draft.written.setdefault(kind.target, set())
    for path in _strangers(root, seen):
        file = path.relative_to(root).as_posix()
        remedy = (
            "朋友圈放 moments/*.yaml，群内容放 groups/*.yaml，一对一放 direct/*.yaml，计划放 plans/*.yaml，"
            "其余文件名照格式写"
        )
        draft.problems.append(
            Problem(file=file, line=1, field="", message="这个文件不会被读取", remedy=remedy, level="warning")
        )
    return draft


def paths_of(kind: FileKind, root: Path) -> list[Path]:
    if "*" in kind.name:
        return sorted(root.glob(kind.name))
    return [root / kind.name]


def _strangers(root: Path, seen: set[Path]) -> Iterator[Path]:
    """Find YAML files that no rule reads: mostly a misspelt name."""
    for pattern in ("*.yaml", "*.yml", "*/*.yaml", "*/*.yml"):
        for path in sorted(root.glob(pattern)):
            if path not in seen and not any(part.startswith(".") for part in path.relative_to(root).parts):
                yield path


def take(draft: Draft, kind: FileKind, document: Document) -> None:
    """Put a document's valid entries into the draft and its faults into the problems."""
    data = document.data
    try:
        whole = kind.model.model_validate(data)
        bad: set[object] = set()
    except ValidationError as exc:
        whole = None
        draft.problems.extend(translate(document, exc, kind.model))
        bad = {error["loc"][1] for error in exc.errors() if len(error["loc"]) > 1}
    if not kind.entries:
        clinic = data.get("clinic") if isinstance(data, dict) else None
        draft.clinic_names = set(clinic) if isinstance(clinic, dict) else None
        if isinstance(whole, schema.PackFile):
            draft.pack = Entry(model=whole, document=document, path=())
        return
    raw = data.get(kind.entries) if isinstance(data, dict) else None
    entries = raw if isinstance(raw, list) else []
    names = {str(entry[kind.key]) for entry in entries if isinstance(entry, dict) and kind.key in entry}
    if isinstance(raw, list):
        draft.written[kind.target] = draft.written.get(kind.target, set()) | names
    element = TypeAdapter(get_args(kind.model.model_fields[kind.entries].annotation)[0])
    for index, entry in enumerate(entries):
        if index not in bad:
            place = Entry(model=element.validate_python(entry), document=document, path=(kind.entries, index))
            getattr(draft, kind.target).append(place)


# ── pydantic's findings, said in Chinese ─────────────────────────────────────────────────────────────


def translate(document: Document, exc: ValidationError, model: type[BaseModel]) -> Iterator[Problem]:
    """Say in Chinese what pydantic found in a document that should be a ``model``."""
    for error in exc.errors(include_url=False):
        path = _real_path(document, error["loc"], missing=error["type"] == "missing")
        if error["type"].startswith("union_tag"):
            path = (*path, "kind")
        message, remedy = _say(error, path, model)
        yield document.problem(path, message, remedy)


def _real_path(document: Document, loc: Sequence[str | int], *, missing: bool) -> FieldPath:
    """Drop what pydantic adds to a path: the tag of a union, the ``[key]`` of a mapping's key."""
    path: FieldPath = ()
    for position, part in enumerate(loc):
        if (*path, part) in document.marks or (missing and position == len(loc) - 1):
            path = (*path, part)
    return path


def _say(error: Any, path: FieldPath, model: type[BaseModel]) -> tuple[str, str]:  # noqa: PLR0911 - a table
    kind: str = error["type"]
    context: dict[str, Any] = error.get("ctx", {})
    name = str(path[-1]) if path else ""
    if kind == "missing":
        return f"缺少字段 {name}", f"加上 {name}: …"
    if kind == "extra_forbidden":
        return f"不认识的字段 {name}", _instead(name, _fields_of(model, path[:-1]))
    if kind in {"literal_error", "enum"}:
        return f"不能写 {error['input']!r:.60}", f"可以写：{context['expected'].replace(' or ', ', ')}"
    if kind == "union_tag_invalid":
        return f"不认识的 kind {context['tag']!r:.60}", f"可以写：{context['expected_tags']}"
    if kind == "union_tag_not_found":
        return "缺少字段 kind", f"加上 kind: {_KINDS.get(str(path[0]), '…')}"
    if kind == "value_error":
        message, _, remedy = str(context["error"]).partition("；")
        return message, remedy or "改成合适的值"
    if kind == "string_pattern_mismatch":
        return f"写法不对：{error['input']!r:.60}", schema.PATTERN_REMEDIES[context["pattern"]]
    for types, message, remedy in _SAYINGS:
        if kind in types:
            numbers = {key: value for key, value in context.items() if isinstance(value, int | float)}
            return message.format(**numbers), remedy.format(**numbers)
    return f"写法不对（{error['msg']}）", "对照内容包格式修改"


_KINDS = {"assets": "image、video、link 或 miniprogram", "plans": "journey、group 或 moments"}

_SAYINGS: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("string_type",), "这里要写文字", "写成文字，必要时加引号"),
    (
        ("int_type", "int_parsing", "int_from_float", "int_parsing_size"),
        "这里要写整数",
        "写成整数，如 1，不加单位",
    ),
    (("bool_type", "bool_parsing"), "这里只能写 true 或 false", "写 true 或 false"),
    (("list_type",), "这里要写列表", "写成 [甲, 乙]，或每项一行、以“- ”开头"),
    (
        ("dict_type", "model_type", "model_attributes_type"),
        "这里要写“字段: 值”",
        "写成“字段: 值”，下一层缩进两格",
    ),
    (("greater_than_equal",), "太小，至少 {ge}", "改成不小于 {ge} 的数"),
    (("less_than_equal",), "太大，最多 {le}", "改成不大于 {le} 的数"),
    (("string_too_short",), "不能空着", "写上内容，或删掉这一行"),
    (("string_too_long",), "太长，最多 {max_length} 字", "缩短到 {max_length} 字以内"),
    (("too_short",), "至少要有 {min_length} 项", "补上内容"),
    (("too_long",), "最多 {max_length} 项", "减少到 {max_length} 项以内"),
)


def _instead(name: str, fields: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, fields, n=1)
    if close:
        return f"是不是想写 {close[0]}？"
    return f"删掉它；这里可以写：{'、'.join(fields)}" if fields else "删掉它"


def _fields_of(model: type[BaseModel], path: FieldPath) -> list[str]:
    """Name the fields that may stand at a path, as files spell them."""
    found: list[type[BaseModel]] = [model]
    for part in path:
        if isinstance(part, int):
            continue
        found = [
            inner
            for outer in found
            for name, info in outer.model_fields.items()
            if part in (name, info.alias)
            for inner in _models_in(info.annotation)
        ]
    names = (info.alias or name for each in found for name, info in each.model_fields.items())
    return list(dict.fromkeys(names))


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _models_in(inner)
