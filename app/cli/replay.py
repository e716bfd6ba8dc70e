"""`callbacks replay`: have callbacks decided anew with today's facts, without fear of moving money twice."""

from typing import Annotated

import typer
from rich.text import Text

from app.cli import many, parts, printing
from app.cli.many import DryRun, Since, Until, Yes
from app.cli.parts import Json, Who
from app.cli.progress import progress_bar
from app.core.clock import now_us
from app.core.ends import ID_MAX
from app.core.errors import FieldError
from app.operate import replay as verbs
from app.operate.again import person_from
from app.operate.many import Tally
from app.operate.replay_shown import ReplayedShown, ReplayExplainedShown, ReplaysShown
from app.operate.selection import counted, selection_from


def replay(  # noqa: PLR0913, PLR0917 - the options are what a person may ask for
    callback_id: Annotated[
        int | None,
        typer.Argument(metavar="ID", help="One callback; else say which by options.", min=1, max=ID_MAX),
    ] = None,
    provider: Annotated[str, typer.Option(help="Those of this sender.")] = "",
    outcome: Annotated[str, typer.Option(help="Those that became this, such as rejected.")] = "",
    since: Since = "",
    until: Until = "",
    reason: Annotated[str, typer.Option(help="Why; kept with who and when.", show_default=False)] = "",
    who: Who = "",
    explain: Annotated[bool, typer.Option("--explain", help="Say what would be decided, and why.")] = False,  # noqa: FBT002
    dry_run: DryRun = False,  # noqa: FBT002 - an option
    yes: Yes = False,  # noqa: FBT002 - an option
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Decide callbacks anew with today's facts; nothing that was applied moves twice.

    One by its ID, or many by options. Rejected and set aside ones go the way of a callback that comes now; what waits
    goes on waiting, unless something changed; what comes out as it was is left as it was.

    Example: callbacks replay --provider midtrans --outcome rejected --from 2h --dry-run
    """
    many_asked = bool(provider or outcome or since or until)
    if callback_id is not None and many_asked:
        raise FieldError("ID", "one callback by its ID, or many by options; not both")
    if explain and callback_id is None:
        raise FieldError("--explain", "is for one callback: callbacks replay ID --explain")
    lang, who = parts.settings().callback_lang, parts.who_is_here(who)
    engine, handlers = parts.existing_state(), parts.handlers()
    with parts.existing_log() as log:
        room = verbs.Room(engine, log, handlers)
        if callback_id is not None:
            if explain or dry_run:
                shown = verbs.explain_one(room, callback_id, at=now_us(), lang=lang)
            else:
                shown = verbs.replay_one(room, callback_id, who=who, reason=reason, at=now_us(), lang=lang)
            _tell(shown, json=json)
            return
        selection = selection_from(provider=provider, outcome=outcome, since=since, until=until, at=now_us())
        if not dry_run:
            person_from(who, reason)
        counts = counted(engine, selection)
        work = sum(number for word, number in counts.items() if word != "applied")
        if not dry_run and work:
            _print_counts(counts)
            many.confirm(f"Replay {work} callbacks?", yes=yes)
        tally = Tally(dry_run=dry_run)
        try:
            with progress_bar("foreseeing" if dry_run else "replaying", work) as move:
                verbs.replay_many(room, selection, who=who, reason=reason, clock=now_us, tally=tally, progress=move)
        except KeyboardInterrupt:
            _summary(verbs.tally_shown(tally, lang=lang), json=json)
            many.stopped(tally.done)
            raise
    _summary(verbs.tally_shown(tally, lang=lang), json=json)
    if tally.failed:
        raise typer.Exit(1)


def _print_counts(counts: dict[str, int]) -> None:
    told = ", ".join(f"{number} {word}" for word, number in counts.items())
    printing.err().print(Text(f"there are {told}; those applied are not touched" if "applied" in counts else told))


def _summary(shown: ReplaysShown, *, json: bool) -> None:
    if json:
        printing.print_json(shown)
        return
    today = "would be" if shown.dry_run else "now"
    printing.table(
        ("count", "was", today, "which means"),
        [(row.count, printing.coloured(row.was), printing.coloured(row.outcome), row.text) for row in shown.counts],
        indent=0,
    )
    for failure in shown.failures:
        printing.err().print(Text(printing.safe(f"callback {failure.callback_id}: {failure.text}"), "red"))
    if shown.failed:
        printing.err().print(Text(f"{shown.failed} could not be decided; they are as they were", "red"))
    elif not shown.counts:
        printing.out().print(Text("no callbacks", "green"))


def _tell(shown: ReplayedShown, *, json: bool) -> None:
    if json:
        printing.print_json(shown)
        return
    printing.heading(f"{shown.callback_id}  {shown.order_id or ''}".rstrip())
    printing.field("was", printing.coloured(shown.was))
    printing.field("today" if shown.explained else "now", printing.coloured(shown.outcome), shown.text)
    if shown.explained is not None:
        _explained(shown.explained)
        printing.field("written", "nothing: this only explains")
    elif not shown.changed:
        printing.field("kept", printing.coloured(shown.kept), "nothing was changed")


def _explained(told: ReplayExplainedShown) -> None:
    if told.says is not None:
        printing.field("says", told.says.said)
        printing.field("row", told.row)
        printing.field("means", ", ".join(told.says.facts) or told.says.why_none)
    printing.field("doubt", told.doubt)
    printing.field("asks", ", ".join(attempt or "''" for attempt in told.asks))
    printing.field("adds", ", ".join(told.facts))
    for move in told.moves:
        printing.field("moves", move.account, move.amount)
    if told.status != told.status_after:
        printing.field("status", f"{told.status or '-'} → {told.status_after}")
    for alert in told.alerts:
        printing.field("alert", alert.text)
