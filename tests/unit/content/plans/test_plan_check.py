"""Each fault of a plan is refused with its place and what to write instead; warnings keep nothing from working."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from content.loader import load_pack
from content.plans.check import check_document
from content.problems import PackError
from tests.support.pack_factory import FILES, PackFolder

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack


def step(key: str = "one", **fields: Any) -> dict[str, Any]:
    return {"key": key, "channel": "mass", "after": {"days": 1}, "text": "今天好些了吗？", **fields}


def todo(key: str = "one", **fields: Any) -> dict[str, Any]:
    return step(key, channel="todo", **fields)


def journey(*steps: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "key": "care",
        "kind": "journey",
        "title": "关怀",
        "persona": "assistant",
        "trigger": [{"on": "visit"}],
        "steps": list(steps) or [step()],
        **fields,
    }


def triggered(**trigger: Any) -> dict[str, Any]:
    return journey(trigger=[trigger])


def group(**fields: Any) -> dict[str, Any]:
    return {"key": "talk", "kind": "group", "title": "社群", "roles": ["community"], **fields}


def moments(**fields: Any) -> dict[str, Any]:
    return {"key": "week", "kind": "moments", "title": "朋友圈", "persona": "assistant", **fields}


MEMBER = "阶段/维护期"
SLOT = {"day": 1, "at": "10:30", "categories": ["科普"]}


def told(document: dict[str, Any], pack: Pack, level: str = "error") -> list[str]:
    return [
        f"{p.field}: {p.message} → {p.remedy}" for p in check_document(document, pack) if p.level == level
    ]


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        # ── written wrong ────────────────────────────────────────────────────────────────────────────
        pytest.param(journey(colour=1), "colour: 不认识的字段 colour", id="unknown field"),
        pytest.param(
            journey(step(chanel="x")),
            "steps[0].chanel: 不认识的字段 chanel → 是不是想写 channel？",
            id="misspelt",
        ),
        pytest.param({**journey(), "kind": "jurney"}, "kind: 不认识的 kind 'jurney'", id="kind"),
        pytest.param(journey(step(at="9:00")), "steps[0].at: 写法不对：'9:00'", id="clock"),
        pytest.param(journey(only={}), "only: 没有条件", id="a condition that asks nothing"),
        pytest.param(journey(steps=[]), "steps: 至少要有 1 项", id="no steps"),
        # ── triggers ─────────────────────────────────────────────────────────────────────────────────
        pytest.param(triggered(on="date"), "trigger[0]: on: date 缺少 date → 加上 date: birthday", id="date"),
        pytest.param(triggered(on="dormant"), "trigger[0]: on: dormant 缺少 days", id="dormant for how long"),
        pytest.param(triggered(on="tag_gained"), "trigger[0]: on: tag_gained 缺少 tags", id="which tag"),
        pytest.param(triggered(on="stage"), "trigger[0]: on: stage 缺少 stage", id="which stage"),
        pytest.param(triggered(on="survey"), "trigger[0]: on: survey 缺少 survey", id="which survey"),
        pytest.param(
            triggered(on="added", treatment="scaling"),
            "trigger[0].treatment: treatment 只能和 on: visit 或 date 一起写 → 改 on，或删掉 treatment",
            id="a field of another trigger",
        ),
        pytest.param(
            triggered(on="date", date="birthday", treatment="scaling"),
            "trigger[0].treatment: 只有预约的日子有项目 → 改成 date: appointment，或删掉 treatment",
            id="a treatment of a birthday",
        ),
        pytest.param(
            triggered(on="visit", treatment="implnt.*"),
            "trigger[0].treatment[0]: 没有治疗项目 implnt.* → 是不是想写 implant？",
            id="unknown treatment",
        ),
        pytest.param(
            triggered(on="added", channel="douyinn"), "trigger[0].channel[0]: 没有渠道 douyinn", id="channel"
        ),
        pytest.param(
            triggered(on="added", persona="nurse"), "trigger[0].persona[0]: 没有角色 nurse", id="persona"
        ),
        pytest.param(
            triggered(on="survey", survey="after-vist"),
            "trigger[0].survey: 没有问卷 after-vist → 是不是想写 after-visit？",
            id="unknown survey",
        ),
        pytest.param(
            triggered(on="survey", survey="after-visit", answers={"满意吗": ["满意"]}),
            "trigger[0].answers.满意吗: 没有问卷 after-visit 的问题 满意吗",
            id="unknown question",
        ),
        # ── conditions and stop rules ────────────────────────────────────────────────────────────────
        pytest.param(
            journey(only={"tags": "阶段/维护器"}),
            "only.tags[0]: 没有标签 阶段/维护器 → 是不是想写 阶段/维护期？",
            id="unknown tag",
        ),
        pytest.param(
            journey(step(when={"any_of": [{"group_role": "vips"}]})),
            "steps[0].when.any_of[0].group_role[0]: 步骤 one：没有群角色 vips",
            id="deep inside",
        ),
        pytest.param(
            journey(only={"tags": MEMBER, "not_tags": MEMBER}),
            f"only.not_tags[0]: {MEMBER} 又要有又要没有",
            id="contradiction",
        ),
        pytest.param(
            journey(only={"tags": [MEMBER, "阶段/新朋友"]}),
            "only.tags[1]: 标签组“阶段”只能留一个标签",
            id="two tags of an exclusive group",
        ),
        pytest.param(journey(stops=["tag"]), "stops[0]: on: tag 缺少 tags", id="stop at which tag"),
        pytest.param(
            journey(stops=[{"on": "lost", "treatment": "scaling"}]),
            "stops[0].treatment: treatment 只能和 on: booked 或 visited 一起写",
            id="a stop that asks too much",
        ),
        pytest.param(
            journey(stops=[{"on": "survey", "survey": "after-vist"}]),
            "stops[0].survey: 没有问卷 after-vist",
            id="a stop by an unknown survey",
        ),
        # ── the way through the steps ────────────────────────────────────────────────────────────────
        pytest.param(
            journey(step(after={"days": -1})),
            "steps[0].after: 步骤 one：排在触发之前",
            id="before its trigger",
        ),
        pytest.param(
            journey(step(), step("two", after={"since": "previous", "hours": -2})),
            "steps[1].after: 步骤 two：排在上一步之前",
            id="before the step above",
        ),
        pytest.param(
            journey(step(after={"days": 7}), step("two", after={"days": 3})),
            "steps[1].after: 步骤 two：比它前面的步骤 one 还早",
            id="out of order",
        ),
        pytest.param(
            journey(step(at="18:00"), step("two", at="10:00")),
            "steps[1].after: 步骤 two：比它前面的步骤 one 还早",
            id="out of order on one day",
        ),
        pytest.param(
            journey(step(), step()),
            "steps[1].key: 步骤 one：两个步骤用了同一个 key → 第 1 步已经用了",
            id="two steps with one key",
        ),
        pytest.param(
            journey(step(), step("two", next="one")),
            "steps[1].next: 步骤 two：回到了前面的步骤 one，会没完没了",
            id="loop by next",
        ),
        pytest.param(
            journey(step(channel="branch", text="", ways=[{"go": "one"}])),
            "steps[0].ways[0].go: 步骤 one：回到了自己",
            id="loop by way",
        ),
        pytest.param(journey(step(next="tow")), "steps[0].next: 步骤 one：没有步骤 tow", id="nowhere to go"),
        pytest.param(
            journey(step(next="end"), step("two", after={"days": 2})),
            "steps[1]: 步骤 two：没有人会走到这一步",
            id="unreachable behind the end",
        ),
        pytest.param(
            journey(
                {"key": "fork", "channel": "branch", "ways": [{"go": "left"}, {"go": "right", "share": 0}]},
                step("left", next="end"),
                step("right"),
            ),
            "steps[2]: 步骤 right：没有人会走到这一步",
            id="a way without a share",
        ),
        pytest.param(
            journey({"key": "fork", "channel": "branch", "ways": [{"go": "one", "share": 0}]}, step()),
            "steps[0].ways[0].share: 步骤 fork：条件一样的几条路，份数加起来是 0",
            id="ways that sum to nothing",
        ),
        pytest.param(
            journey(
                {
                    "key": "fork",
                    "channel": "branch",
                    "ways": [{"go": "young"}, {"go": "old", "when": {"age": {"from": 60}}}],
                },
                step("young", next="end"),
                step("old"),
            ),
            "steps[2]: 步骤 old：没有人会走到这一步",
            id="a way behind one that is always open",
        ),
        # ── hours ────────────────────────────────────────────────────────────────────────────────────
        pytest.param(
            journey(step(window={"from": "10:00", "until": "10:00"})),
            "steps[0].window: 步骤 one：窗口从不打开",
            id="an empty window",
        ),
        pytest.param(
            journey(step(window={"from": "21:30", "until": "08:00"})),
            "窗口从不打开：全在免打扰时间（21:00–09:00）里 → 改到 09:00–21:00 之间",
            id="a window of quiet hours",
        ),
        pytest.param(
            journey(step(at="21:30")), "steps[0].at: 步骤 one：21:30 在免打扰时间", id="a quiet hour"
        ),
        pytest.param(
            journey(step(at="10:00", window={"from": "18:00", "until": "20:00"})),
            "steps[0].at: 步骤 one：10:00 不在窗口里",
            id="an hour outside its window",
        ),
        # ── what a channel takes ─────────────────────────────────────────────────────────────────────
        pytest.param(
            journey(step(channel="kf")),
            "steps[0]: 步骤 one：微信客服的窗口没有开时就发不出去 → 加上 fallback",
            id="kf without fallback",
        ),
        pytest.param(
            journey(step(channel="kf", fallback="kf")), "fallback 不能还是 kf", id="kf falls back to itself"
        ),
        pytest.param(
            journey(step(channel="survey", survey="after-visit", via="kf")),
            "微信客服的窗口没有开时就发不出去",
            id="a survey by kf without fallback",
        ),
        pytest.param(
            journey(step(to=["chen.jing"])), "steps[0].to: 步骤 one：to 只能和 channel: todo", id="to whom"
        ),
        pytest.param(
            journey(step(channel="survey")), "channel: survey 缺少 survey", id="which survey is sent"
        ),
        pytest.param(
            journey(step(channel="survey", survey="mine")),
            "steps[0].survey: 步骤 one：没有问卷 mine",
            id="survey",
        ),
        pytest.param(
            journey(step(channel="invite_group", group_role="vipp")),
            "steps[0].group_role: 步骤 one：没有群角色 vipp → 是不是想写 vip？",
            id="unknown group role",
        ),
        pytest.param(
            journey({"key": "one", "channel": "tag"}), "没有写要加或去哪个标签", id="which tag is put on"
        ),
        pytest.param(
            journey({"key": "one", "channel": "tag", "add": [MEMBER], "remove": [MEMBER]}),
            f"steps[0].remove[0]: 步骤 one：又加又去 {MEMBER}",
            id="on and off",
        ),
        pytest.param(
            journey({"key": "one", "channel": "stage", "stage": "vip"}),
            "steps[0].stage: 不能写 'vip'",
            id="stage",
        ),
        pytest.param(
            journey({"key": "one", "channel": "stage"}), "channel: stage 缺少 stage", id="which stage it is"
        ),
        pytest.param(
            journey({"key": "one", "channel": "branch"}), "channel: branch 缺少 ways", id="which ways"
        ),
        pytest.param(
            journey(todo(to=["manager", "chen.jing"])),
            "steps[0].to[0]: 步骤 one：写几位时，每位都要是成员的 userid",
            id="a word beside a member",
        ),
        # ── what is said, and by whom ────────────────────────────────────────────────────────────────
        pytest.param(journey(step(text="")), "steps[0]: 步骤 one：没有写说什么", id="nothing to say"),
        pytest.param(
            journey(step(text="", content="direct.scaling.day-11")),
            "steps[0].content: 步骤 one：没有内容 direct.scaling.day-11 → 是不是想写 direct.scaling.day-1？",
            id="unknown content",
        ),
        pytest.param(
            journey(step(text="", content="moment.assistant.event-class")),
            "moment.assistant.event-class 是朋友圈内容，这里要一对一内容",
            id="another kind of content",
        ),
        pytest.param(
            journey(step(content="direct.scaling.day-1")), "content 和 text 只能写一个", id="two sources"
        ),
        pytest.param(
            journey(step(text="{{ patient.name }}，你好")),
            "steps[0].text: 步骤 one：群发的文字不能称呼某一位（patient.name） → 删掉这个变量，或把 channel 改成 todo",
            id="a mass text that names somebody",
        ),
        pytest.param(
            journey(step(text="", content="direct.implant.day-1.todo")),
            "要写给某一位，群发不能称呼人",
            id="a mass text written to one",
        ),
        pytest.param(
            journey(step(channel="kf", fallback="mass", text="{{ patient.name }}，你好")),
            "群发的文字不能称呼某一位",
            id="a fallback to mass that names somebody",
        ),
        pytest.param(
            journey(step(text="{{ clinic.fone }}")), "没有变量 clinic.fone → 是不是想写", id="variable"
        ),
        pytest.param(journey(step(text="{% for a in b %}")), "steps[0].text: 步骤 one：", id="template"),
        pytest.param(journey(step(text="长" * 1400)), "4200 字节，企业微信最多 4000 字节", id="too long"),
        pytest.param(journey(step(attachments=["bruch-card"])), "没有素材 bruch-card", id="unknown asset"),
        pytest.param(
            journey(step(text="", content="direct.scaling.day-1", attachments=["brush-card"])),
            "steps[0].attachments: 步骤 one：content 用的是那条内容自己的附件",
            id="attachments twice",
        ),
        pytest.param(
            journey(
                step(
                    text="",
                    variants=[{"key": "a", "share": 0, "text": "好"}, {"key": "a", "share": 0, "text": "坏"}],
                )
            ),
            "steps[0].variants: 步骤 one：各种写法的份数加起来是 0",
            id="shares that sum to nothing",
        ),
        pytest.param(
            journey(step(variants=[{"key": "a", "share": 1, "text": "好"}])),
            "写了 variants，就不再用 text",
            id="a wording outside the lot",
        ),
        pytest.param(
            journey(step(text="", variants=[{"key": "a", "share": 1}])),
            "写法 a 要有 content 或 text",
            id="an empty wording",
        ),
        pytest.param(journey(persona="nurse"), "persona: 没有角色 nurse", id="unknown speaker"),
        pytest.param(
            journey(persona="doctor", purpose="marketing"),
            "persona: 医生账号（doctor-zhang、doctor-li）不发营销 → 把 persona 改成 assistant",
            id="a doctor who sells",
        ),
        pytest.param(
            journey(step(purpose="marketing"), persona="follow"),
            "steps[0].purpose: 步骤 one：医生账号",
            id="a step by which a doctor sells",
        ),
        pytest.param(
            journey(step(text="", content="direct.live.start"), persona="doctor-li"),
            "direct.live.start（活动）不能由 doctor-li 说",
            id="a doctor's promotion",
        ),
        pytest.param(
            journey(step(text="", content="direct.new-patient.day-0"), persona="follow"),
            "不能由 doctor-zhang、doctor-li 说 → 把计划的 persona 改成 assistant",
            id="a voice that is not theirs",
        ),
        # ── groups and moments ───────────────────────────────────────────────────────────────────────
        pytest.param(group(roles=["comunity"]), "roles[0]: 没有群角色 comunity", id="unknown role"),
        pytest.param(
            group(slots=[SLOT | {"at": "08:00"}]), "slots[0].at: 08:00 在免打扰时间", id="groups sleep too"
        ),
        pytest.param(group(slots=[SLOT, SLOT]), "slots[1]: 周1 10:30 写了两次", id="one slot twice"),
        pytest.param(
            group(after_joining=[{"day": 1, "at": "10:00"}]),
            "after_joining[0]: 要有 content 或 categories",
            id="a day without content",
        ),
        pytest.param(
            group(campaigns=[{"on": "2026-02-30", "at": "10:00", "content": "group.community.a"}]),
            "campaigns[0].on: 不是日期：2026-02-30",
            id="no such date",
        ),
        pytest.param(
            group(campaigns=[{"on": "2026-02-03", "at": "10:00", "content": "direct.scaling.day-1"}]),
            "direct.scaling.day-1 是一对一内容，这里要群内容",
            id="a group text of another kind",
        ),
        pytest.param(
            group(persona="doctor", slots=[SLOT | {"categories": ["活动"]}]),
            "slots[0].categories[0]: doctor-zhang、doctor-li 不发“活动”",
            id="a doctor's group",
        ),
        pytest.param(moments(persona="follow"), "persona: 朋友圈要说清是谁发", id="nobody's moments"),
        pytest.param(
            moments(persona="doctor-li", slots=[SLOT | {"categories": ["活动"]}]),
            "slots[0].categories[0]: doctor-li 不发“活动” → 删掉“活动”，活动由小助理发",
            id="moments of another category",
        ),
        pytest.param(moments(mix={"科普": 0}), "mix: 各类的份数加起来是 0", id="an empty mix"),
        pytest.param(
            moments(persona="doctor-li", mix={"活动": 1}),
            "mix.活动: doctor-li 不发“活动”",
            id="a mix of others",
        ),
        pytest.param(
            moments(slots=[SLOT, SLOT | {"at": "12:00"}]),
            "slots[1]: 周1 的时段多于 max_a_day（1）",
            id="too many a day",
        ),
        pytest.param(
            moments(
                calendar=[{"on": "christmass", "at": "10:00", "content": "moment.assistant.event-class"}]
            ),
            "calendar[0].on: 没有这一天：christmass",
            id="no such day",
        ),
        pytest.param(
            moments(
                persona="doctor-li",
                calendar=[{"on": "12-25", "at": "10:00", "content": "moment.assistant.event-class"}],
            ),
            "calendar[0].content: moment.assistant.event-class（活动）不能由 doctor-li 说",
            id="another persona's moment",
        ),
    ],
)
def test_a_broken_plan_is_refused_with_its_place_and_a_remedy(
    document: dict[str, Any], fault: str, pack: Pack
) -> None:
    found = told(document, pack)

    assert any(fault in problem for problem in found), found
    assert all(" → " in problem and problem.split(" → ")[1] for problem in found)


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        pytest.param(
            triggered(on="rule"), "trigger[0].on: 没有规则或渠道会开始这个计划", id="nobody begins it"
        ),
        pytest.param(
            triggered(on="added", channel="dr-li-card", persona="assistant"),
            "渠道 dr-li-card 加的不是 assistant，这样永远不会开始",
            id="a channel of somebody else",
        ),
        pytest.param(
            journey(trigger=[{"on": "stage", "stage": "booked"}], only={"stage": "closed"}),
            "only.stage: 到了 trigger 的阶段就不在 only 的阶段里",
            id="stages that exclude each other",
        ),
        pytest.param(group(), "没有写什么时候发", id="a group plan without hours"),
        pytest.param(moments(), "没有写什么时候发", id="a moments plan without hours"),
        pytest.param(
            group(roles=["vip"], slots=[SLOT | {"categories": ["活动"]}]),
            "群角色 vip 没有活动的内容",
            id="nothing to say",
        ),
    ],
)
def test_what_can_never_happen_is_a_warning(document: dict[str, Any], warning: str, pack: Pack) -> None:
    assert told(document, pack) == []
    assert any(warning in problem for problem in told(document, pack, "warning"))


@pytest.mark.parametrize(
    "document",
    [
        pytest.param(journey(), id="a journey"),
        pytest.param(journey(todo(text="{{ patient.name }}，你好")), id="a to-do may name her"),
        pytest.param(
            journey(step(channel="kf", fallback="todo", text="{{ patient.name }}，你好")), id="so may kf"
        ),
        pytest.param(
            journey(
                {
                    "key": "fork",
                    "channel": "branch",
                    "ways": [{"go": "old", "when": {"age": {"from": 60}}}],
                },
                step("young", next="end"),
                step("old"),
            ),
            id="a branch with a way and a fall through",
        ),
        pytest.param(
            journey(
                step(after={"months": 1}),
                step("two", after={"days": 45}),
                step("three", after={"since": "previous"}),
            ),
            id="months beside days",
        ),
        pytest.param(journey(step(window={"from": "20:00", "until": "10:00"})), id="a window over midnight"),
        pytest.param(journey(persona="doctor-zhang"), id="a doctor cares"),
        pytest.param(group(slots=[SLOT], persona="follow"), id="a group plan"),
        pytest.param(
            moments(
                slots=[SLOT],
                calendar=[{"on": "2026-12-24", "at": "09:30", "content": "moment.assistant.event-class"}],
            ),
            id="a moments plan",
        ),
    ],
)
def test_a_sound_plan_is_accepted(document: dict[str, Any], pack: Pack) -> None:
    assert check_document(document, pack) == ()


# ── in a pack's files ────────────────────────────────────────────────────────────────────────────────

PLAN = """\
plans:
  - key: hello
    kind: journey
    title: 问候
    persona: assistant
    trigger: [{ on: rule }]
    steps:
      - key: one
        channel: mass
        after: { days: 1 }
        text: 你好
"""


def refused(folder: PackFolder) -> str:
    with pytest.raises(PackError) as caught:
        load_pack(folder.root)
    return str(caught.value)


def test_a_fault_in_a_file_names_its_line_and_step(tmp_path: Path) -> None:
    folder = PackFolder(tmp_path).write("plans/care.yaml", PLAN.replace("text: 你好", "content: hi"))

    assert "plans/care.yaml:11 plans[0].steps[0].content: 步骤 one：没有内容 hi" in refused(folder)


def test_a_plan_that_stands_twice_is_refused(tmp_path: Path) -> None:
    folder = PackFolder(tmp_path).write("plans/a.yaml", PLAN).write("plans/b.yaml", PLAN)

    assert "plans/b.yaml:2 plans[0].key: 计划 hello 重复 → plans/a.yaml:2 已经用了" in refused(folder)


def test_a_channel_or_rule_must_name_a_journey_that_there_is(tmp_path: Path) -> None:
    folder = PackFolder(tmp_path).write("plans/a.yaml", PLAN)
    folder.write("channels.yaml", FILES["channels.yaml"] + "    journey: helo\n")
    folder.write("rules.yaml", "rules:\n  - { key: a, reason: 因为, on: added, start: [hello, bye] }\n")

    found = refused(folder)

    assert "channels[1].journey: 没有旅程（plans/*.yaml） helo → 是不是想写 hello？" in found
    assert "rules[0].start[1]: 没有旅程（plans/*.yaml） bye" in found
    assert "rules[0].start[0]" not in found


def test_the_plans_of_a_pack_are_there_when_it_is_loaded(tmp_path: Path) -> None:
    folder = PackFolder(tmp_path).write("plans/a.yaml", PLAN)
    folder.write("channels.yaml", FILES["channels.yaml"] + "    journey: hello\n")

    pack = load_pack(folder.root)

    assert [plan.title for plan in pack.plans] == ["问候"]
    assert pack.plan("hello").journey.steps[0].text == "你好"
    assert not [problem for problem in pack.warnings if "plans" in problem.file]
