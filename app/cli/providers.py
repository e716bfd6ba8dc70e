"""`callbacks providers`: which senders are known, which are set up, adding one, trying one."""

import asyncio
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.text import Text

from app.cli import parts, printing
from app.cli.parts import Json
from app.cli.signing import own_pair
from app.core.clock import now_us
from app.core.errors import FieldError, UnknownProvider
from app.core.money import format_amount
from app.core.variables import variables
from app.operate.providers import adding, listing, trying
from app.operate.providers.listing import ProviderRow, ProviderShown
from app.operate.providers.questions import Question, answers_of
from app.operate.providers.trying import Server, Tried
from app.providers.catalog import open_catalog, read_provider
from app.providers.catalog.model import Provider
from app.providers.key_pairs import KeyPair, made_up
from app.providers.message import Message
from app.simulation import driver
from app.simulation.catalogue import Sender
from app.simulation.scenarios import plan_of
from app.simulation.wire import target_of

commands = typer.Typer(help="Senders that are known without code, from files.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(metavar="NAME", show_default=False)]
_FOLDER = "providers"
_ORDERS, _SEED = 3, 1
_SHARED = "the secret that it gave you"
_SECRETS = {"rsa": "its public key (PEM)", "ecdsa": "its public key (PEM)", "ed25519": "its public key (hex)"}


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
    if shown.asked:
        printing.field("asked", f"its API, with {shown.asked}, before money moves")
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
        with trying.a_server(name, provider, pair, config, settings.callback_providers) as server:
            config = {**trying.config_of(provider, {}, Message(b"", path=f"/callbacks/webhook/{name}")), **config}
            tried += trying.try_sending(name, provider, pair, config, server, now_us())
            tried += _try_orders(name, provider, pair, config, server)
    if json:
        printing.print_json([each._asdict() for each in tried])
    else:
        for each in tried:
            mark = Text("ok   ", "green") if each.ok else Text("WRONG", "red")
            printing.out().print(mark, Text(printing.safe(f"{each.what}: {each.told}")))
    if not all(each.ok for each in tried):
        raise typer.Exit(1)


@commands.command("ask")
def ask_api(
    name: Name,
    order_id: Annotated[str, typer.Argument(metavar="ORDER_ID", show_default=False)],
    attempt: Annotated[
        str, typer.Argument(metavar="[ATTEMPT]", help="The sender's own id of the payment.", show_default=False)
    ] = "",
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Ask a sender's own API about a payment, as it is asked before money moves; nothing follows.

    Example: callbacks providers ask oy TU-1 25119QK1
    """
    from app.callbacks.callback_manager import CallbackManager  # noqa: PLC0415 - as the worker finds it
    from app.callbacks.confirming import Question, ask_once  # noqa: PLC0415 - as above

    try:
        handler = CallbackManager(settings=parts.settings()).handlers[name]
    except KeyError:
        raise UnknownProvider(name, catalogued=True) from None
    confirmer = getattr(handler, "confirmer", None)
    if confirmer is None:
        raise FieldError("NAME", f"{name} is not asked: its file has no [ask]")
    answer = asyncio.run(ask_once(confirmer, Question(order_id, attempt)))
    told = answer.told
    facts = [] if told is None else [f"{fact.kind} {fact.attempt}" for fact in told.facts]
    amount = "" if told is None or told.gross is None else f"{format_amount(told.gross)} {told.currency}"
    if json:
        printing.print_json({"heard": answer.heard, **answer.detail, "facts": facts, "amount": amount})
    else:
        printing.field("asked", answer.detail.get("asked", ""))
        printing.field("answer", answer.detail.get("answer", ""))
        printing.field("means", ", ".join(facts) or answer.heard, amount)
    if answer.heard != "found":
        raise typer.Exit(1)


def _try_orders(
    name: str, provider: Provider, pair: KeyPair, config: Mapping[str, str], server: Server
) -> Iterator[Tried]:
    """Announces orders, tells of each what the file has words for, and looks at every wallet."""
    if provider.payment is None:
        return
    samples = trying.samples_of(name, provider, server.public)
    sender = Sender(name, provider, samples, pair.signs, config, believed=True)
    fine = "every wallet is as it must be"
    if provider.ask is not None or provider.payment.unproved:
        fine += f", once {'its API' if provider.ask is not None else 'a person'} has confirmed what was paid"
    for scenario in sender.scenarios():
        plan = plan_of(sender, scenario, count=_ORDERS, seed=_SEED)
        wrong = driver.run(plan, target_of(server.address)).differences
        told = [f"{each.what} of {each.subject} is {each.found}, not {each.expected}" for each in wrong]
        yield Tried(f"orders, {scenario}", not wrong, told[0] if told else fine)


def _said(help_: str, *names: str) -> Any:
    return typer.Option(*names, help=help_, show_default=False)


@commands.command()
def add(  # noqa: PLR0913, PLR0917 - what may be said of a provider; each is a question of questions.QUESTIONS
    name: Name,
    title: Annotated[str | None, _said("For people.")] = None,
    docs: Annotated[str | None, _said("The page that documents it.")] = None,
    kind: Annotated[str | None, _said("hmac, digest, token, rsa, ecdsa, ed25519.")] = None,
    algorithm: Annotated[str | None, _said("sha256, sha512, sha1, md5.")] = None,
    where: Annotated[str | None, _said("Where the proof stands: header:X-Signature.", "--from")] = None,
    prefix: Annotated[str | None, _said("Before it: sha256=.")] = None,
    encoding: Annotated[str | None, _said("hex or base64; of a token none.")] = None,
    body: Annotated[str | None, _said("json or form.")] = None,
    signed: Annotated[str | None, _said("{body}, {timestamp}.{body} …")] = None,
    variable: Annotated[str | None, _said("Holds the secret.")] = None,
    time: Annotated[str | None, _said("Where the time stands.")] = None,
    time_unit: Annotated[str | None, _said("s, ms or iso.")] = None,
    tolerance: Annotated[str | None, _said("Seconds it may be off; any.")] = None,
    event_type: Annotated[str | None, _said("{event}.")] = None,
    event_key: Annotated[str | None, _said("{id}.")] = None,
    order_id: Annotated[str | None, _said("Of payments: {order_id}.")] = None,
    attempt: Annotated[str | None, _said("{payment_id}.")] = None,
    amount: Annotated[str | None, _said("Where the amount stands.")] = None,
    unit: Annotated[str | None, _said("major (rupiah) or minor.")] = None,
    currency: Annotated[str | None, _said("Where the currency stands; by default IDR.")] = None,
    status: Annotated[str | None, _said("Where the status stands.")] = None,
    paid: Annotated[str | None, _said("Its words for paid, by commas.")] = None,
    pending: Annotated[str | None, _said("Its words for pending.")] = None,
    expired: Annotated[str | None, _said("Its words for expired.")] = None,
    failed: Annotated[str | None, _said("Its words for failed.")] = None,
    refunded: Annotated[str | None, _said("Its words for refunded.")] = None,
    back: Annotated[str | None, _said("Where stands what went back; by default all of it.")] = None,
    refund_key: Annotated[str | None, _said("What names one refund of several.")] = None,
    ordering_key: Annotated[str | None, _said("What belongs together; by default the order.")] = None,
    answer: Annotated[str | None, _said("The body it wants to hear.")] = None,
    folder: Annotated[Path | None, _said("Where the file goes; by default CALLBACK_PROVIDERS.")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Write a file anew.")] = False,  # noqa: FBT002
    json: Json = False,  # noqa: FBT002 - an option
) -> None:
    """Add a provider of your own: asks what it needs, writes its file, says how to try it.

    Example: callbacks providers add kurir --from header:X-Kurir-Signature
    """
    given = {field: told for field, told in locals().items() if isinstance(told, str)}
    folders = [each for each in parts.settings().callback_providers.split(os.pathsep) if each]
    into = folder or Path(folders[0] if folders else _FOLDER)
    adding.check_free(name, into, replace=replace)
    answers = answers_of(given, _ask if sys.stdin.isatty() else None)
    text = adding.text_of(answers)
    path = adding.write(text, name, into, replace=replace)
    payment = read_provider(text, str(path), vectors=False).payment
    left_open = payment.unproved if payment is not None else ""
    if json:
        printing.print_json({"name": name, "file": str(path), "variable": answers.variable, "not_proved": left_open})
        return
    printing.heading(f"wrote {path}")
    known = into.resolve() in {Path(each).resolve() for each in folders}
    setting = "" if known else f"CALLBACK_PROVIDERS={os.pathsep.join([*folders, str(into)])}"
    printing.field("put into .env", setting)
    printing.field("and" if setting else "put into .env", f"{answers.variable}={_SECRETS.get(answers.kind, _SHARED)}")
    if payment is not None and answers.kind == "token":
        printing.field(
            "signed", "nothing: whoever has the token is believed; [ask] in the file has its API asked first"
        )
    if left_open:
        printing.field("not proved", left_open, f"its payments wait for a person, or for CALLBACK_BELIEVE={name}")
    printing.field("try", f"{setting} callbacks providers test {name}".lstrip())


def _ask(question: Question, default: str) -> str:
    def one_of(text: str) -> str:
        if question.choices and text not in question.choices:
            raise typer.BadParameter(f"one of {', '.join(question.choices)}")
        return text

    choices = f" ({', '.join(question.choices)})" if question.choices else ""
    printing.out().print(Text(question.why + choices, "dim"))
    name = question.field.replace("_", " ")
    return str(typer.prompt(name, default=default, show_default=bool(default), value_proc=one_of))
