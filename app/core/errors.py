"""One tree of errors, and one table that says what each means for HTTP, a shell, a retry and a person.

The four families are the specification's (Error Handling): validation, processing, database, external API.
"""

import errno
from typing import NamedTuple


class CallbackError(Exception):
    """Whatever this system says no with; the message is a sentence for a person."""


class ValidationError(CallbackError):
    """The data is not valid."""


class ProcessingError(CallbackError):
    """The data is valid, the work on it failed or is not allowed."""


class DatabaseError(CallbackError):
    """A database (the log or the state) did not do its work."""


class ExternalAPIError(CallbackError):
    """Talking to somebody else's API failed."""


class NoAnswer(ExternalAPIError):
    """Somebody else's API gave no answer that can be read: not reached, too late, too long, broken."""

    def __init__(self, message: str, *, unsent: bool = False) -> None:
        """`unsent`: it is certain that the request never left."""
        super().__init__(message)
        self.unsent = unsent


class AddressRefused(ExternalAPIError):
    """An address that people gave leads into a private network; nothing was sent."""


class FieldError(ValidationError):
    """A field of the input is missing or wrong."""

    def __init__(self, field: str, reason: str) -> None:
        """`field` as the caller spells it, `reason` as the rest of the sentence."""
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.reason = reason


class AmountError(ValidationError):
    """Not an amount."""

    def __init__(self, text: object) -> None:
        """`text` is what came instead of an amount."""
        super().__init__(f"not an amount: {str(text)[:40]!r} (digits, at most two after the point, no sign)")


class UnreadableBody(ValidationError):
    """The body is not what the sender's protocol says."""

    def __init__(self, reason: str, *, field: str = "") -> None:
        """`field` where it is one field that is missing or wrong, `reason` is then the rest of the sentence."""
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field = field
        self.reason = reason


class UnknownProvider(ValidationError):
    """Nobody handles callbacks under this name."""

    def __init__(self, name: str, *, catalogued: bool = False) -> None:
        """`name` as it stood in the address; `catalogued`: as a provider of the catalogue."""
        told = "the catalogue has no provider {}; `callbacks providers list` lists them, `add` writes a new one"
        if not catalogued:
            told = "no handler is registered under {}; GET /callbacks/handlers lists them"
        super().__init__(told.format(repr(name[:60])))


class FileRefused(ValidationError):
    """A file that is not read, or not kept."""

    def __init__(self, reason: str, **detail: str | int) -> None:
        """`reason` is a stable word such as `file_outside`; `detail` what a person needs beside it."""
        super().__init__(reason)
        self.reason = reason
        self.detail = detail


class CatalogRefused(ValidationError):
    """A provider's file that cannot be what it says."""

    def __init__(self, file: str, field: str, reason: str) -> None:
        """`field` of the file, "" for the file as a whole."""
        super().__init__(f"{file}: {field}: {reason}" if field else f"{file}: {reason}")
        self.file = file
        self.field = field
        self.reason = reason


class NotFound(ValidationError):
    """What was asked for does not exist."""


class HandlerNameTaken(ProcessingError):
    """A handler is registered under this name already."""

    def __init__(self, name: str) -> None:
        """`name` as it was to be registered."""
        super().__init__(f"a handler named {name!r} is registered already; pass replace=True to replace it")


class OrderConflict(ProcessingError):
    """The order_id is announced already, with other contents."""


class BalanceTooSmall(ProcessingError):
    """The wallet holds less than the purchase costs."""


class ResolutionRefused(ProcessingError):
    """A person's word that this order cannot take."""


class TransactionEnded(ProcessingError):
    """A handler committed or rolled back what is the worker's to end."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"apply of the handler {name!r} ended the worker's transaction (commit, rollback, or a Session's rollback);"
            " `with connection.begin_nested():` undoes a part, an exception undoes the callback"
        )


class StartRefused(ProcessingError):
    """The process cannot start; the message says why and what to do."""


class SchemaOutdated(DatabaseError):
    """The state database's schema is not the one that this release needs."""


class StateDisplaced(DatabaseError):
    """The state database is not where it was opened, or not with what belongs to it; nothing was done."""


class LogBusy(DatabaseError):
    """Another server holds this callback log."""


class LogUnavailable(DatabaseError):
    """The callback log could not be written; nothing was acknowledged."""


class Treatment(NamedTuple):
    """What an error means outside: HTTP status, exit code, and whether the same call may succeed later."""

    status: int
    exit_code: int
    again: bool


#: The most particular class wins; a test proves that every class of the tree has a treatment.
TREATMENTS: dict[type[CallbackError], Treatment] = {
    CallbackError: Treatment(500, 1, again=False),
    ValidationError: Treatment(422, 2, again=False),
    ProcessingError: Treatment(409, 1, again=False),
    DatabaseError: Treatment(503, 1, again=True),
    ExternalAPIError: Treatment(502, 1, again=True),
    NoAnswer: Treatment(502, 1, again=True),
    AddressRefused: Treatment(422, 2, again=False),
    FieldError: Treatment(422, 2, again=False),
    AmountError: Treatment(422, 2, again=False),
    UnreadableBody: Treatment(400, 2, again=False),
    UnknownProvider: Treatment(404, 2, again=False),
    FileRefused: Treatment(422, 2, again=False),
    CatalogRefused: Treatment(422, 2, again=False),
    NotFound: Treatment(404, 1, again=False),
    HandlerNameTaken: Treatment(409, 2, again=False),
    OrderConflict: Treatment(409, 1, again=False),
    BalanceTooSmall: Treatment(402, 1, again=False),
    ResolutionRefused: Treatment(409, 1, again=False),
    TransactionEnded: Treatment(409, 1, again=False),
    StartRefused: Treatment(503, 2, again=False),
    SchemaOutdated: Treatment(503, 2, again=False),
    StateDisplaced: Treatment(503, 2, again=False),
    LogBusy: Treatment(503, 2, again=True),
    LogUnavailable: Treatment(503, 1, again=True),
}


def treatment(error: CallbackError) -> Treatment:
    """The table's row for this error."""
    return TREATMENTS[type(error)]


def describe_os_error(error: OSError) -> str:
    """`No space left on device: data/log.db`: the system's words and the file, without a traceback."""
    reason = error.strerror or errno.errorcode.get(error.errno or 0, str(error))
    return f"{reason}: {error.filename}" if error.filename else reason
