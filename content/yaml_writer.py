"""Writes documents as the YAML that `content.sources` reads back unchanged, the way people would write it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_WIDE = 1_000_000  # no folding: a line of a text stays a line


class _Writer(yaml.SafeDumper):
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        del indentless
        super().increase_indent(flow, indentless=False)


def _text(writer: yaml.SafeDumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text.strip() else None
    return writer.represent_scalar("tag:yaml.org,2002:str", text, style=style)


def _list(writer: yaml.SafeDumper, values: list[Any]) -> yaml.Node:
    plain = all(not isinstance(value, dict | list) for value in values)
    return writer.represent_sequence("tag:yaml.org,2002:seq", values, flow_style=plain)


_Writer.add_representer(str, _text)
_Writer.add_representer(list, _list)


def write_entries(name: str, entries: Iterable[Mapping[str, Any]], *, comment: str) -> str:
    """Return a file with one list of entries; the same entries always give the same bytes."""
    parts = [f"# {comment}\n", f"{name}:\n"]
    for entry in entries:
        written = yaml.dump([dict(entry)], Dumper=_Writer, allow_unicode=True, sort_keys=False, width=_WIDE)
        parts.append("".join(f"  {line}" if line.strip() else line for line in written.splitlines(True)))
        parts.append("\n")
    if len(parts) == 2:
        return f"# {comment}\n{name}: []\n"
    return "".join(parts[:-1])
