"""Previewing a campaign by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from clinic import people

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

PREVIEW = "/api/v1/caps/preview"


async def test_a_campaign_is_previewed_and_nothing_is_queued(clinic_anywhere: ApiClinic) -> None:
    clinic, now = clinic_anywhere, clinic_anywhere.clock.now()
    async with clinic.database.write() as session:
        for who in ("wm1", "wm2"):
            await people.added(
                session, external_userid=who, userid="xiaohu", channel="", at=now, now=now, half=False
            )
    at = (now + timedelta(hours=2)).isoformat()

    found = await clinic.post(PREVIEW, {"external_userids": ["wm1", "wm2", "wm2", "wm9"], "at": at})

    assert found.status == 200
    assert (found.json["selected"], found.json["able"], found.json["dropped"]) == (3, 2, 1)
    assert found.json["held_back"] == [
        {"rule": "unknown", "title": "没有这位客户，或已按本人要求删除", "count": 1}
    ]
    assert await clinic.posts() == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        pytest.param({"external_userids": []}, "external_userids", id="nobody"),
        pytest.param({"at": "2020-01-01T10:00:00+08:00"}, "at", id="gone by"),
        pytest.param({"persona": "nobody"}, "persona", id="no such persona"),
        pytest.param({"purpose": "spam"}, "purpose", id="no such purpose"),
    ],
)
async def test_what_cannot_be_previewed_is_refused_with_its_place(
    clinic: ApiClinic, changes: dict[str, object], field: str
) -> None:
    at = (clinic.clock.now() + timedelta(hours=2)).isoformat()
    refused = await clinic.post(PREVIEW, {"external_userids": ["wm1"], "at": at} | changes)

    assert (refused.status, refused.fields) == (422, [field])
