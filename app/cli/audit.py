"""`callbacks audit`: prove the books."""

from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Json
from app.cli.progress import progress_bar
from app.core.clock import now_us
from app.core.language import Lang
from app.operate import audit as verbs
from app.operate.audit.shown import AuditShown
from app.operate.audit.texts import SUMMARY, summary
from app.operate.moments import moment_from


def audit(
    since: Annotated[
        str, typer.Option("--since", help="Only what happened since: 7d, or a time in ISO 8601.", show_default=False)
    ] = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Prove the books: amounts from facts, facts from callbacks, callbacks by their signatures. Writes nothing.

    Exit code 1 when something is wrong; what merely cannot be proved is told and counted.

    Example: callbacks audit --since 7d
    """
    lang = parts.settings().callback_lang
    engine, handlers = parts.existing_state(), parts.handlers()
    moment = moment_from("--since", since, at=now_us()) if since else None
    with parts.existing_log() as log, progress_bar("auditing") as bar:
        shown = verbs.audit(engine, log, handlers, lang=lang, since=moment, progress=bar)
    if json:
        printing.print_json(shown)
    else:
        _tell(shown, lang)
    if not shown.ok:
        raise typer.Exit(1)


def _tell(shown: AuditShown, lang: Lang) -> None:
    out = printing.out()
    out.print(Text(summary(SUMMARY.went_through, lang, **shown.model_dump())))
    if shown.unproved:
        printing.heading(summary(SUMMARY.unproved, lang))
        for each in shown.unproved:
            out.print(Text(printing.safe(f"  {each.count}  {each.text}: {', '.join(each.examples)}")))
    if shown.ok:
        out.print(Text(summary(SUMMARY.fine, lang), "green"))
        return
    out.print(Text(summary(SUMMARY.wrong, lang, count=sum(shown.wrong.values())), "bold red"))
    for kind, count in shown.wrong.items():
        found = [each for each in shown.findings if each.kind == kind]
        printing.heading(f"{kind} ({count}): {found[0].text}")
        rows = [(f.order_id, f.subject, f.source_id, f.expected, f.found) for f in found]
        printing.table(("order", "what", "source", "expected", "found"), rows)
