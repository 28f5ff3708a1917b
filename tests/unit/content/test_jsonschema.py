from __future__ import annotations

from pathlib import Path

from content.draft import FILE_KINDS
from content.jsonschema import pack_schemas, write_schemas

COMMITTED = Path(__file__).parents[3] / "docs" / "schema"


def test_every_file_of_the_format_has_a_schema():
    assert len(pack_schemas()) == len(FILE_KINDS)


def test_the_committed_schemas_are_up_to_date(tmp_path):
    write_schemas(tmp_path)

    written = {path.name: path.read_text() for path in tmp_path.iterdir()}
    committed = {path.name: path.read_text() for path in COMMITTED.glob("*.json")}
    assert committed == written, "run: xiaohu check --schemas docs/schema"


def test_a_schema_speaks_of_fields_as_files_spell_them():
    moment = pack_schemas()["moments.json"]["$defs"]["MomentModel"]

    assert "for" in moment["properties"]
    assert "audience" not in moment["properties"]
    assert moment["additionalProperties"] is False
