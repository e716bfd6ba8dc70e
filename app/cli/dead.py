"""`callbacks dead`: what was given up; found, tried again, or dropped, one or many."""

from collections.abc import Callable
from typing import Annotated, TypeAlias

import typer
from rich.text import Text

from app.cli import many, parts, printing
from app.cli.many import DryRun, Since, Until, Yes
from app.cli.parts import Before, Json, Reason, Who
from app.cli.progress import Move, progress_bar
from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.core.errors import FieldError
from app.operate import letters, letters_many
from app.operate.letters import LetterSearch, letter_search_from
from app.operate.letters_shown import DeadLetterShown
from app.operate.many import Tally

dead = typer.Typer(help="Dead letters: what was given up, with why and what to do.", no_args_is_help=True)

DeadIds: TypeAlias = Annotated[
    list[int] | None,
    typer.Argument(metavar="[ID]...", help="Dead letters' numbers.", min=1, max=ID_MAX, show_default=False),
]
Kind: TypeAlias = Annotated[str, typer.Option(help="callback or task.")]
OfReason: TypeAlias = Annotated[
    str, typer.Option("--of-reason", metavar="WORD", help="Given up for this reason, such as sender_denies.")
]
OfReasonToo: TypeAlias = Annotated[
    str,
    typer.Option("--reason", "--of-reason", metavar="WORD", help="Given up for this reason, such as sender_denies."),
]
Provider: TypeAlias = Annotated[str, typer.Option(help="From this sender; a task's destination.")]
Order: TypeAlias = Annotated[str, typer.Option(help="About this order.")]


@dead.command("list")
def list_dead(  # noqa: PLR0913, PLR0917 - the options are the filters
    kind: Kind = "",
    reason: OfReasonToo = "",
    provider: Provider = "",
    order: Order = "",
    since: Since = "",
    until: Until = "",
    closed: Annotated[bool, typer.Option("--closed", help="Those that were closed, too.")] = False,  # noqa: FBT002
    rows: Annotated[int, typer.Option(min=1, max=letters.PAGE_MAX)] = 50,
    before: Before = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List dead letters, newest first.

    Example: callbacks dead list --provider midtrans --from 2d
    """
    engine = parts.existing_state()
    search = _search(kind, reason, provider, order, since, until, closed=closed)
    page = letters.list_dead(engine, search, before=before, rows_max=rows, lang=parts.settings().callback_lang)
    if json:
        printing.print_json(page)
        return
    for letter in page.dead_letters:
        print_letter(letter)
    if not page.dead_letters:
        printing.out().print(Text("no dead letters", "green"))
    if page.next_cursor:
        printing.field("older", f"--before {page.next_cursor}")


@dead.command()
def retry(  # noqa: PLR0913, PLR0917 - the options are the filters
    dead_ids: DeadIds = None,
    kind: Kind = "",
    reason: OfReasonToo = "",
    provider: Provider = "",
    order: Order = "",
    since: Since = "",
    until: Until = "",
    who: Who = "",
    dry_run: DryRun = False,  # noqa: FBT002 - an option
    yes: Yes = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Decide callbacks anew with today's facts, or try tasks again; those of these numbers, or all that are found.

    Example: callbacks dead retry --reason handler_failed --provider courier
    """
    who, search = parts.who_is_here(who), _search(kind, reason, provider, order, since, until)
    engine, handlers = parts.existing_state(), parts.handlers()
    with parts.existing_log() as log:
        if dead_ids is not None and len(dead_ids) == 1 and search == LetterSearch() and not dry_run:
            lang = parts.settings().callback_lang
            one = letters.retry_dead(engine, log, handlers, dead_ids[0], who=who, at=now_us(), lang=lang)
            if json:
                printing.print_json(one)
            else:
                printing.out().print(*filter(None, (printing.coloured(one.outcome), printing.safe(one.text))))
            return
        ids, tally = _chosen(dead_ids, search, "Retry", dry_run=dry_run, yes=yes), Tally(dry_run=dry_run)
        _end(
            lambda move: letters_many.retry_many(
                engine, log, handlers, ids, who=who, clock=now_us, tally=tally, progress=move
            ),
            "retrying",
            len(ids),
            tally,
            json=json,
        )


@dead.command()
def drop(  # noqa: PLR0913, PLR0917 - the options are the filters
    reason: Reason,
    dead_ids: DeadIds = None,
    kind: Kind = "",
    of_reason: OfReason = "",
    provider: Provider = "",
    order: Order = "",
    since: Since = "",
    until: Until = "",
    who: Who = "",
    dry_run: DryRun = False,  # noqa: FBT002 - an option
    yes: Yes = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Close dead letters without doing anything; those of these numbers, or all that are found.

    Example: callbacks dead drop 7 8 --reason "refunded by hand"
    """
    who, search = parts.who_is_here(who), _search(kind, of_reason, provider, order, since, until)
    engine = parts.existing_state()
    if dead_ids is not None and len(dead_ids) == 1 and search == LetterSearch() and not dry_run:
        lang = parts.settings().callback_lang
        letter = letters.drop_dead(engine, dead_ids[0], who=who, reason=reason, at=now_us(), lang=lang)
        if json:
            printing.print_json(letter)
        else:
            print_letter(letter)
        return
    ids, tally = _chosen(dead_ids, search, "Drop", dry_run=dry_run, yes=yes), Tally(dry_run=dry_run)
    _end(
        lambda move: letters_many.drop_many(
            engine, ids, who=who, reason=reason, clock=now_us, tally=tally, progress=move
        ),
        "dropping",
        len(ids),
        tally,
        json=json,
    )


def _search(
    kind: str, reason: str, provider: str, order: str, since: str, until: str, *, closed: bool = False
) -> LetterSearch:
    return letter_search_from(
        kind=kind,
        reason=reason,
        provider=provider,
        order_id=order,
        since=since,
        until=until,
        closed=closed,
        at=now_us(),
    )


def _chosen(dead_ids: list[int] | None, search: LetterSearch, deed: str, *, dry_run: bool, yes: bool) -> list[int]:
    """The numbers given, or all that are found; asked about first, since nobody has seen their number."""
    filtered = search != LetterSearch()
    if bool(dead_ids) == filtered:
        raise FieldError("ID", "say which: numbers, or --kind, --reason, --provider, --order, --from, --to; not both")
    if dead_ids:
        return list(dict.fromkeys(dead_ids))
    found = letters.found_ids(parts.existing_state(), search)
    if found and not dry_run:
        many.confirm(f"{deed} {len(found)} dead letters?", yes=yes)
    return found


def _end(work: Callable[[Move], None], name: str, total: int, tally: Tally, *, json: bool) -> None:
    try:
        with progress_bar(name, total) as move:
            work(move)
    except KeyboardInterrupt:
        _summary(tally, json=json)
        many.stopped(tally.done)
        raise
    _summary(tally, json=json)
    if tally.failed:
        raise typer.Exit(1)


def _summary(tally: Tally, *, json: bool) -> None:
    rows = sorted(tally.counts.items())
    if json:
        printing.print_json(
            {
                "dry_run": tally.dry_run,
                "counts": [{"reason": key[0], "outcome": key[1], "count": count} for key, count in rows],
                "failed": tally.failed,
                "failures": [{"id": str(number), "text": why} for number, why in tally.failures],
            }
        )
        return
    printing.table(
        ("count", "reason", "would be" if tally.dry_run else "now"),
        [(count, reason, printing.coloured(outcome)) for (reason, outcome), count in rows],
        indent=0,
    )
    for number, why in tally.failures:
        printing.err().print(Text(printing.safe(f"dead letter {number}: {why}"), "red"))
    if tally.failed:
        printing.err().print(Text(f"{tally.failed} of {tally.done} failed; they are as they were", "red"))
    elif not rows:
        printing.out().print(Text("no dead letters", "green"))


def print_letter(letter: DeadLetterShown) -> None:
    """One dead letter, with what would settle it while it is open."""
    printing.heading(f"dead letter {letter.id}  {letter.kind} {letter.ref}")
    printing.field("what", Text(printing.safe(letter.text), "red"))
    printing.field("order", letter.order_id)
    printing.field("since", letter.since)
    if letter.closed_at:
        printing.field("closed", letter.closed_how, letter.closed_by, letter.closed_reason, letter.closed_at)
        return
    printing.field("to do", letter.what_to_do)
    for command in letter.commands:
        printing.field("", command)
