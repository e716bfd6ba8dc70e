"""Writes the generated sections of the pages in this folder, so that they never disagree with the code.

A section stands between `<!-- generated: NAME -->` and `<!-- end -->`; everything around it is written by hand.

    python -m docs.generate            writes
    python -m docs.generate --check    exits 1 with a difference when a page is stale

A new section is a function that gives markdown and one line in SECTIONS.
"""

import difflib
import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, get_args

import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from app.callbacks.payment import midtrans_table
from app.callbacks.ppob import ppob_callbacks
from app.cli.app import commands as cli
from app.core.config import Settings
from app.core.errors import TREATMENTS, CallbackError
from app.core.refusals import REFUSALS
from app.core.telemetry import METRICS, Metric
from app.ledger.effect import PAID_STATUSES, SAYS, SHOWS
from app.operate import texts
from app.operate.endpoints.events import TYPES
from app.operate.matters import DIFFERENCES
from app.providers import digiflazz_prices, midtrans_report
from app.providers.columns import Field
from app.simulation.scenarios import SCENARIOS
from docs.catalogue import fields, functions, not_covered, payment_words, providers
from docs.figures import benchmark, deliveries, figures, growth, soak
from docs.markdown import table

DOCS = Path(__file__).resolve().parent
_HELP_COLUMNS = 100


class Section(NamedTuple):
    """One generated section: the page's file name, the section's name in its marks, and what writes it."""

    page: str
    name: str
    write: Callable[[], str]


def settings() -> str:
    """Every setting: its variable, its default, what it means."""
    rows = ((f"`{name.upper()}`", _default(field), _meaning(field)) for name, field in Settings.model_fields.items())
    return table(("Variable", "Default", "Meaning"), rows)


def _default(field: FieldInfo) -> str:
    return f"`{field.default}`" if field.default not in (None, "") else "not set"


def _meaning(field: FieldInfo) -> str:
    words = [field.description or ""]
    if choices := [choice for choice in get_args(field.annotation) if isinstance(choice, str)]:
        words.append("One of " + ", ".join(f"`{choice}`" for choice in choices) + ".")
    if field.annotation is SecretStr or SecretStr in get_args(field.annotation):
        words.append("**Secret**: never logged or shown.")
    return " ".join(words)


def errors() -> str:
    """Every error of the tree: what it means, and how it is told over HTTP and to a shell."""
    rows = (
        (
            f"`{error.__name__}`",
            f"`{error.__base__.__name__}`" if error.__base__ in TREATMENTS else "",
            (inspect.getdoc(error) or "").partition("\n")[0],
            str(treatment.status),
            str(treatment.exit_code),
            "yes" if treatment.again else "no",
        )
        for error, treatment in sorted(TREATMENTS.items(), key=lambda item: _lineage(item[0]))
    )
    return table(("Error", "Is a", "Meaning", "HTTP", "Exit code", "May the same call succeed later?"), rows)


def _lineage(error: type[Any]) -> list[str]:
    """Names from the tree's root down to the error, for sorting children below their parents."""
    return [kind.__name__ for kind in reversed(error.__mro__) if issubclass(kind, CallbackError)]


def refusals() -> str:
    """Every reason why a request is refused at the door, with the sentence that its sender gets."""
    return table(("Reason", "Sentence"), ((f"`{reason}`", text.en) for reason, text in REFUSALS.items()))


def metrics() -> str:
    """Every metric under the name that Prometheus scrapes."""
    rows = (
        (f"`{_scraped(metric)}`", metric.kind, metric.unit, _names(metric.labels), metric.meaning) for metric in METRICS
    )
    return table(("Name", "Kind", "Unit", "Labels", "Meaning"), rows)


def _scraped(metric: Metric) -> str:
    return f"{metric.name}_total" if metric.kind == "counter" else metric.name


def _names(labels: Iterable[str]) -> str:
    return ", ".join(f"`{label}`" for label in labels) or "none"


class Command(NamedTuple):
    """One command of the shell."""

    name: str  # as typed: `callbacks wallet show`
    parsed: Any  # what parses it: typer has no public type for it

    def said(self) -> tuple[str, str]:
        """What it does in a sentence or two, and its example."""
        does, _, example = self.parsed.help.partition("\n\nExample: ")
        return " ".join(does.split()), " ".join(example.split())


def every_command() -> list[Command]:
    """All of them, in the order of the command's own help."""
    return list(_commands(Command("callbacks", typer.main.get_command(cli))))


def _commands(group: Command) -> Iterator[Command]:
    children = getattr(group.parsed, "commands", None)
    if children is None:
        yield group
    for name, child in (children or {}).items():
        yield from _commands(Command(f"{group.name} {name}", child))


def command_table() -> str:
    """What each command does, and an example of it."""
    rows = (
        (f"`{command.name}`", does, f"`{example}`") for command in every_command() for does, example in [command.said()]
    )
    return table(("Command", "Does", "Example"), rows)


def command_help() -> str:
    """The help of each command, as it prints it."""
    return "\n\n".join(f"## {command.name}\n\n```\n{_help(command)}\n```" for command in every_command())


def _help(command: Command) -> str:
    context = command.parsed.context_class(command.parsed, info_name=command.name, terminal_width=_HELP_COLUMNS)
    return "\n".join(line.rstrip() for line in str(command.parsed.get_help(context)).strip().splitlines())


def midtrans() -> str:
    """What Midtrans' words mean, line by line as the code reads them."""
    rows = (
        (_words(row.statuses), _words((row.fraud,)), _words((row.code,)), f"`{row.kind}`", _agrees(row))
        for row in midtrans_table.SAID
    )
    return table(("transaction_status", "fraud_status", "status_code", "Says", "Takes money back unasked with"), rows)


def _agrees(row: midtrans_table.Row) -> str:
    return _words(row.agrees) if row.agrees else ""


def digiflazz() -> str:
    """What Digiflazz' status and class of response code mean together."""
    rows = ((_words(row.statuses), _words(row.codes), f"`{row.kind}`") for row in ppob_callbacks.SAID)
    return table(("status", "Class of rc", "Says"), rows)


def response_codes() -> str:
    """Digiflazz' response codes with the class that each belongs to."""
    rows = (
        (
            f"`{code}`",
            str(row["message"]),
            f"`{ppob_callbacks.class_of(code)}`",
            "yes" if row["transaction_created"] else "no",
        )
        for code, row in sorted(ppob_callbacks.response_codes().items())
    )
    return table(("rc", "Message", "Class", "Transaction created"), rows)


def words() -> str:
    """Which word of several outweighs the others."""
    rows = (
        ("One attempt said several things: the strongest, weakest first", _words(SAYS)),
        ("Several attempts, none of them paid: the first of these is shown", _words(SHOWS)),
        ("Several payments stand: of those worth most, the first of these is shown", _words(PAID_STATUSES)),
    )
    return table(("When", "Order"), rows)


def _words(values: Iterable[str]) -> str:
    return ", ".join(f"`{value}`" for value in values if value) or "any"


def differences() -> str:
    """What each difference between a settlement report and the books is told as."""
    rows = (
        (f"`{what}`", matter.told.en, matter.to_do.en, ", ".join(f"`{line}`" for line in matter.commands))
        for what, matter in DIFFERENCES.items()
    )
    return table(("What", "Told", "To do", "Commands"), rows)


def report_columns() -> str:
    """The headings of a settlement report."""
    one_of = f"one of {', '.join(midtrans_report.ONE_OF)}"
    needed = {**dict.fromkeys(midtrans_report.NEEDED, "yes"), **dict.fromkeys(midtrans_report.ONE_OF, one_of)}
    return _headings(midtrans_report.FIELDS, needed)


def report_words() -> str:
    """What the words of a settlement report's status mean."""
    return table(("Says", "Words"), ((f"`{says}`", _words(words)) for says, words in midtrans_report.STATUSES.items()))


def price_columns() -> str:
    """The headings of a price list, and which of them are Digiflazz' own."""
    priced = f"one of {', '.join(digiflazz_prices.PRICED)}"
    needed = {**dict.fromkeys(digiflazz_prices.NEEDED, "yes"), **dict.fromkeys(digiflazz_prices.PRICED, priced)}
    together = f"{_words(digiflazz_prices.TOGETHER)} together with {' or '.join(digiflazz_prices.SORTED)}"
    own = f"Digiflazz' own is one of {_words(digiflazz_prices.OWN)}; or {together}."
    return f"{_headings(digiflazz_prices.FIELDS, needed)}\n\n{own}"


def _headings(fields: Iterable[Field], needed: dict[str, str]) -> str:
    rows = ((f"`{field.name}`", needed.get(field.name, ""), _words(field.headings)) for field in fields)
    return table(("Field", "Needed", "Headings"), rows)


def notice_text(kind: str, status: str) -> str:
    """A notice as the user reads it who bought a product for a number."""
    return texts.NOTICES[kind, status].en.replace("{bought}", texts.BOUGHT[True, True].en)


def events() -> str:
    """Every domain event: which change of which order it tells of, and what the customer is told then."""
    rows = (
        (f"`{name}`", f"`{kind}`", f"`{status}`", f"{texts.STATUSES[status].en}", notice_text(kind, status))
        for (kind, status), name in TYPES.items()
    )
    return table(("Event", "Kind of order", "Status", "Which means", "What the customer is told"), rows)


def scenarios() -> str:
    """What each scenario of `callbacks simulate` sends."""
    rows = (
        (f"`{provider}`", f"`{name}`", " ".join((tell.__doc__ or "").split()))
        for provider, tells in SCENARIOS.items()
        for name, tell in tells.items()
    )
    return table(("Provider", "Scenario", "What happens"), rows)


SECTIONS: tuple[Section, ...] = (
    Section("../README.md", "figures", figures),
    Section("../README.id.md", "figures", figures),
    Section("../README.md", "soak", soak),
    Section("../README.id.md", "soak", soak),
    Section("tables.md", "midtrans", midtrans),
    Section("tables.md", "digiflazz", digiflazz),
    Section("tables.md", "response codes", response_codes),
    Section("tables.md", "not covered", not_covered),
    Section("tables.md", "payment words", payment_words),
    Section("tables.md", "words", words),
    Section("reports.md", "differences", differences),
    Section("reports.md", "report columns", report_columns),
    Section("reports.md", "report words", report_words),
    Section("reports.md", "price columns", price_columns),
    Section("providers.md", "providers", providers),
    Section("provider-files.md", "functions", functions),
    Section("provider-files.md", "fields", fields),
    Section("events.md", "events", events),
    Section("settings.md", "settings", settings),
    Section("errors.md", "errors", errors),
    Section("errors.md", "refusals", refusals),
    Section("metrics.md", "metrics", metrics),
    Section("commands.md", "command table", command_table),
    Section("commands.md", "command help", command_help),
    Section("benchmark.md", "benchmark", benchmark),
    Section("benchmark.md", "growth", growth),
    Section("benchmark.md", "deliveries", deliveries),
    Section("simulation.md", "scenarios", scenarios),
)


def render(text: str, name: str, content: str) -> str:
    """The page's text with the section `name` written anew. Raises LookupError where the page has no such marks."""
    marks = re.compile(rf"(<!-- generated: {re.escape(name)} -->\n).*?(<!-- end -->)", re.DOTALL)
    new, found = marks.subn(lambda match: f"{match[1]}\n{content.strip()}\n\n{match[2]}", text)
    if found != 1:
        raise LookupError(f"the section {name!r} stands {found} times in the page, not once")
    return new


def pages(sections: Iterable[Section] = SECTIONS, folder: Path = DOCS) -> dict[Path, tuple[str, str]]:
    """Every page that has generated sections → its text as it is and as it should be."""
    texts: dict[Path, tuple[str, str]] = {}
    for section in sections:
        path = folder / section.page
        before, now = texts.get(path) or (path.read_text(encoding="utf-8"),) * 2
        texts[path] = (before, render(now, section.name, section.write()))
    return texts


def main(arguments: Sequence[str]) -> int:
    """Write the pages, or with `--check` only compare them → exit code."""
    stale = {path: texts for path, texts in pages().items() if texts[0] != texts[1]}
    for path, (before, after) in stale.items():
        if "--check" in arguments:
            name = _shown(path)
            lines = difflib.unified_diff(
                before.splitlines(), after.splitlines(), name, f"{name} (make docs)", "", "", 1
            )
            print("\n".join(line.rstrip("\n") for line in lines))
        else:
            path.write_text(after, encoding="utf-8")
            print(f"wrote {_shown(path)}")
    return 1 if stale and "--check" in arguments else 0


def _shown(path: Path) -> str:
    return str(path.resolve().relative_to(DOCS.parent))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
