"""客户 and 待办: finding a patient, all that is known of her, and what staff do with her record."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from clinic import people, todos
from clinic.care_tables import Consent, Todo
from clinic.tables import AuditEntry, Patient
from clinic.todos import MANAGER
from store.vault import Vault
from tests.support.api_driver import MONDAY
from tests.support.console_driver import HTMX
from tests.support.records import FANG, NOW, fang, meet

if TYPE_CHECKING:
    from tests.support.console_driver import Desk, Page

LIST = "/console/patients"
SEARCH = "/console/patients/search"


@pytest.fixture
def vault() -> Vault:
    return Vault("a secret of the tests")


@pytest.fixture
async def her(desk: Desk, vault: Vault) -> str:
    """芳芳 (1), 芳芳 once more as the clinic's own system knows her (2), and a stranger (3)."""
    async with desk.database.write() as session:
        await fang(session, vault)
        local = await people.local_patient(session, now=NOW)
        await people.identify(session, local, vault, now=NOW, phone="13800138000", real_name="王芳芳")
        await meet(session, vault, "wm-stranger", "小明")
    return f"{LIST}/1"


async def audited(desk: Desk, action: str) -> list[AuditEntry]:
    async with desk.database.read() as session:
        return list(await session.scalars(select(AuditEntry).where(AuditEntry.action == action)))


async def search(desk: Desk, **fields: str) -> Page:
    return await desk.send(await desk.get(LIST), SEARCH, **fields)


# ── finding ──────────────────────────────────────────────────────────────────────────────────────────


async def test_an_empty_clinic_says_where_patients_come_from(desk: Desk) -> None:
    shown = await desk.get(LIST)

    assert "还没有客户" in shown.text
    assert "没有找到" in (await search(desk, q="芳芳")).text


@pytest.mark.parametrize("words", ["芳芳妈", "备注", "13800138000", "8000", "王芳芳", "B-2024-17", FANG])
async def test_words_find_her_and_stand_in_no_address(desk: Desk, her: str, words: str) -> None:
    found = await search(desk, q=words)

    assert (found.status, found.location) == (200, "")
    assert "芳芳妈妈🌸" in found.text
    assert "小明" not in found.text
    assert "13800138000" not in found.text.replace(words, "")
    assert f'href="{her}"' in found.html


async def test_filters_without_words_make_an_address_to_keep(desk: Desk, her: str) -> None:
    kept = await search(desk, q="", stage="visited", tag="需求/想种牙", member="xiaohu")
    shown = await desk.follow(kept)

    assert kept.location.startswith(f"{LIST}?stage=visited&tag=")
    assert "芳芳妈妈🌸" in shown.text
    assert "小明" not in shown.text
    assert (await search(desk)).location == LIST
    assert (await desk.get(f"{LIST}?stage=gone")).status == 422
    assert (await desk.get(f"{LIST}?cursor=x")).status == 422


async def test_a_filter_longer_than_any_there_is_goes_into_no_address(desk: Desk) -> None:
    kept = await search(desk, q="", stage="种" * 10_000)

    assert kept.status == 303
    assert len(kept.location) < 2000


async def test_long_lists_are_paged_with_and_without_words(desk: Desk, vault: Vault) -> None:
    async with desk.database.write() as session:
        for number in range(35):
            await meet(session, vault, f"wm-{number:02}", f"客户{number:02}")

    first = await desk.get(LIST)
    assert "客户34" in first.text
    assert "客户04" not in first.text
    assert "客户04" in (await desk.get(f"{LIST}?cursor=6")).text

    found = await search(desk, q="客户")
    fields = [(name, value) for name, value in found.form(SEARCH) if name not in ("q", "cursor")]
    more = await desk.post(SEARCH, [*fields, ("q", "客户"), ("cursor", "6")])
    assert "客户04" in more.text
    assert "客户34" not in more.text
    assert 'name="cursor" value="6"' in found.html


# ── one patient ──────────────────────────────────────────────────────────────────────────────────────


async def test_her_page_tells_all_with_reasons_and_masks(desk: Desk, her: str) -> None:
    shown = await desk.get(her)

    for words in (
        "芳芳妈妈🌸",
        "已到店",
        "王**",
        "138****8000",
        "B-2024-17",
        "备注：种植顾问的备注",
        "扫二维码 · 前台扫码",
        "需求/想种牙",
        "implant-keyword",
        "JY01",
        "199.00 元",
        "微笑口腔·护牙福利社",
        "使用病例、照片或评价",
        "联系芳芳妈妈",
        "标签 需求/想种牙：规则 implant-keyword（芳芳妈妈）",
        "微信客服 客户：我是王芳芳，想问种植",
        "收到：记得周三来复查哦",
        "可能是同一个人",
    ):
        assert words in shown.text, words
    assert "13800138000" not in shown.html.replace("纸质 13800138000", "")


async def test_what_was_before_comes_page_by_page(desk: Desk, her: str, vault: Vault) -> None:
    async with desk.database.write() as session:
        for number in range(40):
            await todos.ask(
                session,
                key=f"k{number}",
                kind="x",
                assignee="xiaohu",
                title=f"第{number}件",
                body="",
                now=NOW + timedelta(days=1, minutes=number),
                patient_id=1,
            )
    shown = await desk.get(her)
    after = shown.html.split("/story?before=")[1].split('"')[0]

    fragment = await desk.get(f"{her}/story?before={after}", HTMX)
    whole = await desk.follow(await desk.get(f"{her}/story?before={after}"))

    assert "待办：第39件" in shown.text
    assert "待办：第0件" not in shown.text
    assert "待办：第0件" in fragment.text
    assert "<html" not in fragment.html
    assert "待办：第0件" in whole.text
    assert "回到最近" in whole.text
    assert (await desk.get(f"{her}?before=x")).status == 422


@pytest.mark.parametrize("headers", [None, HTMX], ids=["page", "htmx"])
async def test_name_and_phone_are_shown_to_who_asks_and_the_asking_is_kept(
    desk: Desk, her: str, headers: dict[str, str] | None
) -> None:
    shown = await desk.send(await desk.get(her), f"{her}/reveal", headers)

    assert "13800138000" in shown.text
    assert "王芳芳" in shown.text
    (entry,) = await audited(desk, "patient.reveal")
    assert (entry.actor, entry.subject) == ("admin", f"patient:{FANG}")
    assert "138****8000" in (await desk.get(her)).text


async def test_staff_complete_who_she_is(desk: Desk, her: str) -> None:
    page = await desk.get(f"{LIST}/3")
    done = await desk.send(
        page,
        f"{LIST}/3/identity",
        real_name="李小明",
        phone="139 1111 2222",
        clinic_number="C-3",
        born_on="1955-04-05",
    )

    shown = await desk.follow(done)
    for words in ("资料已保存", "李**", "139****2222", "C-3", "1955-04-05", "补充了病历号、电话、姓名、生日"):
        assert words in shown.text
    assert "小明" in (await search(desk, q="2222")).text


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        pytest.param({"phone": "12345"}, "不是电话号码", id="no phone"),
        pytest.param({"clinic_number": "B-2024-17"}, "已经属于另一份档案", id="number of another"),
        pytest.param({"born_on": "1455-04-05"}, "生日不对", id="too old"),
        pytest.param({"born_on": "x"}, "生日要写成", id="no day"),
    ],
)
async def test_what_cannot_be_is_refused_and_nothing_is_half_done(
    desk: Desk, her: str, fields: dict[str, str], words: str
) -> None:
    refused = await desk.send(
        await desk.get(f"{LIST}/3"), f"{LIST}/3/identity", **({"real_name": "李小明"} | fields)
    )

    assert refused.status == 422
    assert words in refused.text
    assert "李**" not in (await desk.get(f"{LIST}/3")).text


async def test_a_suggested_record_is_merged_and_taken_apart(desk: Desk, her: str) -> None:
    merged = await desk.follow(await desk.send(await desk.get(her), f"{her}/merge"))

    assert "两份档案已合并" in merged.text
    assert "2 份档案" in merged.text
    assert "可能是同一个人" not in merged.text
    assert (await desk.get(f"{LIST}/2")).location == her

    apart = await desk.follow(await desk.send(merged, f"{her}/split"))
    assert "已拆成两份档案" in apart.text
    assert (await desk.get(f"{LIST}/2")).status == 200


async def test_mother_and_child_with_one_phone_are_not_suggested_twice(desk: Desk, her: str) -> None:
    told = await desk.follow(await desk.send(await desk.get(her), f"{her}/distinct"))

    assert "不再提示" in told.text
    assert "可能是同一个人" not in told.text
    assert "可能是同一个人" not in (await desk.get(f"{LIST}/2")).text


async def test_records_that_share_a_phone_are_listed_until_somebody_decides(desk: Desk, her: str) -> None:
    page = f"{LIST}/doubles"
    listed = await desk.get(page)
    assert "138****8000" in listed.text
    assert "13800138000" not in listed.html

    told = await desk.follow(await desk.send(listed, f"{her}/distinct"))
    assert "不再提示" in told.text
    assert "没有发现重复" in told.text
    assert (await desk.get(f"{page}?after=../x")).status == 422


async def test_a_double_is_merged_from_the_list(desk: Desk, her: str) -> None:
    merged = await desk.follow(await desk.send(await desk.get(f"{LIST}/doubles"), f"{her}/merge"))

    assert "2 份档案" in merged.text
    assert "没有发现重复" in (await desk.get(f"{LIST}/doubles")).text


@pytest.mark.parametrize(("other", "words"), [("99", "没有这个编号"), ("1", "已经是同一位"), ("x", "编号")])
async def test_what_cannot_be_merged_is_explained(desk: Desk, her: str, other: str, words: str) -> None:
    refused = await desk.send(await desk.get(her), f"{her}/merge", other=other)

    assert refused.status == 422
    assert words in refused.text


async def test_a_consent_is_noted_shown_and_withdrawn(desk: Desk, her: str) -> None:
    page = await desk.get(her)
    missing = await desk.send(page, f"{her}/consents", kind="marketing", proof=" ")
    assert (missing.status, "凭据" in missing.text) == (422, True)
    past = await desk.send(page, f"{her}/consents", kind="marketing", proof="纸", until="2025-06-01")
    assert "到期时间要在今天以后" in past.text

    given = await desk.follow(
        await desk.send(page, f"{her}/consents", kind="marketing", proof="聊天 06-02", until="2025-06-02")
    )
    assert "接收活动和优惠信息" in given.text
    (consent,) = [one for one in await desk.rows(Consent) if one.kind == "marketing"]
    assert consent.until == MONDAY.replace(hour=0, minute=0) + timedelta(days=1)

    gone = await desk.follow(await desk.send(given, f"{her}/consents/{consent.id}/withdraw"))
    assert "已撤回" in gone.text
    again = await desk.follow(await desk.send(given, f"{her}/consents/{consent.id}/withdraw"))
    assert "早已失效" in again.text


async def test_forgetting_her_needs_the_words_and_a_reason_and_leaves_no_page(desk: Desk, her: str) -> None:
    page = await desk.get(her)
    unsure = await desk.send(page, f"{her}/erase", confirm="删除", reason="本人要求")
    assert (unsure.status, "没有删除" in unsure.text) == (422, True)
    silent = await desk.send(page, f"{her}/erase", confirm="永久删除", reason=" ")
    assert (silent.status, "请写明" in silent.text) == (422, True)
    assert (await desk.get(her)).status == 200

    done = await desk.follow(await desk.send(page, f"{her}/erase", confirm="永久删除", reason="本人电话"))

    assert "个人信息已经删除" in done.text
    assert "芳芳妈妈" not in done.text
    gone = await desk.get(her)
    assert (gone.status, "已按本人要求删除" in gone.text) == (404, True)
    assert (await desk.send(page, f"{her}/erase", confirm="永久删除", reason="x")).status == 404
    assert [entry.actor for entry in await audited(desk, "patient.erase")] == ["admin"]


async def test_the_link_on_a_card_leads_to_her_page(desk: Desk, her: str) -> None:
    assert (await desk.get(f"{LIST}/{FANG}")).location == her
    async with desk.database.read() as session:
        local = (await session.get_one(Patient, 2)).external_userid
    assert (await desk.get(f"{LIST}/{local}")).location == f"{LIST}/2"
    assert (await desk.get(f"{LIST}/wm-nobody")).status == 404


async def test_a_patient_who_does_not_exist_is_not_found(desk: Desk) -> None:
    shown = await desk.get(f"{LIST}/77")

    assert (shown.status, "没有这位客户" in shown.text) == (404, True)


async def test_another_secret_key_is_named_as_the_cause_and_nothing_sealed_is_shown(
    desk: Desk, her: str
) -> None:
    async with desk.database.write() as session:
        patient = await session.get_one(Patient, 1)
        patient.phone_sealed = Vault("another secret").seal("13800138000", about=people.PHONE)

    for path in (LIST, her):
        told = await desk.get(path)
        assert told.status == 500
        assert "XIAOHU_SECRET_KEY" in told.text
        assert "芳芳" not in told.text


# ── to-dos ───────────────────────────────────────────────────────────────────────────────────────────


async def ask(desk: Desk, number: int, assignee: str, **more: object) -> None:
    async with desk.database.write() as session:
        await todos.ask(
            session,
            key=f"t{number}",
            kind="lost",
            assignee=assignee,
            title=f"第{number}件事",
            body="请打个电话",
            now=NOW,
            **more,  # type: ignore[arg-type]
        )


async def test_a_manager_sees_what_is_for_managers_and_what_is_for_everybody(desk: Desk, her: str) -> None:
    await ask(desk, 1, MANAGER, patient_id=1, due_at=NOW - timedelta(hours=1))
    await ask(desk, 2, "zhang.wei")

    mine = await desk.get("/console/todos")
    assert "第1件事" in mine.text
    assert "第2件事" not in mine.text
    assert "已过时间" in mine.text
    assert "芳芳妈妈🌸的档案" in mine.text
    everybody = await desk.get("/console/todos?whose=all")
    assert "第2件事" in everybody.text
    assert "张伟" in everybody.text
    assert "第1件事" in (await desk.get("/console/")).text


async def test_a_todo_is_done_dropped_and_put_back(desk: Desk) -> None:
    await ask(desk, 1, MANAGER)
    page = await desk.get("/console/todos")

    done = await desk.follow(await desk.send(page, "/console/todos/1/done"))
    assert "已完成：第1件事" in done.text
    assert "没有要做的事" in done.text
    again = await desk.follow(await desk.send(page, "/console/todos/1/drop"))
    assert "刚被别人处理过" in again.text

    closed = await desk.get("/console/todos?whose=mine&closed=1")
    assert "管理员" in closed.text
    back = await desk.send(closed, "/console/todos/1/reopen")
    assert back.location == "/console/todos?whose=mine&closed=1"
    (todo,) = await desk.rows(Todo)
    assert (todo.state, todo.closed_by) == ("open", None)
    entries = await desk.rows(AuditEntry)
    assert [entry.action for entry in entries if entry.subject == "todo:1"] == ["todo.done", "todo.reopen"]


async def test_nothing_but_lists_that_exist_is_answered(desk: Desk) -> None:
    assert "没有要做的事" in (await desk.get("/console/todos")).text
    assert (await desk.get("/console/todos?whose=yours")).status == 422
    assert (await desk.get("/console/todos?page=x")).status == 422
    csrf = (await desk.get(LIST)).form(SEARCH)[:1]
    assert "没有改变" in (await desk.follow(await desk.post("/console/todos/9/done", csrf))).text


async def test_no_patients_name_reaches_the_audit_trail_of_a_todo(desk: Desk, her: str) -> None:
    async with desk.database.read() as session:
        patient = await session.get_one(Patient, 1)
        todo = (await session.scalars(select(Todo).where(Todo.patient_id == patient.id))).one()
    await desk.send(await desk.get(her), f"/console/todos/{todo.id}/done")

    (entry,) = await audited(desk, "todo.done")
    assert "芳芳" not in entry.reason
