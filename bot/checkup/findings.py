"""What a check found: one line each, with the remedy."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from wecom.errors import NotDone, WeComError

if TYPE_CHECKING:
    from collections.abc import Sequence

IP_REFUSED: Final = 60020


class Level(StrEnum):
    """How bad it is. Only ``FAIL`` makes ``xiaohu doctor`` exit with 1."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report, in 简体中文. It never holds a setting's secret value or a patient's data."""

    level: Level
    area: str
    text: str
    remedy: str = ""


def good(area: str, text: str) -> Finding:
    return Finding(level=Level.OK, area=area, text=text)


def doubt(area: str, text: str, remedy: str = "") -> Finding:
    return Finding(level=Level.WARN, area=area, text=text, remedy=remedy)


def bad(area: str, text: str, remedy: str) -> Finding:
    return Finding(level=Level.FAIL, area=area, text=text, remedy=remedy)


def from_error(area: str, exc: WeComError, *, optional: bool = False) -> Finding:
    """Return the finding for a call that did not end well; the remedy is the one of its errcode."""
    if exc.errcode == IP_REFUSED:
        return bad("可信 IP", "企业微信拒绝了这台服务器的出口 IP（错误码 60020）", exc.remedy)
    if exc.errcode is not None:
        text = f"企业微信拒绝了 {exc.call}（错误码 {exc.errcode}）"
        return (doubt if optional else bad)(area, text, exc.remedy)
    text = f"没有得到企业微信的回答（{exc.call}）"
    remedy = (
        "检查服务器能否访问企业微信接口（网络、DNS、代理），稍后再查一次。"
        if isinstance(exc, NotDone)
        else exc.remedy
    )
    return (doubt if optional else bad)(area, text, remedy)


def failed(findings: Sequence[Finding]) -> bool:
    """Tell whether any of them is a ✗."""
    return any(finding.level is Level.FAIL for finding in findings)
