"""From what was said about tags to what WeCom is asked to change, relation by relation."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from clinic import tagging
from clinic.effects import MarkTags, TagNote
from clinic.rules.rules import held_words
from clinic.rules.wearing import RULE, STAFF, Word, difference, worn
from sop.case import known_to_wecom
from sop.parting import NEWS
from store import outbox

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    from clinic.rules.happenings import Happening
    from clinic.rules.wearing import Change
    from clinic.tables import Follow, PatientTag
    from sop.case import Case

TAG_WINDOW: Final = timedelta(days=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """The tags that she has now and had not, and those that she has no more, each since when.

    What staff changed on the phone is on record before this is asked; it counts while it is news, and
    whoever hears of it twice tells it by its time.
    """

    gained: Mapping[str, datetime]
    lost: Mapping[str, datetime]


async def decide(
    case: Case, happening: Happening, *, derived: Iterable[Word] = (), late: bool = False
) -> Turn:
    """Ask WeCom for whatever is not as it should be; return what that changes for her as a person.

    Args:
        derived: words that follow from her whole history and are not kept.
        late: the happening was found by a sync: say so.
    """
    said = [*await tagging.words_about(case.session, case.ids), *derived]
    rows = {} if case.new else await tagging.worn_rows(case.session, case.ids)
    said += _words_of_rows(rows, said, case)
    held = case.book.held()
    if held:
        said += held_words(held, await case.facts(), said, exclusive=case.book.exclusive)
    before: set[str] = set()
    after: dict[str, Word] = {}
    for follow in case.follows:
        if not known_to_wecom(case.record_of(follow)):
            continue
        mine = _Relation(case=case, follow=follow, rows=rows.get((follow.patient_id, follow.userid), {}))
        before |= mine.asked
        if follow.connected:
            wanted = await mine.bring_up_to(said, happening, late=late)
            after |= wanted
        elif mine.rows or follow.lost_at is not None:
            await mine.remember(said)
    return _turn(before, after, said, happening, since=case.now - NEWS)


def _turn(
    before: set[str],
    after: Mapping[str, Word],
    said: Iterable[Word],
    happening: Happening,
    *,
    since: datetime,
) -> Turn:
    by_hand = {word.path: word.at for word in said if word.origin == STAFF and not word.present}
    lost = {path: at for path, at in by_hand.items() if path not in after and at >= since}
    return Turn(
        gained={
            path: word.at
            for path, word in after.items()
            if word.at >= since and (path not in before or word.origin == STAFF)
        },
        lost=dict.fromkeys(before - after.keys(), happening.at) | lost,
    )


def _words_of_rows(
    rows: Mapping[tuple[int, str], Mapping[str, PatientTag]], said: Sequence[Word], case: Case
) -> list[Word]:
    """Let tags speak for themselves that no rule of today answers for: put on by people, or by old rules."""
    answered = {word.rule for word in said} | case.book.held_keys()
    return [
        Word(
            key=f"row:{userid}:{path}",
            path=path,
            present=True,
            at=row.at,
            origin=row.origin,
            reason=row.reason,
            rule=row.rule,
            userid=userid,
            expires_at=row.expires_at,
        )
        for (_, userid), tags in rows.items()
        for path, row in tags.items()
        if row.origin != RULE or row.rule is None or row.rule not in answered
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Relation:
    """One member's relation, and the tags on record for it."""

    case: Case
    follow: Follow
    rows: Mapping[str, PatientTag]

    @property
    def asked(self) -> set[str]:
        """The tags that WeCom shows once everything queued is done."""
        return set(self.rows if self.follow.tags_asked is None else self.follow.tags_asked)

    async def bring_up_to(
        self, said: Sequence[Word], happening: Happening, *, late: bool
    ) -> Mapping[str, Word]:
        """Ask WeCom for what differs and return the tags that should be there."""
        case, follow = self.case, self.follow
        wanted = worn(said, exclusive=case.book.exclusive, now=case.now, userid=follow.userid)
        for path, word in wanted.items():
            row = self.rows.get(path)
            if row is not None and row.origin == RULE and row.expires_at != word.expires_at:
                row.expires_at = word.expires_at  # said again, so it stays longer; WeCom knows no expiry
        change = difference(set(wanted), self.asked)
        if not change:
            return wanted
        notes = {path: _note(wanted[path]) for path in change.add}
        notes |= {path: TagNote(reason=self._why_off(path, said, wanted)) for path in change.remove}
        reason = _in_words(change, notes) + ("（对账补上）" if late else "")
        external_userid = case.record_of(follow).external_userid
        await outbox.put(
            case.session,
            MarkTags(
                userid=follow.userid,
                external_userid=external_userid,
                add=list(change.add),
                remove=list(change.remove),
                reason=reason[:300],
                notes=notes,
            ),
            key=f"{tagging.mark_key(follow.userid, external_userid, at=happening.at)}:{self._digest(change)}",
            now=case.now,
            deadline=case.now + TAG_WINDOW,
            cause=reason[:200],
        )
        follow.tags_asked = sorted(wanted)
        return wanted

    async def remember(self, said: Sequence[Word]) -> None:
        """Keep, for staff who look at a relation that ended, what was known; WeCom is not asked.

        Should she come back, everything is asked for again: WeCom may have forgotten it with the relation.
        """
        follow = self.follow
        ended = follow.lost_at is not None and follow.added_at is not None and not follow.half
        wanted = worn(said, exclusive=self.case.book.exclusive, now=self.case.now, userid=follow.userid)
        await tagging.keep(self.case.session, follow, wanted if ended else {}, self.rows)
        follow.tags_asked = []

    def _digest(self, change: Change) -> str:
        # Within one second the same may be asked, taken back and asked again.
        state = (change.add, change.remove, self.follow.tags_asked, self.case.now.isoformat())
        return sha256(repr(state).encode()).hexdigest()[:12]

    def _why_off(self, path: str, said: Sequence[Word], wanted: Mapping[str, Word]) -> str:
        about = [w for w in said if w.path == path and w.userid in ("", self.follow.userid)]
        newest = max(about, key=lambda w: (w.at, w.origin != RULE), default=None)
        if newest is not None and not newest.present:
            return newest.reason if newest.rule is None else f"规则 {newest.rule}（{newest.reason}）"
        if newest is not None and newest.expires_at is not None and newest.expires_at <= self.case.now:
            return "到期了"
        group = path.partition("/")[0]
        instead = next((other for other, word in wanted.items() if word.group == group), None)
        if instead is not None and group in self.case.book.exclusive:
            return f"同组换成了 {instead}"
        return "条件不再成立"


def _note(word: Word) -> TagNote:
    return TagNote(rule=word.rule, reason=word.reason, expires_at=word.expires_at)


def _in_words(change: Change, notes: Mapping[str, TagNote]) -> str:
    parts = []
    by_reason: dict[str, list[str]] = {}
    for path in change.add:
        note = notes[path]
        plain = note.rule is None or note.rule.startswith("channel:")
        why = note.reason if plain else f"规则 {note.rule}（{note.reason}）"
        by_reason.setdefault(why, []).append(path)
    parts += [f"{'、'.join(paths)}：{why}" for why, paths in by_reason.items()]
    parts += [f"去掉 {path}：{notes[path].reason}" for path in change.remove]
    return "；".join(parts)
