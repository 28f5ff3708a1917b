"""What WeCom says when it is asked: reads only, nothing is ever changed there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final

import aiohttp

from bot.checkup.findings import IP_REFUSED, bad, doubt, from_error, good
from wecom.errors import NotDone, Refused, WeComError
from wecom.exchange import Endpoint

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from bot.checkup.findings import Finding
    from sop.roster import Roster
    from store.clock import Clock
    from wecom.client import WeComClient

PROBE: Final = Endpoint(path="getcallbackip", method="GET")  # needs a token and no permission
AGENT: Final = Endpoint(path="agent/get", method="GET")
KF_ACCOUNTS: Final = Endpoint(path="kf/account/list")
ANSWER_S: Final = 10.0
SKEW_WARN_S: Final = 60.0
SKEW_BAD_S: Final = 300.0
WRONG_AGENT: Final = frozenset({40056, 301002})
NO_KF: Final = frozenset({48001, 48002, 48007, 95011, 95012, 95017, 95023})
INVISIBLE: Final = frozenset({40003, 50002, 60011, 60021, 60111})
VISIBLE_WHERE: Final = "应用管理 → 本应用 → 可见范围"
SERVING_WHERE: Final = "客户联系 → 权限配置 → 使用范围"


async def check_network(
    session: aiohttp.ClientSession, *, api_base: str, clock: Clock
) -> tuple[bool, Finding]:
    """Reach WeCom without a token, and compare clocks by its ``Date`` header.

    Returns:
        Whether anything answered, and the finding.
    """
    area = "网络与时钟"
    timeout = aiohttp.ClientTimeout(total=ANSWER_S)
    url = f"{api_base}/cgi-bin/{PROBE.path}"
    try:
        # Without a token WeCom answers 41001, which counts for nothing; only the header is wanted.
        async with session.get(url, timeout=timeout, allow_redirects=False) as response:
            now, said = clock.now(), response.headers.get("Date", "")
    except (aiohttp.ClientError, TimeoutError, OSError) as exc:
        return False, bad(
            area,
            f"连不上企业微信接口（{type(exc).__name__}）",
            f"让服务器能访问 {api_base}：检查网络、DNS、防火墙出站规则。",
        )
    try:
        theirs = parsedate_to_datetime(said)
    except ValueError:
        return True, doubt(area, "连得上，但回答里没有时间，没有比对时钟", "确认中间没有改写回答的代理。")
    off = (now - theirs).total_seconds()
    text = f"比企业微信{'快' if off > 0 else '慢'} {abs(off):.0f} 秒"
    remedy = "打开自动校时：timedatectl set-ntp true，再看 timedatectl status。"
    if abs(off) > SKEW_BAD_S:
        return True, bad(area, text, remedy)
    if abs(off) > SKEW_WARN_S:
        return True, doubt(area, text, remedy)
    return True, good(area, "连得上企业微信，时钟一致")


class TenantCheck:
    """Asks one corp about itself, in the order in which an administrator sets things up."""

    def __init__(self, client: WeComClient, *, roster: Roster | None, clock: Clock) -> None:
        self._client = client
        self._roster = roster
        self._clock = clock
        self.kf = False  # whether 微信客服 is there for us

    async def findings(self) -> AsyncIterator[Finding]:
        """Yield findings as they are made; stops where nothing behind can work."""
        try:
            await self._client.check_token()
        except WeComError as exc:
            yield from_error("access_token", exc)
            yield doubt(
                "企业微信", "拿不到 access_token，后面的权限都没有检查", "先解决上面这一条，再查一次。"
            )
            return
        yield good("access_token", "企业 ID 和 Secret 正确")
        try:
            await self._client.transport.call(PROBE)
        except WeComError as exc:
            yield from_error("可信 IP", exc)
            if exc.errcode == IP_REFUSED or isinstance(exc, NotDone):
                yield doubt("企业微信", "接口调不通，后面的权限都没有检查", "先解决上面这一条，再查一次。")
                return
        else:
            yield good("可信 IP", "企业微信接受这台服务器的出口 IP")
        yield await self._agent()
        if self._roster is not None:
            async for finding in self._visible(self._roster):
                yield finding
        async for finding in self._serving():
            yield finding
        async for finding in self._permissions():
            yield finding
        yield await self._kf()

    async def _agent(self) -> Finding:
        area = "应用"
        agent_id = self._client.transport.agent_id
        try:
            answer = await self._client.transport.call(AGENT, params={"agentid": str(agent_id)})
        except Refused as exc:
            if exc.errcode in WRONG_AGENT:
                return bad(
                    area,
                    f"XIAOHU_WECOM_AGENT_ID 与 Secret 不是同一个应用（错误码 {exc.errcode}）",
                    "从 应用管理 → 自建 → 本应用 的同一页抄 AgentId 和 Secret。",
                )
            return from_error(area, exc, optional=True)
        except WeComError:
            return doubt(area, "没有得到企业微信的回答，这次没有核对 AgentId")
        if answer.get("close") == 1:
            return bad(area, "应用已停用", "应用管理 → 本应用，打开启用开关。")
        return good(area, f"AgentId 正确；可见范围里有{_range(answer)}")

    async def _visible(self, roster: Roster) -> AsyncIterator[Finding]:
        """Ask for everybody who speaks or reviews; one call each, since no list says who is visible."""
        area = "可见范围"
        personas = [p for p in roster.pack.personas if roster.speakers.get(p.key) or roster.reviewers(p.key)]
        people = dict.fromkeys(
            userid
            for persona in personas
            for userid in (*roster.speakers.get(persona.key, ()), *roster.reviewers(persona.key))
        )
        names: dict[str, str] = {}
        for userid in people:
            try:
                names[userid] = (await self._client.members.get(userid)).name or userid
            except Refused as exc:
                if exc.errcode not in INVISIBLE:
                    yield from_error(area, exc)
                    return
            except WeComError as exc:
                yield from_error(area, exc)
                return
        hidden = [userid for userid in people if userid not in names]
        if names:
            yield good(area, f"看得到 {_some(list(names.values()))}")
        if hidden:
            yield doubt(
                area,
                f"看不到 {_some(hidden)}（不在可见范围，或没有这个账号）",
                f"在 {VISIBLE_WHERE} 加上他们；账号不对就在控制台“账号”页改绑定。",
            )
        for persona in personas:
            if not any(userid in names for userid in roster.reviewers(persona.key)):
                yield bad(
                    area,
                    f"“{persona.name}”没有一个审核人收得到审核卡片",
                    f"把审核人加进 {VISIBLE_WHERE}，或在控制台“账号”页绑定看得到的审核人。",
                )

    async def _serving(self) -> AsyncIterator[Finding]:
        area = "客户联系"
        try:
            serving = await self._client.contacts.follow_users()
        except WeComError as exc:
            yield from_error(area, exc)
            return
        if not serving:
            yield bad(
                area,
                "没有一个成员开通了客户联系",
                f"在 {SERVING_WHERE} 加上小助理和医生，并确认他们在 {VISIBLE_WHERE} 里。",
            )
            return
        yield good(area, f"开通的成员有 {len(serving)} 个：{_some(serving)}")
        if self._roster is None:
            return
        roster = replace(self._roster, serving=frozenset(serving))
        for persona in roster.pack.personas:
            if roster.senders(persona.key):
                continue
            is_default = persona.key == roster.pack.default_persona
            yield (bad if is_default else doubt)(
                area,
                f"“{persona.name}”没有开通客户联系的成员，不会有朋友圈和群内容",
                f"在 {SERVING_WHERE} 加上绑定的成员，或在控制台“账号”页把它绑定给已开通的成员。",
            )

    async def _permissions(self) -> AsyncIterator[Finding]:
        """Read one page of everything that is later written to."""
        now = self._clock.now()
        client, since = self._client, now - timedelta(days=1)
        reads: dict[str, Callable[[], Awaitable[Any]]] = {
            "企业标签": client.tags.list,
            "客户群": lambda: _first(client.groups.list()),
            "朋友圈": lambda: _first(client.moments.list(since, now)),
            "群发": lambda: _first(client.mass.list("group", since, now)),
        }
        fine: list[str] = []
        for area, read in reads.items():
            try:
                await read()
            except WeComError as exc:
                yield from_error(area, exc)
            else:
                fine.append(area)
        if fine:
            yield good("接口权限", f"可以用：{'、'.join(fine)}")

    async def _kf(self) -> Finding:
        """微信客服 is optional: a clinic may do without."""
        area = "微信客服"
        try:
            answer = await self._client.transport.call(KF_ACCOUNTS, body={"offset": 0, "limit": 100})
        except Refused as exc:
            if exc.errcode in NO_KF:
                return doubt(area, f"（可选）没有权限（错误码 {exc.errcode}），不影响其他功能", exc.remedy)
            return from_error(area, exc, optional=True)
        except WeComError:
            return doubt(area, "（可选）没有得到回答，没有检查")
        accounts = answer.get("account_list") or []
        if not accounts:
            return doubt(
                area,
                "（可选）有权限，但没有分给本应用的客服账号",
                "在 微信客服 → 通过API管理微信客服账号 → 企业内部开发 里分配。",
            )
        self.kf = True
        return good(area, f"{len(accounts)} 个客服账号")


async def _first(items: AsyncIterator[Any]) -> None:
    """Fetch the first page only."""
    async for _ in items:
        return


def _range(answer: dict[str, Any]) -> str:
    users = (answer.get("allow_userinfos") or {}).get("user") or []
    parties = (answer.get("allow_partys") or {}).get("partyid") or []
    tags = (answer.get("allow_tags") or {}).get("tagid") or []
    return f" {len(users)} 个成员、{len(parties)} 个部门、{len(tags)} 个标签"


def _some(names: Sequence[str], most: int = 8) -> str:
    shown = "、".join(names[:most])
    return shown if len(names) <= most else f"{shown} 等 {len(names)} 人"
