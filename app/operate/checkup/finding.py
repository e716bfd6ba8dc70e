"""One thing that was looked at: how it is, in a sentence, and what to do where it is not well."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

from pydantic import Field
from sqlalchemy.exc import SQLAlchemyError

from app.core.errors import CallbackError, describe_os_error
from app.core.language import Lang, Text
from app.core.telemetry import redact
from app.operate.shown import Shown
from app.operate.texts import fill

State = Literal["ok", "warn", "wrong"]
_NOTHING = Text("", "")


class Finding(NamedTuple):
    """`values` are filled into both texts; none of them is a secret's."""

    state: State
    what: str
    told: Text
    to_do: Text = _NOTHING
    values: Mapping[str, Any] = {}


class FindingShown(Shown):
    """One line of the doctor."""

    state: str = Field(description="`ok`, `warn` (works, but look at it) or `wrong`.")
    what: str
    told: str
    to_do: str = Field(description="Empty where nothing has to be done.")


def ok(what: str, told: Text, **values: Any) -> Finding:
    """All is well."""
    return Finding("ok", what, told, values=values)


def warn(what: str, told: Text, to_do: Text, **values: Any) -> Finding:
    """It works, but a person should look."""
    return Finding("warn", what, told, to_do, values)


def wrong(what: str, told: Text, to_do: Text, **values: Any) -> Finding:
    """It does not work, or will not."""
    return Finding("wrong", what, told, to_do, values)


def shown(finding: Finding, lang: Lang) -> FindingShown:
    """As people see it."""
    return FindingShown(
        state=finding.state,
        what=finding.what,
        told=redact(fill(finding.told, finding.values, lang)),
        to_do=redact(fill(finding.to_do, finding.values, lang)),
    )


def guarded(what: str, check: Callable[[], Iterable[Finding]]) -> Iterator[Finding]:
    """A check's findings; what it stumbles over is a finding too, and the other checks go on."""
    try:
        yield from check()
    except (CallbackError, SQLAlchemyError) as error:
        # A driver's error carries its statement on further lines; what to do stands in ours.
        yield wrong(what, Text("{error}", "{error}"), _NOTHING, error=str(error).partition("\n")[0][:300])
    except OSError as error:
        yield wrong(what, Text("{error}", "{error}"), _NOTHING, error=describe_os_error(error))
