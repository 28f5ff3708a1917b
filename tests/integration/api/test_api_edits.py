"""Editing posts by the API: what changes, what is refused, what it does to approvals and cards."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from sop.tables import Batch, ReviewCard
from tests.support.api_driver import path_of

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic


class TestEditing:
    async def test_an_edit_sends_an_approved_post_back_to_review(self, clinic: ApiClinic) -> None:
        post = (await clinic.planned())[0]
        await clinic.decide(post, "approve")

        reply = await clinic.edit(
            post,
            {"text": "  换一句话。 ", "scheduled_at": "2025-06-02T05:30:00.5Z", "digest": post["digest"]},
        )

        assert reply.status == 200
        assert (reply.json["state"], reply.json["revision"]) == ("in_review", 2)
        assert (reply.json["text"], reply.json["scheduled_at"]) == ("换一句话。", "2025-06-02T13:30:00+08:00")
        assert reply.json["digest"] != post["digest"]

    async def test_an_edit_outdates_the_card_that_is_out(self, clinic: ApiClinic) -> None:
        post = (await clinic.planned())[0]

        await clinic.edit(post, {"text": "换一句话。"})

        async with clinic.database.read() as session:
            batch = await session.get_one(Batch, post["batch_id"])
            cards = (await session.scalars(select(ReviewCard).where(ReviewCard.batch_id == batch.id))).all()
        assert batch.revision == 2
        assert [(card.revision, card.closed_at is None) for card in cards] == [(1, False), (2, True)]

    async def test_an_edit_that_changes_nothing_keeps_the_approval(self, clinic: ApiClinic) -> None:
        post = (await clinic.planned())[0]
        await clinic.decide(post, "approve")

        reply = await clinic.edit(post, {"text": post["text"]})

        assert (reply.json["state"], reply.json["revision"]) == ("approved", 1)

    @pytest.mark.parametrize("index", [0, 2, 3], ids=["image", "mini-program", "link"])
    async def test_attachments_given_back_as_they_were_read_stay_what_they_are(
        self, clinic: ApiClinic, index: int
    ) -> None:
        post = (await clinic.planned())[index]

        reply = await clinic.edit(post, {"attachments": post["attachments"]})

        assert (reply.status, reply.json["digest"]) == (200, post["digest"])

    async def test_attachments_can_be_replaced_by_a_link_written_by_hand_and_removed(
        self, clinic: ApiClinic
    ) -> None:
        post = (await clinic.planned())[2]  # to a group: a moment's link needs a cover
        link = {"kind": "link", "title": "爱牙日", "url": "https://clinic.example/day", "desc": ""}

        replaced = (await clinic.edit(post, {"attachments": [link]})).json
        again = (await clinic.edit(post, {"attachments": replaced["attachments"]})).json
        removed = (await clinic.edit(post, {"attachments": []})).json

        assert replaced["attachments"] == again["attachments"] == [link]
        assert removed["attachments"] == []

    async def test_words_the_law_forbids_are_refused_with_all_findings(self, clinic: ApiClinic) -> None:
        post = (await clinic.planned())[0]

        reply = await clinic.edit(post, {"text": "全国第一的种植牙，保证永不脱落"})

        assert (reply.status, reply.json["type"]) == (422, "urn:xiaohu:problem:content-refused")
        assert reply.fields == ["text"]
        assert {finding["level"] for finding in reply.json["findings"]} == {"block"}
        assert (await clinic.get(path_of(post))).json["text"] == post["text"]

    @pytest.mark.parametrize("state", ["creating", "awaiting_sender", "published", "expired"])
    async def test_a_post_on_its_way_or_at_its_end_keeps_its_content(
        self, clinic: ApiClinic, state: str
    ) -> None:
        post = (await clinic.planned())[0]
        await clinic.set_state(post, state)

        reply = await clinic.edit(post, {"text": "换一句话。"})

        assert (reply.status, reply.json["state"]) == (409, state)

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            pytest.param({}, ["body"], id="nothing"),
            pytest.param({"digest": "0" * 64}, ["body"], id="nothing but a digest"),
            pytest.param({"text": None}, ["text"], id="null text"),
            pytest.param({"text": 5}, ["text"], id="a number for a text"),
            pytest.param({"text": "\0"}, ["text"], id="a zero byte"),
            pytest.param({"text": "长" * 1334}, ["text"], id="more bytes than WeCom takes"),
            pytest.param({"text": "好", "state": "approved"}, ["state"], id="a state"),
            pytest.param({"scheduled_at": "2025-06-03T12:00:00"}, ["scheduled_at"], id="no offset"),
            pytest.param({"scheduled_at": "2025-06-02T08:29:00+08:00"}, ["scheduled_at"], id="the past"),
            pytest.param(
                {"scheduled_at": "9999-12-31T23:59:59-12:00"}, ["scheduled_at"], id="the end of time"
            ),
            pytest.param({"scheduled_at": "1748837400"}, ["scheduled_at"], id="seconds as a text"),
            pytest.param({"scheduled_at": 1748837400}, ["scheduled_at"], id="seconds"),
            pytest.param({"attachments": {}}, ["attachments"], id="no list"),
            pytest.param({"attachments": [{}]}, ["attachments.0.kind"], id="an empty attachment"),
            pytest.param({"attachments": [{"asset": "none"}]}, ["attachments.0"], id="no such asset"),
            pytest.param(
                {"attachments": [{"asset": "shop"}]}, ["attachments.0"], id="a mini-program in a moment"
            ),
            pytest.param(
                {"attachments": [{"asset": "brush-card", "x": 1}]}, ["attachments.0.x"], id="an unknown field"
            ),
            pytest.param(
                {"attachments": [{"kind": "link", "title": "x", "url": "javascript:1"}]},
                ["attachments.0.url"],
                id="a link that is none",
            ),
            pytest.param(
                {"attachments": [{"kind": "link", "title": "x", "url": "http://"}]},
                ["attachments.0"],
                id="a link to nowhere",
            ),
            pytest.param(
                {"attachments": [{"asset": "brush-card"}] * 10}, ["attachments"], id="ten attachments"
            ),
        ],
    )
    async def test_what_cannot_be_queued_names_the_place_and_changes_nothing(
        self, clinic: ApiClinic, body: dict[str, Any], fields: list[str]
    ) -> None:
        post = (await clinic.planned())[0]

        reply = await clinic.edit(post, body)

        assert reply.status == 422
        assert [name for name in reply.fields if name in fields] == fields
        assert (await clinic.get(path_of(post))).json["digest"] == post["digest"]
