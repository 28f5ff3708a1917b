"""A tiny, valid content pack on disk; tests change the one line that matters to them."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path

FILES = {
    "pack.yaml": """\
format: 1
name: tiny
title: 小小内容包
version: "1.0"
default_persona: assistant
timezone: Asia/Shanghai
rotation_days: 7
clinic:
  name: 微笑口腔
  phone: "000-00000000"
  booking_url: https://clinic.example/booking
""",
    "tags.yaml": """\
groups:
  - name: 来源
    tags: [前台扫码, 抖音]
  - name: 阶段
    exclusive: true
    tags: [新朋友, 已预约]
""",
    "personas.yaml": """\
personas:
  - key: assistant
    kind: assistant
    name: 小护
    title: 口腔小助理
    members: [xiaohu]
    approvers: [chen.jing]
    categories: [日常, 活动]
    week:
      - {day: 1, at: "12:10", categories: [日常]}
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
    "channels.yaml": """\
channels:
  - state: front-desk
    title: 前台扫码
    tags: [来源/前台扫码]
    persona: assistant
  - state: douyin
    title: 抖音
    tags: [来源/抖音]
""",
    "welcomes.yaml": """\
welcomes:
  - key: welcome.assistant
    kind: assistant
    text: |-
      {% if patient.name %}{{ patient.name }}，{% endif %}你好，我是{{ clinic.name }}的{{ persona.name }}。
      约时间可以直接跟我说。
    attachments: [booking]
  - key: welcome.doctor
    kind: doctor
    text: 你好，我是{{ persona.name }}。
""",
    "groups.yaml": """\
roles:
  - key: community
    title: 社群
    match: [福利]
    default: true
    week:
      - {day: 3, at: "19:30", categories: [日常]}
  - key: vip
    title: VIP 服务群
    match: [VIP]
""",
    "moments/daily.yaml": """\
items:
  - key: moment.assistant.rain
    category: 日常
    for: [assistant]
    text: |-
      下雨天路滑，来{{ clinic.name }}的朋友慢慢走。
      伞放门口就好。
    attachments: [brush-card]
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
    attachments: [booking]
""",
    "assets/assets.yaml": """\
assets:
  - {key: brush-card, kind: image, file: brush.png, title: 刷牙}
  - {key: booking, kind: link, title: 在线预约, desc: 选好时间, url: "{{ clinic.booking_url }}", picture: brush-card}
  - {key: shop, kind: miniprogram, title: 预约小程序, appid: wx0123456789abcdef, page: pages/index, picture: brush-card}
""",
}


class PackFolder:
    """The tiny pack in a folder of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            self.write(name, text)
        self.write_bytes("assets/brush.png", picture())

    def write(self, name: str, text: str) -> PackFolder:
        return self.write_bytes(name, text.encode())

    def write_bytes(self, name: str, data: bytes) -> PackFolder:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return self

    def change(self, name: str, old: str, new: str) -> PackFolder:
        """Replace ``old``, which must be there once, so that a test cannot miss its target."""
        text = FILES[name]
        assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {name}"
        return self.write(name, text.replace(old, new))


def picture(width: int = 40, height: int = 30, kind: str = "PNG") -> bytes:
    out = BytesIO()
    Image.new("RGB", (width, height), "white").save(out, kind)
    return out.getvalue()
