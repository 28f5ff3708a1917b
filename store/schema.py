"""Brings a database to the schema this program was written for."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.engine import make_url

if TYPE_CHECKING:
    from sqlalchemy.engine import Connection

    from store.database import Database

SCRIPTS: Final = Path(__file__).parent / "migrations"
# Any number, as long as it is ours: two processes that start together must not both migrate.
MIGRATION_LOCK: Final = 0x_5869_616F_6875


class SchemaTooNew(RuntimeError):
    """The database was migrated by a newer version of the program."""


async def upgrade(database: Database) -> tuple[str | None, str]:
    """Migrate to the newest schema in one transaction; return the revisions before and after.

    Raises:
        SchemaTooNew: the database knows a revision that this program does not.
    """
    folder = make_url(str(database.engine.url)).database
    if database.is_sqlite and folder and folder != ":memory:":
        Path(folder).parent.mkdir(parents=True, exist_ok=True)
    async with database.connect() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        return await connection.run_sync(_upgrade)


def _upgrade(connection: Connection) -> tuple[str | None, str]:
    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    head = scripts.get_current_head() or ""
    before = MigrationContext.configure(connection).get_current_revision()
    if before is not None and before not in {script.revision for script in scripts.walk_revisions()}:
        raise SchemaTooNew(f"数据库的结构是 {before}，这个版本不认识：它被更新的版本升级过，请运行那个版本")
    if before != head:
        command.upgrade(config, "head")
    return before, head
