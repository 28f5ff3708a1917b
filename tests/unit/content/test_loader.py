from __future__ import annotations

from dataclasses import FrozenInstanceError

import pytest

from content.loader import load_pack, packaged_packs
from content.problems import PackError
from tests.support.films import film
from tests.support.pack_factory import FILES, PackFolder, picture

FILM = "  - {key: film, kind: video, file: brush.mp4, title: 跟着刷}\n"


@pytest.fixture
def folder(tmp_path) -> PackFolder:
    return PackFolder(tmp_path / "tiny")


def problems_of(folder: PackFolder) -> list[str]:
    with pytest.raises(PackError) as caught:
        load_pack(folder.root)
    return str(caught.value).split("\n")


def test_the_tiny_pack_loads_without_a_warning(folder):
    pack = load_pack(folder.root)

    assert pack.warnings == ()
    assert pack.title == "小小内容包"
    assert pack.version == "1.0"
    assert str(pack.timezone) == "Asia/Shanghai"
    assert [group.references for group in pack.tag_groups] == [
        ("来源/前台扫码", "来源/抖音"),
        ("阶段/新朋友", "阶段/已预约"),
    ]


def test_a_pack_can_be_named_by_a_string_path(folder):
    assert load_pack(str(folder.root)).name == "tiny"


def test_a_packaged_pack_is_found_by_its_name_wherever_the_program_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    assert "dental" in packaged_packs()


def test_nothing_in_a_pack_can_be_changed_after_loading(folder):
    pack = load_pack(folder.root)

    with pytest.raises(FrozenInstanceError):
        pack.personas[0].name = "别人"
    with pytest.raises(TypeError):
        pack.clinic["name"] = "别的诊所"


# Each mistake: the file, what is replaced by what, and the line of the report that must come out whole.
MISTAKES = [
    pytest.param("pack.yaml", "format: 1", "format: 2",
        "pack.yaml:1 format: 不能写 2 → 可以写：1", id="unknown format"),
    pytest.param("pack.yaml", "title: 小小内容包\n", "",
        "pack.yaml:1 title: 缺少字段 title → 加上 title: …", id="missing field"),
    pytest.param("pack.yaml", "version:", "verison:",
        "pack.yaml:4 verison: 不认识的字段 verison → 是不是想写 version？", id="misspelt field"),
    pytest.param("pack.yaml", "Asia/Shanghai", "Asia/Shanghi",
        "pack.yaml:6 timezone: 没有这个时区 → 例如写 Asia/Shanghai", id="unknown time zone"),
    pytest.param("pack.yaml", "rotation_days: 7", "rotation_days: 一周",
        "pack.yaml:7 rotation_days: 这里要写整数 → 写成整数，如 1，不加单位", id="text for a number"),
    pytest.param("pack.yaml", "default_persona: assistant", "default_persona: asistant",
        "pack.yaml:5 default_persona: 没有角色 asistant → 是不是想写 assistant？", id="unknown default persona"),
    pytest.param("pack.yaml", "  name: 微笑口腔\n", "",
        "pack.yaml:8 clinic: 缺少 name（诊所名称） → 加一行 name: 诊所名称", id="clinic without a name"),
    pytest.param("pack.yaml", "  phone:", "  Phone-No:",
        "pack.yaml:10 clinic.Phone-No: 写法不对：'Phone-No' → 变量名用小写字母开头，只用小写字母、数字和 _",
        id="clinic variable that no template can name"),
    pytest.param("tags.yaml", "tags: [前台扫码, 抖音]", "tags: [前台扫码, 抖音, 抖音]",
        "tags.yaml:3 groups[0].tags[2]: 抖音 写了两次 → 删掉一处", id="tag twice"),
    pytest.param("personas.yaml", 'at: "12:10"', "at: 25:10",
        "personas.yaml:10 personas[0].week[0].at: 写法不对：'25:10' → 写成 24 小时制的 HH:MM，如 09:30",
        id="no such time"),
    pytest.param("personas.yaml", "day: 2", "day: 8",
        "personas.yaml:19 personas[1].week[0].day: 太大，最多 7 → 改成不大于 7 的数", id="no such day"),
    pytest.param("personas.yaml", "kind: doctor", "kind: docter",
        "personas.yaml:12 personas[1].kind: 不能写 'docter' → 可以写：'assistant', 'doctor'", id="unknown kind"),
    pytest.param("personas.yaml", "categories: [科普]\n", "categories: [科普, 活动]\n",
        "personas.yaml:17 personas[1].categories[1]: 医生账号不发活动 → 删掉“活动”，活动由小助理发",
        id="doctor with promotions"),
    pytest.param("personas.yaml", "categories: [日常]}", "categories: [日常, 节日]}",
        "personas.yaml:10 personas[0].week[0].categories[1]: 这个角色不发“节日” → "
        "在 categories 里加上“节日”，或从这个时段删掉", id="slot of a foreign category"),
    pytest.param("personas.yaml", "    approvers: [chen.jing]\n", "",
        "personas.yaml:2 personas[0]: 小助理角色没有审核人 → 在 approvers 里写上店长等审核人的 userid",
        id="nobody approves"),
    pytest.param("personas.yaml", "members: [zhang.wei]", "members: [zhang.wei, xiaohu]",
        "personas.yaml:15 personas[1].members[1]: 成员 xiaohu 已经是角色 assistant → "
        "一个成员只能有一个角色，从 assistant 或 doctor-zhang 里删掉", id="member with two personas"),
    pytest.param("personas.yaml", "members: [zhang.wei]", "members: zhang.wei",
        "personas.yaml:15 personas[1].members: 这里要写列表 → 写成 [甲, 乙]，或每项一行、以“- ”开头",
        id="text for a list"),
    pytest.param("personas.yaml", "key: doctor-zhang", "key: assistant",
        "personas.yaml:11 personas[1].key: 角色 assistant 重复 → personas.yaml:2 已经用了，换一个名字",
        id="persona twice"),
    pytest.param("personas.yaml", "key: doctor-zhang", "key: 张医生",
        "personas.yaml:11 personas[1].key: 写法不对：'张医生' → 只用小写字母、数字，中间可用 . - _",
        id="key in Chinese"),
    pytest.param("personas.yaml", '      - {day: 1, at: "12:10", categories: [日常]}\n',
        '      - {day: 1, at: "12:10", categories: [日常]}\n      - {day: 1, at: "18:10", categories: [日常]}\n',
        "personas.yaml:11 personas[0].week[1]: 第 1 天的时段多于 max_moments_per_day（1） → "
        "减少这一天的时段，或调大 max_moments_per_day（最多 3）", id="too many moments a day"),
    pytest.param("channels.yaml", "来源/抖音", "来源/斗音",
        "channels.yaml:8 channels[1].tags[0]: 没有标签 来源/斗音 → 是不是想写 来源/抖音？", id="unknown tag"),
    pytest.param("channels.yaml", "tags: [来源/抖音]", "tags: [抖音]",
        "channels.yaml:8 channels[1].tags[0]: 写法不对：'抖音' → 写成 组名/标签名，如 来源/抖音", id="tag without group"),
    pytest.param("channels.yaml", "tags: [来源/抖音]", "tags: [阶段/新朋友, 阶段/已预约]",
        "channels.yaml:8 channels[1].tags[1]: 标签组“阶段”只能留一个标签 → 删掉一个", id="two exclusive tags"),
    pytest.param("channels.yaml", "persona: assistant", "persona: xiaohu",
        "channels.yaml:5 channels[0].persona: 没有角色 xiaohu → 可以写：assistant、doctor-zhang",
        id="channel with an unknown persona"),
    pytest.param("channels.yaml", "state: douyin", "state: front-desk",
        "channels.yaml:6 channels[1].state: 渠道 front-desk 重复 → channels.yaml:2 已经用了，换一个名字",
        id="channel twice"),
    pytest.param("welcomes.yaml", "attachments: [booking]", "attachments: [boking]",
        "welcomes.yaml:7 welcomes[0].attachments[0]: 没有素材 boking → 是不是想写 booking？", id="unknown asset"),
    pytest.param("welcomes.yaml", "    kind: doctor\n", "    kind: doctor\n    channels: [tiktok]\n",
        "welcomes.yaml:10 welcomes[1].channels[0]: 没有渠道 tiktok → 可以写：douyin、front-desk",
        id="unknown channel"),
    pytest.param("welcomes.yaml", "    kind: doctor\n", "    kind: doctor\n    channels: [douyin]\n",
        "personas.yaml:11 personas[1].key: 角色 doctor-zhang 没有通用欢迎语 → "
        "在 welcomes.yaml 加一条 kind: doctor、不写 channels 的欢迎语", id="no fallback greeting"),
    pytest.param("welcomes.yaml", "    kind: doctor\n", "    kind: assistant\n",
        "welcomes.yaml:8 welcomes[1]: 类型 assistant 的通用欢迎语有两条，不知道用哪一条 → "
        "welcome.assistant（第 2 行）已经有了，合并或删掉一条", id="two greetings for the same"),
    pytest.param("welcomes.yaml", "    kind: doctor\n", "    kind: doctor\n    persona: doctor-zhang\n",
        "welcomes.yaml:8 welcomes[1]: persona 和 kind 要写一个且只写一个 → 写 persona: 角色key 或 kind: doctor",
        id="persona and kind"),
    pytest.param("welcomes.yaml", "      约时间可以直接跟我说。", "      {{ pateint.name }}，约时间可以直接跟我说。",
        "welcomes.yaml:6 welcomes[0].text: 没有变量 pateint.name → 是不是想写 patient.name？",
        id="unknown variable in the second line of a text"),
    pytest.param("welcomes.yaml", "{% endif %}", "",
        "welcomes.yaml:5 welcomes[0].text: 模板没有写完：{% if %} 要有 {% endif %}，括号要成对 → "
        "只用变量 {{ … }} 和 {% if %}…{% endif %}", id="unfinished template"),
    pytest.param("welcomes.yaml", "text: 你好，我是{{ persona.name }}。",
        'text: "{% if patient.name %}你好{% endif %}"',
        "welcomes.yaml:10 welcomes[1].text: 填好变量以后是空的 → 写一段任何情况下都有的文字",
        id="empty for a patient without a name"),
    pytest.param("groups.yaml", "    default: true\n", "",
        "groups.yaml:2 roles[0]: 没有默认的群角色 → 给其中一个加上 default: true", id="no default role"),
    pytest.param("groups.yaml", "match: [VIP]", "default: true",
        "groups.yaml:10 roles[1].default: 默认的群角色已经是 community → 只留一个 default: true",
        id="two default roles"),
    pytest.param("groups.yaml", "    match: [VIP]\n", "",
        "groups.yaml:8 roles[1]: 没有群会用到这个群角色 → 加上 match: [群名里的字]，或 default: true",
        id="role without a group"),
    pytest.param("moments/daily.yaml", "category: 科普", "category: 科谱",
        "moments/daily.yaml:10 items[1].category: 不能写 '科谱' → "
        "可以写：'科普', '案例', '口碑', '日常', '活动', '节日', '关怀'", id="unknown category"),
    pytest.param("moments/daily.yaml", "for: [doctor]", "for: [doctor-wang]",
        "moments/daily.yaml:11 items[1].for[0]: 没有角色 doctor-wang → 是不是想写 doctor-zhang？",
        id="unknown persona"),
    pytest.param("moments/daily.yaml", "category: 科普", "category: 活动",
        "moments/daily.yaml:11 items[1].for[0]: 医生账号不发活动 → 换一个类别，或把 for 改成 assistant",
        id="promotion for a doctor"),
    pytest.param("moments/daily.yaml", "attachments: [brush-card]", "attachments: [shop]",
        "moments/daily.yaml:8 items[0].attachments[0]: 朋友圈不能带小程序 → 换成链接，或改发到群里",
        id="mini-program in a moment"),
    pytest.param("moments/daily.yaml", "attachments: [brush-card]", "attachments: [brush-card, booking]",
        "moments/daily.yaml:8 items[0].attachments[1]: 朋友圈的图片、视频和链接不能混用 → "
        "只留图片（最多 9 张），或只留 1 个视频，或只留 1 个链接", id="picture and link in a moment"),
    pytest.param("moments/daily.yaml", "attachments: [brush-card]",
        "attachments: [a, b, c, d, e, f, g, h, i, j]",
        "moments/daily.yaml:8 items[0].attachments: 最多 9 项 → 减少到 9 项以内", id="ten pictures"),
    pytest.param("moments/daily.yaml", "{{ clinic.name }}", "{{ patient.name }}",
        "moments/daily.yaml:6 items[0].text: 没有变量 patient.name → "
        "一条发给许多人，不能称呼某一位；这个变量只有欢迎语和 key 以 .todo 结尾的一对一内容能用",
        id="patient's name in a moment"),
    pytest.param("moments/daily.yaml", "{{ clinic.name }}", "{{ clinic.name * 9 }}",
        "moments/daily.yaml:6 items[0].text: 话术里只能用变量、if 和少数过滤器 → "
        "只用变量 {{ … }} 和 {% if %}…{% endif %}", id="arithmetic in a template"),
    pytest.param("moments/daily.yaml", "伞放门口就好。", "好" * 2001,
        "moments/daily.yaml:6 items[0].text: 2020 字，企业微信最多 2000 字 → 缩短到 2000 字以内",
        id="moment of too many characters"),
    pytest.param("groups/community.yaml", "今天大家刷牙了吗？", "好" * 1334,
        "groups/community.yaml:5 items[0].text: 4002 字节，企业微信最多 4000 字节 → "
        "缩短到 4000 字节以内（一个汉字 3 字节）", id="group text of too many bytes"),
    pytest.param("groups/community.yaml", "roles: [community]", "roles: [comunity]",
        "groups/community.yaml:4 items[0].roles[0]: 没有群角色 comunity → 是不是想写 community？",
        id="unknown group role"),
    pytest.param("groups/community.yaml", "key: group.community.hello", "key: moment.doctor.brush",
        "groups/community.yaml:2 items[0].key: 内容 moment.doctor.brush 重复 → "
        "moments/daily.yaml:9 已经用了，换一个名字", id="item key twice in different files"),
    pytest.param("assets/assets.yaml", "file: brush.png", "file: burst.png",
        "assets/assets.yaml:2 assets[0].file: 找不到图片 assets/burst.png → "
        "把图片放进 assets/，检查文件名的大小写", id="missing picture"),
    pytest.param("assets/assets.yaml", "file: brush.png", "file: ../../../etc/passwd",
        "assets/assets.yaml:2 assets[0].file: 文件在内容包的 assets/ 外面 → 把图片放进 assets/，只写文件名",
        id="path out of the pack"),
    pytest.param("assets/assets.yaml", "file: brush.png", "file: /etc/passwd",
        "assets/assets.yaml:2 assets[0].file: 文件在内容包的 assets/ 外面 → 把图片放进 assets/，只写文件名",
        id="absolute path"),
    pytest.param("assets/assets.yaml", "file: brush.png", "file: assets.yaml",
        "assets/assets.yaml:2 assets[0].file: 不是完好的 PNG 或 JPEG 图片 → 用看图软件另存为 PNG 或 JPEG",
        id="not a picture"),
    pytest.param("assets/assets.yaml", "kind: link", "kind: article",
        "assets/assets.yaml:3 assets[1].kind: 不认识的 kind 'article' → 可以写：'image', 'video', 'link', 'miniprogram'",
        id="unknown kind of asset"),
    pytest.param("assets/assets.yaml", "title: 在线预约", "title: " + "约" * 43,
        "assets/assets.yaml:3 assets[1].title: 129 字节，企业微信最多 128 字节 → 缩短到 42 个汉字以内",
        id="long link title"),
    pytest.param("assets/assets.yaml", "title: 预约小程序", "title: " + "约" * 22,
        "assets/assets.yaml:4 assets[2].title: 66 字节，企业微信最多 64 字节 → 缩短到 21 个汉字以内",
        id="long mini-program title"),
    pytest.param("assets/assets.yaml", "desc: 选好时间", "desc: " + "约" * 171,
        "assets/assets.yaml:3 assets[1].desc: 513 字节，企业微信最多 512 字节 → 缩短到 170 个汉字以内",
        id="long link description"),
    pytest.param("assets/assets.yaml", '"{{ clinic.booking_url }}"', "clinic.example/booking",
        "assets/assets.yaml:3 assets[1].url: 链接地址不完整 → 写成 https:// 开头的完整地址",
        id="address without a scheme"),
    pytest.param("assets/assets.yaml", "clinic.booking_url", "clinic.bookng_url",
        "assets/assets.yaml:3 assets[1].url: 没有变量 clinic.bookng_url → 是不是想写 clinic.booking_url？",
        id="unknown variable in a link"),
    pytest.param("assets/assets.yaml", "page: pages/index, picture: brush-card", "page: pages/index, picture: booking",
        "assets/assets.yaml:4 assets[2].picture: 素材 booking 不是图片 → 封面要写一张 kind: image 的素材",
        id="cover that is no picture"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "line"), MISTAKES)
def test_a_mistake_is_told_with_its_place_and_remedy(folder, file, old, new, line):
    folder.change(file, old, new)

    assert line in problems_of(folder)


def test_all_mistakes_of_all_files_are_told_at_once(folder):
    folder.change("personas.yaml", 'at: "12:10"', "at: noon")
    folder.change("moments/daily.yaml", "category: 科普", "category: 科谱")
    folder.change("channels.yaml", "来源/抖音", "来源/斗音")
    folder.write("tags.yaml", FILES["tags.yaml"] + "  - name: 来源\n    tags: [义诊]\n")

    places = [line.split(": ")[0] for line in problems_of(folder)]

    assert places == [
        "channels.yaml:8 channels[1].tags[0]",
        "moments/daily.yaml:10 items[1].category",
        "personas.yaml:10 personas[0].week[0].at",
        "tags.yaml:7 groups[2].name",
    ]


def test_a_broken_entry_still_counts_as_known_so_one_slip_is_one_complaint(folder):
    folder.change("personas.yaml", "kind: doctor", "kind: docter")

    assert len(problems_of(folder)) == 1


def test_an_unreadable_file_does_not_make_every_reference_to_it_a_mistake(folder):
    folder.write("tags.yaml", "groups: [")

    assert [line.split(":")[0] for line in problems_of(folder)] == ["tags.yaml"]


@pytest.mark.parametrize("name", [name for name in FILES if name.count("/") == 0])
def test_a_missing_file_is_named(folder, name):
    (folder.root / name).unlink()

    assert problems_of(folder)[0] == f"{name}:1: 找不到这个文件 → 在内容包里建立 {name}"


def test_a_pack_without_assets_needs_no_asset_file(folder):
    (folder.root / "assets/assets.yaml").unlink()
    folder.change("moments/daily.yaml", "    attachments: [brush-card]\n", "")
    folder.change("groups/community.yaml", "    attachments: [booking]\n", "")
    folder.change("welcomes.yaml", "    attachments: [booking]\n", "")

    assert load_pack(folder.root).assets == ()


def test_a_misspelt_file_name_is_a_warning(folder):
    folder.write("moments/extra.yml", "items: []\n")

    (warning,) = load_pack(folder.root).warnings

    assert str(warning).startswith("moments/extra.yml:1: 这个文件不会被读取 → ")
    assert warning.level == "warning"


@pytest.mark.parametrize("name", ["no-such-pack", "/no/such/folder", "a\0b", "x" * 5000, ""])
def test_an_unknown_pack_is_a_pack_error_with_a_remedy(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(PackError, match=r"→ "):
        load_pack(name)


def test_too_few_items_for_the_weeks_without_a_repeat_are_a_warning(folder):
    folder.change("pack.yaml", "rotation_days: 7", "rotation_days: 28")

    warnings = [str(warning) for warning in load_pack(folder.root).warnings]

    assert warnings == [
        (
            "groups.yaml:2 roles[0].week: 群角色 community 28 天要 4 条不重复的群内容（日常），1 月只有 1 条 → "
            "再写 3 条，或减少每周的时段"
        ),
        (
            "personas.yaml:2 personas[0].week: 角色 assistant 28 天要 4 条不重复的朋友圈（日常），1 月只有 1 条 → "
            "再写 3 条，或减少每周的时段"
        ),
        (
            "personas.yaml:11 personas[1].week: 角色 doctor-zhang 28 天要 4 条不重复的朋友圈（科普），1 月只有 1 条 → "
            "再写 3 条，或减少每周的时段"
        ),
    ]


def test_an_item_that_is_out_of_season_fills_no_slot(folder):
    folder.change("moments/daily.yaml", "category: 科普", "category: 科普\n    months: [6]")

    (warning,) = load_pack(folder.root).warnings

    assert "1 月只有 0 条" in warning.message


def test_an_item_that_no_persona_may_say_is_a_warning(folder):
    folder.change("moments/daily.yaml", "category: 科普", "category: 科普\n    weight: 2")
    folder.write("moments/more.yaml", "items:\n  - {key: m.x, category: 节日, for: doctor, text: 立秋了。}\n")

    (warning,) = load_pack(folder.root).warnings

    assert str(warning).startswith(
        "moments/more.yaml:2 items[0].category: 没有角色会用到：doctor-zhang 不发“节日”"
    )


def test_a_symlink_that_leaves_the_pack_is_refused(folder, tmp_path):
    (tmp_path / "secret.png").write_bytes(picture())
    (folder.root / "assets/brush.png").unlink()
    (folder.root / "assets/brush.png").symlink_to(tmp_path / "secret.png")
    (tmp_path / "tags.yaml").write_text(FILES["tags.yaml"])
    (folder.root / "tags.yaml").unlink()
    (folder.root / "tags.yaml").symlink_to(tmp_path / "tags.yaml")

    assert problems_of(folder) == [
        "assets/assets.yaml:2 assets[0].file: 文件在内容包的 assets/ 外面 → 把图片放进 assets/，只写文件名",
        "tags.yaml:1: 文件是通向内容包外面的链接 → 把文件本身放进内容包",
    ]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(picture(1081, 1081), "图片 1081×1081 px，太大", id="short side"),
        pytest.param(picture(10801, 20), "图片 10801×20 px，太大", id="long side"),
        pytest.param(picture(30, 30, "GIF"), "不是完好的 PNG 或 JPEG 图片", id="gif"),
        pytest.param(picture()[:60], "不是完好的 PNG 或 JPEG 图片", id="cut off"),
        pytest.param(b"", "图片 0 字节", id="empty"),
        pytest.param(picture() + b"\0" * 10 * 1024 * 1024, "企业微信最多 10 MB", id="more than 10 MB"),
    ],
)
def test_a_picture_that_wecom_would_refuse_is_refused(folder, data, message):
    folder.write_bytes("assets/brush.png", data)

    assert message in "\n".join(problems_of(folder))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        pytest.param(film(40), "视频有 40 秒，朋友圈最多 30 秒 → 剪短到 30 秒以内", id="too long"),
        pytest.param(film() + bytes(10 * 1024 * 1024), "企业微信最多 10 MB → 剪短一些", id="too large"),
        pytest.param(picture(), "不是 MP4 视频", id="a picture"),
        pytest.param(None, "找不到视频 assets/brush.mp4", id="not there"),
    ],
)
def test_a_video_that_wecom_would_refuse_is_refused_with_place_and_remedy(folder, data, message):
    folder.write("assets/assets.yaml", FILES["assets/assets.yaml"] + FILM)
    if data is not None:
        folder.write_bytes("assets/brush.mp4", data)

    said = [
        problem
        for problem in problems_of(folder)
        if problem.startswith("assets/assets.yaml:5 assets[3].file")
    ]

    assert message in "\n".join(said)


def test_a_video_in_a_moment_stands_alone(folder):
    folder.write("assets/assets.yaml", FILES["assets/assets.yaml"] + FILM)
    folder.write_bytes("assets/brush.mp4", film())
    folder.change("moments/daily.yaml", "attachments: [brush-card]", "attachments: [film]")
    pack = load_pack(folder.root)
    folder.change("moments/daily.yaml", "attachments: [brush-card]", "attachments: [brush-card, film]")

    assert pack.asset_bytes("film") == film()
    (said,) = problems_of(folder)
    assert (
        "items[0].attachments[1]: 朋友圈的图片、视频和链接不能混用 → 只留图片（最多 9 张），或只留 1 个视频"
        in said
    )


def test_a_jpeg_is_as_good_as_a_png(folder):
    folder.write_bytes("assets/brush.png", picture(1080, 2000, "JPEG"))

    assert load_pack(folder.root).asset_bytes("brush-card").startswith(b"\xff\xd8")


def test_a_link_in_a_moment_needs_a_cover(folder):
    folder.change("moments/daily.yaml", "attachments: [brush-card]", "attachments: [bare]")
    folder.write(
        "assets/assets.yaml",
        FILES["assets/assets.yaml"]
        + "  - {key: bare, kind: link, title: 官网, url: https://clinic.example}\n",
    )

    assert problems_of(folder) == [
        (
            "moments/daily.yaml:8 items[0].attachments[0]: 朋友圈的链接要有封面 → "
            "给素材 bare 加上 picture: 一张图片素材的 key"
        )
    ]
