"""What plans say in their own words is read by the content check, and ``check`` lists the plans."""

from __future__ import annotations

from io import StringIO
from typing import TYPE_CHECKING

from rich.console import Console

from content.report import check_pack
from content.table import print_report
from tests.support.pack_factory import PackFolder

if TYPE_CHECKING:
    from pathlib import Path

PLANS = """\
plans:
  - key: hello
    kind: journey
    title: 问候
    persona: assistant
    trigger: [{ on: manual }]
    steps:
      - key: one
        channel: mass
        text: |-
          你好呀，
          我们这里保证治好。
      - key: two
        channel: todo
        after: { days: 1 }
        variants:
          - { key: a, share: 1, text: "{{ patient.name }}，有什么想问的吗？" }
          - { key: b, share: 1, text: "在吗？" }
  - key: talk
    kind: group
    title: 社群
    roles: [community]
    slots: [{ day: 3, at: "19:30", categories: [日常] }]
    starts_active: false
"""


def test_a_plans_own_words_are_checked_where_they_stand(tmp_path: Path) -> None:
    report = check_pack(PackFolder(tmp_path).write("plans/a.yaml", PLANS).root)

    found = {(told.key, str(told.place), told.persona) for told in report.findings}

    assert ("hello/one", "plans/a.yaml:12", "assistant") in found
    assert not [told for told in report.findings if told.key.startswith("hello/two")]


def test_check_lists_the_plans_with_their_sizes(tmp_path: Path) -> None:
    report = check_pack(PackFolder(tmp_path).write("plans/a.yaml", PLANS).root)
    out = StringIO()

    print_report(report, Console(file=out, width=120))

    assert "问候" in out.getvalue()
    assert "2 步，2 次联系" in out.getvalue()
    assert "社群（带来时不启用）" in out.getvalue()
    assert "计划：旅程 1 个，群计划 1 个；旅程共 2 步" in out.getvalue()
