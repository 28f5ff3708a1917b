"""Changing a post, with the content check at one's elbow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from console.duties import waiting_count
from console.forms import CheckForm, EditForm, FormRefused, local_path, parse, strings
from console.frame import actor_of, deps_of, go, hours_of, page, wants_fragment
from console.highlights import gravest, segments
from console.pages.posts import answer, conflict
from console.views import Attachment, attachment_of, load_views
from sop import review
from sop.attachments import IN_MESSAGES, IN_MOMENTS, AttachmentRefused
from sop.posts import (
    MOMENT_CHARS,
    TEXT_BYTES,
    EditRefused,
    NotEditable,
    Outdated,
    check_content,
    edit_post,
    finding_document,
    get_post,
)
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from multidict import MultiDictProxy

    from console.deps import Deps
    from content.pack import Pack
    from sop.tables import Post

ASSET: Final = "asset:"
OWN: Final = "own:"  # an attachment of the post that is not from the library, by its place
KINDS_FOR: Final = {
    "moment": IN_MOMENTS,
    "group": IN_MESSAGES,
    "direct": IN_MESSAGES,
}
# Where the form shows what the services object to.
PLACES: Final = {"scheduled_at": "hour", "attachments": "attachments"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An attachment that can be ticked."""

    value: str
    chosen: bool
    card: Attachment


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """What the form shows: the post's own values, or what was typed when it was refused."""

    text: str
    hour: str
    chosen: tuple[str, ...]
    link_title: str = ""
    link_url: str = ""
    link_desc: str = ""


def routes() -> Iterable[web.RouteDef]:
    return (
        web.get(r"/posts/{id:\d{1,18}}/edit", show),
        web.post(r"/posts/{id:\d{1,18}}/edit", save),
        web.post("/check", check),
    )


async def show(request: web.Request) -> web.StreamResponse:
    """The form with the post as it is."""
    return await _form(request, int(request.match_info["id"]))


async def save(request: web.Request) -> web.StreamResponse:
    """Take the new version; it goes (back) to review, and cards that show the old one are closed."""
    deps, actor = deps_of(request), actor_of(request)
    post_id, now = int(request.match_info["id"]), deps.clock.now()
    raw = await request.post()
    try:
        form = parse(EditForm, raw)
        text = form.text.replace("\r\n", "\n")
        wanted_hour = form.scheduled_at(deps.zone)
        async with deps.database.write() as session:
            post = await get_post(session, post_id)
            before = post.revision
            # The field knows minutes only; an hour that was not touched must not lose its seconds.
            same_hour = post.scheduled_at.replace(second=0, microsecond=0) == wanted_hour
            post = await edit_post(
                session,
                post_id,
                now=now,
                actor=actor,
                pack=await deps.library.pack(session),
                checker=deps.checker,
                expected_digest=form.digest,
                text=text,
                attachments=_wanted(post, raw, form),
                scheduled_at=None if same_hour else wanted_hour,
            )
            changed = post.revision != before
            if changed:
                roster = await load_roster(session, deps.pack, now=deps.clock.now())
                await review.reopened(session, post, roster=roster, now=now, public_url=deps.public_url)
    except Outdated as exc:
        return await conflict(request, post_id, str(exc), draft=str(raw.get("text", "")))
    except NotEditable as exc:
        return await conflict(request, post_id, str(exc))
    except (FormRefused, EditRefused, AttachmentRefused) as exc:
        return await _refused(request, post_id, raw, exc)
    deps.wake()
    note = f"内容 #{post_id} 已改为第 {post.revision} 版，重新待审。" if changed else "内容没有变化。"
    if wants_fragment(request):
        return await answer(request, post_id, toast=note)
    return go(request, local_path(str(raw.get("back", "")), f"/console/posts/{post_id}"), note=note)


async def check(request: web.Request) -> web.StreamResponse:
    """Check a text while it is being written; answers with a fragment."""
    form = parse(CheckForm, await request.post())
    text = form.text.replace("\r\n", "\n")
    verdict = verdict_on(deps_of(request), text, persona=form.persona, kind=form.kind)
    return page(request, "_check.html", live=True, post_id=form.post, verdict=verdict)


def verdict_on(deps: Deps, text: str, *, persona: str, kind: str) -> dict[str, Any]:
    """Return what the check's fragment shows for a text."""
    found = check_content(text, kind=kind, persona=persona, pack=deps.pack, checker=deps.checker)
    findings = [finding_document(finding) for finding in found]
    size = len(text.encode())
    too_long = size > TEXT_BYTES or (kind == "moment" and len(text) > MOMENT_CHARS)
    return {
        "segments": segments(text, findings),
        "findings": findings,
        "level": gravest([str(finding["level"]) for finding in findings]),
        "chars": len(text),
        "size": size,
        "limit": TEXT_BYTES,
        "too_long": too_long,
    }


async def _form(
    request: web.Request,
    post_id: int,
    *,
    status: int = 200,
    fields: Fields | None = None,
    digest: str | None = None,
    place: str = "",
    problem: str = "",
) -> web.StreamResponse:
    deps, hours = deps_of(request), hours_of(request)
    async with deps.database.read() as session:
        post = await get_post(session, post_id)
        (view,) = await load_views(
            session, [post], pack=await deps.library.pack(session), zone=deps.zone, now=hours.now
        )
        pack = await deps.library.pack(session)
        waiting = await waiting_count(session)
    if not view.can_edit:
        return await conflict(request, post_id, str(NotEditable(post)))
    shown = fields or Fields(text=post.text, hour=hours.input(post.scheduled_at), chosen=_chosen(post))
    back = request.query.get("back") if fields is None else str((await request.post()).get("back", ""))
    return page(
        request,
        "_edit.html" if wants_fragment(request) else "edit.html",
        status=status,
        view=view,
        fields=shown,
        choices=_choices(post, pack, shown.chosen),
        digest=digest or post.digest,
        back=local_path(back, f"/console/posts/{post_id}"),
        place=place,
        problem=problem,
        inline=wants_fragment(request),
        waiting=waiting,
        verdict=verdict_on(deps, shown.text, persona=post.persona, kind=post.kind),
        earliest=hours.input(hours.now),
    )


async def _refused(
    request: web.Request,
    post_id: int,
    raw: MultiDictProxy[Any],
    exc: FormRefused | EditRefused | AttachmentRefused,
) -> web.StreamResponse:
    """Show the form again with what was typed, and the reason at its place."""
    place = "attachments" if isinstance(exc, AttachmentRefused) else exc.field
    fields = Fields(
        text=str(raw.get("text", "")).replace("\r\n", "\n"),
        hour=str(raw.get("hour", "")),
        chosen=tuple(strings(raw, "attachments")),
        link_title=str(raw.get("link_title", "")),
        link_url=str(raw.get("link_url", "")),
        link_desc=str(raw.get("link_desc", "")),
    )
    return await _form(
        request,
        post_id,
        status=422,
        fields=fields,
        digest=str(raw.get("digest", "")),
        place=PLACES.get(place, place),
        problem=str(exc),
    )


def _chosen(post: Post) -> tuple[str, ...]:
    """Name the post's attachments as the form does."""
    return tuple(
        ASSET + str(card["asset"]) if "asset" in card else f"{OWN}{index}"
        for index, card in enumerate(post.attachments)
    )


def _choices(post: Post, pack: Pack, chosen: Sequence[str]) -> tuple[Choice, ...]:
    """Return what can be ticked: the post's own attachments first, then the library's."""
    offered: dict[str, Mapping[str, Any]] = dict(zip(_chosen(post), post.attachments, strict=True))
    for asset in pack.assets:
        if asset.kind in KINDS_FOR.get(post.kind, ()) and not asset.retired:
            offered.setdefault(
                ASSET + asset.key,
                {
                    "kind": str(asset.kind),
                    "asset": asset.key,
                    "title": asset.title,
                    "desc": asset.desc,
                    "url": asset.url,
                },
            )
    return tuple(
        Choice(value=value, chosen=value in chosen, card=attachment_of(card, pack))
        for value, card in offered.items()
    )


def _wanted(post: Post, raw: MultiDictProxy[Any], form: EditForm) -> list[dict[str, Any]]:
    """Return the attachments asked for, as the service takes them."""
    wanted: list[dict[str, Any]] = []
    for value in strings(raw, "attachments"):
        if value.startswith(ASSET):
            wanted.append({"asset": value.removeprefix(ASSET)})
        elif value.removeprefix(OWN).isdecimal() and int(value.removeprefix(OWN)) < len(post.attachments):
            wanted.append(post.attachments[int(value.removeprefix(OWN))])
    if form.link_title or form.link_url:
        if not (form.link_title and form.link_url.startswith(("https://", "http://"))):
            raise FormRefused("link_url", "自写链接要有标题和以 http 开头的地址")
        wanted.append(
            {"kind": "link", "title": form.link_title, "url": form.link_url, "desc": form.link_desc}
        )
    return wanted
