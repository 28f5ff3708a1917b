"""Whether an entry can be used with the pack as it stands: what staff are told when they save it.

The pack's own checks judge it, as they would if it stood in a file: nothing is said here that `xiaohu check`
would not say.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from content.crosscheck import cross_check
from content.draft import FILE_KINDS, Draft, Entry, take
from content.sources import Document, Mark
from content.talk_check import check_talk
from content.texts import check_texts
from content.written import SHAPES, document_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from content.pack import Pack
    from content.problems import FieldPath
    from content.render import Renderer
    from content.written import Written

HERE: Final = "〈这一条〉"  # stands where the checks name a file


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is wrong with an entry, at one of its fields, and what to do."""

    field: str
    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message} → {self.remedy}" if self.remedy else self.message


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """An entry as it was read: its document in the one form that is kept, or why it cannot be kept."""

    document: dict[str, Any]
    entry: Entry[Any] | None
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        return not self.faults


def judge(written: Written, pack: Pack, others: Iterable[Written], *, renderer: Renderer) -> Judged:
    """Judge an entry as part of the pack, with ``others`` for what else the library holds."""
    probe, entry = _probe(written, pack, others)
    problems = list(probe.problems)
    if entry is not None:
        problems += [*cross_check(probe), *check_texts(probe, renderer), *check_talk(probe, renderer)]
        problems += _cover(probe, entry)
    faults = tuple(
        Fault(field=_field(problem.field), message=problem.message, remedy=problem.remedy)
        if problem.file == HERE
        else Fault(field="picture", message=f"有朋友圈附着它：{problem.message}", remedy="先从那条里去掉它")
        for problem in problems
        if problem.level == "error" and (problem.file == HERE or _field(problem.field) == "attachments")
    )
    document = document_of(entry.model) if entry is not None else dict(written.document)
    return Judged(document=document, entry=entry, faults=tuple(dict.fromkeys(faults)))


def entry_of(written: Written) -> Entry[Any] | None:
    """Return an entry of the library as the loader has them, or None for one that this format cannot read."""
    draft = Draft(root=Path())
    found = _put(draft, written, file=written.file)
    return found if not draft.problems else None


def _probe(written: Written, pack: Pack, others: Iterable[Written]) -> tuple[Draft, Entry[Any] | None]:
    """Return a pack's draft that holds the entry, and of other texts only what an entry can clash with."""
    own = pack.draft
    if own is None:
        raise ValueError(f"pack {pack.name} was not loaded from files: nothing can be judged by it")
    probe = replace(
        own,
        problems=[],
        channels=[],
        welcomes=[],
        rules=[],
        keywords=[],
        scripts=[],
        answers=[],
        moments=[],
        group_posts=[],
        direct_texts=[],
        assets=[],
        written={name: set(keys) for name, keys in own.written.items()},
    )
    for other in others:
        if (other.shelf, other.key) != (written.shelf, written.key) and _matters(other, written):
            _put(probe, other, file=other.file)
    return probe, _put(probe, written, file=HERE)


def _matters(other: Written, written: Written) -> bool:
    """Assets may be attached, answers may be found by the same words, moments are particular about cards."""
    return (
        other.shelf == "asset"
        or other.kind == written.kind == "answer"
        or (other.kind == "moment" and written.key in other.document.get("attachments", ()))
    )


def _put(draft: Draft, written: Written, *, file: str) -> Entry[Any] | None:
    shape = SHAPES[written.kind]
    kind = next(kind for kind in FILE_KINDS if kind.name == shape.file)
    data = {shape.entries: [dict(written.document)]}
    target: list[Entry[Any]] = getattr(draft, shape.target)
    before = len(target)
    take(draft, kind, Document(file=file, data=data, marks=dict(_marks(data, ()))))
    return target[-1] if len(target) > before else None


def _marks(value: object, path: FieldPath) -> Iterator[tuple[FieldPath, Mark]]:
    """Mark every field, so that problems name the one they mean."""
    yield path, Mark(line=1)
    fields: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        fields = value.items()
    elif isinstance(value, list):
        fields = enumerate(value)
    for name, inner in fields:
        yield from _marks(inner, (*path, name))


def _cover(probe: Draft, entry: Entry[Any]) -> Iterator[Any]:
    """A card's cover is a picture; its file is checked when it comes in."""
    picture = getattr(entry.model, "picture", None)
    images = {asset.model.key for asset in probe.assets if asset.model.kind == "image"}
    if picture is not None and picture not in images:
        yield entry.problem("picture", says=f"没有图片素材 {picture}", remedy="换一张图片作封面")


def _field(name: str) -> str:
    """Return the entry's own field of ``items[0].for[1]``: ``for``."""
    inner = name.partition(".")[2]
    return inner.replace("[", ".").partition(".")[0]
