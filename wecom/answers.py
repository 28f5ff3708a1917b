"""What all typed answers of WeCom have in common: tolerant of what is missing, null or new."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator

# 2100-01-01Z: WeCom knows no later instant, and with far later ones nothing can be reckoned.
LAST_SECOND = 4_102_444_800


class Answer(BaseModel):
    """An answer, or a part of one. Unknown fields are ignored, and ``null`` is the same as absent."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True, hide_input_in_errors=True)

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, data: Any) -> Any:
        return (
            {key: value for key, value in data.items() if value is not None}
            if isinstance(data, dict)
            else data
        )


class Page(Answer):
    """One page of a listing; an empty cursor is the last."""

    next_cursor: str = ""


def _instant(value: Any) -> Any:
    """Unix seconds, as a number or as text; WeCom says 0 where there is no such instant."""
    if isinstance(value, str):
        value = int(value) if value.isdecimal() and len(value) < 13 else None
    if isinstance(value, int):
        return datetime.fromtimestamp(value, UTC) if 0 < value <= LAST_SECOND else None
    return value


Instant = Annotated[datetime | None, BeforeValidator(_instant)]


def _joined(value: Any) -> Any:
    """WeCom joins some id lists with ``|``; others are lists."""
    return tuple(part for part in value.split("|") if part) if isinstance(value, str) else value


Joined = Annotated[tuple[str, ...], BeforeValidator(_joined)]
