"""What WeCom's own bot of 微信客服 has been taught, in groups. The sandbox keeps it; no bot speaks here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .refusal import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .corp import Corp
    from .state import Json

GROUPS = 100
QUESTIONS = 200  # of one group
DEFAULT_GROUP, DEFAULT_ID = "默认分组", "kgDEFAULT"


@dataclass(slots=True, kw_only=True)
class Entry:
    """``answers`` is WeCom's list, of one answer; media stand in it by their file names."""

    intent_id: str
    group_id: str
    question: str
    similar: list[str]
    answers: list[Json]

    def asked(self) -> set[str]:
        return {self.question, *self.similar}


@dataclass(slots=True, kw_only=True)
class KnowledgeGroup:
    group_id: str
    name: str
    is_default: bool = False


@dataclass
class KnowledgeBase:
    """Names of groups are unique, and so are questions; WeCom documents no errcode, so all is 40058 here."""

    _corp: Corp
    groups: dict[str, KnowledgeGroup] = field(default_factory=dict)
    entries: dict[str, Entry] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.groups[DEFAULT_ID] = KnowledgeGroup(group_id=DEFAULT_ID, name=DEFAULT_GROUP, is_default=True)

    def add_group(self, name: str) -> KnowledgeGroup:
        self._check_name(name)
        if len(self.groups) >= GROUPS:
            raise Refusal(40058, f"invalid Request Parameter: at most {GROUPS} groups")
        group = KnowledgeGroup(group_id=self._corp.ids.mark("kg", 20), name=name)
        self.groups[group.group_id] = group
        return group

    def group(self, group_id: str) -> KnowledgeGroup:
        try:
            return self.groups[group_id]
        except KeyError:
            raise Refusal(40058, "invalid Request Parameter: group_id") from None

    def rename_group(self, group_id: str, name: str) -> None:
        group = self._own(group_id)
        if name != group.name:
            self._check_name(name)
        group.name = name

    def delete_group(self, group_id: str) -> None:
        group = self._own(group_id)
        del self.groups[group.group_id]
        for entry in [one for one in self.entries.values() if one.group_id == group_id]:
            del self.entries[entry.intent_id]

    def add(self, group_id: str, question: str, similar: list[str], answers: list[Json]) -> Entry:
        group = self.group(group_id)
        if len(self.of(group_id=group_id)) >= QUESTIONS:
            raise Refusal(40058, f"invalid Request Parameter: at most {QUESTIONS} questions in a group")
        entry = Entry(
            intent_id=self._corp.ids.mark("intent", 20),
            group_id=group.group_id,
            question=question,
            similar=similar,
            answers=answers,
        )
        self._check_new(entry.asked())
        self.entries[entry.intent_id] = entry
        return entry

    def entry(self, intent_id: str) -> Entry:
        try:
            return self.entries[intent_id]
        except KeyError:
            raise Refusal(40058, "invalid Request Parameter: intent_id") from None

    def update(
        self, entry: Entry, *, question: str | None, similar: list[str] | None, answers: list[Json] | None
    ) -> None:
        asked = {entry.question if question is None else question}
        asked |= set(entry.similar if similar is None else similar)
        self._check_new(asked - entry.asked())
        entry.question = entry.question if question is None else question
        entry.similar = entry.similar if similar is None else similar
        entry.answers = entry.answers if answers is None else answers

    def delete(self, intent_id: str) -> None:
        del self.entries[self.entry(intent_id).intent_id]

    def of(self, *, group_id: str = "", intent_id: str = "") -> list[Entry]:
        """Return the entries, all of them or only those asked for; unknown ids are of none."""
        return [
            one
            for one in self.entries.values()
            if group_id in ("", one.group_id) and intent_id in ("", one.intent_id)
        ]

    def _own(self, group_id: str) -> KnowledgeGroup:
        group = self.group(group_id)
        if group.is_default:
            raise Refusal(40058, "invalid Request Parameter: the default group stays as it is")
        return group

    def _check_name(self, name: str) -> None:
        if any(group.name == name for group in self.groups.values()):
            raise Refusal(40058, "invalid Request Parameter: a group has this name")

    def _check_new(self, asked: Iterable[str]) -> None:
        taught = {text for entry in self.entries.values() for text in entry.asked()}
        if taught & set(asked):
            raise Refusal(40058, "invalid Request Parameter: the question is taught already")
