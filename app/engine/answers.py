"""What senders are told, as bytes: the ordinary 200, and RFC 9457 problem details."""

from functools import lru_cache
from http import HTTPStatus

import orjson

from app.engine.callback import Answer

PROBLEM_JSON = b"application/problem+json"
RETRY_AFTER_SECONDS = 1


def accepted(callback_id: int) -> Answer:
    """The 200 of a callback that is on disk."""
    return Answer(200, b'{"success": true, "message": "callback received", "callback_id": "%d"}' % callback_id)


@lru_cache(maxsize=512)
def problem(status: int, detail: str, *headers: tuple[bytes, bytes]) -> Answer:
    """Problem details with `success: false`; `detail` is a sentence without secrets. A 503 says when to come again."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "success": False,
    }
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers += ((b"retry-after", b"%d" % RETRY_AFTER_SECONDS),)
    return Answer(status, orjson.dumps(body), PROBLEM_JSON, headers)


METHOD_NOT_ALLOWED = problem(405, "callbacks are sent with POST", (b"allow", b"POST"))
NOT_FOUND = problem(404, "no handler is registered under this name; GET /callbacks/handlers lists them")
BODY_TOO_LARGE = problem(413, "the body is larger than 1 MiB")
HEAD_TOO_LARGE = problem(431, "the head is larger than 64 KiB or has more than 100 fields")
HEAD_TOO_SLOW = problem(408, "the head of the request did not arrive in time")
BODY_TOO_SLOW = problem(408, "the body of the request did not arrive in time")
MALFORMED = problem(400, "this is not a well-formed HTTP/1.1 request")
UPGRADE_REFUSED = problem(400, "a callback cannot be upgraded to another protocol")
ENCODING_REFUSED = problem(415, "send the body as it is: Content-Encoding other than identity is not read")
TRANSFER_REFUSED = problem(501, "no Transfer-Encoding but chunked is read")
EMPTY_BODY = problem(400, "the body is empty")
TOO_DEEP = problem(400, "the JSON is nested deeper than 64 levels")
UNREADABLE = problem(400, "the body is not what this sender's protocol says")
HANDLER_FAILED = problem(500, "the handler of this sender failed; the log says where")
FAILED = problem(500, "the server failed on this request; the log says where")
FULL = problem(503, "too many callbacks wait for the disk")
WRITE_FAILED = problem(503, "the callback log could not be written; nothing was kept")
STOPPING = problem(503, "the server is stopping; nothing was kept")
TOO_MANY_CONNECTIONS = problem(503, "too many connections")
