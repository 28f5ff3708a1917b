"""Importing a file: looked through first, then recorded slice by slice, with every step written down.

::

    checking ──▶ checked ──▶ running ──▶ done
        │           │           │
        └──▶ broken └───────────┴──▶ stopped

How far it came changes in the transaction that records the rows, so an import that was killed goes on exactly
behind them. Looking through changes nothing but the import's own row.
"""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, delete, select, update

from clinic import audit
from clinic.care_tables import Import

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.ext.asyncio import AsyncSession

    from clinic.imports.columns import ImportKind
    from clinic.imports.rows import Fault
    from store.vault import Vault

CONTENT: Final = "import.content"  # what a sealed file is bound to
FAULTS_KEPT: Final = 2000
KEPT: Final = timedelta(hours=24)  # a file stays so long, to be confirmed or to have its faulty rows fetched


class ImportState(StrEnum):
    """Where an import is; see the module."""

    CHECKING = "checking"
    CHECKED = "checked"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    BROKEN = "broken"

    @property
    def moves(self) -> bool:
        return self in (ImportState.CHECKING, ImportState.RUNNING)


class Relieved(RuntimeError):
    """Somebody stopped this import, or another process goes on with it."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of the rows so far; ``places`` is how many were read."""

    done: int = 0
    added: int = 0
    changed: int = 0
    people: int = 0
    faulty: int = 0
    faults: list[dict[str, Any]] = field(default_factory=list)

    def note(self, faults: Sequence[Fault]) -> None:
        """Count one faulty row and keep its faults, as long as there is room."""
        self.faulty += 1
        self.faults += [fault.document() for fault in faults][: max(FAULTS_KEPT - len(self.faults), 0)]

    def copy(self) -> Counts:
        return Counts(
            done=self.done,
            added=self.added,
            changed=self.changed,
            people=self.people,
            faulty=self.faulty,
            faults=list(self.faults),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file made ready to be stored; ``sealed`` is None where its owner gives it again."""

    kind: ImportKind
    digest: str
    sealed: bytes | None


def make_ready(data: bytes, kind: ImportKind, vault: Vault | None) -> Upload:
    """Return a file as it is stored, without a vault as it is only known. It takes a while: use a thread."""
    digest = hashlib.sha256(f"{kind}\0".encode() + data).hexdigest()
    sealed = vault.seal_bytes(zlib.compress(data), about=CONTENT) if vault is not None else None
    return Upload(kind=kind, digest=digest, sealed=sealed)


async def submit(
    session: AsyncSession,
    upload: Upload,
    *,
    name: str,
    actor: str,
    now: datetime,
    state: ImportState = ImportState.CHECKING,
) -> Import:
    """Write down that a file waits to be imported; the same file that still waits is the same import."""
    waiting = select(Import).where(
        Import.digest == upload.digest,
        Import.finished_at.is_(None),
        Import.content_sealed.is_not(None)
        if upload.sealed is not None
        else and_(Import.content_sealed.is_(None), Import.state == state.value),
    )
    found = (await session.scalars(waiting.order_by(Import.id).limit(1).with_for_update())).first()
    if found is not None:
        return found
    row = Import(
        digest=upload.digest,
        name=name[-200:],
        kind=upload.kind,
        state=state.value,
        notices=[],
        faults=[],
        content_sealed=upload.sealed,
        actor=actor[:80],
        started_at=now,
        moved_at=now,
    )
    session.add(row)
    await session.flush()
    return row


async def confirm(session: AsyncSession, import_id: int, *, actor: str, now: datetime) -> bool:
    """Let a file that was looked through be recorded; return False when it does not wait for that."""
    begun = await turn(
        session,
        import_id,
        {ImportState.CHECKED},
        ImportState.RUNNING,
        now,
        done=0,
        added=0,
        changed=0,
        people=0,
        faulty=0,
        faults=[],
        started_at=now,
    )
    if begun:
        note(session, import_id, "import.started", actor, now, "开始导入")
    return begun


async def stop(session: AsyncSession, import_id: int, *, actor: str, now: datetime) -> bool:
    """Stop an import where it is; what was recorded stays. Return False when it had ended."""
    open_ = {ImportState.CHECKING, ImportState.CHECKED, ImportState.RUNNING}
    stopped = await turn(session, import_id, open_, ImportState.STOPPED, now, finished_at=now)
    if stopped:
        note(session, import_id, "import.stopped", actor, now, "停止导入，已经记下的保留")
    return stopped


async def turn(
    session: AsyncSession,
    import_id: int,
    before: set[ImportState],
    after: ImportState,
    now: datetime,
    **values: Any,
) -> bool:
    turned = await session.execute(
        update(Import)
        .where(Import.id == import_id, Import.state.in_([state.value for state in before]))
        .values(state=after.value, moved_at=now, **values)
        .returning(Import.id)
        .execution_options(synchronize_session=False)
    )
    return turned.first() is not None


def note(session: AsyncSession, import_id: int, action: str, actor: str, now: datetime, reason: str) -> None:
    audit.record(session, at=now, actor=actor, action=action, subject=f"import:{import_id}", reason=reason)


async def save(
    session: AsyncSession,
    import_id: int,
    counts: Counts,
    state: ImportState,
    *,
    now: datetime,
    was: int | None = None,
    to: ImportState | None = None,
    new_faults: bool = True,
    **values: Any,
) -> None:
    """Write how far an import in ``state`` is, in the transaction that records what was read.

    Args:
        was: how far it was when these rows were drawn.
        new_faults: False spares writing hundreds of faults again that stand there already.

    Raises:
        Relieved: it is not where we left it; the transaction must not be committed.
    """
    query = update(Import).where(Import.id == import_id, Import.state == state.value)
    if was is not None:
        query = query.where(Import.done == was)
    saved = await session.execute(
        query.values(
            state=(to or state).value,
            moved_at=now,
            done=counts.done,
            added=counts.added,
            changed=counts.changed,
            people=counts.people,
            faulty=counts.faulty,
            **({"faults": list(counts.faults)} if new_faults else {}),
            **values,
        )
        .returning(Import.id)
        .execution_options(synchronize_session=False)
    )
    if saved.first() is None:
        raise Relieved("another process goes on with this import, or somebody stopped it")


async def let_go(session: AsyncSession, *, now: datetime) -> None:
    """Forget the files of imports that ended a day ago, and those that nobody confirmed."""
    old = (Import.moved_at < now - KEPT, Import.content_sealed.is_not(None))
    await session.execute(
        update(Import)
        .where(*old, Import.state == ImportState.CHECKED.value)
        .values(state=ImportState.STOPPED.value, finished_at=now)
    )
    await session.execute(
        update(Import).where(*old, Import.finished_at.is_not(None)).values(content_sealed=None)
    )


def content_of(row: Import, vault: Vault) -> bytes:
    """Return the file that an import holds; it blocks for a moment.

    Raises:
        SealBroken: it was sealed with another key.
    """
    return zlib.decompress(vault.open_bytes(row.content_sealed or b"", about=CONTENT))


async def forget(session: AsyncSession, import_id: int) -> None:
    """Remove an import's row: a dry run leaves nothing behind."""
    await session.execute(delete(Import).where(Import.id == import_id))
