"""The content check for any text: JSON lines in, findings as JSON lines out (DESIGN §5)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, StringConstraints, ValidationError

from content.compliance import Checker
from sop.posts import finding_document

if TYPE_CHECKING:
    from typing import TextIO


class LintInputProblem(ValueError):
    """A line is not what the check reads; the message names it."""


class _Line(BaseModel):
    model_config = ConfigDict(extra="ignore", strict=True)

    id: str | int
    text: Annotated[str, StringConstraints(max_length=100_000)]
    persona: Literal["assistant", "doctor"] = "assistant"
    channel: Literal["moment", "group", "direct"] = "moment"


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
        place = ".".join(str(part) for part in error["loc"]) or "整行"
        raise LintInputProblem(f"第 {number} 行的 {place}：{error['msg']}") from None
