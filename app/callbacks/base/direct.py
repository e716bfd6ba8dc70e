"""Callbacks that a program hands in itself: verified, logged, decided and applied before the call returns.

The state's write lock is taken before the callback enters the log, so that a worker running beside finds it decided:
same locks, same duplicates, one effect.
"""

import asyncio
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import msgspec
from sqlalchemy import Connection, Engine

from app.callbacks.base.by_caller import Claiming, carry_out
from app.callbacks.base.handing_over import is_running
from app.callbacks.base.middleware import Middleware
from app.core.clock import now_us
from app.core.config import Settings
from app.core.database import engine_for, ensure_schema, writing
from app.core.errors import CallbackError, FileRefused, UnreadableBody, ValidationError
from app.core.language import Lang, Text
from app.core.refusals import refusal_text
from app.core.telemetry import get_logger, hide_settings
from app.engine.callback import Callback, Outcome, OutcomeWord, Request, Verification
from app.engine.deciding import decide
from app.engine.limits import Limits
from app.engine.log import visiting
from app.engine.nesting import too_deep
from app.engine.offsets import epoch_no_of
from app.engine.receive import row_of
from app.migrations.run import bring_up_to_date
from app.operate.advice import reason_text

log = get_logger(__name__)

CALLER = Verification("caller")
_LIMITS = Limits()

_MESSAGES = {
    OutcomeWord.APPLIED: Text("Callback diterapkan.", "The callback was applied."),
    OutcomeWord.DUPLICATE: Text("Callback ini sudah pernah diterima.", "This callback was received before."),
    OutcomeWord.IGNORED: Text(
        "Callback disimpan; tidak menyangkut pesanan.", "The callback is kept; it says nothing about an order."
    ),
    OutcomeWord.PARKED: Text(
        "Callback disimpan sampai pesanannya diumumkan.", "The callback is kept until its order is announced."
    ),
    OutcomeWord.IN_DOUBT: Text(
        "Callback disimpan; pengirim sedang ditanya.", "The callback is kept; its sender is asked."
    ),
    OutcomeWord.REJECTED: Text("Callback ditolak", "The callback was rejected"),
    OutcomeWord.SET_ASIDE: Text("Callback disisihkan", "The callback was set aside"),
}
_BROKEN = Text("Handler gagal, tidak ada yang disimpan", "The handler failed, nothing was kept")
_FAILED = Text("Handler gagal dan akan dicoba lagi", "The handler failed and is tried again")


#: Who acts on a callback that was proved; raises UnknownProvider where nobody does.
Acting: TypeAlias = Callable[[Callback], Any]


class Call(msgspec.Struct, frozen=True):
    """One direct call as it was made."""

    name: str
    data: Any
    headers: Mapping[str, str] = {}
    raw_body: bytes | None = None
    #: the caller vouches for it; kept in the log as `caller`
    trusted: bool = False


async def take(
    handler: Any,
    call: Call,
    *,
    settings: Settings,
    db: Any = None,
    middleware: Sequence[Middleware] = (),
    acting: Acting | None = None,
) -> Any:
    """Take one direct call → `{"success", "message", "outcome", "callback_id"}`, or what a `handle` of yours returns.

    `handler` proves the sender; `acting` tells who acts on the callback, by default the same. `success` is false for
    what is refused or failed. Raises only what storage raises, or your own `apply`.
    """
    lang = settings.callback_lang
    try:
        request = request_of(call, now_us())
        verification = CALLER if call.trusted else handler.verify(request, request.received_at)
        if not verification.ok:
            return failure(
                refusal_text(
                    verification.reason or "not_verified",
                    lang,
                    field=verification.field,
                    detail=verification.detail,
                ),
                "refused",
            )
        identity = handler.identify(request)
        row = row_of(handler, request, identity, verification, request.provider)
        kept = handler.keeps(request)
        if acting is not None:
            handler = acting(Callback(0, *row))
        data = handler.read(request.body) if handler.hands_over and call.raw_body is not None else call.data
    except CallbackError as error:
        return failure(str(error), "refused")
    except Exception as error:  # a handler of somebody's own, answered as over HTTP
        hide_settings(settings)  # the application that embeds us may not have set up our log lines
        log.exception("handler_failed", handler=call.name)
        return failure(f"{getattr(_BROKEN, lang)}: {type(error).__name__}", "failed")
    if not kept:
        return {"success": True, "message": getattr(_MESSAGES[OutcomeWord.IGNORED], lang), "outcome": "ignored"}
    bind = bind_of(db, settings)
    claiming = Claiming(handler.log_name) if handler.hands_over else None
    doer = claiming or handler
    if isinstance(bind, Connection):  # a test's fixture: its connection stays in its thread
        callback, outcome = _keep_and_decide(bind, settings.callback_log_url, doer, row)
    else:
        callback, outcome = await asyncio.to_thread(_keep_and_decide, bind, settings.callback_log_url, doer, row)
    if claiming is None or claiming.task is None:
        return answer(outcome, lang)
    try:
        return await carry_out(handler, callback, data, claiming.task, bind, middleware=middleware)
    except ValidationError as error:
        return failure(_why_refused(error, lang), "refused", callback.id)
    except Exception as error:
        hide_settings(settings)
        log.exception("handler_failed", handler=call.name, callback_id=str(callback.id))
        return failure(f"{getattr(_FAILED, lang)}: {type(error).__name__}", "failed", callback.id)


def _why_refused(error: ValidationError, lang: Lang) -> str:
    return reason_text(error.reason, error.detail, lang) if isinstance(error, FileRefused) else str(error)


def as_a_direct_call(own: Callable[..., Any]) -> Callable[..., Any]:
    """`async def handle(self, data)` of your own → the same for who carries it out; for all others a direct call.

    A handler that is not registered has no name in the log, and nobody could carry its callbacks on: called as it is.
    """
    if not inspect.iscoroutinefunction(own):
        return own

    @functools.wraps(own)
    async def handle(self: Any, data: Any, *args: Any, **more: Any) -> Any:
        if args or not self.registered_as or not self.hands_over or is_running(self):
            return await own(self, data, *args, **more)
        proof = {name: value for name, value in more.items() if value is not None}
        return await self.called_directly(Call(self.log_name, data, **proof))

    return handle


def request_of(call: Call, at: int) -> Request:
    """The call as a request; raises UnreadableBody for data that JSON cannot say."""
    if call.raw_body is not None and not isinstance(call.raw_body, bytes):
        raise UnreadableBody("must be bytes, as they came from the socket", field="raw_body")
    if not isinstance(call.headers, Mapping):
        raise UnreadableBody("must map names to values", field="headers")
    try:
        body = call.raw_body if call.raw_body is not None else msgspec.json.encode(call.data)
    except (TypeError, ValueError, RecursionError) as error:
        raise UnreadableBody(f"the data cannot be written as JSON: {error}") from None
    if len(body) > _LIMITS.body_bytes:
        raise UnreadableBody(f"the data has {len(body)} bytes as JSON, more than {_LIMITS.body_bytes}")
    if too_deep(body, _LIMITS.json_depth):
        raise UnreadableBody(f"the data is nested deeper than {_LIMITS.json_depth} levels")
    headers = {_bytes(name).lower(): _bytes(value) for name, value in call.headers.items()}
    return Request(call.name, body, headers, "direct", at)


def _bytes(value: object) -> bytes:
    # What no header can hold proves nothing, but it is no reason to raise either.
    return value if isinstance(value, bytes) else str(value).encode(errors="replace")


def bind_of(db: Any, settings: Settings) -> Engine | Connection:
    """The engine or connection behind whatever was given, its schema up to date.

    A Session arrives closed from `next(get_db())`: only its engine is asked for. Raises SchemaOutdated.
    """
    given = engine_for(settings.database_url) if db is None else db
    bind: Engine | Connection = given if isinstance(given, (Engine, Connection)) else given.get_bind()
    if isinstance(bind, Connection):
        bring_up_to_date(bind)
    else:
        ensure_schema(bind)
    return bind


def _keep_and_decide(
    bind: Engine | Connection, log_url: str, handler: Any, row: tuple[Any, ...]
) -> tuple[Callback, Outcome]:
    with writing(bind) as connection:
        with visiting(log_url) as callback_log:
            callback = Callback(callback_log.write_batch([row]), *row)
            epoch = callback_log.epoch
        number = epoch_no_of(connection, epoch, at=callback.received_at)
        handlers = {callback.provider: handler}
        (outcome,) = decide(connection, handlers, [callback], epoch_no=number, at=callback.received_at)
    return callback, outcome


def answer(outcome: Outcome, lang: Lang) -> dict[str, Any]:
    """What a direct call returns for this outcome."""
    failed = outcome.word in {OutcomeWord.REJECTED, OutcomeWord.SET_ASIDE}
    message = getattr(_MESSAGES[outcome.word], lang)
    return {
        "success": not failed,
        "message": f"{message}: {reason_text(outcome.reason, outcome.detail, lang)}" if failed else message,
        "outcome": str(outcome.word),
        "callback_id": str(outcome.callback_id),
    }


def failure(message: str, outcome: str, callback_id: int | None = None) -> dict[str, Any]:
    """What a direct call returns when nothing was kept, or a handler failed."""
    return {
        "success": False,
        "message": message,
        "outcome": outcome,
        "callback_id": None if callback_id is None else str(callback_id),
    }
