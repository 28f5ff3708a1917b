"""The hourly look at members and groups: what cannot be read for a moment is not taken for gone."""

from __future__ import annotations

from sqlalchemy import select

from clinic.tables import CustomerGroup
from tests.support.clinic import Clinic


async def standing(clinic: Clinic) -> set[str]:
    async with clinic.runtime.database.read() as session:
        rows = await session.scalars(select(CustomerGroup.name).where(CustomerGroup.dismissed_at.is_(None)))
        return set(rows)


async def test_a_group_that_is_listed_but_refused_for_a_moment_is_not_taken_for_dismissed(
    clinic: Clinic,
) -> None:
    await clinic.until(lambda: standing(clinic), what="the groups after the first reading")
    async with clinic.http.post(
        f"{clinic.sandbox.api_base}/sandbox/api/faults",
        json={"kind": "errcode", "target": "externalcontact/groupchat/get", "errcode": 60011},
    ) as response:
        assert response.status == 200
    sync = clinic.runtime.clockwork._sync

    await sync.read()

    assert len(await standing(clinic)) == 3


async def test_a_dismissed_group_is_not_planned_for(clinic: Clinic) -> None:
    await clinic.until(lambda: standing(clinic), what="the groups after the first reading")
    chat_id = next(key for key, one in clinic.tenant.corp.groups.items() if "儿牙" in one.name)
    await clinic.act("dismiss-group", chat_id=chat_id)
    sync = clinic.runtime.clockwork._sync

    await sync.read()

    assert len(await standing(clinic)) == 2
