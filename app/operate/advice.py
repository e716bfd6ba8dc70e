"""Fills the sentences of `matters` and `texts` with values, and quotes these in the commands that people paste."""

import shlex
from collections.abc import Mapping
from typing import Any

from app.core.language import Lang, Text
from app.operate.matters import ALERTS, DIFFERENCES, REASONS, WHATEVER, Matter
from app.operate.texts import OUTCOMES, fill


def outcome_text(outcome: str, reason: str, detail: Mapping[str, Any], lang: Lang) -> str:
    """What became of a callback, in a sentence."""
    if reason:
        return reason_text(reason, detail, lang)
    found = OUTCOMES.get(outcome)
    return getattr(found, lang) if found else outcome


def reason_text(reason: str, detail: Mapping[str, Any], lang: Lang) -> str:
    """What happened, in a sentence; a reason of your own handler's is shown as it is."""
    matter = REASONS.get(reason, WHATEVER)
    return fill(matter.told, _with_detail(reason, detail), lang)


def reason_advice(reason: str, values: Mapping[str, Any], lang: Lang) -> tuple[str, list[str]]:
    """What to do about it, and the commands that would settle it."""
    return _advice(REASONS.get(reason, WHATEVER), values, lang)


def alert_text(
    kind: str, subject: str, detail: Mapping[str, Any], lang: Lang, *, user_id: str = ""
) -> tuple[str, str, list[str]]:
    """What happened, what to do, and commands; `subject` is `order:TU-1`, `refund:TU-1`, `wallet:ani`, or `log`.

    `user_id`: whose order it is about.
    """
    matter = DIFFERENCES.get(str(detail.get("what"))) if kind == "report_differs" else None
    matter = matter or ALERTS.get(kind, WHATEVER)
    family, _, name = subject.partition(":")
    values = {"user_id": user_id, **_with_detail(kind, detail), "subject": name or subject}
    values |= {"order_id": name} if family in {"order", "refund"} else {"user_id": name} if family == "wallet" else {}
    return (fill(matter.told, values, lang), *_advice(matter, values, lang))


def _advice(matter: Matter, values: Mapping[str, Any], lang: Lang) -> tuple[str, list[str]]:
    # What a sender wrote is quoted: people paste these lines into a shell.
    quoted = {name: shlex.quote(str(value)) for name, value in values.items() if value is not None and value != ""}
    return getattr(matter.to_do, lang), [fill(Text(command, command), quoted, lang) for command in matter.commands]


def _with_detail(word: str, detail: Mapping[str, Any]) -> dict[str, Any]:
    shown = ", ".join(f"{name} {value!r}" for name, value in detail.items())
    return {**detail, "word": word, "detail": detail.get("detail") or shown or "?"}
