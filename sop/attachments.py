"""Attachments of posts: what staff may attach, resolved to what exactly would be sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    HttpUrl,
    StringConstraints,
    Tag,
    TypeAdapter,
    UrlConstraints,
    ValidationError,
)

from content.pack import NotInPackError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from content.pack import Pack

MAX_CARDS: Final = 9
IN_MOMENTS: Final = ("image", "video", "link")  # doc 95094
IN_MESSAGES: Final = ("image", "video", "link", "miniprogram")  # doc 92135, 92137
_Key = Annotated[str, StringConstraints(min_length=1, max_length=120)]


class AttachmentRefused(ValueError):
    """An attachment cannot be used; ``index`` counts from 0."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


class _Wanted(BaseModel):
    # Listed attachments carry what they were resolved to; given back unchanged they must be understood.
    model_config = ConfigDict(extra="ignore")


class FromLibrary(_Wanted):
    """A picture, video, link or mini-program card of the content pack, by its key."""

    asset: _Key


def _at_most(size: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text.encode()) > size:
            raise ValueError(f"最多 {size} 字节")
        return text

    return AfterValidator(check)


class OwnLink(_Wanted):
    """A link written by hand, within WeCom's limits (doc 92135)."""

    kind: Literal["link"]
    title: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1), _at_most(128)]
    url: Annotated[HttpUrl, UrlConstraints(max_length=1024)]
    desc: Annotated[str, _at_most(512)] = ""


def _which(value: Any) -> str:
    # A listed card of the library carries its title and url too; its key says what it is.
    return "library" if isinstance(value, dict) and "asset" in value else "own"


_Card = Annotated[
    Annotated[FromLibrary, Tag("library")] | Annotated[OwnLink, Tag("own")], Discriminator(_which)
]
_WANTED: Final[TypeAdapter[list[FromLibrary | OwnLink]]] = TypeAdapter(
    Annotated[list[_Card], Field(max_length=MAX_CARDS)]
)


def resolve(wanted: Sequence[dict[str, Any]], pack: Pack, *, kind: str) -> list[dict[str, Any]]:
    """Return the attachments as they are stored: with the fields and the file digests that will be sent.

    Raises:
        AttachmentRefused: unknown asset, malformed link, or a mix that WeCom does not take.
    """
    try:
        parsed = _WANTED.validate_python(list(wanted))
    except ValidationError as exc:
        place = exc.errors()[0]["loc"]
        index = place[0] if place and isinstance(place[0], int) else 0
        raise AttachmentRefused(
            index, f"附件 {index + 1} 的格式不对：需要 asset，或 kind=link 与 title、url"
        ) from exc
    cards = [
        _from_pack(index, card.asset, pack)
        if isinstance(card, FromLibrary)
        else {"kind": "link", "title": card.title, "url": str(card.url), "desc": card.desc}
        for index, card in enumerate(parsed)
    ]
    _check_mix(cards, kind)
    return cards


def from_item(keys: Sequence[str], pack: Pack) -> list[dict[str, Any]]:
    """Resolve the asset keys of a pack's item; the pack's loader has checked them already."""
    return [_from_pack(index, key, pack) for index, key in enumerate(keys)]


def _from_pack(index: int, key: str, pack: Pack) -> dict[str, Any]:
    try:
        asset = pack.asset(key)
    except NotInPackError as exc:
        raise AttachmentRefused(index, f"附件 {index + 1}：内容包里没有素材“{key}”") from exc
    card: dict[str, Any] = {"kind": str(asset.kind), "asset": asset.key, "title": asset.title}
    if asset.kind == "link":
        card |= {"url": asset.url, "desc": asset.desc}
    if asset.kind == "miniprogram":
        card |= {"appid": asset.appid, "page": asset.page}
    picture = pack.asset(asset.picture) if asset.picture else asset
    if picture.sha256:
        # The file's digest is part of what is approved: another picture under the same key needs a new look.
        card["sha256"] = picture.sha256
    return card


def _check_mix(cards: Sequence[dict[str, Any]], kind: str) -> None:
    kinds = [card["kind"] for card in cards]
    if kind != "moment":
        return
    for index, card in enumerate(cards):
        if card["kind"] == "link" and "sha256" not in card:
            raise AttachmentRefused(index, "朋友圈里的链接要有封面图，请选内容包里带封面的链接")
        if card["kind"] not in IN_MOMENTS:
            raise AttachmentRefused(index, "朋友圈只能附图片、一个视频或一个链接，不能附小程序")
    for alone, what in (("link", "链接"), ("video", "视频")):
        if alone in kinds and len(kinds) > 1:
            says = f"朋友圈附{what}时只能有这一个附件，不能与图片混用；去掉其余的附件"
            raise AttachmentRefused(kinds.index(alone), says)
