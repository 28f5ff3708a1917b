"""Whether what shows or quotes a patient may be sent: her consent must stand behind it.

An entry of the library needs one when it says so (``patient: shown``), or when it is a case or a testimonial
that does not say that it shows nobody (``patient: none``). A post needs what its text and its pictures need.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, or_, select, tuple_

from clinic import audit
from clinic.consents import ConsentKind, Standing, standing
from content.library.importing import current_version
from content.library.tables import LibraryItem, LibraryVersion
from content.pack import OF_PATIENTS
from sop.consent_tables import Consent, ContentConsent
from sop.life import NotPossible, PostState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import AssetSpec, Pack
    from sop.tables import Post

Place = tuple[str, str]  # shelf and key
Card = tuple[str, str]  # an asset and the digest of the picture that a post carries

TEXT: Final = "text"
ASSET: Final = "asset"
NOT_YET: Final = "还没有登记患者的同意"
WITHDRAWN: Final = "患者的同意已经撤回"
EXPIRED: Final = "患者的同意已经到期"


class Unconsented(NotPossible):
    """A post shows a patient without her consent; the message says what and what to do."""

    def __init__(self, post_id: int, state: PostState, why: str) -> None:
        super().__init__(post_id, state, PostState.APPROVED, f"：{why}")


class NotLinkable(ValueError):
    """A consent cannot stand behind an entry; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """What must be shown to nobody; ``asset`` is what shows a patient of it: itself or its cover."""

    key: str
    title: str
    asset: str
    why: str

    def __str__(self) -> str:
        return f"素材“{self.title}”用到了患者，{self.why}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Backing:
    """A consent behind an entry, and whether it holds."""

    link: ContentConsent
    consent: Consent
    standing: Standing


def needs(document: Mapping[str, Any]) -> bool:
    """Tell whether an entry shows or quotes a patient."""
    said = document.get("patient")
    return said == "shown" or (not said and document.get("category") in OF_PATIENTS)


# ── posts ────────────────────────────────────────────────────────────────────────────────────────────


async def obstacles(session: AsyncSession, posts: Iterable[Post], *, now: datetime) -> dict[int, str]:
    """Return why posts must not be sent, by id; those that nothing stands against are not in it."""
    wanted = list(posts)
    known = await _texts(session, {post.content_key for post in wanted if post.content_key})
    shown = await _shown(
        session,
        {_card(card) for post in wanted for card in post.attachments if card.get("asset")},
    )
    asked = {(TEXT, key) for key, shows in known.items() if shows}
    asked |= {(ASSET, key) for keys in shown.values() for key in keys}
    lacking = await _lacking(session, asked, now=now)
    return {post.id: why for post in wanted if (why := _why(post, known, shown, lacking))}


async def obstacle(session: AsyncSession, post: Post, *, now: datetime) -> str:
    """Return why a post must not be sent, or nothing."""
    return (await obstacles(session, [post], now=now)).get(post.id, "")


def _why(
    post: Post, known: Mapping[str, bool], shown: Mapping[Card, set[str]], lacking: Mapping[Place, str]
) -> str:
    key = post.content_key
    if key and (TEXT, key) in lacking:
        return _unbacked(key, lacking[TEXT, key])
    if post.category in OF_PATIENTS and (not key or key not in known):
        return f"“{post.category}”要从内容库里排：先放进内容库，写明有没有用到患者"
    for card in post.attachments:
        for asset in sorted(shown.get(_card(card), ())):
            if why := lacking.get((ASSET, asset)):
                title = card.get("title") or asset
                return f"素材“{title}”用到了患者，{why}。请在内容库里打开素材 {asset} 登记同意"
    return ""


async def unsayable(session: AsyncSession, keys: Iterable[str], *, now: datetime) -> dict[str, str]:
    """Return why texts of the library must be said to nobody, by key; those that may be are not in it."""
    known = await _texts(session, keys) if (keys := set(keys)) else {}
    lacking = await _lacking(session, {(TEXT, key) for key, shows in known.items() if shows}, now=now)
    return {key: _unbacked(key, why) for (_, key), why in lacking.items()}


def _unbacked(key: str, why: str) -> str:
    return f"文字用到了患者，{why}。请在内容库里打开 {key} 登记同意"


async def _texts(session: AsyncSession, keys: Iterable[str]) -> dict[str, bool]:
    """Return for each text of the library whether it needs a consent."""
    rows = await session.execute(
        select(LibraryItem.key, LibraryVersion.document)
        .join(LibraryVersion, current_version())
        .where(LibraryItem.shelf == TEXT, LibraryItem.key.in_(sorted(keys)))
    )
    return {row.key: needs(row.document) for row in rows}


def _card(card: Mapping[str, Any]) -> Card:
    return str(card.get("asset", "")), str(card.get("sha256", ""))


async def _shown(session: AsyncSession, cards: Collection[Card]) -> dict[Card, set[str]]:
    """Return for each asset, given with the picture that a post carries, which assets show a patient by it.

    Itself or its cover, as they are now; and whatever ever had the very picture that was approved.
    """
    if not cards:
        return {}
    keys = {key for key, _ in cards}
    covers = await _covers(session, keys)
    rows = await session.execute(
        select(
            *(LibraryVersion.key, LibraryVersion.picture, LibraryVersion.document),
            *(LibraryVersion.number, LibraryItem.version),
        )
        .join(
            LibraryItem,
            (LibraryItem.shelf == LibraryVersion.shelf) & (LibraryItem.key == LibraryVersion.key),
        )
        .where(
            LibraryVersion.shelf == ASSET,
            or_(
                LibraryVersion.key.in_({*keys, *covers.values()}),
                LibraryVersion.picture.in_({picture for _, picture in cards} - {""}),
            ),
        )
    )
    showing = [row for row in rows if needs(row.document)]
    found = {
        (key, picture): {
            row.key
            for row in showing
            if (row.key in (key, covers.get(key)) and row.number == row.version)
            or (row.picture and row.picture == picture)
        }
        for key, picture in cards
    }
    return {card: shows for card, shows in found.items() if shows}


async def _covers(session: AsyncSession, keys: Iterable[str]) -> dict[str, str]:
    rows = await session.execute(
        select(LibraryItem.key, LibraryVersion.document)
        .join(LibraryVersion, current_version())
        .where(LibraryItem.shelf == ASSET, LibraryItem.key.in_(sorted(keys)))
    )
    return {row.key: row.document["picture"] for row in rows if row.document.get("picture")}


async def _lacking(session: AsyncSession, places: Iterable[Place], *, now: datetime) -> dict[Place, str]:
    """Return what is wrong with the consents behind these entries; those well backed are not in it."""
    asked = set(places)
    if not asked:
        return {}
    backed: defaultdict[Place, list[Standing]] = defaultdict(list)
    for one in await _backings(session, asked, now=now):
        backed[one.link.shelf, one.link.key].append(one.standing)
    return {place: why for place in asked if (why := _fault(backed.get(place, [])))}


def _fault(found: Sequence[Standing]) -> str:
    if not found:
        return NOT_YET
    if Standing.WITHDRAWN in found:
        return WITHDRAWN
    return EXPIRED if Standing.EXPIRED in found else ""


async def _backings(session: AsyncSession, places: Iterable[Place], *, now: datetime) -> list[Backing]:
    rows = await session.execute(
        select(ContentConsent, Consent)
        .join(Consent, Consent.id == ContentConsent.consent_id)
        .where(tuple_(ContentConsent.shelf, ContentConsent.key).in_(sorted(places)))
        .order_by(ContentConsent.linked_at, ContentConsent.consent_id)
    )
    return [
        Backing(link=link, consent=consent, standing=standing(consent, now=now)) for link, consent in rows
    ]


# ── entries ──────────────────────────────────────────────────────────────────────────────────────────


async def backings(session: AsyncSession, shelf: str, key: str, *, now: datetime) -> list[Backing]:
    """Return the consents behind an entry, the first one first."""
    return await _backings(session, [(shelf, key)], now=now)


async def allowed(session: AsyncSession, pack: Pack, *, now: datetime) -> Pack:
    """Return the pack without the texts that could not be approved now: they are not worth drafting."""
    items = (*pack.moments, *pack.group_posts)
    assets = {asset.key: asset for asset in pack.assets}
    asked: dict[str, set[Place]] = {}
    for item in items:
        places = {(TEXT, item.key)} if item.shows_patient else set()
        for key in item.attachments:
            places |= {(ASSET, one.key) for one in _showing(assets, key)}
        if places:
            asked[item.key] = places
    if not asked:
        return pack
    lacking = await _lacking(session, {place for places in asked.values() for place in places}, now=now)
    barred = {key for key, places in asked.items() if places & lacking.keys()}
    return replace(
        pack,
        moments=tuple(item for item in pack.moments if item.key not in barred),
        group_posts=tuple(item for item in pack.group_posts if item.key not in barred),
    )


async def barred(
    session: AsyncSession, pack: Pack, keys: Iterable[str], *, now: datetime
) -> dict[str, Barred]:
    """Return what assets must be shown to nobody, by key; those that may be are not in it.

    Args:
        pack: as it stands in the library. Where none of the assets shows a patient, nothing is asked.
    """
    assets = {asset.key: asset for asset in pack.assets}
    shown = {key: found for key in keys if (found := _showing(assets, key))}
    lacking = await _lacking(
        session, {(ASSET, one.key) for found in shown.values() for one in found}, now=now
    )
    return {
        key: Barred(key=key, title=assets[key].title or key, asset=one.key, why=lacking[ASSET, one.key])
        for key, found in shown.items()
        for one in found
        if (ASSET, one.key) in lacking
    }


def _showing(assets: Mapping[str, AssetSpec], key: str) -> list[AssetSpec]:
    """Return what shows a patient of an asset and its cover."""
    card = assets.get(key)
    cover = assets.get(card.picture or "") if card else None
    return [one for one in (cover, card) if one is not None and one.shows_patient]


async def linkable(session: AsyncSession, *, now: datetime, limit: int = 50) -> Sequence[Consent]:
    """Return the consents that may stand behind something now, the latest first."""
    rows = await session.scalars(
        select(Consent)
        .where(
            Consent.kind == ConsentKind.CASE,
            Consent.withdrawn_at.is_(None),
            or_(Consent.until.is_(None), Consent.until > now),
        )
        .order_by(Consent.given_at.desc(), Consent.id.desc())
        .limit(limit)
    )
    return rows.all()


async def behind(session: AsyncSession, consent_ids: Iterable[int]) -> dict[int, list[Place]]:
    """Return the entries behind which these consents stand."""
    rows = await session.scalars(
        select(ContentConsent)
        .where(ContentConsent.consent_id.in_(list(consent_ids)))
        .order_by(ContentConsent.shelf, ContentConsent.key)
    )
    found: dict[int, list[Place]] = {}
    for row in rows:
        found.setdefault(row.consent_id, []).append((row.shelf, row.key))
    return found


async def link(
    session: AsyncSession, shelf: str, key: str, consent_id: int, *, actor: str, now: datetime
) -> ContentConsent:
    """Let a patient's consent stand behind an entry; doing it again changes nothing.

    Raises:
        NotLinkable: no such consent, one for something else, or one that does not hold.
    """
    consent = await session.get(Consent, consent_id)
    if consent is None:
        raise NotLinkable("没有这项同意，请重新选择")
    if consent.kind != ConsentKind.CASE:
        raise NotLinkable(f"这项同意是“{ConsentKind(consent.kind).title}”，不包括使用病例、照片或评价")
    if standing(consent, now=now) is not Standing.HOLDS:
        raise NotLinkable("这项同意已经到期或撤回，请换一项")
    found = await session.get(ContentConsent, (shelf, key, consent_id))
    if found is not None:
        return found
    row = ContentConsent(shelf=shelf, key=key, consent_id=consent_id, linked_by=actor[:80], linked_at=now)
    session.add(row)
    await session.flush()
    _note(session, shelf, key, "consent.link", f"登记了患者的同意 #{consent_id}", actor=actor, now=now)
    return row


async def unlink(
    session: AsyncSession, shelf: str, key: str, consent_id: int, *, actor: str, now: datetime
) -> None:
    """Take a consent from behind an entry, because it does not show that patient any more."""
    await session.execute(
        delete(ContentConsent).where(
            ContentConsent.shelf == shelf,
            ContentConsent.key == key,
            ContentConsent.consent_id == consent_id,
        )
    )
    _note(session, shelf, key, "consent.unlink", f"去掉了患者的同意 #{consent_id}", actor=actor, now=now)


def _note(
    session: AsyncSession, shelf: str, key: str, action: str, reason: str, *, actor: str, now: datetime
) -> None:
    subject = subject_of(shelf, key)
    audit.record(session, at=now, actor=actor, action=action, subject=subject, reason=reason)


def subject_of(shelf: str, key: str) -> str:
    """Return an entry as the audit trail calls it."""
    return f"{'asset' if shelf == ASSET else 'content'}:{key}"


async def ended(session: AsyncSession, *, now: datetime) -> dict[Place, datetime]:
    """Return the entries behind which a consent has ended, and when the last one did.

    Nothing with them may go out any more.
    """
    rows = await session.execute(
        select(ContentConsent.shelf, ContentConsent.key, Consent.withdrawn_at, Consent.until)
        .join(Consent, Consent.id == ContentConsent.consent_id)
        .where(or_(Consent.withdrawn_at <= now, Consent.until <= now))
        .order_by(ContentConsent.shelf, ContentConsent.key)
    )
    found: dict[Place, datetime] = {}
    for row in rows:
        at = min(at for at in (row.withdrawn_at, row.until) if at is not None and at <= now)
        place = (row.shelf, row.key)
        found[place] = max(found.get(place, at), at)
    return found
