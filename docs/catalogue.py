"""The catalogue as pages show it: its providers from their files, and what a file may hold from the code."""

import ast
import inspect
import re
from collections.abc import Iterator
from typing import get_args

import msgspec

from app.operate.providers.listing import proof_of
from app.providers.catalog import Catalog, model
from app.providers.catalog.model import Payment, Provider, Says, several
from app.providers.templates import FUNCTIONS
from docs.markdown import table

#: The file's tables in the order of the page, with the structs that they become.
TABLES: tuple[tuple[str, type[msgspec.Struct]], ...] = (
    ("The file itself", model.Provider),
    ("[secret]", model.Secret),
    ("[config.NAME]", model.Config),
    ("[scheme], or several [[scheme]]", model.Scheme),
    ("clock, of a scheme", model.Clock),
    ("rewrite, of a scheme", model.Rewrite),
    ("[access]", model.Access),
    ("[identity]", model.Identity),
    ("[payment]", model.Payment),
    ("says, the rows of a payment", model.Says),
    ("[ask]", model.Ask),
    ("[[answers]]", model.Reply),
    ("[[vectors]]", model.Vector),
)
_KINDS = {
    "str": "string",
    "int": "number",
    "bool": "true or false",
    "Text": "text",
    "Place": "place",
    "tuple[str, ...]": "strings",
    "tuple[Place, ...]": "places",
    "str | None": "string",
    "Text | tuple[Text, ...]": "text, or several",
    "Place | tuple[Place, ...]": "place, or several",
    "dict[str, str]": "strings by name",
    "dict[str, Text]": "texts by name",
    "dict[Place, Text]": "texts by place",
    "dict[Place, str | tuple[str, ...]]": "words by place",
    "dict[str, object]": "table",
    "int | Literal['any']": "number, or `any`",
}


def providers() -> str:
    """Every provider: where its secret is set, what it proves, whether it moves orders."""
    catalog = Catalog(installed=False)
    each = sorted(((catalog.get(name), name) for name in catalog.names()), key=lambda one: _place(*one))
    head = ("Name", "Provider", "Group", "Proof", "Secret", "Orders", "Known from", "Notes")
    return table(head, (_provider(name, provider) for provider, name in each))


def _place(provider: Provider, name: str) -> tuple[bool, str, str]:
    return provider.group != "Indonesia", provider.group, name


def _provider(name: str, provider: Provider) -> tuple[str, ...]:
    title = f"[{provider.title}]({provider.docs})" if provider.docs else provider.title
    secret = f"`{provider.secret.variable}`" if provider.secret else ""
    known = {"checked": "its own package", "official": "its documentation", "open source": "open source"}
    return (
        f"`{name}`",
        title,
        provider.group,
        proof_of(provider),
        secret,
        _orders(provider),
        known.get(provider.confirmed, provider.confirmed),
        provider.notes,
    )


def _orders(provider: Provider) -> str:
    if provider.payment is None:
        return "yes, by code of its own" if provider.code == "orders" else ""
    if provider.ask is not None:
        return "yes, once its API confirms"
    return f"by a person: not proved is {provider.payment.unproved}" if provider.payment.unproved else "yes"


def fields() -> str:
    """Every field of a provider's file."""
    return "\n\n".join(f"### {title}\n\n{_fields(struct)}" for title, struct in TABLES)


def _fields(struct: type[msgspec.Struct]) -> str:
    source = inspect.getsource(struct)
    lines = source.splitlines()
    (made,) = ast.parse(source).body
    rows = []
    for node in made.body if isinstance(made, ast.ClassDef) else ():
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            default = "needed" if node.value is None else _default(ast.unparse(node.value))
            name = node.target.id.removesuffix("_")
            rows.append((f"`{name}`", _kind(ast.unparse(node.annotation)), default, _comment(lines, node.lineno)))
    about = inspect.cleandoc(struct.__doc__ or "")
    return f"{about}\n\n{table(('Field', 'Is', 'Default', 'Meaning'), rows)}"


def _comment(lines: list[str], line: int) -> str:
    """The `#:` comment above a field."""
    told: list[str] = []
    for text in reversed(lines[: line - 1]):
        if not text.strip().startswith("#:"):
            break
        told.insert(0, text.strip().removeprefix("#:").strip())
    return " ".join(told)


def _default(text: str) -> str:
    shown = {"True": "true", "False": "false"}.get(text, text.strip("'"))
    return "" if text in {"''", "()", "{}", "None", "Identity()"} else f"`{shown}`"


def _kind(text: str) -> str:
    text = text.removesuffix(" | None") if text not in _KINDS else text
    if text in _KINDS:
        return _KINDS[text]
    choices = re.findall(r"'([^']*)'", text) if text.startswith("Literal") else get_args(getattr(model, text, None))
    if choices:
        return ", ".join(f"`{choice}`" for choice in choices if choice)
    return "below"


def functions() -> str:
    """What may stand around a value."""
    return table(("Function", "Gives"), ((f"`{_call(name, f.takes)}`", f.does) for name, f in FUNCTIONS.items()))


def _call(name: str, takes: int) -> str:
    return f"{name}({', '.join('abc'[:takes]) if takes else 'a, b, …'})"


def payment_words() -> str:
    """What the words of each payment provider mean, line by line as their files are read."""
    catalog = Catalog(installed=False)
    rows = (row for name in catalog.names() for row in _rows(name, catalog.get(name).payment))
    return table(("Provider", "When", "Says"), rows)


def not_covered() -> str:
    """Providers whose proof leaves open what money rests on, and whose API nobody asks."""
    catalog = Catalog(installed=False)
    each = ((name, catalog.get(name)) for name in catalog.names())
    rows = (
        (f"`{name}`", provider.payment.unproved)
        for name, provider in each
        if provider.payment is not None and provider.payment.unproved and provider.ask is None
    )
    return table(("Provider", "Its proof does not cover"), rows)


def _rows(name: str, payment: Payment | None) -> Iterator[tuple[str, str, str]]:
    for says in payment.says if payment is not None else ():
        yield f"`{name}`", _when(says), f"`{says.word}`"


def _when(says: Says) -> str:
    return ", ".join(
        f"`{where}` is there" if words == "[]" else f"`{where}` {' or '.join(f'`{word}`' for word in several(words))}"
        for where, words in says.when.items()
    )
