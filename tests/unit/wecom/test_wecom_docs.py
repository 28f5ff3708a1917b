"""docs/wecom.md says what the client can do, and what the sandbox serves of it."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from tests.support.wecom_rows import Row, rows
from tests.support.wecom_table import BEGIN, END, PAGE, line
from wecom.budget import RATES
from wecom.sandbox.api import ENDPOINTS

ROWS = rows()


def documented() -> dict[tuple[str, str], str]:
    """The page's lines by method and path."""
    table = PAGE.read_text().partition(BEGIN)[2].partition(END)[0]
    lines = [one for one in table.splitlines() if one.startswith("| `")]
    return {tuple(re.findall(r"`([^`]+)`", one)[:2]): one for one in lines}


def test_the_page_lists_every_api_of_the_client_and_no_other() -> None:
    without_sandbox = {key: re.sub(r" \| [✓–] \| ", " | ", one) for key, one in documented().items()}
    expected = {
        (f"{row.group}.{row.method}", row.path): re.sub(r" \| [✓–] \| ", " | ", line(row)) for row in ROWS
    }
    assert without_sandbox == expected, "run: python -m tests.support.wecom_table"


def test_the_page_promises_no_endpoint_that_the_sandbox_lacks() -> None:
    served = {endpoint.path for endpoint in ENDPOINTS}
    promised = {path for (_, path), one in documented().items() if "| ✓ |" in one}
    assert promised <= served


def test_only_a_signature_asks_one_of_two_apis() -> None:
    lines = Counter(row.call for row in ROWS)
    assert {call for call, number in lines.items() if number > 1} == {"`identity.sign`"}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.call)
def test_every_method_names_its_document(row: Row) -> None:
    assert re.fullmatch(r"\d{5}", row.doc)


def test_the_rates_are_of_apis_that_exist() -> None:
    assert set(RATES) - {"gettoken"} <= {row.path for row in ROWS}
