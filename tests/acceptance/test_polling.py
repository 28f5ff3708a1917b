"""Thirty days of looking at tasks: less and less often, and never for ever."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from sop.tables import Push
from tests.support.clinic import Clinic, running_clinic
from tests.support.databases import Templates
from tests.support.direct import befriend, draft_for, due, queue_drafts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

    from content.pack import Pack

TASK = "externalcontact/get_groupmsg_task"
CANCEL = "externalcontact/cancel_groupmsg_send"


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as running:
            yield running


async def month_of_looks(clinic: Clinic) -> list[datetime]:
    """Let thirty days pass as the clock's ticks would, and return when WeCom was asked about the task."""
    looks: list[datetime] = []
    end = clinic.clock.now() + timedelta(days=30)
    while clinic.clock.now() < end:
        async with clinic.runtime.database.read() as session:
            at = await session.scalar(select(Push.next_poll_at).where(Push.closed_at.is_(None)))
        if at is None:
            break
        clinic.clock.advance_to(max(at, clinic.clock.now()))
        before = len(clinic.journal(TASK))
        await clinic.runtime.watcher.look()
        if len(clinic.journal(TASK)) > before:
            looks.append(clinic.clock.now())
    await clinic.runtime.courier.drain()
    return looks


async def test_a_task_that_nobody_taps_is_asked_about_less_and_less_and_closed_after_a_day(
    clinic: Clinic,
) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))
    await due(clinic, post)

    looks = await month_of_looks(clinic)

    pauses = [later - earlier for earlier, later in pairwise(looks)]
    assert len(looks) < 80
    assert all(later >= earlier - timedelta(seconds=5) for earlier, later in pairwise(pauses))
    ended = await clinic.api("GET", f"/posts/{post['id']}")
    assert (ended["state"], ended["push"]["closed_at"] is not None) == ("expired", True)
    assert len(clinic.journal(CANCEL)) == 1, "it is taken back in WeCom too"


async def test_a_task_whose_result_cannot_be_read_is_given_up_after_two_days(clinic: Clinic) -> None:
    [post] = await queue_drafts(clinic, draft_for(clinic, await befriend(clinic, "晓晴")))
    await due(clinic, post)
    clinic.tenant.faults.add("errcode", TASK, errcode=60011, times=None)

    looks = await month_of_looks(clinic)

    assert len(looks) < 150
    ended = await clinic.api("GET", f"/posts/{post['id']}")
    assert (ended["state"], "读不到发送结果" in ended["reason"]) == ("failed", True)
    assert len(clinic.journal(CANCEL)) == 1
