"""What a person is asked about a provider of their own, in the order in which its documentation tells it. Pure."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias, get_args

import msgspec

from app.core.errors import FieldError
from app.providers.catalog.model import AmountUnit, Encoding, TimeUnit

#: What was answered so far, by field.
Told: TypeAlias = Mapping[str, str]
#: Asks a person: the question, what Enter means → the answer.
Ask: TypeAlias = Callable[["Question", str], str]


class Answers(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked. Texts and places as in a provider's file; "" leaves a thing out."""

    name: str
    title: str = ""
    docs: str = ""
    kind: str = "hmac"
    algorithm: str = "sha256"
    where: str = "header:X-Signature"
    prefix: str = ""
    encoding: str = "hex"
    key: str = "utf8"
    signed: str = "{body}"
    variable: str = ""
    time: str = ""
    time_unit: str = "s"
    tolerance: str = "300"
    body: str = "json"
    event_type: str = ""
    event_key: str = ""
    ordering_key: str = ""
    order_id: str = ""
    attempt: str = ""
    amount: str = ""
    unit: str = "major"
    currency: str = ""
    status: str = ""
    paid: str = ""
    pending: str = ""
    expired: str = ""
    failed: str = ""
    refunded: str = ""
    back: str = ""
    refund_key: str = ""
    answer: str = ""


class Question(NamedTuple):
    """One question; its field is one of Answers, and the option of the same name."""

    field: str
    why: str
    default: str | Callable[[Told], str] = ""
    when: Callable[[Told], bool] = lambda _: True
    #: Nobody guesses it where nobody can be asked.
    due: bool = False
    #: the only answers that there are
    choices: tuple[str, ...] = ()


def answers_of(given: Told, ask: Ask | None) -> Answers:
    """The answers to every question: `given` ones (`name` is), else a person's, else the default where one may guess.

    Raises FieldError for what must be said and was not.
    """
    told = dict(given)
    if "pays" not in told and any(field in given for field in _MONEY):
        told["pays"] = "yes"
    for question in QUESTIONS:
        if question.field not in told and question.when(told):
            told[question.field] = _answer(question, told, ask)
    if told.pop("pays") not in {"yes", "no"}:
        raise FieldError("pays", "is yes or no")
    return msgspec.convert({**told, "key": _KEYS.get(told["kind"], "utf8")}, Answers)


def _answer(question: Question, told: Told, ask: Ask | None) -> str:
    default = question.default if isinstance(question.default, str) else question.default(told)
    if ask is not None:
        return ask(question, default).strip()
    if question.due:
        raise FieldError(option(question.field), f"is missing. {question.why}")
    return default


def option(field: str) -> str:
    """A field as an option of the command."""
    return "--from" if field == "where" else f"--{field.replace('_', '-')}"


def _signs(told: Told) -> bool:
    return told["kind"] != "token"


def _hashes(told: Told) -> bool:
    return told["kind"] not in {"token", "ed25519"}


def _times(told: Told) -> bool:
    return bool(told.get("time"))


def _pays(told: Told) -> bool:
    return told["pays"] == "yes"


def _refunds(told: Told) -> bool:
    return _pays(told) and bool(told.get("refunded"))


def title_of(name: str) -> str:
    """`kurir-cepat` → `Kurir Cepat`."""
    return name.replace("-", " ").replace("_", " ").title()


def variable_of(name: str) -> str:
    """`kurir-cepat` → `KURIR_CEPAT_SECRET`."""
    return f"{name.upper().replace('-', '_')}_SECRET"


def _title(told: Told) -> str:
    return title_of(told["name"])


def _variable(told: Told) -> str:
    return variable_of(told["name"])


def _encoding(told: Told) -> str:
    return {"token": "none", "rsa": "base64", "ecdsa": "base64"}.get(told["kind"], "hex")


def _order(told: Told) -> str:
    return told["order_id"] if _pays(told) else ""


#: How the secret of a kind becomes a key, where that is not its bytes.
_KEYS = {"rsa": "pem", "ecdsa": "pem", "ed25519": "hex"}


KINDS = ("hmac", "digest", "token", "rsa", "ecdsa", "ed25519")
QUESTIONS = (
    Question("title", "Its name for people.", _title),
    Question("docs", "The page that documents its callbacks (none: leave it empty)."),
    Question("kind", "How it proves itself.", "hmac", choices=KINDS),
    Question("algorithm", "What hashes.", "sha256", _hashes, choices=("sha256", "sha512", "sha1", "md5")),
    Question("where", "Where the proof stands: header:NAME, or a field of the body.", "header:X-Signature", due=True),
    Question("prefix", "What stands before the proof, such as sha256= (nothing: leave it empty)."),
    Question("encoding", "How it is written; a token as it is: none.", _encoding, choices=get_args(Encoding)),
    Question("body", "What its body is.", "json", choices=("json", "form")),
    Question("signed", "What is signed: {body}, {timestamp}.{body}, {order_id}{status} …", "{body}", _signs),
    Question("variable", "The variable that holds its secret.", _variable),
    Question("time", "Where the time of signing stands: header:X-Timestamp (none: leave it empty).", "", _signs),
    Question("time_unit", "What that time is: s or ms since 1970, or iso.", "s", _times, choices=get_args(TimeUnit)),
    Question("tolerance", "How many seconds off it may be, or any: repetitions keep the old time.", "300", _times),
    Question("event_type", "What says which kind of callback it is.", "{event}"),
    Question("event_key", "What is the same when it tells the same again.", "{id}"),
    Question("pays", "Does it tell of payments of your orders?", "no", choices=("yes", "no")),
    Question("order_id", "Where your order's id stands.", "{order_id}", _pays, due=True),
    Question("attempt", "Where its own id of the payment stands.", "{id}", _pays, due=True),
    Question("amount", "Where the amount stands.", "amount", _pays, due=True),
    Question(
        "unit",
        "How it writes 10,000 rupiah: major (10000), or minor (1000000).",
        "major",
        _pays,
        choices=get_args(AmountUnit),
    ),
    Question("currency", "Where the currency stands (always rupiah: leave it empty).", "", _pays),
    Question("status", "Where the status stands.", "status", _pays, due=True),
    Question("paid", "Its words for paid, by commas.", "PAID", _pays, due=True),
    Question("pending", "Its words for pending.", "", _pays),
    Question("expired", "Its words for expired.", "", _pays),
    Question("failed", "Its words for failed.", "", _pays),
    Question("refunded", "Its words for refunded.", "", _pays),
    Question("back", "Where stands what went back (always all of it: leave it empty).", "", _refunds),
    Question("refund_key", "What names one refund of several (it tells the sum so far: leave it empty).", "", _refunds),
    Question("ordering_key", "What keeps those of one thing in their order (nothing: leave it empty).", _order),
    Question("answer", "The body that it wants to hear (nothing particular: leave it empty)."),
)
_MONEY = frozenset(question.field for question in QUESTIONS if question.when in {_pays, _refunds})


__all__ = ["QUESTIONS", "Answers", "Ask", "Question", "answers_of", "option", "title_of", "variable_of"]
