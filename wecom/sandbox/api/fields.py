"""Reading a request body the way WeCom does: every wrong field has its errcode."""

from __future__ import annotations

from typing import Any

from wecom.sandbox.refusal import Refusal


class Fields:
    """One JSON object of a request. ``null`` counts as absent, as in WeCom.

    Every reader takes the errcodes to refuse with; 40058 (bad parameter) is the usual one, 40035 is
    WeCom's answer where a list is no list.
    """

    def __init__(self, value: dict[str, Any], path: str = "") -> None:
        self.raw = value
        self._path = path

    def _named(self, key: str) -> str:
        return f"{self._path}{key}"

    def has(self, key: str) -> bool:
        return self.raw.get(key) is not None

    def text(
        self,
        key: str,
        *,
        required: bool = False,
        missing: int = 40058,
        max_chars: int | None = None,
        max_bytes: int | None = None,
        too_long: int = 40058,
    ) -> str:
        """Return a string, "" when absent; ``missing`` refuses an absent or empty one."""
        value = self.raw.get(key)
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise Refusal(40058, f"invalid Request Parameter: {self._named(key)} must be a string")
        if required and not value:
            raise Refusal(missing)
        over_chars = max_chars is not None and len(value) > max_chars
        over_bytes = max_bytes is not None and len(value.encode()) > max_bytes
        if over_chars or over_bytes:
            unit = f"{max_chars} characters" if over_chars else f"{max_bytes} bytes"
            raise Refusal(too_long, f"invalid {self._named(key)} size: at most {unit}")
        return value

    def integer(
        self, key: str, *, default: int = 0, low: int = 0, high: int = 2**63 - 1, bad: int = 40058
    ) -> int:
        """Return a whole number inside [low, high]."""
        value = self.raw.get(key)
        if value is None:
            return default
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Refusal(bad, f"invalid Request Parameter: {self._named(key)} must be {low} to {high}")
        return value

    def flag(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean; 0 and 1 are taken too."""
        value = self.raw.get(key)
        if value is None:
            return default
        if value is True or value is False or (isinstance(value, int) and value in {0, 1}):
            return bool(value)
        raise Refusal(40058, f"invalid Request Parameter: {self._named(key)} must be a boolean")

    def texts(
        self, key: str, *, at_most: int, too_many: int = 40058, required: bool = False, missing: int = 40058
    ) -> list[str]:
        """Return a list of strings."""
        value = self._list(key, at_most=at_most, too_many=too_many, required=required, missing=missing)
        if not all(isinstance(item, str) for item in value):
            raise Refusal(40058, f"invalid Request Parameter: {self._named(key)} must hold strings")
        return value

    def integers(self, key: str, *, at_most: int) -> list[int]:
        """Return a list of whole numbers."""
        value = self._list(key, at_most=at_most, too_many=40058, required=False, missing=40058)
        if not all(isinstance(item, int) and not isinstance(item, bool) for item in value):
            raise Refusal(40058, f"invalid Request Parameter: {self._named(key)} must hold integers")
        return value

    def _list(self, key: str, *, at_most: int, too_many: int, required: bool, missing: int) -> list[Any]:
        value = self.raw.get(key)
        if value is None:
            value = []
        if not isinstance(value, list):
            raise Refusal(40035, f"invalid parameter: {self._named(key)} must be an array")
        if required and not value:
            raise Refusal(missing)
        if len(value) > at_most:
            raise Refusal(too_many, f"invalid {self._named(key)} size: at most {at_most}")
        return value

    def part(self, key: str, *, required: bool = False, missing: int = 40058) -> Fields:
        """Return an object inside; an empty one when absent and not required."""
        value = self.raw.get(key)
        if value is None:
            if required:
                raise Refusal(missing, f"invalid Request Parameter: {self._named(key)} is missing")
            value = {}
        if not isinstance(value, dict):
            raise Refusal(40058, f"invalid Request Parameter: {self._named(key)} must be an object")
        return Fields(value, f"{self._named(key)}.")

    def parts(
        self, key: str, *, at_most: int, too_many: int = 40058, required: bool = False, missing: int = 40058
    ) -> list[Fields]:
        """Return a list of objects."""
        value = self._list(key, at_most=at_most, too_many=too_many, required=required, missing=missing)
        if not all(isinstance(item, dict) for item in value):
            raise Refusal(40058, f"invalid Request Parameter: {self._named(key)} must hold objects")
        return [Fields(item, f"{self._named(key)}[{number}].") for number, item in enumerate(value)]

    def limit(self, *, default: int, most: int) -> int:
        """Return a page size; 0, negative or over the most falls back to the default, as in WeCom."""
        value = self.integer("limit", default=default, low=-(2**63))
        return value if 0 < value <= most else default
