"""Errors as problem details (RFC 9457) with `success: false`, for every route of ours, wherever it is mounted."""

import re
from collections.abc import Callable, Coroutine, Mapping
from http import HTTPStatus
from typing import Any, TypeAlias

import orjson
from fastapi import FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnection
from starlette.exceptions import HTTPException
from starlette.routing import Match

from app.core.config import get_settings
from app.core.database import get_engine, is_storage_trouble
from app.core.errors import CallbackError, FieldError, treatment
from app.core.telemetry import get_logger
from app.engine.answers import BODY_TOO_LARGE, PROBLEM_JSON, RETRY_AFTER_SECONDS, plain, problem_body
from app.engine.callback import Answer
from app.migrations.run import why_outdated
from app.operate import access

Handle: TypeAlias = Callable[[Request], Coroutine[Any, Any, Response]]

BODY_BYTES_MAX = 1 << 20
_JSON = re.compile(r"\s*application/([\w.-]+\+)?json\s*(;|$)", re.IGNORECASE)

log = get_logger(__name__)

#: For OpenAPI: what errors look like.
PROBLEM_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "success"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "success": {"type": "boolean", "const": False},
        "reason": {"type": "string", "description": "A stable word, where a callback or a token was refused."},
        "field": {"type": "string", "description": "The field or header that is missing or wrong."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"field": {"type": "string"}, "reason": {"type": "string"}},
            },
        },
    },
}


#: Shows the token in OpenAPI, and the place to put it in the documentation's page; `ManagedRoute` is what asks for it.
TOKEN = Security(HTTPBearer(scheme_name="admin token", description="CALLBACK_ADMIN_TOKEN", auto_error=False))


def who_asks(request: Request, who: str | None) -> str:
    """Who does something: the name given, else where the request came from."""
    return who or f"api {request.client.host if request.client else ''}".strip()


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """`responses=` of a route that may answer with these problems."""
    content = {PROBLEM_JSON.decode(): {"schema": PROBLEM_SCHEMA}}
    return {status: {"description": HTTPStatus(status).phrase, "content": content} for status in statuses}


def problem(status: int, detail: str, **more: Any) -> Response:
    """One problem; a 503 says when to come again."""
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status == HTTPStatus.SERVICE_UNAVAILABLE else None
    return Response(orjson.dumps(problem_body(status, detail, **more)), status, headers, PROBLEM_JSON.decode())


def of_answer(answer: Answer) -> Response:
    """The engine's answer as a response."""
    response = Response(answer.body, answer.status, media_type=answer.content_type.decode())
    for name, value in answer.headers:
        response.headers[name.decode()] = value.decode()
    return response


class ProblemRoute(APIRoute):
    """A route whose errors are problems, without an exception handler of the application that mounts it."""

    def get_route_handler(self) -> Handle:
        """FastAPI's handler, and what to answer when it raises."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return self.refused(request) or await inner(request)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is told as a problem
                return of_error(error)

        return handle

    def refused(self, request: Request) -> Response | None:
        """Why the request is not even read, or None."""
        del request
        return None


class ManagedRoute(ProblemRoute):
    """A route for the admin token's bearer: asked before anything of the body is read."""

    def refused(self, request: Request) -> Response | None:
        """401, 429 or 503 for whoever may not; 411, 413 or 415 for a body that is not read."""
        answer = access.refusal(get_settings(), request.client.host if request.client else "", request.headers.raw)
        if answer is not None:
            return of_answer(answer)
        length = request.headers.get("content-length", "0")
        if "transfer-encoding" in request.headers and "content-length" not in request.headers:
            return problem(411, "send the body with a Content-Length", field="Content-Length")
        if not length.isdecimal() or int(length[:12]) > BODY_BYTES_MAX:
            return of_answer(BODY_TOO_LARGE)
        reads = request.method == "POST" and int(length) > 0
        if reads and not _JSON.match(request.headers.get("content-type", "")):
            return problem(415, "Content-Type: send JSON, and say so: application/json", field="Content-Type")
        return None


def of_error(error: Exception) -> Response:
    """What an exception is told as."""
    if isinstance(error, CallbackError):
        field = {"field": error.field} if isinstance(error, FieldError) else {}
        return problem(treatment(error).status, str(error), **field)
    if isinstance(error, RequestValidationError):
        return _of_fields(error)
    if isinstance(error, HTTPException):
        detail = _NOWHERE.get(error.status_code) if error.detail == HTTPStatus(error.status_code).phrase else None
        return _with_headers(problem(error.status_code, detail or str(error.detail)), error.headers)
    if isinstance(error, DBAPIError):
        return _of_database(error)
    if isinstance(error, NoConnection):
        return problem(503, "too many requests wait for the state database; nothing was done")
    log.error("request_failed", exc_info=error)
    return problem(500, "this failed on our side; the log says where")


#: What the framework says of an address by its status alone.
_NOWHERE = {
    404: "there is no such address; GET /openapi.json lists them",
    405: "this method is not taken at this address; the Allow header names those that are",
}


def _of_fields(error: RequestValidationError) -> Response:
    # The input is not repeated: it may hold a secret, or what no JSON can say.
    found = error.errors()
    broken = next((each for each in found if each.get("type") == "json_invalid"), None)
    if broken is not None:
        why = str(broken.get("ctx", {}).get("error", "it cannot be read"))
        return problem(400, f"the body is not JSON: {why} (character {broken['loc'][-1]})")
    reasons: dict[str, list[str]] = {}
    for each in found:
        reasons.setdefault(_field(each.get("loc", ())), []).append(str(each.get("msg", "")))
    errors = [{"field": field, "reason": " or: ".join(said)} for field, said in reasons.items()]
    first = errors[0] if errors else {"field": "", "reason": "not valid"}
    return problem(422, f"{first['field']}: {first['reason']}", field=first["field"], errors=errors)


def _field(place: tuple[Any, ...]) -> str:
    """`("body", "order_id", "str")` → `order_id`: where a value may be of several types, each says why it is none."""
    last = {"str", "int", "float"} if len(place) > 2 else set()  # noqa: PLR2004 - the place, the field, the type
    shown = [str(part) for part in (place[:-1] if place and place[-1] in last else place)]
    return plain(".".join(shown[1:] or shown))[:120]


def _of_database(error: DBAPIError) -> Response:
    why = why_outdated(get_engine())
    if why:
        return problem(503, why)
    if is_storage_trouble(error):
        return problem(503, "the state database is busy or in trouble; nothing was done")
    log.error("request_failed", exc_info=error)
    return problem(500, "this failed on our side; the log says where")


def _with_headers(response: Response, headers: Mapping[str, str] | None) -> Response:
    response.headers.update(headers or {})
    return response


_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


def _methods_of(request: Request) -> list[str]:
    """What may be asked of this address: an order's own address also fits what is below it, so all routes are asked."""
    routes = request.app.router.routes
    scopes = {method: {**request.scope, "method": method} for method in _METHODS}
    return [name for name, scope in scopes.items() if any(route.matches(scope)[0] is Match.FULL for route in routes)]


def install(app: FastAPI) -> None:
    """Have unknown addresses and wrong methods of an application of yours answered as problems too."""

    async def told(request: Request, error: Exception) -> Response:
        if isinstance(error, HTTPException) and error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            error.headers = {**(error.headers or {}), "Allow": ", ".join(_methods_of(request))}
        return of_error(error)

    app.add_exception_handler(HTTPException, told)
    app.add_exception_handler(RequestValidationError, told)
