"""The packaged pack speaks for a whole quarter without saying anything twice, drawn as the planner draws."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from content.loader import load_pack
from sop.planner import GroupFact, History, plan_week
from sop.roster import Roster

ZONE = ZoneInfo("Asia/Shanghai")
WEEKS = 13
GROUPS = (
    GroupFact(chat_id="wr1", name="护牙福利社", owner="xiaohu"),
    GroupFact(chat_id="wr2", name="儿牙成长营", owner="xiaohu"),
    GroupFact(chat_id="wr3", name="种植VIP服务群", owner="zhang.wei"),
)


@pytest.mark.parametrize("first", [date(2026, 1, 5), date(2026, 4, 6), date(2026, 7, 6), date(2026, 10, 5)])
def test_a_quarter_passes_without_a_repeat(first):
    pack = replace(load_pack("dental"), rotation_days=7 * WEEKS)
    roster = Roster(
        pack=pack,
        speakers={p.key: p.members for p in pack.personas},
        delegates={p.key: p.delegates for p in pack.personas},
        approvers={p.key: p.approvers for p in pack.personas},
        serving=frozenset({"xiaohu", "zhang.wei", "li.na"}),
    )
    history: History = {}
    said: Counter[tuple[str, str]] = Counter()
    notices: list[str] = []

    for n in range(WEEKS):
        week = first + timedelta(weeks=n)
        start = datetime.combine(week, datetime.min.time(), tzinfo=ZONE)
        plan = plan_week(roster, week, groups=GROUPS, history=history, not_before=start, zone=ZONE)
        notices += plan.notices
        for draft in plan.drafts:
            said[draft.scope, draft.item.key] += 1
            history[draft.scope, draft.item.key] = draft.scheduled_at.astimezone(ZONE).date()

    assert notices == []
    assert [key for key, times in said.items() if times > 1] == []
