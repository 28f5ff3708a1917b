"""The content check for any text: JSON lines in, findings as JSON lines out (DESIGN §5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from content.compliance import Checker
from sop.posts import finding_document

if TYPE_CHECKING:
    from typing import TextIO


MOST_CHARS: Final = 100_000


class LintInputProblem(ValueError):
    """A line is not what the check reads; the message names it."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    id: str | int
    text: Annotated[str, StringConstraints(max_length=MOST_CHARS)]
    persona: Literal["assistant", "doctor"] = "assistant"
    channel: Literal["moment", "group", "direct"] = "moment"


_SAYINGS: Final = {
    "id": "要有，写成文字或整数",
    "text": f"要有，写成文字，最多 {MOST_CHARS} 个字",
    "persona": "只能是 assistant 或 doctor",
    "channel": "只能是 moment、group 或 direct",
}


def lint_lines(source: bytes, out: TextIO) -> bool:
    """Check every line; return whether there was a finding of level block or warn.

    Raises:
        LintInputProblem: not UTF-8, not JSON, or a field is missing or wrong.
    """
    checker = Checker.load()
    serious = False
    for number, raw in enumerate(source.splitlines(), start=1):
        if not raw.strip():
            continue
        line = _parse(raw, number)
        findings = checker.check(line.text, persona=line.persona, channel=line.channel)
        serious = serious or any(finding.level in ("block", "warn") for finding in findings)
        document = {"id": line.id, "findings": [finding_document(finding) for finding in findings]}
        out.write(json.dumps(document, ensure_ascii=False) + "\n")
    return serious


def _parse(raw: bytes, number: int) -> _Line:
    try:
        return _Line.model_validate_json(raw)
    except ValidationError as exc:
        error = exc.errors(include_url=False, include_input=False)[0]
        if not error["loc"]:
            raise LintInputProblem(f"第 {number} 行：不是 UTF-8 的 JSON 对象") from None
        place = str(error["loc"][0])
        raise LintInputProblem(f"第 {number} 行的 {place}：{_SAYINGS.get(place, '不对')}") from None
