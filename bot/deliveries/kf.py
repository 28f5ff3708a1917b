"""Reading 微信客服: page by page from the bookmark, written down together with the next one."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, ClassVar, Final

import structlog

from bot.deliveries.base import Outcome, PlainDelivery, Sent, Withdrawn
from clinic import kf
from clinic.care_tables import KfAccount
from clinic.effects import FetchKf
from clinic.kf import Heard
from clinic.lookup import known_patient
from sop import kf_words
from sop.journeys.channels import kf_fate
from store import outbox
from wecom.errors import Refused

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.clock import Clock
    from store.database import Database
    from store.outbox import OutboxEffect
    from store.vault import Vault
    from wecom.api.kf import KfMessage
    from wecom.client import WeComClient

log = structlog.get_logger(__name__)

PAGES: Final = 5  # of 1000 messages, read by one effect; what is more is the next one's
TOKEN_LIFE: Final = timedelta(minutes=9)  # WeCom says 10
BAD_TOKEN: Final = 95007
FAILED: Final = "msg_send_fail"
RECALLS: Final = frozenset({"user_recall_msg", "servicer_recall_msg"})


@dataclass(frozen=True, slots=True, kw_only=True)
class _News:
    since: str
    cursor: str
    heard: tuple[Heard, ...]
    more: bool
    name: str


class KfFetch(PlainDelivery):
    """Reads an account's news. Interrupted anywhere it begins again at the bookmark; msgids tell twins."""

    kind: ClassVar[str] = FetchKf.kind
    lease: ClassVar[timedelta] = timedelta(seconds=60)

    def __init__(
        self,
        client: WeComClient,
        database: Database,
        *,
        pack: Pack,
        vault: Vault,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._client = client
        self._database = database
        self._pack = pack
        self._vault = vault
        self._public_url = public_url
        self._clock = clock
        self._turns: dict[str, asyncio.Lock] = {}  # one reader per account (doc 94670)

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = FetchKf.model_validate(effect.payload)
        async with self._turns.setdefault(wanted.open_kfid, asyncio.Lock()):
            async with self._database.read() as session:
                account = await session.get(KfAccount, wanted.open_kfid)
            if account is None or not account.authorised:
                raise Withdrawn("这个客服账号没有交给小护")
            token = wanted.token if self._is_fresh(wanted) else ""
            try:
                news = await self._read(wanted.open_kfid, account, token=token)
            except Refused as exc:
                if exc.errcode != BAD_TOKEN or not token:
                    raise
                news = await self._read(wanted.open_kfid, account, token="")
        return Sent(result={"messages": len(news.heard)}, facts=news)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        news = outcome.facts
        if not isinstance(news, _News):
            return
        wanted = FetchKf.model_validate(effect.payload)
        fresh = await kf.record(session, news.heard, vault=self._vault)
        await kf.advance(session, wanted.open_kfid, since=news.since, to=news.cursor, name=news.name)
        await self._follow_up(session, fresh, now=now)
        if news.more:
            await outbox.put(
                session,
                wanted,
                key=f"kf:{wanted.open_kfid}:more:{effect.id}",
                now=now,
                deadline=effect.deadline,
                cause="接着读微信客服的新消息",
            )

    async def _follow_up(self, session: AsyncSession, fresh: Sequence[Heard], *, now: datetime) -> None:
        """Let the rules know of keywords; those of a stranger are heeded when she becomes a patient."""
        for one in fresh:
            if one.failed:
                await kf_fate.not_delivered(session, one.failed, one.fail_type, now=now)
        said: dict[str, list[tuple[datetime, str]]] = {}
        for one in fresh:
            if one.is_from_customer:  # a picture or a voice is an answer too
                said.setdefault(one.external_userid, []).append((one.at, one.text))
        for external_userid, texts in said.items():
            patient = await known_patient(session, external_userid)
            if patient is not None:
                await kf_words.heed(
                    session, patient, texts, pack=self._pack, public_url=self._public_url, now=now
                )

    async def _read(self, open_kfid: str, account: KfAccount, *, token: str) -> _News:
        heard: list[Heard] = []
        cursor, more, pages = account.cursor, False, 0
        async for page in self._client.kf.sync(open_kfid, cursor=account.cursor, token=token):
            heard += [self._heard(open_kfid, message) for message in page.messages]
            cursor, more = page.next_cursor or cursor, page.has_more
            pages += 1
            if pages == PAGES:
                break
        return _News(
            since=account.cursor,
            cursor=cursor,
            heard=tuple(heard),
            more=more,
            name="" if account.name else await self._name(open_kfid),
        )

    async def _name(self, open_kfid: str) -> str:
        try:
            async for account in self._client.kf_accounts.list():
                if account.open_kfid == open_kfid:
                    return account.name
        except Refused as exc:  # a nameless account's messages are as good
            log.info("kf.nameless", errcode=exc.errcode)
        return ""

    def _heard(self, open_kfid: str, message: KfMessage) -> Heard:
        recalled = message.content.get("recall_msgid") if message.event_type in RECALLS else None
        return Heard(
            msgid=message.msgid,
            open_kfid=message.open_kfid or open_kfid,
            external_userid=message.external_userid,
            origin=message.origin,
            kind=message.event_type or message.msgtype,
            text=message.text,
            at=message.send_time or self._clock.now(),
            recalls=recalled if isinstance(recalled, str) else "",
            failed=str(message.content.get("fail_msgid") or "") if message.event_type == FAILED else "",
            fail_type=_number(message.content.get("fail_type")),
        )

    def _is_fresh(self, wanted: FetchKf) -> bool:
        rung_at = datetime.fromtimestamp(wanted.rung_at, UTC)
        return bool(wanted.token) and self._clock.now() - rung_at < TOKEN_LIFE


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
