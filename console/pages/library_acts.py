"""What is done with an entry of the library: put away, brought back, sent to review, taken from the pack."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web

from clinic import audit
from console.forms import FormRefused
from console.frame import actor_of, deps_of, go
from console.pages.library_item import ENTRY, HERE
from content.library import keeping
from sop import consented
from sop.library_use import users_of
from sop.offering import NotOfferable, offer_item
from sop.plans.usage import content_used_by
from sop.roster import load_roster

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import ContentItem, Pack
    from content.persona_specs import PersonaSpec

DONE: Final = {
    "retire": "已停用：不再挑它，已经排好的不变。",
    "restore": "已恢复使用。",
    "take": "已换成内容包的新写法。",
    "decline": "保留你们的写法，这个更新不再提醒。",
}


def routes() -> Iterable[web.RouteDef]:
    return (
        web.post(ENTRY + "/{verb:retire|restore|take|decline}", act),
        web.post(ENTRY + "/delete", delete),
        web.post(ENTRY + "/send", send),
        web.post(ENTRY + "/consents/{verb:link|unlink}", consent),
    )


async def act(request: web.Request) -> web.StreamResponse:
    """Put an entry away or bring it back, take or decline what the pack offers for it."""
    deps, actor, verb = deps_of(request), actor_of(request), request.match_info["verb"]
    shelf, key, now = request.match_info["shelf"], request.match_info["key"], deps.clock.now()
    here, raw = f"{HERE}/{shelf}/{key}", await request.post()
    try:
        async with deps.database.write() as session:
            if verb == "retire" and (plans := await _plans(session, shelf, key)):
                return go(request, here, note=f"计划还要用它，不能停用：{plans}", tone="bad")
            await _do(session, verb, shelf, key, seen=_number(raw), author=actor, now=now)
            _record(session, key, verb, actor=actor, now=now, reason=DONE[verb])
    except keeping.Overtaken as exc:
        return go(request, here, note=str(exc), tone="bad")
    return go(request, here, note=DONE[verb])


async def _do(
    session: AsyncSession, verb: str, shelf: str, key: str, *, seen: int, author: str, now: datetime
) -> None:
    match verb:
        case "take":
            await keeping.take_offer(session, shelf, key, seen=seen, author=author, now=now)
        case "decline":
            await keeping.decline_offer(session, shelf, key)
        case _:
            state = keeping.RETIRED if verb == "retire" else keeping.ACTIVE
            await keeping.put_away(session, shelf, key, state=state, seen=seen, author=author, now=now)


async def _plans(session: AsyncSession, shelf: str, key: str) -> str:
    """Name the plans that say a text by its key: without it they would have nothing to say."""
    if shelf != "text":
        return ""
    return "；".join(str(use) for use in (await content_used_by(session, [key])).get(key, ())[:3])


async def delete(request: web.Request) -> web.StreamResponse:
    """Delete what staff made and nobody uses; else say who uses it."""
    deps, actor, now = deps_of(request), actor_of(request), deps_of(request).clock.now()
    shelf, key = request.match_info["shelf"], request.match_info["key"]
    try:
        async with deps.database.write() as session:
            pack = await deps.library.pack(session)
            await keeping.delete(session, shelf, key, users=await users_of(session, pack, shelf, key))
            _record(session, key, "delete", actor=actor, now=now, reason="删除")
    except keeping.StillUsed as exc:
        return go(request, f"{HERE}/{shelf}/{key}", note=str(exc), tone="bad")
    return go(request, HERE, note="已删除。")


async def consent(request: web.Request) -> web.StreamResponse:
    """Let a patient's consent stand behind an entry, or take it away."""
    deps, actor, verb = deps_of(request), actor_of(request), request.match_info["verb"]
    shelf, key, now = request.match_info["shelf"], request.match_info["key"], deps.clock.now()
    here, raw = f"{HERE}/{shelf}/{key}#consents", await request.post()
    number = str(raw.get("consent", ""))
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        return go(request, here, note="请选择一项同意；没有的话，先在这位客户的档案里登记。", tone="bad")
    try:
        async with deps.database.write() as session:
            await keeping.get(session, shelf, key)
            if verb == "link":
                await consented.link(session, shelf, key, int(number), actor=actor, now=now)
            else:
                await consented.unlink(session, shelf, key, int(number), actor=actor, now=now)
    except consented.NotLinkable as exc:
        return go(request, here, note=str(exc), tone="bad")
    return go(request, here, note="已登记患者的同意。" if verb == "link" else "已去掉这项同意。")


async def send(request: web.Request) -> web.StreamResponse:
    """Make posts of a text for a persona and an hour, and offer them for review."""
    deps, actor, raw = deps_of(request), actor_of(request), await request.post()
    shelf, key, now = request.match_info["shelf"], request.match_info["key"], deps.clock.now()
    here = f"{HERE}/{shelf}/{key}"
    try:
        at = _hour(raw).replace(tzinfo=deps.zone)
        async with deps.database.write() as session:
            pack = await deps.library.pack(session)
            item, persona = _wanted(pack, key, str(raw.get("persona", "")))
            offered = await offer_item(
                session,
                item,
                persona,
                at=at,
                roster=await load_roster(session, pack),
                renderer=deps.renderer,
                checker=deps.checker,
                zone=deps.zone,
                now=now,
                actor=actor,
                public_url=deps.public_url,
            )
    except (NotOfferable, FormRefused) as exc:
        return go(request, f"{here}#send", note=str(exc), tone="bad")
    deps.wake()
    first = offered.posts[0]
    note = f"已送去审核：{len(offered.posts)} 条，审核人会收到卡片。"
    return go(request, f"/console/review/{offered.batch_id}#post-{first.id}", note=note)


def _wanted(pack: Pack, key: str, who: str) -> tuple[ContentItem, PersonaSpec]:
    item = next((one for one in (*pack.moments, *pack.group_posts) if one.key == key), None)
    persona = next((one for one in pack.personas if one.key == who), None)
    if item is None:
        raise NotOfferable("text", "这一条现在不能用：请先改好并保存")
    if persona is None:
        raise NotOfferable("persona", "请选择由谁来发")
    return item, persona


def _hour(raw: Mapping[str, Any]) -> datetime:
    try:
        hour = datetime.fromisoformat(str(raw.get("hour", "")))
    except ValueError:
        raise FormRefused("hour", "请选择发送时间") from None
    if hour.utcoffset() is not None:
        raise FormRefused("hour", "发送时间请写诊所当地时间，不带时区")
    return hour


def _number(raw: Mapping[str, Any]) -> int:
    text = str(raw.get("seen", ""))
    if not (text.isascii() and text.isdigit() and len(text) < 9):
        raise FormRefused("seen", "这个表单已经过期，请刷新页面再试")
    return int(text)


def _record(session: AsyncSession, key: str, verb: str, *, actor: str, now: datetime, reason: str) -> None:
    subject = f"content:{key}"
    audit.record(session, at=now, actor=actor, action=f"library.{verb}", subject=subject, reason=reason)
