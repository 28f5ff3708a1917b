"""Which greeting is chosen, why, and how fairly its wordings share the patients."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from content.channel_specs import MAIN, Span
from content.greeting import Arrival, choose, variant_of
from content.loader import load_pack
from content.problems import PackError
from content.report import check_pack
from tests.support.pack_factory import FILES, PackFolder

WELCOMES = """\
welcomes:
  - {key: w.any, kind: assistant, text: 你好}
  - {key: w.night, kind: assistant, when: closed, text: 夜里好}
  - {key: w.again, kind: assistant, contact: again, text: 又见面了}
  - {key: w.xiaohu, persona: assistant, text: 我是小护}
  - {key: w.east, kind: assistant, regions: [城东], text: 城东的朋友}
  - {key: w.booked, kind: assistant, tags: [阶段/已预约], text: 约好的朋友}
  - {key: w.douyin, kind: assistant, channels: [douyin], text: 抖音来的}
  - {key: w.douyin.night, kind: assistant, channels: [douyin], when: closed, text: 抖音夜里来的}
  - {key: w.douyin.xiaohu, persona: assistant, channels: [douyin], text: 抖音来找小护的}
  - {key: w.desk, kind: assistant, text: 前台见过, when: open}
  - {key: w.doctor, kind: doctor, text: 你好}
"""
CHANNELS = """\
channels:
  - {state: front-desk, title: 前台扫码, persona: assistant, welcome: w.desk}
  - {state: douyin, title: 抖音}
  - {state: east-gate, title: 东门, region: 城东}
"""
OPENING = '  booking_url: https://clinic.example/booking\nopening:\n  - {from: "09:00", until: "18:00"}\n'


def with_hours(folder: PackFolder) -> PackFolder:
    return folder.change("pack.yaml", "  booking_url: https://clinic.example/booking\n", OPENING)


@pytest.fixture
def folder(tmp_path):
    return with_hours(PackFolder(tmp_path / "pack"))


@pytest.fixture
def pack(folder):
    folder.write("channels.yaml", CHANNELS)
    return load_pack(folder.write("welcomes.yaml", WELCOMES).root)


@pytest.mark.parametrize(
    ("facts", "key", "why"),
    [
        pytest.param(
            {}, "w.desk", "渠道不明，用小助理类角色的营业时间内欢迎语", id="the hour beats the persona"
        ),
        pytest.param({"open": False}, "w.night", "渠道不明，用小助理类角色的营业时间外欢迎语", id="at night"),
        pytest.param(
            {"open": False, "again": True},
            "w.again",
            "渠道不明，用小助理类角色的再次添加欢迎语",
            id="coming back beats the hour",
        ),
        pytest.param(
            {"state": "east-gate", "again": True},
            "w.east",
            "渠道「东门」，用小助理类角色的地区「城东」欢迎语",
            id="the region beats coming back",
        ),
        pytest.param(
            {"state": "east-gate", "tags": {"阶段/已预约", "来源/抖音"}},
            "w.booked",
            "渠道「东门」，用小助理类角色的标签「阶段/已预约」欢迎语",
            id="a tag beats the region",
        ),
        pytest.param(
            {"state": "douyin", "tags": {"阶段/已预约"}, "again": True},
            "w.douyin.xiaohu",
            "用「小护」自己的渠道「抖音」欢迎语",
            id="the channel beats a tag",
        ),
        pytest.param(
            {"state": "douyin", "open": False},
            "w.douyin.night",
            "用小助理类角色的渠道「抖音」、营业时间外欢迎语",
            id="of two for the channel the one for the hour",
        ),
        pytest.param(
            {"state": "front-desk"},
            "w.desk",
            "用小助理类角色的渠道「前台扫码」、营业时间内欢迎语",
            id="the channel names its greeting",
        ),
        pytest.param(
            {"state": "front-desk", "open": False},
            "w.night",
            "渠道「前台扫码」，用小助理类角色的营业时间外欢迎语",
            id="a named greeting still has its hour",
        ),
    ],
)
def test_the_most_specific_greeting_wins_and_says_why(pack, facts, key, why):
    found = choose(pack, Arrival(persona=pack.persona("assistant"), **facts))

    assert found is not None
    assert (found.key, found.why) == (key, why)


@pytest.fixture(scope="module")
def whole_pack(tmp_path_factory):
    folder = with_hours(PackFolder(tmp_path_factory.mktemp("greetings") / "pack"))
    return load_pack(folder.write("channels.yaml", CHANNELS).write("welcomes.yaml", WELCOMES).root)


@settings(deadline=None)
@given(
    state=st.sampled_from([None, "front-desk", "douyin", "east-gate", "gone"]),
    persona=st.sampled_from(["assistant", "doctor-zhang"]),
    is_open=st.booleans(),
    again=st.booleans(),
    tags=st.sets(st.sampled_from(["阶段/已预约", "来源/抖音"])),
)
def test_everybody_is_greeted_by_the_right_kind_whatever_comes_together(
    whole_pack, state, persona, is_open, again, tags
):
    speaker = whole_pack.persona(persona)

    found = whole_pack.greet(Arrival(persona=speaker, state=state, open=is_open, again=again, tags=tags))

    assert found.suits(speaker)
    assert found.when in (None, "open" if is_open else "closed")
    assert found.contact in (None, "again" if again else "first")
    assert not found.tags or set(found.tags) & tags
    assert found.why


@pytest.mark.parametrize(
    ("local", "inside"),
    [
        pytest.param("2026-11-23T08:59:59", False, id="before"),
        pytest.param("2026-11-23T09:00:00", True, id="at the beginning"),
        pytest.param("2026-11-23T17:59:59", True, id="at the last moment"),
        pytest.param("2026-11-23T18:00:00", False, id="the end is not inside"),
        pytest.param("2026-11-24T10:00:00", False, id="on another weekday"),
    ],
)
def test_hours_have_a_beginning_and_an_end_on_their_weekdays(local, inside):
    span = Span(days=(1,), start=time(9), end=time(18))

    assert span.covers(datetime.fromisoformat(local)) is inside


@pytest.mark.parametrize(
    ("local", "inside"),
    [
        pytest.param("2026-11-27T23:00:00", True, id="Friday night"),
        pytest.param("2026-11-28T01:59:00", True, id="the same night, past midnight"),
        pytest.param("2026-11-28T02:00:00", False, id="over"),
        pytest.param("2026-11-28T23:00:00", False, id="Saturday night is another"),
    ],
)
def test_hours_past_midnight_belong_to_the_day_they_began(local, inside):
    span = Span(days=(5,), start=time(22), end=time(2))

    assert span.covers(datetime.fromisoformat(local)) is inside


def test_hours_that_end_where_they_begin_last_a_whole_day():
    span = Span(days=(1, 2, 3, 4, 5, 6, 7), start=time(8), end=time(8))

    assert all(span.covers(datetime(2026, 11, 23, hour, tzinfo=UTC)) for hour in range(24))


def test_the_clinics_hours_are_those_of_its_own_wall_clock(pack):
    assert pack.open_at(datetime(2026, 11, 23, 1, tzinfo=UTC))  # 09:00 in Shanghai
    assert not pack.open_at(datetime(2026, 11, 23, 10, tzinfo=UTC))  # 18:00


def variants(folder: PackFolder, lines: str) -> PackFolder:
    welcomes = FILES["welcomes.yaml"].replace(
        "    text: 你好，我是{{ persona.name }}。\n", f"    text: 你好，我是{{{{ persona.name }}}}。\n{lines}"
    )
    return folder.write("welcomes.yaml", welcomes)


def test_each_wording_gets_its_share_and_a_patient_always_the_same_one(folder):
    variants(folder, "    share: 2\n    variants:\n      - {key: warm, text: 你好呀, share: 1}\n")
    welcome = load_pack(folder.root).welcome("welcome.doctor")
    patients = [f"wmPatient{number}" for number in range(6000)]

    found = Counter(variant_of(welcome, patient).key for patient in patients)

    assert found.keys() == {MAIN, "warm"}
    assert 1850 < found["warm"] < 2150  # a third of 6000, five standard deviations
    assert all(variant_of(welcome, patient) == variant_of(welcome, patient) for patient in patients[:50])


def test_two_experiments_do_not_split_patients_along_the_same_line(folder):
    variants(folder, "    variants:\n      - {key: warm, text: 你好呀}\n")
    welcome = load_pack(folder.root).welcome("welcome.doctor")
    other = type(welcome)(
        **{name: getattr(welcome, name) for name in welcome.__dataclass_fields__} | {"key": "welcome.other"}
    )
    patients = [f"wmPatient{number}" for number in range(2000)]

    same = sum(variant_of(welcome, p).key == variant_of(other, p).key for p in patients)

    assert 850 < same < 1150


def faults(folder: PackFolder) -> list[str]:
    with pytest.raises(PackError) as caught:
        load_pack(folder.root)
    return [str(problem) for problem in caught.value.problems]


CODE = "    tags: [来源/抖音]\n    code:\n      members: [xiaohu, chen.jing]\n"


@pytest.mark.parametrize(
    ("file", "old", "new", "fault"),
    [
        pytest.param(
            "channels.yaml", "    tags: [来源/抖音]\n", "    welcome: welcome.asistant\n",
            "channels.yaml:8 channels[1].welcome: 没有欢迎语 welcome.asistant → 是不是想写 welcome.assistant？",
            id="a greeting that is not there",
        ),
        pytest.param(
            "channels.yaml", "    tags: [来源/抖音]\n", f"{CODE}      shifts:\n"
            "        - {members: [zhang.wei, xiaohu, chen.jing], from: '09:00', until: '18:00'}\n",
            "channels.yaml:12 channels[1].code.shifts[0].members[0]: 当班的 zhang.wei 不在 members 里 → "
            "把他加进 members，或从这个班里删掉",
            id="a stranger on duty",
        ),
        pytest.param(
            "channels.yaml", "    tags: [来源/抖音]\n", f"{CODE}      daily_cap: 5\n      overflow: [xiaohu]\n",
            "channels.yaml:12 channels[1].code.overflow[0]: xiaohu 有每天的人数限制，又不受限制 → "
            "从 overflow 里删掉，或从 members 里删掉：overflow 不受人数限制",
            id="limited and not limited",
        ),
        pytest.param(
            "channels.yaml", "    tags: [来源/抖音]\n", f"{CODE}      expires_on: '2026-02-30'\n",
            'channels.yaml:11 channels[1].code.expires_on: 没有这一天 → 写成 "2026-12-31" 的样子',
            id="a day that does not exist",
        ),
        pytest.param(
            "channels.yaml", "    tags: [来源/抖音]\n", f"{CODE}      shifts:\n"
            "        - {members: [xiaohu], from: '9点', until: '18:00'}\n",
            "channels.yaml:12 channels[1].code.shifts[0].from: 写法不对：'9点' → "
            "写成 24 小时制的 HH:MM，如 09:30",
            id="an hour in words",
        ),
        pytest.param(
            "channels.yaml", "    tags: [来源/抖音]\n", "    stage: vip\n",
            "channels.yaml:8 channels[1].stage: 不能写 'vip' → 可以写：'added', 'consulted', 'booked', "
            "'visited', 'closed', 'treating', 'member', 'referring'",
            id="a stage that is none",
        ),
        pytest.param(
            "welcomes.yaml", "    kind: doctor\n", "    kind: doctor\n    regions: [城西]\n",
            "welcomes.yaml:10 welcomes[1].regions[0]: 没有地区 城西 → 可以写：（还没有）",
            id="a region that no channel has",
        ),
        pytest.param(
            "welcomes.yaml", "    kind: doctor\n", "    kind: doctor\n    tags: [阶段/已预订]\n",
            "welcomes.yaml:10 welcomes[1].tags[0]: 没有标签 阶段/已预订 → 是不是想写 阶段/已预约？",
            id="an unknown tag",
        ),
        pytest.param(
            "welcomes.yaml", "    kind: doctor\n", "    kind: doctor\n    variants: [{key: main, text: 好}]\n",
            "welcomes.yaml:10 welcomes[1].variants[0].key: 变体 main 重复 → main 是 text 自己的名字，换一个",
            id="a wording called like the first",
        ),
        pytest.param(
            "welcomes.yaml", "    kind: doctor\n",
            "    kind: doctor\n    variants: [{key: b, text: '{{ patient.nam }}好'}]\n",
            "welcomes.yaml:10 welcomes[1].variants[0].text: 没有变量 patient.nam → 是不是想写 patient.name？",
            id="an unknown variable in a wording",
        ),
        pytest.param(
            "welcomes.yaml", "    kind: doctor\n",
            "    kind: doctor\n    variants: [{key: b, text: 好, attachments: [boking]}]\n",
            "welcomes.yaml:10 welcomes[1].variants[0].attachments[0]: 没有素材 boking → 是不是想写 booking？",
            id="an unknown asset in a wording",
        ),
        pytest.param(
            "welcomes.yaml", "    kind: doctor\n    text: 你好，我是{{ persona.name }}。\n",
            "    kind: doctor\n    text: 你好\n"
            "  - {key: n1, kind: doctor, channels: [douyin, front-desk], when: closed, text: 夜}\n"
            "  - {key: n2, kind: doctor, channels: [front-desk], when: closed, text: 晚}\n",
            "welcomes.yaml:12 welcomes[3]: 类型 doctor 的渠道 front-desk、营业时间外欢迎语有两条，"
            "不知道用哪一条 → n1（第 11 行）已经有了，合并或删掉一条",
            id="two for the same night",
        ),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place_and_its_remedy(folder, file, old, new, fault):
    folder.change(file, old, new)

    assert fault in faults(folder)


def test_a_greeting_for_the_night_needs_to_know_the_clinics_hours(tmp_path):
    folder = PackFolder(tmp_path / "pack")
    folder.write(
        "welcomes.yaml", FILES["welcomes.yaml"] + "  - {key: n, kind: doctor, when: closed, text: 夜}\n"
    )

    assert faults(folder) == [
        "welcomes.yaml:11 welcomes[2].when: 没有写营业时间，任何时候都算营业 → 在 pack.yaml 加上 opening:（营业时间）"
    ]


def test_somebody_without_a_shift_is_pointed_out_but_the_pack_loads(folder):
    shifts = f"{CODE}      shifts:\n        - {{members: [xiaohu], from: '09:00', until: '18:00'}}\n"
    folder.change("channels.yaml", "    tags: [来源/抖音]\n", shifts)

    warned = [str(problem) for problem in load_pack(folder.root).warnings]

    assert any("chen.jing 没有排班，只有别人都不在时才轮到" in problem for problem in warned)


def test_a_greeting_may_name_the_doctor_whose_channel_it_is(folder):
    folder.change(
        "welcomes.yaml",
        "      约时间可以直接跟我说。",
        "      {% if doctor.name %}{{ doctor.name }}（{{ doctor.title }}）托我招呼你。{% endif %}",
    )
    pack = load_pack(
        folder.write(
            "channels.yaml", "channels:\n  - {state: card, title: 名片, persona: doctor-zhang}\n"
        ).root
    )

    assistant, doctor = pack.persona("assistant"), pack.persona("doctor-zhang")

    assert pack.doctor_of(assistant, "card") is doctor
    assert pack.doctor_of(doctor, None) is doctor
    assert pack.doctor_of(assistant, None) is None
    assert pack.variables(assistant, patient_name="", doctor=None)["doctor"] == {"name": "", "title": ""}


def test_every_wording_passes_the_legal_check_like_every_other_text(folder):
    variants(folder, "    variants:\n      - {key: loud, text: 我们是全城最好的牙科}\n")

    found = check_pack(folder.root).findings

    assert {(told.key, told.place.line) for told in found} == {("welcome.doctor 的 loud", 12)}
