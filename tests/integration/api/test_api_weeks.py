"""Planning a week by the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.api_driver import MONDAY, ZONE

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

WEEK = "/api/v1/plans/week"


async def test_a_week_is_drafted_once_and_returned_ever_after(clinic: ApiClinic) -> None:
    first = await clinic.post(WEEK)
    second = await clinic.post(WEEK, {"start": "2025-06-02"})

    assert (first.status, second.status) == (201, 200)
    assert first.json["week"] == "2025-06-02"
    assert first.json["next"] is None
    assert {post["state"] for post in first.json["items"]} == {"in_review"}
    assert second.json["items"] == first.json["items"]


async def test_a_second_order_shows_what_was_decided_meanwhile(clinic: ApiClinic) -> None:
    post = (await clinic.planned())[0]
    await clinic.decide(post, "reject")

    assert (await clinic.planned())[0]["state"] == "rejected"


@pytest.mark.parametrize(
    ("now", "week"),
    [
        pytest.param(datetime(2025, 6, 2, 0, 0, tzinfo=ZONE), "2025-06-02", id="Monday's first minute"),
        pytest.param(datetime(2025, 6, 3, 0, 0, tzinfo=ZONE), "2025-06-09", id="Tuesday"),
        pytest.param(datetime(2025, 6, 8, 23, 59, tzinfo=ZONE), "2025-06-09", id="Sunday's last minute"),
    ],
)
async def test_the_coming_week_begins_on_the_next_monday_of_the_clinic(
    clinic: ApiClinic, now: datetime, week: str
) -> None:
    clinic.clock.moment = now

    assert (await clinic.post(WEEK, {"start": None})).json["week"] == week


async def test_the_running_week_can_be_planned_from_now_on(clinic: ApiClinic) -> None:
    clinic.clock.moment = MONDAY + timedelta(days=2)

    reply = await clinic.post(WEEK, {"start": "2025-06-02"})

    assert reply.status == 201
    assert [post["scheduled_at"] for post in reply.json["items"]] == [
        "2025-06-04T19:30:00+08:00",
        "2025-06-05T12:10:00+08:00",
    ]


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        pytest.param({"start": "2025-06-03"}, ["start"], id="a Tuesday"),
        pytest.param({"start": "2025-05-26"}, ["start"], id="last week"),
        pytest.param({"start": "2125-06-04"}, ["start"], id="a slip of the year"),
        pytest.param({"start": "9999-12-27"}, ["start"], id="the end of the calendar"),
        pytest.param({"start": "2025-6-9"}, ["start"], id="another spelling"),
        pytest.param({"start": "2025-06-31"}, ["start"], id="no such day"),
        pytest.param({"start": 20250609}, ["start"], id="a number"),
        pytest.param({"start": "2025-06-09T00:00:00Z"}, ["start"], id="an instant"),
        pytest.param({"week": "2025-06-09"}, ["week"], id="another name"),
        pytest.param([], ["body"], id="a list"),
    ],
)
async def test_a_week_that_cannot_be_meant_is_refused(
    clinic: ApiClinic, body: Any, fields: list[str]
) -> None:
    reply = await clinic.post(WEEK, body)

    assert (reply.status, reply.fields) == (422, fields)
    assert await clinic.posts() == []


async def test_a_week_that_cannot_be_planned_now_says_when_to_try_again(clinic: ApiClinic) -> None:
    clinic.unplannable = "企业微信没有回答，请稍后再排"

    reply = await clinic.post(WEEK)

    assert (reply.status, reply.json["detail"]) == (503, clinic.unplannable)
    assert int(reply.headers["Retry-After"]) > 0
