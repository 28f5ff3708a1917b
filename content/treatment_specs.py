"""The treatment catalogue: what the clinic does, found by whatever its own system calls it."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from content.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from content.draft import Entry
    from content.schema_treatments import TreatmentModel


@dataclass(frozen=True, slots=True, kw_only=True)
class TreatmentSpec:
    """A treatment, or one milestone of a treatment that takes several visits.

    ``course`` is the key of the treatment a milestone belongs to, ``step`` its place there from 1; both are
    empty (0) for a treatment itself.
    """

    key: str
    title: str
    category: str
    codes: tuple[str, ...]
    place: Place
    course: str = ""
    step: int = 0

    @property
    def names(self) -> tuple[str, ...]:
        """Return everything it may be called by."""
        return (self.key, self.title, *self.codes)


def folded(code: str) -> str:
    """Return a code as it is compared: without spaces, capitals and full-width forms."""
    return "".join(unicodedata.normalize("NFKC", code).casefold().split())


class Catalogue:
    """Finds treatments by key and by code."""

    def __init__(self, treatments: Iterable[TreatmentSpec]) -> None:
        self.by_key: Mapping[str, TreatmentSpec] = {spec.key: spec for spec in treatments}
        self._by_name: dict[str, TreatmentSpec] = {}
        for spec in self.by_key.values():
            for name in spec.names:
                self._by_name.setdefault(folded(name), spec)

    def find(self, code: str) -> TreatmentSpec | None:
        """Return what the clinic's system means by ``code``, or None for a code the pack does not know."""
        return self._by_name.get(folded(code)) if code else None

    def title_of(self, key: str | None) -> str:
        """Return a treatment's title; its key when the pack has dropped it since."""
        if not key:
            return ""
        spec = self.by_key.get(key)
        return spec.title if spec else key


def specs_of(entry: Entry[TreatmentModel]) -> Iterator[TreatmentSpec]:
    """Yield a treatment and after it its milestones."""
    model, file = entry.model, entry.document.file
    yield TreatmentSpec(
        key=model.key,
        title=model.title,
        category=model.category,
        codes=tuple(model.codes),
        place=Place(file=file, line=entry.line()),
    )
    for index, step in enumerate(model.milestones):
        yield TreatmentSpec(
            key=step.key,
            title=step.title,
            category=model.category,
            codes=tuple(step.codes),
            place=Place(file=file, line=entry.line("milestones", index)),
            course=model.key,
            step=index + 1,
        )
