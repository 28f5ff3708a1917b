"""What a page of WeCom's list of patients holds, what it is judged by, and what recording it has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from clinic.reconcile import Listed, Tally
    from clinic.rules.happenings import Happening
    from store.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedContact:
    """A person and one member's relation to her, as a listing shows them."""

    external_userid: str
    name: str
    unionid: str
    gender: int
    userid: str
    relation: Listed
    tag_ids: tuple[str, ...]
    remark: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What a page was: how much of it was different, and what must have happened unheard, by patient's id."""

    tallies: Mapping[str, Tally]
    happenings: Sequence[tuple[int, Happening]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookup:
    """What a page is judged by; read once for many pages."""

    vault: Vault
    tags: Mapping[str, int]  # our ids of corp tags, by WeCom's
    channels: Mapping[str, str]  # titles, by state
    late_since: datetime
    tags_read: bool = False  # by the run before: what is new since, a person put on
