"""Whether those who hear of events do: endpoints that are off or failing, functions whose code is gone."""

from collections.abc import Iterator

from sqlalchemy import Engine

from app.core.language import Text
from app.operate.checkup.finding import Finding, ok, warn
from app.operate.endpoints.endpoints import list_endpoints
from app.operate.endpoints.feed import PULL


def listening(engine: Engine) -> Iterator[Finding]:
    """A finding for each destination that does not hear, and one for the others."""
    found = list_endpoints(engine).endpoints
    for each in found:
        values = {"name": each.name, "waiting": each.waiting + each.behind, "since": each.failing_since}
        if each.state == "off":
            yield warn("endpoints", _OFF, _ENABLE, why=each.why, **values)
        elif each.state == "failing":
            yield warn("endpoints", _FAILING, _TEST, **values)
        elif each.state == "missing":
            yield warn("endpoints", _MISSING, _BRING, **values)
    if well := [each.name for each in found if each.state == "on" and each.name != PULL]:
        yield ok("endpoints", _WELL, names=", ".join(well)[:300])


_WELL = Text("mendengar: {names}", "hear of events: {names}")
_OFF = Text("{name} mati ({why}); {waiting} menunggu", "{name} is off ({why}); {waiting} wait")
_ENABLE = Text("nyalakan: callbacks endpoints enable {name}", "switch it on: callbacks endpoints enable {name}")
_FAILING = Text(
    "{name} gagal terus sejak {since}; {waiting} menunggu", "{name} has failed since {since}; {waiting} wait"
)
_TEST = Text("coba: callbacks endpoints test {name}", "try it: callbacks endpoints test {name}")
_MISSING = Text(
    "worker tidak punya fungsi {name}; {waiting} menunggu", "the worker has no function {name}; {waiting} wait"
)
_BRING = Text(
    "jalankan worker dengan kode itu, atau: callbacks endpoints remove '{name}'",
    "run the worker with that code, or: callbacks endpoints remove '{name}'",
)
