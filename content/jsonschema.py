"""JSON Schema of the pack's files, so that an editor helps while a file is being written.

An editor with yaml-language-server takes it from a comment at the top of a file::

    # yaml-language-server: $schema=https://…/docs/schema/moments.json
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from content.draft import FILE_KINDS

if TYPE_CHECKING:
    from pathlib import Path

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_NAMES = {
    "moments/*.yaml": "moments.json",
    "groups/*.yaml": "group-posts.json",
    "direct/*.yaml": "direct.json",
    "plans/*.yaml": "plans.json",
}


def pack_schemas() -> dict[str, dict[str, Any]]:
    """Return the schema of each kind of file by the schema's file name, e.g. ``personas.json``."""
    schemas = {}
    for kind in FILE_KINDS:
        name = _NAMES.get(kind.name) or kind.name.rpartition("/")[2].replace(".yaml", ".json")
        schema = kind.model.model_json_schema(by_alias=True)
        schema["title"] = f"小护内容包：{kind.name}"
        schemas[name] = {"$schema": _DIALECT, **schema}
    return schemas


def write_schemas(folder: Path) -> None:
    """Write every schema into ``folder``, byte for byte the same for the same format."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in pack_schemas().items():
        text = json.dumps(schema, ensure_ascii=False, indent=2, sort_keys=True)
        (folder / name).write_text(text + "\n", encoding="utf-8")
