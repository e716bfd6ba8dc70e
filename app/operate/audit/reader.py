"""Reads a callback of the log as its handler did when it came: what it tells, and whether its signature fits."""

from typing import Any

import orjson

from app.core.telemetry import get_logger
from app.engine.callback import Callback, Handler, Handlers, Request, acts
from app.operate.audit.proof import Finding, Unproved, Wrong
from app.operate.audit.tally import Tally

log = get_logger(__name__)


class Reader:
    """The handlers' pure functions, asked again; what cannot be asked any more goes into the tally."""

    def __init__(self, handlers: Handlers, tally: Tally) -> None:
        self.handlers = handlers
        self.tally = tally
        #: senders whose signatures, made in this place, some secret that is set has proved (`midtrans`, `signature`)
        self.proved: set[tuple[str, str]] = set()

    def signature(self, callback: Callback) -> None:
        """Verify again over the bytes of the log, with every secret that is set.

        A signature that does not fit was made with a secret that is set no longer, unless one of its place has been
        proved before: then the bytes are not those that came.
        """
        how = callback.verification
        proof = how.partition(":")[0]
        if proof != _SIGNATURE:
            self.tally.cannot(_NO_SIGNATURE.get(proof, Unproved.VOUCHED), callback.id)
            return
        handler = self.handlers[callback.provider]
        if not getattr(handler, "configured", True):
            self.tally.cannot(Unproved.SECRET_GONE, callback.id)
            return
        try:
            headers = _headers(callback)
            request = Request(callback.provider, callback.body, headers, callback.remote_addr, callback.received_at)
            verified = handler.verify(request, callback.received_at)
        except Exception as error:  # noqa: BLE001 - code of somebody's own must not end the audit
            self._failed(callback, error)
            return
        if verified.ok and verified.how.startswith(_SIGNATURE):
            self.tally.signatures += 1
            self.proved.add((callback.provider, how))
        elif verified.reason == "signature_missing" and _is_header(verified.field, handler):
            self.tally.cannot(Unproved.SIGNATURE_NOT_KEPT, callback.id)
        elif (callback.provider, how) in self.proved:
            self.tally.find([Finding(Wrong.SIGNATURE, str(callback.id), callback.ordering_key, callback.id)])
        else:
            self.tally.cannot(Unproved.SECRET_GONE, callback.id)

    def tells_facts(self, callback: Callback) -> bool:
        """Whether such callbacks tell facts, as far as is known here."""
        handler = acts(self.handlers, callback)
        return handler is None or hasattr(handler, "telling")

    def telling(self, callback: Callback) -> Any:
        """What its handler's pure function reads in it; None where nobody can tell."""
        telling = getattr(acts(self.handlers, callback), "telling", None)
        if telling is None:
            self.tally.cannot(Unproved.HANDLER_UNKNOWN, callback.id)
            return None
        try:
            return telling(callback)
        except Exception as error:  # noqa: BLE001 - code of somebody's own must not end the audit
            self._failed(callback, error)
            return None

    def _failed(self, callback: Callback, error: Exception) -> None:
        log.debug("handler_failed", callback_id=str(callback.id), exc_info=error)
        self.tally.cannot(Unproved.HANDLER_FAILED, callback.id)


def _is_header(field: str, handler: Handler) -> bool:
    """Whether a proof of this name stands in a header, not in the body: `Signature` may be either."""
    return "-" in field or field.lower() in getattr(handler, "proof_headers", ())


_SIGNATURE = "signature"
_NO_SIGNATURE = {"unverified": Unproved.UNVERIFIED, "token": Unproved.TOKEN}


def _headers(callback: Callback) -> dict[bytes, bytes]:
    if not callback.headers:
        return {}
    return {
        name.encode("latin-1"): str(value).encode("latin-1") for name, value in orjson.loads(callback.headers).items()
    }
