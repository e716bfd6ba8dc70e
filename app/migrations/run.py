"""Brings the state database's schema up to date, or says that it is not.

Alembic is loaded only when there is something to migrate: it is a tenth of a process' memory.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect
from sqlalchemy.exc import OperationalError

if TYPE_CHECKING:
    from alembic.config import Config

#: Alembic's own table, beside ours.
VERSION_TABLE = "callback_schema_version"
#: Every schema that a release had, the first one first; the last is this release's.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
HEAD = REVISIONS[-1]


def bring_up_to_date(bind: Engine | Connection) -> bool:
    """Migrate to this release's schema → whether anything was done. Safe to run by several processes at once.

    Raises LookupError with a sentence when the schema is newer than this release.
    """
    if isinstance(bind, Connection):
        return _upgrade(bind)
    with bind.connect() as connection:
        if _version(connection) == HEAD:
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
    if version == HEAD:
        return ""
    if version is None:
        return "the state database has no schema yet; run: callbacks migrate"
    if version not in REVISIONS:
        return f"the state database has schema {version}, which is newer than this release; use the newer release"
    return f"the state database has schema {version}, this release needs {HEAD}; run: callbacks migrate"


def _upgrade(connection: Connection) -> bool:
    version = _version(connection)
    if version == HEAD:
        return False
    if version is not None and version not in REVISIONS:
        raise LookupError(f"the state database has schema {version}, which is newer than this release")
    from alembic import command  # noqa: PLC0415 - see above

    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return True


def _version(connection: Connection) -> str | None:
    """The schema that the database has; None for none."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    version: str | None = connection.exec_driver_sql(f"SELECT version_num FROM {VERSION_TABLE}").scalar()
    return version


def alembic_config() -> "Config":
    """Where Alembic finds the revisions."""
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    return config
