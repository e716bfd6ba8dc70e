"""Brings the state database's schema up to date, or says that it is not."""

from functools import lru_cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine
from sqlalchemy.exc import OperationalError

#: Alembic's own table, beside ours.
VERSION_TABLE = "callback_schema_version"


def bring_up_to_date(bind: Engine | Connection) -> bool:
    """Migrate to this release's schema → whether anything was done. Safe to run by several processes at once.

    Raises LookupError with a sentence when the schema is newer than this release.
    """
    if isinstance(bind, Connection):
        return _upgrade(bind)
    with bind.connect() as connection:
        if _version(connection) == head():
            return False
        connection.rollback()
        connection.execution_options(callback_begin="IMMEDIATE")
        with connection.begin():
            return _upgrade(connection)


def why_outdated(engine: Engine) -> str:
    """A sentence that says what is wrong with the schema and what to do, or an empty one."""
    try:
        with engine.connect() as connection:
            version = _version(connection)
    except OperationalError as error:
        return f"the state database cannot be opened: {error.orig}"
    if version == head():
        return ""
    if version is None:
        return "the state database has no schema yet; run: callbacks migrate"
    if not _is_ours(version):
        return f"the state database has schema {version}, which is newer than this release; use the newer release"
    return f"the state database has schema {version}, this release needs {head()}; run: callbacks migrate"


def _upgrade(connection: Connection) -> bool:
    version = _version(connection)
    if version == head():
        return False
    if version is not None and not _is_ours(version):
        raise LookupError(f"the state database has schema {version}, which is newer than this release")
    config = _config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def _version(connection: Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
    return context.get_current_revision()


def _is_ours(version: str) -> bool:
    try:
        return ScriptDirectory.from_config(_config()).get_revision(version) is not None
    except CommandError:
        return False


@lru_cache(maxsize=1)
def head() -> str:
    """The schema that this release needs."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    if revision is None:
        raise LookupError("this installation has no migrations; install it anew")
    return revision


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
