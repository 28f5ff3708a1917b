"""A tiny content pack: an assistant with two moments and a group post a week, a doctor with one moment."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

from content.loader import load_pack

if TYPE_CHECKING:
    from pathlib import Path

    from content.pack import Pack

FILES = {
    "pack.yaml": """\
format: 1
name: tiny
title: 小小内容包
version: "1.0"
default_persona: assistant
rotation_days: 7
clinic: {name: 微笑口腔, booking_url: "https://clinic.example/booking"}
""",
    "tags.yaml": "groups: [{name: 来源, tags: [前台扫码]}]\n",
    "personas.yaml": """\
personas:
  - key: assistant
    kind: assistant
    name: 小护
    title: 口腔小助理
    members: [xiaohu]
    approvers: [chen.jing]
    categories: [日常, 关怀]
    week:
      - {day: 1, at: "12:10", categories: [日常]}
      - {day: 4, at: "12:10", categories: [关怀]}
  - key: doctor-zhang
    kind: doctor
    name: 张医生
    title: 种植修复医生
    members: [zhang.wei]
    delegates: [zhao.min]
    categories: [科普]
    week:
      - {day: 2, at: "20:10", categories: [科普]}
""",
    "channels.yaml": (
        "channels:\n"
        "  - {state: front-desk, title: 前台扫码, tags: [来源/前台扫码], code: {members: [xiaohu]}}\n"
        "  - {state: douyin, title: 抖音}\n"
    ),
    "welcomes.yaml": """\
welcomes:
  - {key: welcome.assistant, kind: assistant, text: "你好，我是{{ persona.name }}。"}
  - {key: welcome.doctor, kind: doctor, text: "你好，我是{{ persona.name }}。"}
""",
    "groups.yaml": """\
roles:
  - key: community
    title: 社群
    match: [福利]
    default: true
    week:
      - {day: 3, at: "19:30", categories: [日常]}
""",
    "treatments.yaml": """\
treatments:
  - {key: scaling, title: 洁牙, category: 预防, codes: [洗牙, XJ01]}
  - {key: filling, title: 补牙, category: 牙体牙髓}
""",
    "moments/daily.yaml": """\
items:
  - key: moment.assistant.rain
    category: 日常
    for: [assistant]
    text: 下雨天路滑，来{{ clinic.name }}的朋友慢慢走。
    attachments: [brush-card]
  - key: moment.assistant.rest
    category: 关怀
    for: [assistant]
    text: 忙了一周，记得早点休息。
    attachments: [booking]
  - key: moment.doctor.brush
    category: 科普
    for: [doctor]
    text: 刷牙时把刷毛斜向牙龈边缘，轻轻颤动。
""",
    "groups/community.yaml": """\
items:
  - key: group.community.hello
    category: 日常
    roles: [community]
    text: 今天大家刷牙了吗？
    attachments: [shop]
""",
    "assets/assets.yaml": """\
assets:
  - {key: brush-card, kind: image, file: brush.png, title: 刷牙}
  - {key: booking, kind: link, title: 在线预约, desc: 选好时间, url: "{{ clinic.booking_url }}", picture: brush-card}
  - {key: shop, kind: miniprogram, title: 预约小程序, appid: wx0123456789abcdef, page: pages/index, picture: brush-card}
""",
}


def tiny_pack(folder: Path) -> Pack:
    """Write the pack into ``folder`` and load it."""
    for name, text in FILES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    out = BytesIO()
    Image.new("RGB", (40, 30), "white").save(out, "PNG")
    (folder / "assets" / "brush.png").write_bytes(out.getvalue())
    return load_pack(folder)
