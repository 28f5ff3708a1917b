"""Deliveries of handovers: patients and groups that change hands."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, Literal

from bot.deliveries.base import Outcome, PlainDelivery, Sent
from clinic import audit, transfers
from clinic.effects import TransferGroups, TransferPatients
from clinic.tables import CustomerGroup
from clinic.transfers import TransferState
from sop import handovers
from store import outbox
from wecom.errors import Refused, rule_for

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from store.outbox import OutboxEffect
    from wecom.client import WeComClient

UNDER_WAY: Final = frozenset({40100, 40129})  # our own first try, when this is the second
NO_RECORD: Final = 5
OURS_ALREADY: Final = 90504  # the new owner is the owner


class PatientTransferDelivery(PlainDelivery):
    """Offers patients to another member. After a lost answer the result tells whether it was begun."""

    kind: ClassVar[str] = TransferPatients.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "find"

    def __init__(self, client: WeComClient, *, pack: Pack, public_url: str) -> None:
        self._client = client
        self._pack = pack
        self._public_url = public_url

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = TransferPatients.model_validate(effect.payload)
        api = self._client.transfers
        if wanted.resigned:
            started = await api.start_resigned(wanted.handover, wanted.takeover, wanted.external_userids)
        else:
            started = await api.start(
                wanted.handover, wanted.takeover, wanted.external_userids, message=wanted.message
            )
        again = effect.attempts > 1
        codes = {
            one.external_userid: 0 if again and one.errcode in UNDER_WAY else one.errcode for one in started
        }
        refused = sum(code != 0 for code in codes.values())
        return Sent(result={"started": len(codes) - refused, "refused": refused}, facts=codes)

    async def find(self, effect: OutboxEffect) -> Sent | None:
        wanted = TransferPatients.model_validate(effect.payload)
        api = self._client.transfers
        look = api.resigned_result if wanted.resigned else api.result
        mine = set(wanted.external_userids)
        found = [
            one.external_userid
            async for one in look(wanted.handover, wanted.takeover)
            if one.external_userid in mine and one.status != NO_RECORD
        ]
        if not found:
            return None
        # One call begins all or none, but for those it refuses one by one: their reasons are lost with it.
        codes = {userid: 0 if userid in set(found) else -1 for userid in mine}
        return Sent(result={"started": len(found)}, facts=codes)

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = TransferPatients.model_validate(effect.payload)
        if outcome.state == outbox.SENT and isinstance(outcome.facts, dict):
            await self._started(session, wanted, outcome.facts, now=now)
        elif outcome.state in (outbox.REFUSED, outbox.EXPIRED, outbox.CANCELLED):
            await transfers.set_state(
                session,
                wanted.external_userids,
                run=wanted.run,
                state=TransferState.FAILED,
                reason=outcome.error or "没有交接成",
                now=now,
            )
        else:
            return
        await session.flush()
        await handovers.finish_runs(
            session, wanted.handover, pack=self._pack, public_url=self._public_url, now=now
        )

    async def _started(
        self, session: AsyncSession, wanted: TransferPatients, codes: Mapping[str, int], *, now: datetime
    ) -> None:
        for external_userid in wanted.external_userids:
            code = codes.get(external_userid, -1)
            await transfers.set_state(
                session,
                [external_userid],
                run=wanted.run,
                state=TransferState.FAILED if code else TransferState.WAITING,
                reason=_words(code) if code else "",
                now=now,
            )
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="transfer.failed" if code else "transfer.started",
                subject=f"patient:{external_userid}",
                reason=f"没有从成员 {wanted.handover} 交接给成员 {wanted.takeover}：{_words(code)}"
                if code
                else f"开始从成员 {wanted.handover} 交接给成员 {wanted.takeover}，24 小时内顾客可以不同意",
                detail={"run": wanted.run, "errcode": code},
            )


class GroupTransferDelivery(PlainDelivery):
    """Gives groups to a new owner, at once. After a lost answer the groups tell whose they are."""

    kind: ClassVar[str] = TransferGroups.kind
    when_unknown: ClassVar[Literal["again", "find", "assume_sent"]] = "find"

    def __init__(self, client: WeComClient, *, pack: Pack, public_url: str) -> None:
        self._client = client
        self._pack = pack
        self._public_url = public_url

    async def send(self, effect: OutboxEffect) -> Sent:
        wanted = TransferGroups.model_validate(effect.payload)
        api = self._client.transfers
        give = api.give_groups_of_resigned if wanted.resigned else api.give_groups
        failed = {
            one.chat_id: _words(one.errcode)
            for one in await give(wanted.chat_ids, wanted.takeover)
            if one.errcode != OURS_ALREADY
        }
        return Sent(result={"failed": len(failed)}, facts=failed)

    async def find(self, effect: OutboxEffect) -> Sent | None:
        wanted = TransferGroups.model_validate(effect.payload)
        others: dict[str, str] = {}
        for chat_id in wanted.chat_ids:
            try:
                owner = (await self._client.groups.get(chat_id)).owner
            except Refused as exc:
                owner, others[chat_id] = "", _words(exc.errcode or -1)
            if owner and owner != wanted.takeover:
                others[chat_id] = "企业微信没有说明原因，请再试一次"
        return Sent(facts=others) if len(others) < len(wanted.chat_ids) else None

    async def record(
        self, session: AsyncSession, effect: OutboxEffect, outcome: Outcome, *, now: datetime
    ) -> None:
        wanted = TransferGroups.model_validate(effect.payload)
        if outcome.state in (outbox.REFUSED, outbox.EXPIRED, outbox.CANCELLED):
            failed = dict.fromkeys(wanted.chat_ids, outcome.error or "没有交接成")
        elif outcome.state == outbox.SENT and isinstance(outcome.facts, dict):
            failed = outcome.facts
        else:
            return
        for chat_id in wanted.chat_ids:
            why = failed.get(chat_id)
            await transfers.set_state(
                session,
                [chat_id],
                run=wanted.run,
                state=TransferState.FAILED if why else TransferState.DONE,
                reason=why or "",
                now=now,
            )
            if why is None:
                # WeCom does not tell us of what we did ourselves.
                group = await session.get(CustomerGroup, chat_id, with_for_update=True)
                if group is not None:
                    group.owner, group.changed_at = wanted.takeover, now
            audit.record(
                session,
                at=now,
                actor=audit.RULES,
                action="transfer.failed" if why else "transfer.done",
                subject=f"group:{chat_id}",
                reason=f"没有从 {wanted.handover} 交接给 {wanted.takeover}：{why}"
                if why
                else f"群主从 {wanted.handover} 换成 {wanted.takeover}",
                detail={"run": wanted.run},
            )
        await session.flush()
        await handovers.finish_runs(
            session, wanted.handover, pack=self._pack, public_url=self._public_url, now=now
        )


def _words(errcode: int) -> str:
    """Return what staff read about an errcode of one patient or group."""
    if errcode < 0:
        return "企业微信没有说明原因，请再试一次"
    return f"{rule_for(errcode).remedy}（错误码 {errcode}）"
