"""What the page of one library entry shows and judges, gathered in one reading."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from clinic.tables import Patient
from console import library_views as views
from console.cards import load_cards
from console.diffs import diff
from console.library_forms import FIELDS
from console.views import Attachment, attachment_of, load_names
from content.library import keeping, pictures
from content.library.fitness import Fault, judge
from content.library.reading import readings
from content.library.view import entries
from content.schema_talk import ScriptStage
from content.written import ASSETS, Written
from sop import consented, greeting_assets
from sop.attachments import IN_MESSAGES, IN_MOMENTS, from_item
from sop.library_use import Result, covered_by, results_of, users_of
from sop.sendings import WAYS, sendings
from sop.withdrawals import published_with

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from console.deps import Deps
    from console.diffs import Diff
    from console.views import Names
    from content.library.keeping import Kept
    from content.library.tables import LibraryVersion
    from content.pack import Pack
    from sop.consented import Backing
    from sop.sendings import Sending
    from sop.tables import Post

ATTACHABLE: Final = {
    "moment": IN_MOMENTS,
    "group": IN_MESSAGES,
    "direct": IN_MESSAGES,
    "answer": IN_MESSAGES,
}
_ALL: Final = ("科普", "案例", "口碑", "日常", "活动", "节日", "关怀")
CATEGORIES: Final = {"moment": _ALL, "group": _ALL, "direct": ("关怀", "科普", "活动", "节日")}
STAGES: Final = {key: views.STAGES.get(key, key) for key in ScriptStage.__args__}  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An attachment or cover that can be chosen."""

    key: str
    chosen: bool
    card: Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """An entry with all that its page needs; ``kept`` is None for one that is being written anew."""

    kept: Kept | None
    pack: Pack
    others: tuple[Written, ...]
    history: tuple[LibraryVersion, ...]
    names: Names
    users: tuple[str, ...]
    result: Result
    offer: Diff | None
    backings: tuple[Backing, ...] = ()  # patients' consents behind it
    linkable: tuple[tuple[int, str], ...] = ()  # consents that could stand behind it, in words
    file_bytes: int = 0  # of a picture or video
    published: tuple[Post, ...] = ()  # where people have seen it; asked only of what shows a patient
    sendings: tuple[Sending, ...] = ()  # to how many it went one by one; asked only of what shows a patient
    greets: bool = False  # a greeting carries it, or would if a consent stood behind it

    @property
    def ways(self) -> Mapping[str, str]:
        """How something goes to people one by one, in words."""
        return WAYS

    @property
    def shows_patient(self) -> bool:
        """Whether the entry as it stands needs a patient's consent."""
        return self.kept is not None and consented.needs(self.kept.version.document)

    @property
    def backed(self) -> bool:
        """Whether a consent stands behind it, and all of them hold."""
        return bool(self.backings) and all(one.standing.value == "holds" for one in self.backings)

    @property
    def retired(self) -> bool:
        return self.kept is not None and self.kept.item.state == keeping.RETIRED


async def load_desk(session: AsyncSession, deps: Deps, shelf: str, key: str) -> Desk:
    """Read what the page of an entry shows.

    Raises:
        NotInLibrary: there is no such entry.
    """
    pack = await deps.library.pack(session)
    kept = await keeping.get(session, shelf, key)
    history = await keeping.history(session, shelf, key)
    now = deps.clock.now()
    shows = consented.needs(kept.version.document)
    backings = await consented.backings(session, shelf, key, now=now)
    traced = shows or bool(backings)
    return Desk(
        kept=kept,
        pack=pack,
        others=tuple(await entries(session)),
        history=tuple(history),
        names=await load_names(session, userids={version.author for version in history}),
        users=tuple(await users_of(session, pack, shelf, key)),
        result=(await results_of(session, [key])).get(key, Result()),
        offer=None if kept.item.offered is None else diff(kept.version.document, kept.item.offered),
        backings=tuple(backings),
        linkable=await _linkable(session, deps, backings, now=now) if shows else (),
        file_bytes=await pictures.size_of(session, kept.version.picture) if kept.version.picture else 0,
        published=tuple(await published_with(session, shelf, key)) if traced else (),
        sendings=await sendings(session, pack, shelf, key) if traced else (),
        greets=shelf == consented.ASSET and bool(greeting_assets.carried(pack) & covered_by(pack, key)),
    )


async def _linkable(
    session: AsyncSession, deps: Deps, backings: Sequence[Backing], *, now: datetime
) -> tuple[tuple[int, str], ...]:
    """Return the consents to choose from; who it is stands there masked, as in lists."""
    there = {one.consent.id for one in backings}
    found = [one for one in await consented.linkable(session, now=now) if one.id not in there]
    patients = await session.scalars(select(Patient).where(Patient.id.in_({one.patient_id for one in found})))
    names = {
        card.id: card.real_name or card.name for card in await load_cards(session, patients.all(), deps.vault)
    }
    return tuple(
        (
            one.id,
            " · ".join(
                part
                for part in (
                    names.get(one.patient_id) or "一位客户",
                    one.purpose,
                    f"{one.given_at.astimezone(deps.zone):%Y-%m-%d} 登记",
                    one.proof,
                )
                if part
            ),
        )
        for one in found
    )


async def empty_desk(session: AsyncSession, deps: Deps) -> Desk:
    """Return the desk for something new."""
    return Desk(
        kept=None,
        pack=await deps.library.pack(session),
        others=tuple(await entries(session)),
        history=(),
        names=await load_names(session),
        users=(),
        result=Result(),
        offer=None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is wrong with a document, and the document in the one form that is kept."""

    document: dict[str, Any]
    faults: tuple[Fault, ...]  # of form: the pack's own checks
    blocked: tuple[Fault, ...] = ()  # by the content check, whose findings are shown besides

    @property
    def all(self) -> tuple[Fault, ...]:
        return (*self.faults, *self.blocked)


def verdict_of(deps: Deps, desk: Desk, kind: str, document: Mapping[str, Any]) -> Verdict:
    """Judge a document by the pack's own checks and by the content check: what that blocks is not kept."""
    key = str(document.get("key") or "being-written")
    written = Written(kind=kind, key=key, file="", document={**document, "key": key})
    judged = judge(written, desk.pack, desk.others, renderer=deps.renderer)
    faults, blocks = list(judged.faults), tuple[Fault, ...]()
    if judged.ok and kind not in ASSETS:
        read = readings(kind, judged.document, desk.pack, renderer=deps.renderer, checker=deps.checker)
        if not read:
            faults.append(Fault(field="for", message="没有角色会说这一条", remedy="换一个角色，或换一个类别"))
        if words := views.blocked_for(read):
            blocks = (Fault(field="say" if kind == "script" else "text", message=words, remedy=""),)
    return Verdict(document=judged.document, faults=tuple(faults), blocked=blocks)


def choices(desk: Desk, kind: str, document: Mapping[str, Any]) -> tuple[Choice, ...]:
    """Return what can be attached: what is attached already first, then what is in use."""
    chosen = list(document.get("attachments", ()))
    fitting = {
        asset.key
        for asset in desk.pack.assets
        if asset.kind in ATTACHABLE.get(kind, ()) and (not asset.retired or asset.key in chosen)
    }
    order = [key for key in chosen if key in fitting]
    order += [asset.key for asset in desk.pack.assets if asset.key in fitting and asset.key not in order]
    cards = zip(order, from_item(order, desk.pack), strict=True)
    return tuple(
        Choice(key=key, chosen=key in chosen, card=attachment_of(card, desk.pack)) for key, card in cards
    )


def covers(desk: Desk, document: Mapping[str, Any]) -> tuple[Choice, ...]:
    """Return the pictures that a card may have as its cover."""
    keys = [
        asset.key
        for asset in desk.pack.assets
        if asset.kind == "image" and (not asset.retired or asset.key == document.get("picture"))
    ]
    cards = zip(keys, from_item(keys, desk.pack), strict=True)
    return tuple(
        Choice(key=key, chosen=key == document.get("picture"), card=attachment_of(card, desk.pack))
        for key, card in cards
    )


def options(desk: Desk, kind: str) -> dict[str, Any]:
    """Return what the form of a kind can choose from."""
    pack = desk.pack
    return {
        "fields": FIELDS[kind],
        "categories": CATEGORIES.get(kind, ()),
        "speakers": [
            *((key, name) for key, name in views.BOTH.items()),
            *((persona.key, persona.name) for persona in pack.personas if persona.key not in views.BOTH),
        ],
        "roles": [(role.key, role.title) for role in pack.roles],
        "tags": [(group.name, group.references) for group in pack.tag_groups],
        "stages": list(STAGES.items()),
        "variables": sorted(f"clinic.{name}" for name in pack.clinic),
    }


def senders(desk: Desk, kind: str, document: Mapping[str, Any]) -> Sequence[Any]:
    """Return the personas as whom a text can be sent to review."""
    return views.faces_for(kind, document, desk.pack) if kind in ("moment", "group") else ()
