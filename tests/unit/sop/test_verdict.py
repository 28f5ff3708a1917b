"""What WeCom's counts say about a post, and when somebody is reminded."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sop.life import PostState
from sop.posts import digest_of
from sop.receipts import RECIPIENTS, WHY, pause_after, reminder_due, told, verdict
from sop.tables import Push

ZONE = ZoneInfo("Asia/Shanghai")
COUNTS = st.dictionaries(
    st.sampled_from(["sent", "waiting", "not_friend", "capped", "unreachable"]), st.integers(0, 50)
).map(Counter)


@pytest.mark.parametrize(
    ("counts", "wanted", "settled", "state"),
    [
        pytest.param({"sent": 3}, 3, False, PostState.PUBLISHED, id="all of them"),
        pytest.param({"sent": 2, "capped": 1}, 3, False, PostState.PARTIAL, id="one at its cap"),
        pytest.param({"sent": 2}, 3, False, None, id="one not listed yet"),
        pytest.param({"sent": 2}, 3, True, PostState.PARTIAL, id="one never listed"),
        pytest.param({"sent": 7}, 0, False, PostState.PUBLISHED, id="a moment, as many as can see it"),
        pytest.param({}, 0, True, PostState.PUBLISHED, id="a moment nobody can see was still published"),
    ],
)
def test_a_tapped_task_is_judged_by_its_receipts(
    counts: dict[str, int], wanted: int, settled: bool, state: PostState | None
) -> None:
    assert verdict(tapped=True, wanted=wanted, counts=Counter(counts), settled=settled) is state


@given(counts=COUNTS, wanted=st.integers(0, 60), settled=st.booleans())
def test_nothing_is_published_before_the_tap_and_a_settled_task_always_ends(
    counts: Counter[str], wanted: int, settled: bool
) -> None:
    assert verdict(tapped=False, wanted=wanted, counts=counts, settled=settled) is None
    assert verdict(tapped=True, wanted=wanted, counts=counts, settled=True) is not None
    failed = counts["not_friend"] + counts["capped"] + counts["unreachable"]
    if verdict(tapped=True, wanted=wanted, counts=counts, settled=settled) is PostState.PUBLISHED:
        assert not failed
        assert counts["sent"] >= wanted


@pytest.mark.parametrize(
    ("kind", "counts", "wanted", "words"),
    [
        pytest.param("direct", {"sent": 3}, 3, "已发给 3 位客户", id="all patients"),
        pytest.param("group", {"sent": 2}, 2, "已发给 2 个群", id="all groups"),
        pytest.param(
            "direct", {"sent": 1, "waiting": 2}, 3, "已发给 1 位客户，2 位客户没有发出", id="unsent"
        ),
        pytest.param(
            "group", {"sent": 1}, 3, "已发给 1 个群，2 个群没有发出", id="groups that were not chosen"
        ),
        pytest.param(
            "direct",
            {"sent": 1, "capped": 1},
            2,
            "已发给 1 位客户，1 位客户这段时间收到的群发已满",
            id="one had her share",
        ),
        pytest.param("moment", {"sent": 7}, 0, "", id="a moment is not counted by recipients"),
    ],
)
def test_the_outcome_is_told_in_words(kind: str, counts: dict[str, int], wanted: int, words: str) -> None:
    assert told(kind, wanted=wanted, counts=Counter(counts)) == words


@given(counts=COUNTS, wanted=st.integers(0, 60), kind=st.sampled_from(["group", "direct"]))
def test_every_status_that_occurred_is_told_and_no_other(
    counts: Counter[str], wanted: int, kind: str
) -> None:
    words = told(kind, wanted=wanted, counts=counts)

    for status, why in WHY.items():
        assert (RECIPIENTS[kind] + why[kind] in words) == (counts[status] > 0)
    assert len(words) < 200  # the reason's column takes 500


def push_of(*, created: datetime, reminders: int) -> Push:
    return Push(
        id=1, post_id=1, kind="group", remote_id="m1", created_at=created, reminders=reminders, closed_at=None
    )


@pytest.mark.parametrize(
    ("waited", "reminders", "whom"),
    [
        pytest.param(timedelta(minutes=59), 0, None, id="not within the first hour"),
        pytest.param(timedelta(hours=1), 0, "sender", id="after one hour the sender"),
        pytest.param(timedelta(hours=2), 1, None, id="not twice at once"),
        pytest.param(timedelta(hours=3), 1, "sender", id="after three hours again"),
        pytest.param(timedelta(hours=6), 2, "manager", id="after six the manager"),
        pytest.param(timedelta(hours=9), 3, None, id="then nobody any more"),
    ],
)
def test_who_is_told_that_a_task_waits(waited: timedelta, reminders: int, whom: str | None) -> None:
    now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)  # 16:00 in the clinic

    assert reminder_due(push_of(created=now - waited, reminders=reminders), now=now, zone=ZONE) == whom


@given(hour=st.integers(0, 23))
def test_nobody_is_reminded_at_night(hour: int) -> None:
    now = datetime(2026, 11, 24, hour, 30, tzinfo=ZONE).astimezone(UTC)

    told = reminder_due(push_of(created=now - timedelta(hours=5), reminders=0), now=now, zone=ZONE)

    assert (told is not None) == (9 <= hour < 21)


@given(polls=st.integers(0, 1000))
def test_looks_become_rarer_and_never_stop(polls: int) -> None:
    assert timedelta() < pause_after(polls) <= pause_after(polls + 1) <= timedelta(minutes=30)


@given(
    text=st.text(max_size=40),
    other=st.text(max_size=40),
    seconds=st.integers(1, 10**6),
)
def test_a_digest_changes_with_every_part_and_with_nothing_else(text: str, other: str, seconds: int) -> None:
    at = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
    same = {
        "kind": "group",
        "text": text,
        "attachments": [{"kind": "image", "asset": "a", "sha256": "0"}],
        "audience": {"chat_ids": ["wr1"]},
        "sender": "xiaohu",
        "scheduled_at": at,
    }

    digest = digest_of(**same)

    assert digest == digest_of(**{**same, "scheduled_at": at.astimezone(ZONE)})
    changes = (
        {"kind": "moment"},
        {"text": text + "。"},
        {"attachments": []},
        {"audience": {"chat_ids": ["wr2"]}},
        {"sender": "zhang.wei"},
        {"scheduled_at": at + timedelta(seconds=seconds)},
    )
    assert digest not in {digest_of(**{**same, **change}) for change in changes}
    assert (digest == digest_of(**{**same, "text": other})) == (text == other)
