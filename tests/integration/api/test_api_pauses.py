"""Kill switches by the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

PAUSES = "/api/v1/pauses"


async def test_a_switch_is_thrown_listed_and_lifted(clinic_anywhere: ApiClinic) -> None:
    clinic = clinic_anywhere
    thrown = await clinic.post(PAUSES, {"scope": "persona:assistant", "reason": "文案有误"})
    again = await clinic.post(PAUSES, {"scope": "persona:assistant"})
    await clinic.post(PAUSES, {"scope": "all"})

    assert (thrown.status, again.status) == (201, 200)
    listed = (await clinic.get(PAUSES)).json["items"]
    assert [(one["scope"], one["by"], one["reason"]) for one in listed] == [
        ("all", "api", ""),
        ("persona:assistant", "api", "文案有误"),
    ]
    lifted = await clinic.ask("DELETE", f"{PAUSES}/persona:assistant")
    assert [one["scope"] for one in lifted.json["items"]] == ["all"]
    assert (await clinic.ask("DELETE", f"{PAUSES}/persona:assistant")).status == 404


@pytest.mark.parametrize("scope", ["persona:nobody", "plan:nothing", "everything", ""])
async def test_what_there_is_not_cannot_be_paused(clinic: ApiClinic, scope: str) -> None:
    refused = await clinic.post(PAUSES, {"scope": scope})

    assert (refused.status, refused.fields) == (422, ["scope"])
