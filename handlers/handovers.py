"""What follows when a handover of a patient succeeds or fails."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clinic import audit, calling, todos, transfers
from clinic.lookup import known_patient
from clinic.transfers import BY_EVENT, BY_STATUS, TransferState
from handlers.router import Router, Turn
from sop import handovers
from sop.handouts import hand_out
from sop.roster import load_roster
from wecom.events import ContactRemovedByMember, TransferFailed

if TYPE_CHECKING:
    from content.pack import Pack


def handover_router(pack: Pack, *, public_url: str) -> Router:
    """Let each handover end as WeCom says."""
    router = Router("handovers")

    @router.on(TransferFailed)
    async def failed(event: TransferFailed, turn: Turn) -> None:
        """The patient refused, or the new member is full; ``event.userid`` is the new member."""
        state, reason = BY_STATUS.get(
            BY_EVENT.get(event.reason, 0),
            (TransferState.FAILED, f"企业微信没有完成交接（{event.reason[:40]}）"),
        )
        ended = await transfers.set_state(
            turn.session,
            [event.external_userid],
            takeover=event.userid,
            state=state,
            reason=reason,
            now=turn.now,
        )
        await audit.tell_once(
            turn.session,
            at=turn.now,
            action="transfer.failed",
            subject=f"patient:{event.external_userid}",
            reason=f"没有交接给成员 {event.userid}：{reason}",
            among=("transfer.started",),
        )
        if ended:
            await turn.session.flush()
            await handovers.finish_runs(
                turn.session, ended[0].handover, pack=pack, public_url=public_url, now=turn.now
            )
            return
        # Begun in the admin console, so there is no run whose end could tell of it.
        key = f"transfer-failed:{event.external_userid}:{event.userid}"
        if await todos.asked_lately(turn.session, f"{key}:", now=turn.now):
            return
        at = int(event.happened_at.timestamp())
        patient = await known_patient(turn.session, event.external_userid)
        name = await calling.name_of(turn.session, event.userid)
        await hand_out(
            turn.session,
            roster=await load_roster(turn.session, pack, now=turn.now),
            public_url=public_url,
            key=f"{key}:{at}",
            kind="transfer",
            assignee=todos.MANAGER,
            title="一位顾客没有交接成",
            body=f"在管理后台发起、交给 {name} 的一位顾客没有交接成：{reason}。",
            now=turn.now,
            patient_id=patient.id if patient is not None else None,
            page=f"/console/patients/{patient.id}" if patient is not None else "/console/staff",
        )

    @router.on(ContactRemovedByMember, lambda event: event.by_transfer)
    async def done(event: ContactRemovedByMember, turn: Turn) -> None:
        """The old member's relation ended because the new one has her."""
        ended = await transfers.set_state(
            turn.session,
            [event.external_userid],
            handover=event.userid,
            state=TransferState.DONE,
            now=turn.now,
        )
        if ended:
            await turn.session.flush()
            await handovers.finish_runs(
                turn.session, event.userid, pack=pack, public_url=public_url, now=turn.now
            )

    return router
