"""Channels by the API."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from clinic import people, stages
from clinic.stages import Stage
from sop import channels

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic


async def test_channels_are_listed_with_code_and_results_even_when_the_pack_has_lost_them(
    clinic_anywhere: ApiClinic,
) -> None:
    clinic, now = clinic_anywhere, clinic_anywhere.clock.now()
    async with clinic.database.write() as session:
        await channels.create(session, clinic.pack, "front-desk", actor="admin", now=now)
        for who, state, half in (
            ("wm1", "front-desk", False),
            ("wm2", "front-desk", True),
            ("wm3", "fair", False),
        ):
            await people.added(
                session, external_userid=who, userid="xiaohu", channel=state, at=now, now=now, half=half
            )
        patient = await people.patient_of(session, "wm1", now=now)
        for member in ("xiaohu", "zhang.wei"):
            at = now + timedelta(hours=1)
            await people.added(
                session, external_userid="wm1", userid=member, channel="front-desk", at=now, now=now
            )
            await people.lost(
                session, external_userid="wm1", userid=member, by=people.BY_PATIENT, at=at, now=at
            )
        await stages.move(
            session,
            patient,
            key="visit:1",
            stage=Stage.VISITED,
            at=now,
            now=now,
            actor="admin",
            reason="到店",
        )

    listed = (await clinic.get("/api/v1/channels")).json

    assert listed["next"] is None
    desk, douyin, fair = listed["items"]
    assert (desk["state"], desk["title"], desk["known"], desk["tags"]) == (
        "front-desk",
        "前台扫码",
        True,
        ["来源/前台扫码"],
    )
    assert (desk["code"]["status"], desk["code"]["config_id"]) == ("creating", None)
    assert desk["results"] == {
        "added": 2,
        "friends": 0,
        "waiting": 1,
        "lost": 1,
        "visited": 1,
        "closed": 0,
        "today": 3,
    }
    assert (douyin["code"], douyin["results"]["added"]) == (None, 0)
    assert (fair["state"], fair["title"], fair["known"]) == ("fair", "fair", False)
    assert fair["results"]["friends"] == 1
