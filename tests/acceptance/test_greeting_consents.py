"""A greeting whose picture shows a patient: with her consent it carries it, without it goes as words alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from clinic import consents
from clinic.care_tables import Greeting, GroupWelcome, Todo
from clinic.consents import ConsentKind
from clinic.tables import Patient
from sop import consented
from sop.sendings import sendings
from tests.acceptance.test_groups import ADD_TEMPLATE, EDIT_TEMPLATE
from tests.support.clinic import Clinic, running_clinic
from tests.support.quiet import quiet, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from content.pack import Pack

PICTURE = "kids-brush-card"
WELCOME = "externalcontact/send_welcome_msg"
UPLOAD = "media/upload"
UNBACKED = "用到了患者，还没有登记患者的同意"
WITHDRAWN = "用到了患者，患者的同意已经撤回"


@pytest.fixture
async def clinic(database_url: str, pack: Pack) -> AsyncIterator[Clinic]:
    """A clinic whose greetings carry one picture, which shows a patient."""
    async with running_clinic(database_url, carrying(pack)) as clinic:
        await clinic.until(clinic.tenant_read, what="members and groups are read")
        yield clinic


def carrying(pack: Pack) -> Pack:
    return replace(
        pack,
        welcomes=tuple(replace(welcome, attachments=(PICTURE,), variants=()) for welcome in pack.welcomes),
        roles=tuple(
            role
            if role.welcome is not None and role.welcome.attachment == PICTURE
            else replace(role, welcome=None)
            for role in pack.roles
        ),
        assets=tuple(
            replace(asset, shows_patient=True) if asset.key == PICTURE else asset for asset in pack.assets
        ),
        written=tuple(
            replace(entry, document=dict(entry.document) | {"patient": "shown"})
            if entry.key == PICTURE
            else entry
            for entry in pack.written
        ),
    )


async def agreed(clinic: Clinic, patient: str) -> int:
    """She agrees to be shown, and that stands behind the picture."""
    now = clinic.clock.now()
    async with clinic.runtime.database.write() as session:
        found = await session.scalars(select(Patient).where(Patient.external_userid == patient))
        consent = await consents.give(
            session,
            found.one(),
            kind=ConsentKind.CASE,
            purpose="欢迎语配图",
            proof="纸质同意书 2026-118",
            now=now,
            actor="admin",
        )
        await consented.link(session, "asset", PICTURE, consent.id, actor="admin", now=now)
        return consent.id


async def withdraw(clinic: Clinic, patient: str, consent: int) -> None:
    await clinic.api("POST", f"/patients/{patient}/consents/{consent}/withdraw", {"reason": "本人要求"})


async def greeted(clinic: Clinic, count: int) -> tuple[str, dict[str, Any]]:
    """Let somebody new add a member; return her id and what she got."""
    added = await clinic.act("patient-adds-member", userid="xiaohu", name=f"客户{count}")
    await clinic.until(lambda: len(clinic.journal(WELCOME)) == count, what="she is greeted")
    await quiet(clinic)
    return str(added["external_userid"]), clinic.journal(WELCOME)[-1].body


async def told(clinic: Clinic) -> list[Todo]:
    return await rows(clinic, select(Todo).where(Todo.kind == "consent_missing").order_by(Todo.id))


async def test_a_patient_is_greeted_without_the_picture_until_there_is_a_consent_and_after_it(
    clinic: Clinic,
) -> None:
    first, alone = await greeted(clinic, 1)
    assert alone["text"]["content"]
    assert not alone.get("attachments")
    await clinic.runtime.clockwork.warm_media()
    assert not clinic.journal(UPLOAD), "it does not even lie in WeCom"
    timeline = (await clinic.api("GET", f"/patients/{first}"))["timeline"]
    assert any(
        UNBACKED in entry["reason"] and "欢迎语已发出，少带了一样：" in entry["reason"] for entry in timeline
    )

    consent = await agreed(clinic, first)
    await clinic.runtime.clockwork.warm_media()
    _, shown = await greeted(clinic, 2)
    assert [card["msgtype"] for card in shown["attachments"]] == ["image"]

    await withdraw(clinic, first, consent)
    _, after = await greeted(clinic, 3)
    assert not after.get("attachments")
    assert len(await rows(clinic, select(Greeting).where(Greeting.state == "sent"))) == 3
    async with clinic.runtime.database.read() as session:
        (carried,) = await sendings(session, clinic.pack, "asset", PICTURE)
    assert carried.ways == (("welcome", 1),), "of three only one had it"


async def test_groups_are_greeted_without_the_picture_until_there_is_a_consent_and_at_once_after_it(
    clinic: Clinic,
) -> None:
    first, _ = await greeted(clinic, 1)
    await clinic.runtime.group_care.keep()
    await quiet(clinic)
    (made,) = clinic.journal(ADD_TEMPLATE)
    assert "image" not in made.body

    consent = await agreed(clinic, first)
    await clinic.runtime.group_care.keep()
    await quiet(clinic)
    (edited,) = clinic.journal(EDIT_TEMPLATE)
    assert "image" in edited.body

    await withdraw(clinic, first, consent)
    await quiet(clinic)
    last = clinic.journal(EDIT_TEMPLATE)[-1].body
    assert (len(clinic.journal(EDIT_TEMPLATE)), last["template_id"]) == (2, edited.body["template_id"])
    assert last["text"] == edited.body["text"]
    assert "image" not in last
    (todo,) = [one for one in await told(clinic) if WITHDRAWN in one.body]
    assert (todo.assignee, todo.title) == ("manager", "欢迎语先不带这个素材：它用到了患者")
    assert "现在不带它，文字照发" in todo.body


async def test_a_picture_that_an_edit_would_leave_in_wecom_goes_with_its_material(clinic: Clinic) -> None:
    clinic.tenant.rules.template_edit_keeps = True
    first, _ = await greeted(clinic, 1)
    await clinic.runtime.group_care.keep()
    await quiet(clinic)
    consent = await agreed(clinic, first)
    await clinic.runtime.group_care.keep()
    await quiet(clinic)
    (row,) = await rows(clinic, select(GroupWelcome))
    assert "image" in clinic.tenant.templates.get(row.template_id).body

    await withdraw(clinic, first, consent)
    await quiet(clinic)

    (row,) = await rows(clinic, select(GroupWelcome))
    assert len(clinic.journal(ADD_TEMPLATE)) == 2
    assert "image" not in clinic.tenant.templates.get(row.template_id).body
    assert row.held == row.wanted


async def test_managers_are_told_once_what_greetings_lack(clinic: Clinic) -> None:
    for _ in range(2):
        clinic.clock.advance(timedelta(minutes=2))
        await clinic.until(lambda: told(clinic), what="the managers are told")
        await quiet(clinic)

    (todo,) = await told(clinic)
    assert UNBACKED in todo.body
    assert f"素材 {PICTURE} 登记同意" in todo.body
