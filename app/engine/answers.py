"""What senders are told, as bytes: the ordinary 200, and RFC 9457 problem details."""

from functools import lru_cache
from http import HTTPStatus
from typing import Any

import orjson

from app.core.refusals import refusal_text
from app.engine.callback import Answer

PROBLEM_JSON = b"application/problem+json"
RETRY_AFTER_SECONDS = 1
_DETAIL_CHARS_MAX = 500
_FIELD_CHARS_MAX = 64


def accepted(callback_id: int) -> Answer:
    """The 200 of a callback that is on disk."""
    return Answer(200, b'{"success": true, "message": "callback received", "callback_id": "%d"}' % callback_id)


def refusal(status: int, reason: str, *headers: tuple[bytes, bytes], field: str = "", detail: str = "") -> Answer:
    """Problem details with `success: false`, the machine's word and a sentence without secrets.

    `detail` stands in for the table's sentence where it knows more. A 503 says when to come again.
    """
    return _rendered(status, reason, headers, field[:_FIELD_CHARS_MAX], detail[:_DETAIL_CHARS_MAX])


@lru_cache(maxsize=512)
def _rendered(status: int, reason: str, headers: tuple[tuple[bytes, bytes], ...], field: str, detail: str) -> Answer:
    sentence = refusal_text(reason, "en", field=field, detail=detail)
    body = problem_body(status, sentence, reason=reason, **({"field": field} if field else {}))
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers += ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),)
    return Answer(status, orjson.dumps(body), PROBLEM_JSON, headers, reason)


def problem_body(status: int, detail: str, **more: Any) -> dict[str, Any]:
    """The members of a problem (RFC 9457); `more` are its own ones: `reason`, `field`, `errors`."""
    return {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": plain(detail[:_DETAIL_CHARS_MAX]),
        "success": False,
        **{name: plain(value) if isinstance(value, str) else value for name, value in more.items()},
    }


def plain(text: str) -> str:
    """The text as JSON can say it: a lone surrogate becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


METHOD_NOT_ALLOWED = refusal(405, "wrong_method", (b"allow", b"POST"))
NOT_FOUND = refusal(404, "unknown_provider")
BODY_TOO_LARGE = refusal(413, "body_too_large")
UPLOAD_TOO_LARGE = refusal(413, "upload_too_large", field="file")
HEAD_TOO_LARGE = refusal(431, "head_too_large")
HEAD_TOO_SLOW = refusal(408, "head_too_slow")
BODY_TOO_SLOW = refusal(408, "body_too_slow")
MALFORMED = refusal(400, "malformed_request")
UPGRADE_REFUSED = refusal(400, "upgrade")
ENCODING_REFUSED = refusal(415, "content_encoding", field="Content-Encoding")
TRANSFER_REFUSED = refusal(501, "transfer_encoding", field="Transfer-Encoding")
EMPTY_BODY = refusal(400, "empty_body")
TOO_DEEP = refusal(400, "too_deep")
HANDLER_FAILED = refusal(500, "handler_failed")
FAILED = refusal(500, "failed")
FULL = refusal(503, "full")
WRITE_FAILED = refusal(503, "write_failed")
UPLOAD_NOT_WRITTEN = refusal(503, "upload_not_written")
STOPPING = refusal(503, "stopping")
TOO_MANY_CONNECTIONS = refusal(503, "too_many_connections")
