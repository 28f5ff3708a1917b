"""Posts as pages show them: names instead of ids, findings in place, what may be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from clinic import calling
from clinic.tables import CustomerGroup, Member
from console.highlights import Segment, gravest, segments
from console.wording import KINDS, PEOPLE, Sign, sign
from content.pack import NotInPackError
from sop import consented
from sop.life import CANCELLABLE, EDITABLE, NEXT, PostState

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from zoneinfo import ZoneInfo

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from sop.tables import Post

TONES: Final = 6  # colours of avatars
IDS_AT_ONCE: Final = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """A persona as a page shows it; one the pack no longer has goes by its key."""

    key: str
    name: str
    title: str
    doctor: bool
    tone: int

    @property
    def initial(self) -> str:
        return self.name[:1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A picture, link or mini-program card; ``picture`` is the asset that shows its image."""

    kind: str
    title: str
    desc: str
    url: str
    picture: str | None
    asset: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PostView:
    """One post, ready to be shown."""

    id: int
    batch_id: int
    kind: str
    kind_name: str
    state: PostState
    sign: Sign
    face: Face
    sender: str
    category: str
    text: str
    segments: tuple[Segment, ...]
    findings: tuple[dict[str, Any], ...]
    level: str
    attachments: tuple[Attachment, ...]
    groups: tuple[str, ...]
    patients: int  # how many single patients it is for
    tags: tuple[str, ...]  # a moment's: only who wears one of these sees it
    day: date
    scheduled_at: datetime
    digest: str
    revision: int
    reason: str
    late: bool  # its hour has passed
    content_key: str | None  # the library's entry it says
    obstacle: str  # why it must not be approved as it is: it shows a patient who has not agreed
    needs_reason: bool  # the content check warns: an approval says why it may go out
    can_approve: bool
    can_reject: bool
    can_edit: bool
    can_cancel: bool

    @property
    def images(self) -> tuple[Attachment, ...]:
        return tuple(a for a in self.attachments if a.kind == "image")

    @property
    def cards(self) -> tuple[Attachment, ...]:
        return tuple(a for a in self.attachments if a.kind != "image")

    @property
    def audience(self) -> str:
        """Say who will see it."""
        if self.kind == "group":
            return "、".join(self.groups)
        if self.kind == "direct":
            return f"{self.sender}的 {self.patients} 位客户"
        if self.tags:
            return f"{self.sender}的微信好友里有“{'”或“'.join(self.tags)}”标签的"
        return f"{self.sender}的微信好友"


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """What ids are called."""

    members: Mapping[str, str]
    groups: Mapping[str, str]

    def person(self, actor: str) -> str:
        """Return how staff call a member, or one of the program's own actors."""
        return PEOPLE.get(actor) or self.members.get(actor) or actor

    def sentence(self, text: str) -> str:
        """Return what the program wrote with members called by name (:mod:`clinic.calling`)."""
        return calling.by_name(text, self.members)


async def load_names(
    session: AsyncSession, *, userids: Iterable[str] = (), chat_ids: Iterable[str] = ()
) -> Names:
    """Read the names of some members and customer groups."""
    members: dict[str, str] = {}
    groups: dict[str, str] = {}
    for some in _slices(userids):
        rows = await session.execute(select(Member.userid, Member.name).where(Member.userid.in_(some)))
        members |= {userid: name for userid, name in rows if name}
    for some in _slices(chat_ids):
        found = await session.execute(
            select(CustomerGroup.chat_id, CustomerGroup.name).where(CustomerGroup.chat_id.in_(some))
        )
        groups |= {chat_id: name for chat_id, name in found if name}
    return Names(members=members, groups=groups)


async def load_views(
    session: AsyncSession, posts: Sequence[Post], *, pack: Pack, zone: ZoneInfo, now: datetime
) -> tuple[PostView, ...]:
    """Return posts as they are shown, in the order given."""
    names = await load_names(
        session,
        userids=(post.sender for post in posts),
        chat_ids=(chat_id for post in posts for chat_id in post.audience.get("chat_ids", ())),
    )
    open_ones = [post for post in posts if PostState(post.state) in EDITABLE]
    barred = await consented.obstacles(session, open_ones, now=now) if open_ones else {}
    return tuple(
        view_of(post, names=names, pack=pack, zone=zone, now=now, obstacle=barred.get(post.id, ""))
        for post in posts
    )


def view_of(
    post: Post, *, names: Names, pack: Pack, zone: ZoneInfo, now: datetime, obstacle: str = ""
) -> PostView:
    """Return one post as it is shown."""
    state = PostState(post.state)
    late = post.scheduled_at <= now
    return PostView(
        id=post.id,
        batch_id=post.batch_id,
        kind=post.kind,
        kind_name=KINDS.get(post.kind, post.kind),
        state=state,
        sign=sign(post.state),
        face=face_of(pack, post.persona),
        sender=names.person(post.sender),
        category=post.category,
        text=post.text,
        segments=segments(post.text, post.findings),
        findings=tuple(post.findings),
        level=gravest([str(finding["level"]) for finding in post.findings]),
        attachments=tuple(attachment_of(card, pack) for card in post.attachments),
        groups=tuple(names.groups.get(c, "未知客户群") for c in post.audience.get("chat_ids", ())),
        patients=len(post.audience.get("external_userids", ())),
        tags=tuple(post.audience.get("tags", ())),
        day=post.scheduled_at.astimezone(zone).date(),
        scheduled_at=post.scheduled_at,
        digest=post.digest,
        revision=post.revision,
        reason=post.reason,
        late=late and state in EDITABLE,
        content_key=post.content_key,
        obstacle=obstacle,
        needs_reason=any(finding["level"] == "warn" for finding in post.findings),
        can_approve=state is PostState.IN_REVIEW and not late and not obstacle,
        can_reject=PostState.REJECTED in NEXT[state],
        can_edit=state in EDITABLE,
        can_cancel=state in CANCELLABLE,
    )


def face_of(pack: Pack, key: str) -> Face:
    """Return a persona's face."""
    for index, persona in enumerate(pack.personas):
        if persona.key == key:
            return Face(
                key=key,
                name=persona.name,
                title=persona.title,
                doctor=persona.kind == "doctor",
                tone=index % TONES,
            )
    return Face(key=key, name=key, title="内容包里已没有这个人设", doctor=False, tone=0)


def attachment_of(card: Mapping[str, Any], pack: Pack) -> Attachment:
    """Return a stored attachment as it is shown."""
    asset = card.get("asset")
    picture: str | None = None
    if isinstance(asset, str):
        try:
            spec = pack.asset(asset)
        except NotInPackError:
            picture = None
        else:
            picture = asset if spec.kind == "image" or spec.picture else None
    return Attachment(
        kind=str(card.get("kind", "")),
        title=str(card.get("title", "")),
        desc=str(card.get("desc", "")),
        url=str(card.get("url", "")),
        picture=picture,
        asset=asset if isinstance(asset, str) else None,
    )


def _slices(ids: Iterable[str]) -> Iterable[list[str]]:
    unique = list(dict.fromkeys(ids))
    return (unique[i : i + IDS_AT_ONCE] for i in range(0, len(unique), IDS_AT_ONCE))
