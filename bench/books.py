"""The books after a storm: what was acknowledged against the log, the outcomes, and what the model says of money."""

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from rich.console import Console
from rich.table import Table
from sqlalchemy import Connection, text

from app.core.database import make_engine, reading
from app.engine.log import open_log
from app.ledger.cases import Cases
from app.simulation.report import Report

_PAGE = 5_000
_SHOWN = 20


class Books(msgspec.Struct, frozen=True):
    """What was found when all had ended."""

    killed: dict[str, int]
    orders: int
    sent: int
    again: int  # requests that were sent again: no answer, or 503
    acknowledged: int
    in_log: int  # of the acknowledged
    decided: int  # of the acknowledged
    outcomes: dict[str, int]
    wallets: int
    differences: list[str]  # balances and statuses that are not as the model says: lost or counted twice
    audited: bool

    @property
    def good(self) -> bool:
        """Whether nothing was lost and nothing counted twice."""
        kept = self.acknowledged == self.in_log == self.decided
        return kept and not self.differences and self.audited and self.acknowledged > 0


def books_of(folder: Path, reports: Sequence[Report], *, killed: Counter[str], audited: bool) -> Books:
    """Read log and state themselves, not over HTTP."""
    acknowledged = {callback_id for report in reports for callback_id in report.acknowledged}
    engine = make_engine(f"sqlite:///{folder}/state.db")
    try:
        with reading(engine) as connection:
            outcomes = dict(map(tuple, connection.execute(text("SELECT callback_id, outcome FROM callback_outcomes"))))
            differences = [*_wallets(connection, reports), *_statuses(connection, reports)]
            told = (each for report in reports for each in report.differences)
            differences += [f"{each.what} of {each.subject}: {each.found}, not {each.expected}" for each in told]
    finally:
        engine.dispose()
    return Books(
        killed=dict(killed),
        orders=sum(report.announced for report in reports),
        sent=sum(report.sent + report.funding for report in reports),
        again=sum(report.again.total() for report in reports),
        acknowledged=len(acknowledged),
        in_log=len(acknowledged & _ids(folder)),
        decided=len(acknowledged & outcomes.keys()),
        outcomes=dict(Counter(outcomes.values())),
        wallets=sum(len(report.balances) for report in reports),
        differences=differences,
        audited=audited,
    )


def _ids(folder: Path) -> set[int]:
    found: set[int] = set()
    with closing(open_log(f"sqlite:///{folder}/log.db", server=False)) as log:
        last = 0
        while page := log.read_after(last, _PAGE):
            found.update(callback.id for callback in page)
            last = page[-1].id
    return found


def _wallets(connection: Connection, reports: Sequence[Report]) -> Iterator[str]:
    rows = connection.execute(text("SELECT name, balance FROM callback_accounts WHERE balance IS NOT NULL"))
    found: dict[str, int] = {name: balance for name, balance in rows}  # noqa: C416 - rows are no pairs to mypy
    for report in reports:
        for user, purse in report.balances.items():
            for account, wanted in ((f"wallet:{user}", purse.balance), (f"held:{user}", purse.held)):
                if found.get(account, 0) != wanted:
                    yield f"{account}: {found.get(account, 0)}, not {wanted}"


def _statuses(connection: Connection, reports: Sequence[Report]) -> Iterator[str]:
    numbers = connection.execute(text("SELECT id FROM callback_orders WHERE announced_at IS NOT NULL")).scalars().all()
    found = {case.order_id: case.effect().status for case in Cases(connection).open_numbers(numbers)}
    for report in reports:
        for order_id, wanted in report.statuses.items():
            if found.get(order_id) != wanted:
                yield f"{order_id}: {found.get(order_id)}, not {wanted}"


def show(books: Books, console: Console) -> None:
    """Print the books."""
    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    table.add_column(style="dim")
    table.add_column(justify="right")
    lost = books.acknowledged - min(books.in_log, books.decided)
    table.add_row("killed", ", ".join(f"{name} {count}" for name, count in sorted(books.killed.items())))
    table.add_row("orders announced", f"{books.orders:,}")
    table.add_row("callbacks sent", f"{books.sent:,} ({books.again:,} sent again)")
    table.add_row("acknowledged with 200", f"{books.acknowledged:,}")
    table.add_row("of them in the log", f"{books.in_log:,}")
    table.add_row("of them decided", f"{books.decided:,}")
    table.add_row("outcomes", ", ".join(f"{word} {count:,}" for word, count in sorted(books.outcomes.items())))
    table.add_row("lost", _judged(lost))
    table.add_row("wallets and orders not as the model says", _judged(len(books.differences)))
    table.add_row("callbacks audit", "[green]finds nothing[/]" if books.audited else "[bold red]finds something[/]")
    console.print(table)
    for sentence in books.differences[:_SHOWN]:
        console.print(f"[red]wrong[/] {sentence}", highlight=False)


def _judged(count: int) -> str:
    return f"[bold red]{count:,}[/]" if count else "[green]0[/]"
