"""WeCom drops and delays callbacks; a sync beside the running program makes good what can be made good."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bot.syncing.reconciliation import Reconciliation
from store.vault import Vault
from tests.support.clinic import running_clinic
from tests.support.databases import Templates
from tests.support.plans import journey, publish
from tests.support.quiet import quiet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from content.pack import Pack
    from tests.support.clinic import Clinic

ADDED = "change_external_contact.add_external_contact"
EDITED = "change_external_contact.edit_external_contact"
MARK = "externalcontact/mark_tag"
WELCOME = "externalcontact/send_welcome_msg"


@pytest.fixture
async def clinic(tmp_path: Path, started: Templates, pack: Pack) -> AsyncIterator[Clinic]:
    with started.copy("sqlite", tmp_path) as url:
        async with running_clinic(url, pack) as clinic:
            yield clinic


async def sync(clinic: Clinic, pack: Pack) -> None:
    await Reconciliation(
        clinic.runtime.database,
        clinic.runtime.client,
        pack=pack,
        vault=Vault(clinic.settings.secret_key.get_secret_value()),
        clock=clinic.clock,
        public_url=clinic.settings.public_url,
    ).run()
    clinic.runtime.courier.wake()


async def test_an_addition_whose_callback_comes_after_the_sync_is_tagged_once(
    clinic: Clinic, pack: Pack
) -> None:
    clinic.tenant.faults.add("hold_callback", ADDED)
    late, _ = clinic.tenant.patient_scans("xiaohu", state="front-desk", name="迟到")
    clinic.clock.advance(timedelta(minutes=5))

    await sync(clinic, pack)

    await clinic.until(lambda: clinic.journal(MARK), what="the sync's tags are on her")
    assert clinic.journal(WELCOME) == [], "her code died long ago"
    # A held callback is delivered behind the next one.
    clinic.tenant.patient_scans("xiaohu", state="front-desk", name="准时")
    await clinic.until(lambda: len(clinic.journal(MARK)) == 2, what="the next patient is tagged")
    await clinic.until(lambda: len(clinic.journal(WELCOME)) == 2, what="both events were handled")
    shown = await clinic.api("GET", f"/patients/{late.external_userid}")
    assert {tag["origin"] for tag in shown["tags"]} == {"rule"}
    assert len(clinic.journal(MARK)) == 2, "one for each of them"


async def test_a_deletion_that_nobody_told_of_is_seen_in_her_record(clinic: Clinic, pack: Pack) -> None:
    patient, _ = clinic.tenant.patient_scans("xiaohu", state="front-desk", name="走了")
    await clinic.until(lambda: clinic.journal(MARK), what="she was tagged")
    clinic.tenant.people.member_deletes_patient("xiaohu", patient.external_userid, silent=True)
    clinic.clock.advance(timedelta(minutes=5))

    await sync(clinic, pack)

    shown = await clinic.api("GET", f"/patients/{patient.external_userid}")
    assert [follow["lost_at"] is not None for follow in shown["follows"]] == [True]


async def test_a_tag_from_the_phone_whose_callback_was_lost_begins_its_journey_and_is_hers(
    clinic: Clinic, pack: Pack
) -> None:
    vip = "顾客层级/重要顾客"
    tagged = journey(
        "tagged", {"on": "tag_gained", "tags": vip}, stops=[{"on": "tag", "tags": "联系偏好/请勿打扰"}]
    )
    await publish(clinic.runtime.database, pack, tagged, now=clinic.clock.now())
    who = (await clinic.act("patient-adds-member", userid="xiaohu", name="晓晴"))["external_userid"]
    await quiet(clinic)
    tags = {}
    for path in (vip, "联系偏好/请勿打扰"):
        group, name = path.split("/")
        _, [made] = clinic.tenant.tags.staff_creates(group, [name])
        tags[path] = made.id
    await sync(clinic, pack)

    for path in tags:
        clinic.clock.advance(timedelta(minutes=20))
        clinic.tenant.faults.add("drop_callback", EDITED)
        clinic.tenant.people.member_edits_patient("xiaohu", who, add_tags=[tags[path]])
        await sync(clinic, pack)
        await quiet(clinic)
        running = (await clinic.api("GET", f"/patients/{who}/journeys"))["items"]
        assert [one["plan"] for one in running] == (["tagged"] if path == vip else [])
    worn = (await clinic.api("GET", f"/patients/{who}"))["tags"]
    assert {tag["origin"] for tag in worn if tag["group"] == "顾客层级"} == {"staff"}
