"""The packaged pack speaks for a year, as the planner draws it, without saying a thing twice in a quarter."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from content.loader import load_pack
from sop.planner import GroupFact, History, plan_week
from sop.roster import Roster

ZONE = ZoneInfo("Asia/Shanghai")
QUARTER = timedelta(weeks=13)
GROUPS = (
    GroupFact(chat_id="wr1", name="护牙福利社", owner="xiaohu"),
    GroupFact(chat_id="wr2", name="儿牙成长营", owner="xiaohu"),
    GroupFact(chat_id="wr3", name="种植VIP服务群", owner="zhang.wei"),
)


def test_a_year_passes_without_a_repeat_in_any_quarter_and_no_festival_is_forgotten():
    pack = load_pack("dental")
    roster = Roster(
        pack=pack,
        speakers={p.key: p.members for p in pack.personas},
        delegates={p.key: p.delegates for p in pack.personas},
        approvers={p.key: p.approvers for p in pack.personas},
        serving=frozenset({"xiaohu", "zhang.wei", "li.na"}),
    )
    plans = [plan for plan in pack.plans if plan.starts_active]
    history: History = {}
    soon: list[str] = []
    notices: list[str] = []

    for week in (date(2026, 1, 5) + timedelta(weeks=n) for n in range(52)):
        start = datetime.combine(week, datetime.min.time(), tzinfo=ZONE)
        plan = plan_week(
            roster, week, groups=GROUPS, history=history, not_before=start, zone=ZONE, plans=plans
        )
        notices += plan.notices
        for draft in plan.drafts:
            day = draft.scheduled_at.astimezone(ZONE).date()
            place = (draft.scope, draft.item.key)
            if place in history and day - history[place] < QUARTER:
                soon.append(draft.item.key)
            history[place] = day

    assert notices == []
    assert soon == []
    said = {key for _, key in history}
    dated = {item.key for item in (*pack.moments, *pack.group_posts) if item.window is not None}
    assert dated - said == set()
