"""Moving imports on: a file is looked through or recorded, slice by slice, wherever it stopped."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Final

import structlog
from sqlalchemy import select

from clinic import visits
from clinic.care_tables import Import
from clinic.imports.book import OpenFile
from clinic.imports.rows import Fault, RowReader, Told
from clinic.imports.sheet import FileRefused
from clinic.whose import PersonUnclear
from content.treatment_specs import Catalogue
from sop.import_look import Look
from sop.importing import KEPT, Counts, ImportState, Relieved, content_of, let_go, note, save, turn
from sop.intake import AT_ONCE, HOLD_S, BenefitReport, SheetReport, VisitReport, open_intake
from store.trouble import will_pass
from store.vault import SealBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from clinic.imports.sheet import Row
    from content.pack import Pack
    from sop.intake import Intake
    from store.clock import Clock
    from store.database import Database
    from store.vault import Vault

    Watch = Callable[[int, int], None]

log = structlog.get_logger(__name__)

LOOK: Final = 1000


class Importer:
    """Moves imports on, in whatever process it is: the clockwork's or the command line's.

    Args:
        on_rows: called after rows were recorded, with effects that the courier may send.
    """

    def __init__(
        self,
        database: Database,
        *,
        pack: Pack,
        vault: Vault,
        clock: Clock,
        public_url: str,
        on_rows: Callable[[], None] = lambda: None,
    ) -> None:
        self._database = database
        self._pack = pack
        self._vault = vault
        self._clock = clock
        self._public_url = public_url
        self._on_rows = on_rows
        self._catalogue = Catalogue(pack.treatments)
        self._recognised = False

    async def keep(self) -> None:
        """Move on every file that the server holds, and let go of those nobody needs any more."""
        await self._recognise()
        await self._let_go()
        while True:
            async with self._database.read() as session:
                query = select(Import.id).where(
                    Import.state.in_([s.value for s in ImportState if s.moves]),
                    Import.content_sealed.is_not(None),
                )
                import_id = await session.scalar(query.order_by(Import.id).limit(1))
            if import_id is None:
                return
            await self.advance(import_id)

    async def advance(self, import_id: int, data: bytes | None = None, *, watch: Watch | None = None) -> None:
        """Look a file through, or record it, to the end of what its state asks for.

        Args:
            data: the file, where the import does not hold it.
            watch: called with the rows done and the rows in all.
        """
        async with self._database.read() as session:
            row = await session.get_one(Import, import_id)
        try:
            if data is None:
                data = await asyncio.to_thread(content_of, row, self._vault)
            if row.state == ImportState.CHECKING:
                await self._check(row, data, watch)
            elif row.state == ImportState.RUNNING:
                await self._record(row, data, watch)
        except (FileRefused, SealBroken) as exc:
            await self._break(import_id, _why(exc))
        except Relieved:
            return
        except Exception as exc:
            if will_pass(exc):
                raise  # the database is away: the same rows are told again when it is back
            # Tried again, it would fail again, and keep every other file waiting.
            log.error("import.failed", import_id=import_id, error=type(exc).__name__)
            await self._break(import_id, f"程序出错（{type(exc).__name__}），没有做完；已经记下的行保留")

    async def _break(self, import_id: int, why: str) -> None:
        moving = {state for state in ImportState if state.moves}
        async with self._database.write() as session:
            now = self._clock.now()
            await turn(session, import_id, moving, ImportState.BROKEN, now, finished_at=now, notices=[why])

    async def _check(self, row: Import, data: bytes, watch: Watch | None) -> None:
        """Look the file through; nothing but the import's row changes."""
        total, opened = await asyncio.to_thread(_open, data, row.kind)
        reader = self._reader(row, opened)
        look = Look(pack=self._pack, catalogue=self._catalogue, vault=self._vault)
        checking = ImportState.CHECKING
        while some := await asyncio.to_thread(opened.draw, LOOK):
            read = await asyncio.to_thread(reader.read_all, some)
            async with self._database.read() as session:
                await look.through(session, read)
            await self._save(row.id, look.counts, checking, rows=total)
            if watch:
                watch(look.counts.done, total)
        notices = look.notices(opened.layout, kind=row.kind)
        await self._save(row.id, look.counts, checking, rows=total, notices=notices, to=ImportState.CHECKED)

    async def _record(self, row: Import, data: bytes, watch: Watch | None) -> None:
        total, opened = await asyncio.to_thread(_open, data, row.kind)
        reader = self._reader(row, opened)
        await asyncio.to_thread(opened.skip, row.done)
        counts = Counts(
            done=row.done,
            added=row.added,
            changed=row.changed,
            people=row.people,
            faulty=row.faulty,
            faults=list(row.faults),
        )
        while some := await asyncio.to_thread(opened.draw, LOOK):
            read = await asyncio.to_thread(reader.read_all, some)
            while read:
                counts, handled = await self._slice(row, counts, some, read[:AT_ONCE], total)
                some, read = some[handled:], read[handled:]
                self._on_rows()
                if watch:
                    watch(counts.done, total)
        async with self._database.write() as session:
            now = self._clock.now()
            if await turn(
                session,
                row.id,
                {ImportState.RUNNING},
                ImportState.DONE,
                now,
                finished_at=now,
                rows=counts.done,
            ):
                reason = (
                    f"导入完成：{counts.done} 行，新增 {counts.added}，更新 {counts.changed}，"
                    f"有问题 {counts.faulty}，新档案 {counts.people}"
                )
                note(session, row.id, "import.done", row.actor, now, reason)

    async def _slice(
        self,
        row: Import,
        counts: Counts,
        rows: Sequence[Row],
        read: Sequence[Told | tuple[Fault, ...]],
        total: int,
    ) -> tuple[Counts, int]:
        """Record some rows in one transaction; return the new counts and how many rows that were.

        A row on which our own code fails is told as faulty, and keeps no other row from being recorded.
        """
        try:
            return await self._transact(row, counts, read, total)
        except (Relieved, FileRefused):
            raise
        except Exception as exc:
            if will_pass(exc):
                raise  # the same rows are told again when the cause is gone
            if len(read) > 1:
                return await self._slice(row, counts, rows, read[:1], total)
            log.error("import.row_failed", import_id=row.id, row=rows[0].number, error=type(exc).__name__)
            fault = Fault(
                row=rows[0].number, column="", message=f"没有记下：程序出错（{type(exc).__name__}）"
            )
            return await self._transact(row, counts, [(fault,)], total)

    async def _transact(
        self, row: Import, before: Counts, read: Sequence[Told | tuple[Fault, ...]], total: int
    ) -> tuple[Counts, int]:
        counts, handled, began = before.copy(), 0, time.monotonic()
        async with self._database.write() as session:
            intake = await open_intake(
                session,
                pack=self._pack,
                vault=self._vault,
                public_url=self._public_url,
                actor=row.actor,
                now=self._clock.now(),
            )
            told = [one for one in read if isinstance(one, Told)]
            await intake.expect(
                people=[one.person for one in told],
                visits_=[one.visit for one in told if one.visit],
                sheets=[one.sheet for one in told if one.sheet],
                cards=[one.benefit for one in told if one.benefit],
            )
            for one in read:
                await self._take(intake, one, counts)
                handled += 1
                if time.monotonic() - began > HOLD_S:
                    break
            await intake.tell_unknown()
            counts.people += intake.book.recorded
            counts.done += handled
            await save(
                session,
                row.id,
                counts,
                ImportState.RUNNING,
                now=self._clock.now(),
                was=before.done,
                new_faults=len(counts.faults) != len(before.faults),
                rows=total,
            )
        return counts, handled

    async def _take(self, intake: Intake, one: Told | tuple[Fault, ...], counts: Counts) -> None:
        if not isinstance(one, Told):
            counts.note(one)
            return
        try:
            if one.visit is not None:
                _, recorded = await intake.visit(VisitReport(person=one.person, visit=one.visit))
                outcome: str = recorded.outcome
            elif one.sheet is not None:
                _, _, outcome = await intake.sheet(SheetReport(person=one.person, sheet=one.sheet))
            elif one.benefit is not None:
                _, _, outcome = await intake.benefit(BenefitReport(person=one.person, benefit=one.benefit))
            else:
                outcome = await intake.person(one.person)
        except PersonUnclear as exc:
            counts.note([Fault(row=one.row, column="", message=str(exc))])
            return
        counts.added += outcome == "added"
        counts.changed += outcome == "changed"

    # ── keeping house ────────────────────────────────────────────────────────────────────────────────

    async def _save(self, import_id: int, counts: Counts, state: ImportState, **values: Any) -> None:
        async with self._database.write() as session:
            await save(session, import_id, counts, state, now=self._clock.now(), **values)

    def _reader(self, row: Import, opened: OpenFile) -> RowReader:
        kind: Any = row.kind
        return RowReader(
            kind=kind,
            layout=opened.layout,
            zone=self._pack.timezone,
            heard_at=row.started_at,
            numbers=lambda words: "auto:" + self._vault.blind_index(words, about="visit.number")[:32],
        )

    async def _recognise(self) -> None:
        """Map the visits whose codes this pack knows and an earlier one did not; once per start."""
        if self._recognised:
            return

        def find(code: str) -> str | None:
            treatment = self._catalogue.find(code)
            return treatment.key if treatment else None

        async with self._database.write() as session:
            learned = await visits.recognise(session, find)
        self._recognised = True
        if learned:
            log.info("visits.recognised", codes=learned)

    async def _let_go(self) -> None:
        old = (Import.moved_at < self._clock.now() - KEPT, Import.content_sealed.is_not(None))
        async with self._database.read() as session:
            if await session.scalar(select(Import.id).where(*old).limit(1)) is None:
                return
        async with self._database.write() as session:
            await let_go(session, now=self._clock.now())


def _why(exc: FileRefused | SealBroken) -> str:
    if isinstance(exc, SealBroken):
        return "存下的文件打不开：XIAOHU_SECRET_KEY 不是上传时的那一个；请恢复原来的密钥，或重新上传"
    return str(exc)


def _open(data: bytes, kind: Any) -> tuple[int, OpenFile]:
    return OpenFile(data, kind).count(), OpenFile(data, kind)
