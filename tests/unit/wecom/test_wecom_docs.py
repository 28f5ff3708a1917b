"""docs/wecom.md says what the client can do, and what the sandbox serves of it."""

from __future__ import annotations

import re

import pytest

from tests.support.wecom_table import BEGIN, END, PAGE, Row, rows
from wecom.budget import RATES
from wecom.sandbox.api import ENDPOINTS

ROWS = rows()


def documented() -> dict[tuple[str, str], str]:
    """The page's lines by method and path."""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    lines = [line for line in table.splitlines() if line.startswith("| `")]
    return {tuple(re.findall(r"`([^`]+)`", line)[:2]): line for line in lines}


def test_the_page_lists_every_api_of_the_client_and_no_other() -> None:
    without_sandbox = {key: re.sub(r" \| [✓–] \| ", " | ", line) for key, line in documented().items()}
    expected = {
        (f"{row.group}.{row.method}", row.path): re.sub(r" \| [✓–] \| ", " | ", row.line()) for row in ROWS
    }
    assert without_sandbox == expected, "run: python -m tests.support.wecom_table"


def test_the_page_promises_no_endpoint_that_the_sandbox_lacks() -> None:
    served = {endpoint.path for endpoint in ENDPOINTS}
    promised = {path for (_, path), line in documented().items() if "| ✓ |" in line}
    assert promised <= served


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.call)
def test_every_method_names_its_document(row: Row) -> None:
    assert re.fullmatch(r"\d{5}", row.doc)


def test_the_rates_are_of_apis_that_exist() -> None:
    assert set(RATES) - {"gettoken"} <= {row.path for row in ROWS}
