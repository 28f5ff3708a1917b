"""Writes the table of docs/wecom.md out of the client's code and the proven refusals.

``python -m tests.support.wecom_table``
"""

from __future__ import annotations

from tests.support.refused.proven import of_row
from tests.support.wecom_rows import ROOT, Row, rows

PAGE = ROOT / "docs" / "wecom.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def line(row: Row) -> str:
    """Return the table's line of one API."""
    sandbox = "✓" if row.in_sandbox else "–"
    api = f"{row.http} `{row.path}`"
    return f"| {row.call} | {api} | {sandbox} | {row.doc} | {row.promise} | {of_row(row)} |"


def table() -> str:
    """Return the table as it belongs between the page's two marks."""
    head = [
        "| Method | API below `/cgi-bin/` | Sandbox | Doc | Promise | Refusals proven |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    return "\n".join([*head, *(line(row) for row in rows())])


def main() -> None:
    """Rewrite the page's table."""
    text = PAGE.read_text()
    before, _, rest = text.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{table()}\n\n{END}{after}")


if __name__ == "__main__":
    main()
