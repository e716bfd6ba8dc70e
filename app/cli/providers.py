"""`callbacks providers`: which senders are known, which are set up, adding one, trying one."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Json
from app.cli.signing import own_pair
from app.core.clock import now_us
from app.core.errors import FieldError
from app.core.variables import variables
from app.operate.providers import adding, listing, trying
from app.operate.providers.adding import Answers
from app.operate.providers.listing import ProviderRow, ProviderShown
from app.operate.providers.trying import Server
from app.providers.catalog import open_catalog
from app.providers.key_pairs import made_up
from app.providers.message import Message

commands = typer.Typer(help="Senders that are known without code, from files.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
_FOLDER = "providers"


@commands.command("list")
def list_providers(
    text: Annotated[str, typer.Argument(metavar="[TEXT]", help="Part of a name.", show_default=False)] = "",
    group: Annotated[str, typer.Option(help="Indonesia, payments, messages …", show_default=False)] = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """List the providers that are known.

    Example: callbacks providers list --group indonesia
    """
    found = listing.list_providers(
        open_catalog(parts.settings().callback_providers), variables(), group=group, sought=text
    )
    if json:
        printing.print_json(found)
        return
    printing.table(
        ("name", "", "orders", "proof", "secret", "group"), [_line(row) for row in found.providers], indent=0
    )
    if not found.providers:
        printing.nothing("providers")


def _line(row: ProviderRow) -> tuple[object, ...]:
    state = Text("set", "green") if row.set_up else ""
    return row.name, state, "yes" if row.pays else "", row.proof, row.variable, row.group


@commands.command()
def show(name: Name, json: Json = False) -> None:  # noqa: FBT002 - an option
    """Show what a provider signs, what its words mean, and what to set; never a secret.

    Example: callbacks providers show tripay
    """
    settings = parts.settings()
    shown = listing.show_provider(open_catalog(settings.callback_providers), name, settings, variables())
    if json:
        printing.print_json(shown)
        return
    _print(shown)


def _print(shown: ProviderShown) -> None:
    printing.heading(f"{shown.name}  {shown.title}  ({shown.group})")
    printing.field("address", shown.address)
    printing.field("secret", shown.variable, shown.hint)
    for variable, hint in shown.config.items():
        printing.field("also", variable, hint)
    printing.field("missing", ", ".join(shown.lacking))
    printing.field("proof", shown.proof)
    for text in shown.signed:
        printing.field("signed", text)
    printing.field("time", shown.time)
    for word in shown.words:
        printing.field("word", word)
    printing.field("not proved", shown.unproved)
    printing.field("notes", shown.notes)
    printing.field("docs", shown.docs)
    printing.field("known from", f"{shown.source} ({shown.confirmed})" if shown.source else shown.confirmed)
    printing.field("file", shown.file, f"{shown.vectors} vectors")


@commands.command("test")
def try_provider(
    name: Name,
    url: Annotated[
        str, typer.Option(help="Send to a running system with the secret set here, instead.", show_default=False)
    ] = "",
    key: Annotated[
        Path | None, typer.Option(help="With --url: the private key of a sender that has a pair.", show_default=False)
    ] = None,
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Try a provider: its vectors, then signed and forged callbacks over real HTTP to a server made for it.

    Example: callbacks providers test tripay
    """
    settings = parts.settings()
    provider = open_catalog(settings.callback_providers).with_vectors(name)
    tried = list(trying.try_vectors(name, provider))
    if url:
        pair = own_pair(provider, key)
        if not pair.signs:
            raise FieldError("secret", "is not set; set the same for the system and for this command")
        config = trying.config_of(provider, variables(), Message(b"", path=f"/callbacks/webhook/{name}"))
        server = Server(url.rstrip("/"), settings.public_url() or url.rstrip("/"))
        tried += trying.try_sending(name, provider, pair, config, server, now_us())
    else:
        pair, config = made_up(provider), trying.made_up_config(provider)
        with trying.a_server(provider, pair, config, settings.callback_providers) as server:
            config = {**trying.config_of(provider, {}, Message(b"", path=f"/callbacks/webhook/{name}")), **config}
            tried += trying.try_sending(name, provider, pair, config, server, now_us())
    if json:
        printing.print_json([each._asdict() for each in tried])
    else:
        for each in tried:
            mark = Text("ok   ", "green") if each.ok else Text("WRONG", "red")
            printing.out().print(mark, Text(printing.safe(f"{each.what}: {each.told}")))
    if not all(each.ok for each in tried):
        raise typer.Exit(1)


def _ask(question: str, given: str | None, default: str, why: str) -> str:
    """What was given as an option, else what a person types; the default where nobody sits."""
    if given is not None:
        return given
    if not sys.stdin.isatty():
        return default
    printing.out().print(Text(why, "dim"))
    return str(typer.prompt(question, default=default, show_default=bool(default)))


_Option = Annotated[str | None, typer.Option(show_default=False)]


@commands.command()
def add(  # noqa: PLR0913, PLR0917 - what a provider is
    name: Name,
    title: Annotated[str | None, typer.Option(help="For people.", show_default=False)] = None,
    docs: Annotated[str | None, typer.Option(help="The page that documents it.", show_default=False)] = None,
    kind: Annotated[
        str | None, typer.Option(help="hmac, digest, token, rsa, ecdsa, ed25519.", show_default=False)
    ] = None,
    algorithm: Annotated[str | None, typer.Option(help="sha256, sha512, sha1, md5.", show_default=False)] = None,
    where: Annotated[
        str | None, typer.Option("--from", help="Where the proof stands: header:X-Signature.", show_default=False)
    ] = None,
    prefix: Annotated[str | None, typer.Option(help="Before it: sha256=.", show_default=False)] = None,
    encoding: Annotated[str | None, typer.Option(help="hex or base64; of a token none.", show_default=False)] = None,
    signed: Annotated[str | None, typer.Option(help="{body}, {timestamp}.{body} …", show_default=False)] = None,
    variable: Annotated[str | None, typer.Option(help="Holds the secret.", show_default=False)] = None,
    time: Annotated[str | None, typer.Option(help="Where the time stands.", show_default=False)] = None,
    time_unit: Annotated[str | None, typer.Option(help="s, ms or iso.", show_default=False)] = None,
    body: Annotated[str | None, typer.Option(help="json or form.", show_default=False)] = None,
    event_type: Annotated[str | None, typer.Option(help="{event}.", show_default=False)] = None,
    event_key: Annotated[str | None, typer.Option(help="{id}.", show_default=False)] = None,
    order_id: Annotated[str | None, typer.Option(help="Of payments: {order_id}.", show_default=False)] = None,
    attempt: Annotated[str | None, typer.Option(help="{payment_id}.", show_default=False)] = None,
    amount: Annotated[str | None, typer.Option(help="Where the amount stands.", show_default=False)] = None,
    unit: Annotated[str | None, typer.Option(help="major (rupiah) or minor.", show_default=False)] = None,
    status: Annotated[str | None, typer.Option(help="Where the status stands.", show_default=False)] = None,
    paid: Annotated[str | None, typer.Option(help="Its words for paid, by commas.", show_default=False)] = None,
    pending: _Option = None,
    expired: _Option = None,
    failed: _Option = None,
    refunded: _Option = None,
    answer: Annotated[str | None, typer.Option(help="The body it wants to hear.", show_default=False)] = None,
    folder: Annotated[
        Path | None, typer.Option(help="Where the file goes; by default CALLBACK_PROVIDERS.", show_default=False)
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write a file anew.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Add a provider of your own: asks what it needs, writes its file, says how to try it.

    Example: callbacks providers add kurir --from header:X-Kurir-Signature
    """
    folders = [each for each in parts.settings().callback_providers.split(os.pathsep) if each]
    place_of_it = folder or Path(folders[0] if folders else _FOLDER)
    adding.check_free(name, place_of_it, replace=replace)
    chosen = _ask("kind", kind, "hmac", "How it proves itself: hmac, digest, token, rsa, ecdsa or ed25519.")
    token = chosen == "token"
    place = _ask("from", where, "header:X-Signature", "Where the proof stands: header:NAME, or a field of the body.")
    pays = order_id is not None or (
        sys.stdin.isatty() and typer.confirm("Does it tell of payments of your orders?", default=False)
    )
    answers = Answers(
        name=name,
        title=_ask("title", title, name.replace("-", " ").title(), "Its name for people."),
        docs=docs or "",
        kind=chosen,
        algorithm="" if token else _ask("algorithm", algorithm, "sha256", "sha256, sha512, sha1 or md5."),
        where=place,
        prefix=_ask("prefix", prefix, "", "What stands before the proof, such as sha256= (nothing: leave it empty)."),
        encoding=encoding or ("none" if token else _ask("encoding", None, "hex", "How it is written: hex or base64.")),
        key=_key_of(chosen),
        signed="" if token else _ask("signed", signed, "{body}", "What is signed: {body}, {timestamp}.{body} …"),
        variable=_ask("variable", variable, f"{name.upper().replace('-', '_')}_SECRET", "Where its secret is set."),
        time=_ask("time", time, "", "Where the time of signing stands, such as header:X-Timestamp (none: empty)."),
        time_unit=time_unit or "s",
        body=body or "json",
        event_type=_ask("event type", event_type, "{event}", "What kind of callback it is."),
        event_key=_ask("event key", event_key, "{id}", "What is the same when it tells the same again."),
        order_id=_ask("order id", order_id, "{order_id}", "Your order's id.") if pays else "",
        attempt=_ask("attempt", attempt, "{id}", "Its own id of the payment.") if pays else "",
        amount=_ask("amount", amount, "amount", "Where the amount stands.") if pays else "",
        unit=unit or "major",
        status=_ask("status", status, "status", "Where the status stands.") if pays else "",
        paid=_ask("paid", paid, "PAID", "Its words for paid, by commas.") if pays else "",
        pending=_ask("pending", pending, "", "Its words for pending.") if pays else "",
        expired=_ask("expired", expired, "", "Its words for expired.") if pays else "",
        failed=_ask("failed", failed, "", "Its words for failed.") if pays else "",
        refunded=_ask("refunded", refunded, "", "Its words for refunded in full.") if pays else "",
        answer=answer or "",
    )
    path = adding.write(adding.text_of(answers), name, place_of_it, replace=replace)
    if json:
        printing.print_json({"name": name, "file": str(path), "variable": answers.variable})
        return
    printing.heading(f"wrote {path}")
    setting = ""
    if place_of_it.resolve() not in {Path(each).resolve() for each in folders}:
        setting = f"CALLBACK_PROVIDERS={os.pathsep.join([*folders, str(place_of_it)])}"
        printing.field("put into .env", setting)
    printing.field("and" if setting else "put into .env", f"{answers.variable}=the secret that it gave you")
    printing.field("try", f"{setting} callbacks providers test {name}".lstrip())


def _key_of(kind: str) -> str:
    return {"rsa": "pem", "ecdsa": "pem", "ed25519": "hex"}.get(kind, "utf8")
