"""Makes what the program uses out of valid entries, whether they stand in a file or in the library."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from content.dated import Window
from content.pack import AssetSpec, ContentItem
from content.places import Place
from content.texts import ASSET_TEMPLATES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from content.draft import Entry
    from content.pack import ItemKind
    from content.render import Renderer


def item_of(entry: Entry[Any], kind: ItemKind) -> ContentItem:
    """Return the text of this kind that an entry holds."""
    model, file = entry.model, entry.document.file
    return ContentItem(
        key=model.key,
        kind=kind,
        category=model.category,
        audience=tuple(model.audience),
        roles=tuple(getattr(model, "roles", ())),
        text=model.text,
        attachments=tuple(model.attachments),
        months=tuple(sorted(model.months)),
        window=Window(day=model.on.day, first=model.on.start, last=model.on.end) if model.on else None,
        weight=getattr(model, "weight", 1),
        place=Place(file=file, line=entry.line()),
        # Where the text itself begins: findings count lines from there.
        text_place=Place(file=file, line=entry.line("text")),
        tags=tuple(model.tags),
        age=(model.age.from_, model.age.below) if model.age else None,
        expires_on=date.fromisoformat(model.expires_on) if model.expires_on else None,
        patient=model.patient or "",
    )


def asset_of(
    entry: Entry[Any],
    *,
    renderer: Renderer,
    clinic: Mapping[str, str],
    file: Path | None = None,
    sha256: str = "",
) -> AssetSpec:
    """Return the asset that an entry holds, its templates filled in.

    Raises:
        TemplateProblem: a field uses a variable that there is not.
    """
    model = entry.model
    texts = {
        field: renderer.render(getattr(model, field), clinic=clinic)
        for field in ASSET_TEMPLATES
        if hasattr(model, field)
    }
    return AssetSpec(
        key=model.key,
        kind=model.kind,
        file=file,
        sha256=sha256,
        appid=getattr(model, "appid", ""),
        picture=getattr(model, "picture", None),
        place=Place(file=entry.document.file, line=entry.line()),
        shows_patient=model.patient == "shown",
        retired=model.state == "retired",
        **{"title": "", **texts},
    )
