"""Texts and assets as their files say them: what the library keeps, and what is exchanged as files.

The document of an entry is its YAML mapping without what is left at its default, its fields in a fixed order:
the same entry always gives the same document, so two of them are compared by digest.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from content import schema, schema_items, schema_talk

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """How a kind of entry is written.

    Args:
        shelf: entries of one shelf share their keys; see `content.crosscheck`.
        target: the list of `content.draft.Draft` that holds them.
        file: the pack's file, or ``folder/*.yaml``; ``entries`` is its list.
        words: the fields that people read, the first of them the text itself.
    """

    model: type[schema.StoredModel]
    shelf: str
    target: str
    file: str
    entries: str
    words: tuple[str, ...]


_ASSETS: Final = {"shelf": "asset", "target": "assets", "file": "assets/assets.yaml", "entries": "assets"}
SHAPES: Final[dict[str, Shape]] = {
    "moment": Shape(
        model=schema_items.MomentModel,
        shelf="text",
        target="moments",
        file="moments/*.yaml",
        entries="items",
        words=("text",),
    ),
    "group": Shape(
        model=schema_items.GroupPostModel,
        shelf="text",
        target="group_posts",
        file="groups/*.yaml",
        entries="items",
        words=("text",),
    ),
    "direct": Shape(
        model=schema_items.DirectModel,
        shelf="text",
        target="direct_texts",
        file="direct/*.yaml",
        entries="items",
        words=("text",),
    ),
    "script": Shape(
        model=schema_talk.ScriptModel,
        shelf="script",
        target="scripts",
        file="scripts.yaml",
        entries="scripts",
        words=("say", "never", "situation", "title"),
    ),
    "answer": Shape(
        model=schema_talk.AnswerModel,
        shelf="answer",
        target="answers",
        file="answers.yaml",
        entries="answers",
        words=("text", "title"),
    ),
    "image": Shape(model=schema.ImageModel, words=("title",), **_ASSETS),
    "video": Shape(model=schema.VideoModel, words=("title",), **_ASSETS),
    "link": Shape(model=schema.LinkModel, words=("title", "desc"), **_ASSETS),
    "miniprogram": Shape(model=schema.MiniProgramModel, words=("title",), **_ASSETS),
}
POSTS: Final = ("moment", "group", "direct")  # texts that become posts
TALK: Final = ("script", "answer")
ASSETS: Final = ("image", "video", "link", "miniprogram")
FILED: Final = ("image", "video")  # assets that are a file; the others are written down

# As people read an entry: what it is, who says it where, the words, then when and for whom.
_ORDER: Final = (
    *("key", "kind", "title", "category", "stage", "objection", "for", "roles", "situation", "asks", "words"),
    *("without", "say", "never", "hand_over", "urgent", "text", "file", "desc", "url", "appid", "page"),
    *("picture", "attachments", "tags", "age", "months", "on", "day", "from", "below", "until"),
    *("expires_on", "weight", "patient", "state"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One text or asset; ``file`` is relative to the pack, ``picture`` the sha256 of an asset's file."""

    kind: str
    key: str
    file: str
    document: Mapping[str, Any]
    picture: str = ""

    @property
    def shelf(self) -> str:
        return SHAPES[self.kind].shelf

    @property
    def digest(self) -> str:
        return digest_of(self.document, self.picture)


def document_of(model: schema.StoredModel) -> dict[str, Any]:
    """Return an entry's document, see the module."""
    return ordered(model.model_dump(mode="json", by_alias=True, exclude_defaults=True))


def ordered(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document with its fields in the files' order, which not every database keeps."""
    names = [name for name in _ORDER if name in document]
    names += sorted(document.keys() - set(names))
    return {name: ordered(value) if isinstance(value := document[name], dict) else value for name in names}


def digest_of(document: Mapping[str, Any], picture: str = "") -> str:
    """Return what two equal entries share and two different ones do not."""
    canonical = json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return sha256(f"{picture}\n{canonical}".encode()).hexdigest()
