"""Structured logging with redaction, and every metric's name, unit and labels on one page."""

import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping, MutableMapping
from typing import Any, Literal, NamedTuple, TextIO

import structlog
from pydantic import SecretStr

from app.core.config import Settings
from app.core.secrets import parts_of

HIDDEN = "***"
_SHORTEST_SECRET = 4  # a shorter text would blot out ordinary words
_TEXT_MAX = 4_000
_WEBHOOK = re.compile(r"(/webhooks\\?/[0-9A-Za-z_-]+\\?/)[0-9A-Za-z_.-]+")  # in JSON a slash may be escaped

#: Parts of field names whose values are never shown, whatever they hold.
_TELLING_NAMES = ("secret", "token", "password", "signature", "authorization", "cookie", "api_key", "server_key")


class _Hidden:
    """The texts that no log line may hold: one set a process, filled when the settings are read."""

    def __init__(self) -> None:
        self.texts: tuple[str, ...] = ()

    def add(self, texts: Iterable[str]) -> None:
        known = {*self.texts, *(text for text in texts if len(text) >= _SHORTEST_SECRET)}
        # The longest first: a secret may be the beginning of another one.
        self.texts = tuple(sorted(known, key=len, reverse=True))


_hidden = _Hidden()


def hide(*texts: str) -> None:
    """From now on these texts are replaced wherever they would be logged."""
    _hidden.add(texts)


def hide_settings(settings: Settings) -> None:
    """Hide every secret of the settings, also each one of several that stand in one variable."""
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            hide(value.get_secret_value(), *parts_of(value))


def redact(text: str) -> str:
    """The same text without secrets; for error messages that leave the process too."""
    for secret in _hidden.texts:
        text = text.replace(secret, HIDDEN)
    return without_webhooks(text)


def without_webhooks(text: str) -> str:
    """The same text without the secret end of Discord webhooks' addresses: whoever knows it can write there."""
    return _WEBHOOK.sub(rf"\1{HIDDEN}", text) if "webhooks" in text else text


def _clean(value: Any, depth: int = 0) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    if isinstance(value, bytes):
        value = value.decode(errors="replace")
    if isinstance(value, str):
        text = redact(value)
        return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}… ({len(text)} characters)"
    if value is None or isinstance(value, (bool, int, float)):
        return value
    if depth < 4:  # noqa: PLR2004 - deeper than any line of ours
        if isinstance(value, Mapping):
            return {str(key): HIDDEN if _is_telling(key) else _clean(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple, set, frozenset)):
            return [_clean(item, depth + 1) for item in value]
    return redact(str(value))[:_TEXT_MAX]


def _is_telling(name: object) -> bool:
    plain = str(name).lower().replace("-", "_")
    return any(part in plain for part in _TELLING_NAMES)


def _redacted(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    for name, value in event.items():
        if not name.startswith("_"):  # structlog's own, removed before anything is written
            event[name] = HIDDEN if _is_telling(name) else _clean(value)
    return event


def _as_json(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    # ensure_ascii: terminal escapes, marks of writing direction and lone surrogates all arrive as \u….
    return json.dumps(event, ensure_ascii=True, default=str)


def _as_line(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> str:
    at, level, name = (str(event.pop(key, "")) for key in ("timestamp", "level", "logger"))
    told, trace = json.dumps(event.pop("event", ""), ensure_ascii=True).strip('"'), event.pop("exception", "")
    fields = " ".join(f"{key}={json.dumps(value, ensure_ascii=True, default=str)}" for key, value in event.items())
    line = f"{at[11:19]} {level:<7} {name}: {told}  {fields}".rstrip()
    return "\n".join([line, *(json.dumps(part)[1:-1] for part in str(trace).splitlines())])


def _handed_over(logger: Any, method: str, event: MutableMapping[str, Any]) -> Any:
    """To our formatter; in somebody else's process, whose logging is not ours, as one plain line."""
    if any(isinstance(each.formatter, structlog.stdlib.ProcessorFormatter) for each in logging.getLogger().handlers):
        return structlog.stdlib.ProcessorFormatter.wrap_for_formatter(logger, method, event)
    return _as_line(logger, method, event)


# `format_exc_info` writes a plain traceback. structlog's own default shows the values of all variables with it:
# headers, bodies, secrets.
_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    _redacted,
]
_PROCESSORS: list[Any] = [structlog.stdlib.filter_by_level, *_SHARED, _handed_over]


def configure(
    level: Literal["debug", "info", "warning", "error"] = "info",
    *,
    settings: Settings | None = None,
    stream: TextIO | None = None,
    for_people: bool | None = None,
) -> None:
    """Send all log lines, ours and the libraries', to `stream` (standard error): one JSON object a line.

    `for_people` writes plain lines instead; by default in a terminal. Secrets of `settings` are hidden from then on.
    """
    if settings is not None:
        hide_settings(settings)
    out = sys.stderr if stream is None else stream
    plain = out.isatty() if for_people is None else for_people
    structlog.configure(  # for whoever logs by it in a handler of their own
        processors=_PROCESSORS,
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_SHARED,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _as_line if plain else _as_json,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))


#: Libraries that say at `info` what our own lines say better, and whole addresses beside.
_TALKATIVE = ("httpx2", "httpcore2", "asyncio", "sqlalchemy.engine", "alembic", "uvicorn.access", "uvicorn.error")


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger: `get_logger(__name__).info("worker.batch", callbacks=12)`. Works before `configure`, too.

    Its lines are made as told here whatever the process has configured: an application that embeds us configures
    nothing, or something else.
    """
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        logging.getLogger(name), processors=_PROCESSORS, wrapper_class=structlog.stdlib.BoundLogger
    )
    return logger


class Metric(NamedTuple):
    """One metric as Prometheus sees it; the label values are bounded: names of handlers, words of closed lists."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    labels: tuple[str, ...]
    meaning: str


#: Every metric. All but the time to the answer come from the databases: true for all processes and across restarts.
METRICS: tuple[Metric, ...] = (
    Metric("callbacks_accepted", "counter", "callbacks", ("provider",), "Kept in the log and answered."),
    Metric("callbacks_refused", "counter", "requests", ("provider", "reason"), "Answered with a refusal, not kept."),
    Metric("callbacks_outcomes", "gauge", "callbacks", ("outcome",), "What became of callbacks, as it is today."),
    Metric("callbacks_lag", "gauge", "callbacks", (), "Kept in the log and not decided yet (1000: as many or more)."),
    Metric("callbacks_lag_seconds", "gauge", "seconds", (), "Age of the oldest callback that is not decided yet."),
    Metric("callbacks_waiting", "gauge", "callbacks", ("state",), "Parked, in doubt, or parked for over a day."),
    Metric("callbacks_dead_letters", "gauge", "dead letters", ("kind",), "Open dead letters."),
    Metric("callbacks_alerts", "gauge", "alerts", ("kind",), "Open alerts."),
    Metric("callbacks_tasks", "gauge", "tasks", ("state",), "Tasks of the slow lane that are not done."),
    Metric("callbacks_log_bytes", "gauge", "bytes", ("file",), "Size of the callback log's files."),
    Metric(
        "callbacks_answer_seconds",
        "histogram",
        "seconds",
        ("provider",),
        "From the request's end to its 200, of callbacks that were kept, since this server's start.",
    ),
    Metric(
        "callbacks_apply_seconds",
        "histogram",
        "seconds",
        ("provider",),
        "From being received to the commit of outcome and effects.",
    ),
    Metric("callbacks_ready", "gauge", "1 or 0", (), "Whether callbacks are accepted."),
)
