"""A warning of the content check is answered for with a reason; a block is not to be answered for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from clinic.tables import AuditEntry
from sop.tables import Approval, Post

if TYPE_CHECKING:
    from tests.support.api_driver import ApiClinic

WARNED = "这周洗牙活动，名额有限！"
WHY = "总共 20 个号，写在门口的海报上"


async def warned(clinic: ApiClinic) -> dict[str, Any]:
    """A post of the assistant with a warning, in review."""
    await clinic.planned()
    post = next(post for post in await clinic.posts() if post["persona"] == "assistant")
    edited = (await clinic.edit(post, {"text": WARNED})).json
    assert [found["level"] for found in edited["findings"]] == ["warn"]
    return edited


async def test_an_approval_without_a_reason_is_refused_with_the_findings(clinic: ApiClinic) -> None:
    post = await warned(clinic)

    reply = await clinic.post(f"/api/v1/posts/{post['id']}/approve", {"digest": post["digest"]})

    assert (reply.status, reply.json["type"]) == (422, "urn:xiaohu:problem:reason-needed")
    assert reply.fields == ["reason"]
    assert "“名额有限”" in reply.json["detail"]
    assert [found["rule"] for found in reply.json["findings"]] == ["urgency.fake"]
    assert (await clinic.get(f"/api/v1/posts/{post['id']}")).json["state"] == "in_review"


async def test_a_blank_is_no_reason(clinic: ApiClinic) -> None:
    post = await warned(clinic)

    body = {"digest": post["digest"], "reason": "  "}

    assert (await clinic.post(f"/api/v1/posts/{post['id']}/approve", body)).status == 422


async def test_with_a_reason_it_is_approved_and_the_rule_the_words_and_why_are_written_down(
    clinic: ApiClinic,
) -> None:
    post = await warned(clinic)

    reply = await clinic.post(
        f"/api/v1/posts/{post['id']}/approve", {"digest": post["digest"], "reason": WHY}
    )

    assert (reply.status, reply.json["state"]) == (200, "approved")
    async with clinic.database.read() as session:
        entry = (await session.scalars(select(AuditEntry).where(AuditEntry.action == "post.override"))).one()
        approval = (await session.scalars(select(Approval))).one()
    assert (entry.actor, entry.reason, approval.reason) == ("api", WHY, WHY)
    assert entry.detail["digest"] == post["digest"]
    start = WARNED.index("名额有限")
    assert entry.detail["warnings"] == [
        {"rule": "urgency.fake", "start": start, "end": start + 4, "words": "名额有限"}
    ]


async def test_a_block_is_not_overridden_whatever_the_reason(clinic: ApiClinic) -> None:
    await clinic.planned()
    post = (await clinic.posts())[0]
    async with clinic.database.write() as session:  # a stricter rulebook came after it was drafted
        row = await session.get_one(Post, post["id"])
        row.findings = [
            {"level": "block", "start": 0, "end": 2, "rule": "new", "ground": "新规定", "advice": "删掉"}
        ]

    reply = await clinic.post(
        f"/api/v1/posts/{post['id']}/approve", {"digest": post["digest"], "reason": WHY}
    )

    assert reply.status == 409
    assert "必须修改" in reply.json["detail"]


async def test_hints_need_no_reason(clinic: ApiClinic) -> None:
    await clinic.planned()
    post = (await clinic.posts())[0]
    async with clinic.database.write() as session:
        row = await session.get_one(Post, post["id"])
        row.findings = [
            {"level": "hint", "start": 0, "end": 2, "rule": "h", "ground": "建议", "advice": "可以换个说法"}
        ]

    reply = await clinic.post(f"/api/v1/posts/{post['id']}/approve", {"digest": post["digest"]})

    assert (reply.status, reply.json["state"]) == (200, "approved")
