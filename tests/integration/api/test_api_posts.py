"""The queue by the API: reading, editing, deciding."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import func, select, update

from clinic.tables import AuditEntry
from sop.push import created
from sop.receipts import Look, Seen, record
from sop.tables import Approval, Post, ReviewCard
from store.outbox import OutboxEffect
from tests.support.api_driver import MONDAY, path_of

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

REQUIRED = {
    "id",
    "kind",
    "state",
    "persona",
    "sender",
    "text",
    "attachments",
    "audience",
    "scheduled_at",
    "digest",
    "revision",
}


async def approvals(clinic: ApiClinic) -> int:
    async with clinic.database.read() as session:
        return (await session.scalars(select(func.count()).select_from(Approval))).one()


class TestListing:
    async def test_posts_come_in_order_of_their_hours_with_all_the_contract_names(
        self, clinic: ApiClinic
    ) -> None:
        await clinic.planned()

        posts = await clinic.posts()

        assert all(post.keys() >= REQUIRED for post in posts)
        assert [(post["kind"], post["persona"], post["scheduled_at"]) for post in posts] == [
            ("moment", "assistant", "2025-06-02T12:10:00+08:00"),
            ("moment", "doctor-zhang", "2025-06-03T20:10:00+08:00"),
            ("group", "assistant", "2025-06-04T19:30:00+08:00"),
            ("moment", "assistant", "2025-06-05T12:10:00+08:00"),
        ]
        assert posts[2]["audience"] == {"chat_ids": ["wr-1"]}

    async def test_pages_follow_each_other_without_gap_or_repeat(self, clinic: ApiClinic) -> None:
        whole = await clinic.planned()
        seen, cursor = [], ""

        for _ in range(3):
            page = (await clinic.get("/api/v1/posts", params={"limit": "2", "cursor": cursor})).json
            seen += page["items"]
            cursor = page["next"]
            if cursor is None:
                break

        assert [post["id"] for post in seen] == [post["id"] for post in whole]

    @pytest.mark.parametrize(
        "query",
        [
            pytest.param([("state", "approved"), ("state", "rejected")], id="repeated"),
            pytest.param([("state", "approved,rejected")], id="commas"),
        ],
    )
    async def test_several_states_can_be_asked_for(
        self, clinic: ApiClinic, query: list[tuple[str, str]]
    ) -> None:
        posts = await clinic.planned()
        await clinic.decide(posts[0], "approve")
        await clinic.decide(posts[2], "reject")

        found = (await clinic.get("/api/v1/posts", params=query)).json["items"]

        assert [post["id"] for post in found] == [posts[0]["id"], posts[2]["id"]]

    @pytest.mark.parametrize(
        ("start", "end", "expected"),
        [
            pytest.param("2025-06-03", "2025-06-04", [1, 2], id="dates, the last one included"),
            pytest.param(
                "2025-06-02T12:10:00+08:00", "2025-06-03T12:10:00Z", [0], id="instants, end excluded"
            ),
            pytest.param("2025-06-02T04:10:01Z", "", [1, 2, 3], id="open end, empty means not given"),
        ],
    )
    async def test_a_span_of_time_can_be_asked_for(
        self, clinic: ApiClinic, start: str, end: str, expected: list[int]
    ) -> None:
        posts = await clinic.planned()

        found = await clinic.posts(**{"from": start, "to": end})

        assert [post["id"] for post in found] == [posts[index]["id"] for index in expected]

    async def test_a_plus_that_was_not_encoded_is_understood(self, clinic: ApiClinic) -> None:
        await clinic.planned()

        reply = await clinic.get("/api/v1/posts?from=2025-06-05T00:00:00+08:00")

        assert len(reply.json["items"]) == 1

    async def test_persona_and_batch_narrow_the_list(self, clinic: ApiClinic) -> None:
        posts = await clinic.planned()

        assert [p["id"] for p in await clinic.posts(persona="doctor-zhang")] == [posts[1]["id"]]
        assert [p["id"] for p in await clinic.posts(batch=str(posts[1]["batch_id"]))] == [posts[1]["id"]]

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            pytest.param("state=sleeping", "state.0", id="no such state"),
            pytest.param("form=2025-06-01", "form", id="a misspelt parameter"),
            pytest.param("from=2025-06-02T12:10:00", "from", id="an instant without an offset"),
            pytest.param("from=2025-02-30", "from", id="a day that does not exist"),
            pytest.param("to=9999-12-31", "to", id="a day beyond all calendars"),
            pytest.param("from=1748837400", "from", id="seconds"),
            pytest.param("limit=0", "limit", id="no page at all"),
            pytest.param("limit=201", "limit", id="too long a page"),
            pytest.param("limit=1&limit=2", "limit", id="two limits"),
            pytest.param("cursor=x", "cursor", id="a made-up cursor"),
            pytest.param("cursor=p99", "cursor", id="a cursor of no post"),
            pytest.param("persona=%00", "persona", id="a zero byte"),
            pytest.param("batch=99999999999999999999", "batch", id="a number no row can have"),
        ],
    )
    async def test_a_wrong_parameter_is_named(self, clinic: ApiClinic, query: str, field: str) -> None:
        reply = await clinic.get(f"/api/v1/posts?{query}")

        assert (reply.status, reply.fields) == (422, [field])


class TestReading:
    async def test_a_post_tells_who_decided_and_what_arrived(self, clinic: ApiClinic) -> None:
        post = (await clinic.planned())[2]
        await clinic.decide(post, "approve", reason="写得好")
        await clinic.set_state(post, "creating")
        now = clinic.clock.now()
        async with clinic.database.write() as session:
            row = await session.get_one(Post, post["id"])
            push = await created(session, row, now=now, remote_id="msg-1", unreachable=["wr-9"])
            await record(
                session, push.id, Look(tapped=True, rows=(Seen(recipient="wr-1", status="sent"),)), now=now
            )

        shown = (await clinic.get(path_of(post))).json

        assert [(a["decision"], a["actor"], a["via"], a["reason"]) for a in shown["approvals"]] == [
            ("approve", "api", "api", "写得好")
        ]
        assert shown["push"]["remote_id"] == "msg-1"
        assert shown["push"]["sent_by_member_at"] == "2025-06-02T08:30:00+08:00"
        assert shown["push"]["counts"] == {
            "sent": 1,
            "waiting": 0,
            "not_friend": 0,
            "capped": 0,
            "unreachable": 1,
        }

    @pytest.mark.parametrize("name", ["4711", "0", "x", "99999999999999999999", "%00", "1%20", "-1"])
    async def test_a_post_that_is_not_there_is_404(self, clinic: ApiClinic, name: str) -> None:
        assert (await clinic.get(f"/api/v1/posts/{name}")).status == 404


class TestDeciding:
    @pytest.mark.parametrize(
        ("verb", "state"),
        [
            pytest.param("approve", "approved", id="approve"),
            pytest.param("reject", "rejected", id="reject"),
            pytest.param("cancel", "cancelled", id="cancel"),
        ],
    )
    async def test_a_decision_is_made_on_record_as_api(
        self, clinic: ApiClinic, verb: str, state: str
    ) -> None:
        post = (await clinic.planned())[0]
        clinic.wakes.clear()

        reply = await clinic.decide(post, verb, reason="因为")

        assert (reply.status, reply.json["state"], reply.json["digest"]) == (200, state, post["digest"])
        assert len(clinic.wakes) == 1
        async with clinic.database.read() as session:
            entry = (
                await session.scalars(select(AuditEntry).where(AuditEntry.action == f"post.{verb}"))
            ).one()
        assert (entry.actor, entry.subject, entry.reason) == ("api", f"post:{post['id']}", "因为")

    async def test_an_outdated_digest_changes_nothing_and_tells_the_present_one(
        self, clinic: ApiClinic
    ) -> None:
        post = (await clinic.planned())[0]
        edited = (await clinic.edit(post, {"text": "换一句话。"})).json

        reply = await clinic.decide(post, "approve")

        assert (reply.status, reply.json["type"]) == (409, "urn:xiaohu:problem:outdated")
        assert (reply.json["digest"], reply.json["revision"], reply.json["state"]) == (
            edited["digest"],
            2,
            "in_review",
        )
        assert (await clinic.get(path_of(post))).json["state"] == "in_review"
        assert await approvals(clinic) == 0

    @pytest.mark.parametrize("verb", ["approve", "cancel"])
    async def test_a_state_that_does_not_allow_it_is_409(self, clinic: ApiClinic, verb: str) -> None:
        post = (await clinic.planned())[0]
        await clinic.decide(post, "reject")

        reply = await clinic.decide(post, verb)

        assert (reply.status, reply.json["type"]) == (409, "urn:xiaohu:problem:not-possible")
        assert (reply.json["state"], reply.json["digest"]) == ("rejected", post["digest"])

    async def test_a_post_whose_hour_has_passed_is_not_approved(self, clinic: ApiClinic) -> None:
        post = (await clinic.planned())[0]
        clinic.clock.moment = MONDAY + timedelta(hours=5)

        assert (await clinic.decide(post, "approve")).status == 409

    async def test_deciding_the_last_post_closes_the_card_of_its_batch(self, clinic: ApiClinic) -> None:
        post = next(p for p in await clinic.planned() if p["persona"] == "doctor-zhang")
        async with clinic.database.write() as session:
            await session.execute(update(ReviewCard).values(response_code="CODE", sent_at=clinic.clock.now()))

        await clinic.decide(post, "approve")

        async with clinic.database.read() as session:
            told = (
                await session.scalars(select(OutboxEffect).where(OutboxEffect.kind == "update_review_card"))
            ).one()
        assert told.payload["userids"] == ["zhang.wei", "zhao.min"]

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            pytest.param({}, ["digest"], id="nothing"),
            pytest.param({"digest": ""}, ["digest"], id="an empty digest"),
            pytest.param({"digest": 5}, ["digest"], id="a number"),
            pytest.param({"digest": "0" * 64, "reason": None}, ["reason"], id="no reason at all"),
            pytest.param({"digest": "0" * 64, "reason": "长" * 501}, ["reason"], id="a long reason"),
            pytest.param({"digest": "0" * 64, "reason": "a\0b"}, ["reason"], id="a zero byte"),
            pytest.param({"digest": "0" * 64, "resaon": "x"}, ["resaon"], id="a misspelt field"),
            pytest.param([], ["body"], id="a list"),
            pytest.param("approve", ["body"], id="a text"),
        ],
    )
    async def test_a_malformed_decision_names_the_place(
        self, clinic: ApiClinic, body: Any, fields: list[str]
    ) -> None:
        post = (await clinic.planned())[0]

        reply = await clinic.post(f"{path_of(post)}/approve", body)

        assert (reply.status, reply.fields) == (422, fields)
        assert (await clinic.get(path_of(post))).json["state"] == "in_review"

    async def test_a_post_that_is_not_there_is_not_decided(self, clinic: ApiClinic) -> None:
        reply = await clinic.post("/api/v1/posts/4711/approve", {"digest": "0" * 64})

        assert reply.status == 404
