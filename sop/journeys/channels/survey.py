"""Steps that invite to a survey: the text with the address of the form, by the step's way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sop.journeys.channels.words import with_link
from sop.journeys.ports import FAILED, READY, Made
from sop.journeys.wording import NothingToSay, said
from sop.survey_links import Invitation, address_of, invite

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from content.pack import Pack
    from content.plans.specs import Plan
    from content.render import Renderer
    from content.survey_specs import SurveySpec
    from sop.journeys.channels.kf import KfChannel
    from sop.journeys.channels.todo import TodoChannel
    from sop.journeys.ports import Due
    from store.vault import Vault

NONE: Final = "问卷 {} 已经不在内容包里了"


class SurveyInvites:
    """Makes the addresses of forms; see :class:`sop.journeys.ports.Invites`."""

    def __init__(self, *, pack: Pack, vault: Vault, public_url: str) -> None:
        self._pack, self._vault, self._public_url = pack, vault, public_url

    async def into(
        self, session: AsyncSession, text: str, *, survey: str, plan: Plan, version_id: int, now: datetime
    ) -> str:
        """Return a mass message's text with the address of a form for many: it cannot carry one for each.

        A month has an address of its own: one for ever would have run out for whoever is invited later.

        Raises:
            LookupError: the pack has no such survey any more.
        """
        spec = self._pack.survey(survey)
        if spec is None:
            raise LookupError(NONE.format(survey))
        month = now.astimezone(self._pack.timezone)
        key = f"plan:{plan.key}:{version_id}:{survey}:{month:%Y%m}"
        wanted = Invitation(key=key, plan_key=plan.key)
        [address] = (await self._addresses(session, spec, [wanted], now=now)).values()
        return with_link(text, address)

    async def hers(
        self, session: AsyncSession, spec: SurveySpec, dues: Sequence[Due], *, now: datetime
    ) -> dict[str, str]:
        """Return the address of her own form for each step, by the steps' keys."""
        wanted = [Invitation(key=due.key, patient_id=due.patient_id, plan_key=due.plan.key) for due in dues]
        return await self._addresses(session, spec, wanted, now=now)

    async def _addresses(
        self, session: AsyncSession, spec: SurveySpec, wanted: Sequence[Invitation], *, now: datetime
    ) -> dict[str, str]:
        if spec.url and not spec.questions:
            return {one.key: spec.url for one in wanted}
        numbers = await invite(session, spec, wanted, now=now)
        return {
            key: address_of(number, vault=self._vault, public_url=self._public_url)
            for key, number in numbers.items()
        }


class SurveyChannel:
    """Invites by hand or in 微信客服 with an address of her own, or by mass message with one for many."""

    def __init__(
        self,
        *,
        pack: Pack,
        renderer: Renderer,
        invites: SurveyInvites,
        todo: TodoChannel,
        kf: KfChannel,
    ) -> None:
        self._pack, self._renderer, self._invites = pack, renderer, invites
        self._todo, self._kf = todo, kf

    async def carry_out(self, session: AsyncSession, dues: Sequence[Due], *, now: datetime) -> Sequence[Made]:
        made: dict[str, Made] = {}
        by_way: dict[tuple[str, str], list[Due]] = {}
        for due in dues:
            if self._pack.survey(due.step.survey) is None:
                made[due.key] = Made(state=FAILED, reason=NONE.format(due.step.survey))
            else:
                by_way.setdefault((due.step.survey, due.step.via), []).append(due)
        for (survey, via), some in by_way.items():
            spec = self._pack.survey(survey)
            if spec is not None:
                made |= await self._invite(session, spec, via, some, now=now)
        return [made[due.key] for due in dues]

    async def _invite(
        self, session: AsyncSession, spec: SurveySpec, via: str, dues: Sequence[Due], *, now: datetime
    ) -> dict[str, Made]:
        if via == "mass":
            return {due.key: self._by_mass(due) for due in dues}
        links = await self._invites.hers(session, spec, dues, now=now)
        way = self._kf.say if via == "kf" else self._todo.ask
        results = await way(session, dues, links, now=now)
        return {
            due.key: Made(
                state=one.state,
                reason=one.reason,
                at=one.at,
                todo_id=one.todo_id,
                channel=one.channel or via,
            )
            for due, one in zip(dues, results, strict=True)
        }

    def _by_mass(self, due: Due) -> Made:
        try:
            said(self._pack, self._renderer, due.step, due.variant, due.persona)
        except NothingToSay as exc:
            return Made(state=FAILED, reason=str(exc))
        return Made(state=READY, channel="mass")
