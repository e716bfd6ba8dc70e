"""What a provider's file says: how it signs, how its callbacks are told apart, what they mean, what it wants to hear.

A *text* below is a template: `{…}` stands for a value of the request. `{a.b[0].c}` is a field of the body (JSON, or a
form's field), `{header:X-Name}`, `{query:name}`, `{body}` (raw), `{method}`, `{path}` and `{url}` (as the sender knows
them), `{timestamp}` (as it came), `{config:name}`, `{secret}`; functions may stand around them: `{sha256hex(body)}`.
`{fields}` are the body's fields as `rewrite` says, `{token}` an access token made for the answer. A *place* is one such
value without braces (`header:X-Signature`, `data.status`). Where a list of texts may stand, the first whose values are
all there counts.
"""

from typing import Literal, TypeAlias

import msgspec

Text: TypeAlias = str
Place: TypeAlias = str

SchemeKind: TypeAlias = Literal["hmac", "digest", "token", "rsa", "ecdsa", "ed25519", "jwt"]
#: How a secret's text becomes a key; `whsec`, `whpk`: base64 after that word, which may be missing.
Key: TypeAlias = Literal["utf8", "hex", "base64", "whsec", "whpk", "sha1", "pem", "jwk"]
Encoding: TypeAlias = Literal["hex", "base64", "base64url", "none"]
TimeUnit: TypeAlias = Literal["s", "ms", "iso"]
AmountUnit: TypeAlias = Literal["major", "minor"]
#: What a row of the status table says of an order; `ignored`: understood, says nothing of an order.
Word: TypeAlias = Literal[
    "paid",
    "pending",
    "authorized",
    "challenged",
    "denied",
    "cancelled",
    "expired",
    "failed",
    "refunded",
    "charged_back",
    "ignored",
]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """A table of the file; a field that we do not know is refused."""


class Secret(_Table, frozen=True):
    """What proves the sender: the variable that holds it, several separated by commas."""

    #: its name, in capitals
    variable: str
    #: where its owner finds it, for people
    hint: str = ""


class Config(_Table, frozen=True):
    """A value that is no secret and that only the shop knows: `{config:name}`."""

    #: the variable that holds it
    variable: str
    #: what it is, for people
    hint: str = ""
    #: where the variable is not set; may be a text of the request: `{path}`
    default: str | None = None


class Clock(_Table, frozen=True):
    """When the sender signed; what is too old or too far in the future is refused, once the signature fits."""

    #: `part:t`: the part of the proof's own header that begins with `t=`
    from_: Place
    #: seconds or milliseconds since 1970, or ISO 8601 with a zone
    unit: TimeUnit = "s"
    #: `any`: none is documented, and a sender whose retries keep the old time must not be refused
    tolerance_seconds: int | Literal["any"] = 300


class Rewrite(_Table, frozen=True):
    """How `{fields}` are written: the body's fields by name as PHP writes JSON, after these changes."""

    #: fields that are left out
    drop: tuple[str, ...] = ()
    #: of a form: fields that become numbers
    numbers: tuple[str, ...] = ()
    #: of a form: fields that become an empty list, also where they are missing
    lists: tuple[str, ...] = ()


class Scheme(_Table, frozen=True):
    """How the sender proves itself: one of the pure functions of `schemes`, and its data."""

    #: what the proof is
    kind: SchemeKind
    #: `sha256`, `sha512`, `sha1`, `md5`; of a JWT `HS256`, `ES256`
    algorithm: str = ""
    #: where the proof stands; of several any may fit. `header:X-Signature-*`: every header of that beginning
    from_: Place | tuple[Place, ...] = ()
    #: parts the proofs of one place
    separator: str = ""
    #: before each proof; a part without it is none
    prefix: Text = ""
    #: how the proof is written
    encoding: Encoding = "hex"
    #: how the secret becomes a key
    key: Key = "utf8"
    #: the key's text where it is more than the secret: `{config:client_id}&{secret}`
    secret: Text = "{secret}"  # noqa: S105 - where the secret goes
    #: what is signed; of several any may fit (SNAP: the raw body, or its compact form)
    signed: Text | tuple[Text, ...] = "{body}"
    #: further values that must fit beside the signature: `header:X-CLIENT-KEY` = `{config:client_key}`
    must: dict[Place, Text] = {}
    #: when it was signed; without it, any time is taken
    clock: Clock | None = None
    #: how `{fields}` are written
    rewrite: Rewrite | None = None


class Identity(_Table, frozen=True):
    """What the log keeps beside a callback; none of these decides anything."""

    #: what kind of callback it is
    event_type: Text | tuple[Text, ...] = ()
    #: the same where the sender tells the same again; without it, a digest of the body
    event_key: Text | tuple[Text, ...] = ()
    #: those of one key are worked on in the order in which they came
    ordering_key: Text | tuple[Text, ...] = ()


class Says(_Table, frozen=True, kw_only=True):
    """One row of the status table, read from the top: all of `when` must fit (words without case; `[]`: any)."""

    #: places with the word, or the words, that may stand there
    when: dict[Place, str | tuple[str, ...]] = {}
    #: what that says of the order
    word: Word


class Payment(_Table, frozen=True, kw_only=True):
    """What a payment provider tells of an order; the facts that follow are the ledger's."""

    #: the order as you announced it
    order_id: Text | tuple[Text, ...]
    #: the provider's own id of this payment, the same in all that it tells of it
    attempt: Text | tuple[Text, ...]
    #: what the customer paid
    amount: Place | tuple[Place, ...]
    #: of a refund, what went back; absent: all of it
    refunded: Place | tuple[Place, ...] = ()
    #: of a refund, its own name, so that two of one payment add up; absent: the amount is the sum so far
    refund_key: Text | tuple[Text, ...] = ()
    #: `major`: rupiah, dollars; `minor`: their smallest unit (cents; of a rupiah, hundredths)
    unit: AmountUnit = "major"
    #: of ISO 4217; without it, IDR
    currency: Place | tuple[Place, ...] = ()
    #: of `minor`: how many decimals a currency has here, 0 or 2, where ISO 4217 says otherwise: `{ IDR = 0 }`
    decimals: dict[str, int] = {}
    #: the status table; what no row fits is kept and says nothing
    says: tuple[Says, ...]
    #: What money rests on and the proof does not cover, for people ("the amount"); "" when it covers all. What is
    #: told with such a proof credits nobody by itself: a person says so, or CALLBACK_BELIEVE names the provider.
    unproved: str = ""


class Ask(_Table, frozen=True, kw_only=True):
    """How the sender's own API is asked about a payment, before what it told moves money.

    In these texts `{order_id}` and `{attempt}` are those of the payment asked about, `{secret}` is `variable`'s value,
    and there is no request that they could read.
    """

    #: the variable that holds what our request shows; may be the same that proves the sender
    variable: str
    #: where its owner finds it, for people
    hint: str = ""
    #: the address: `{config:api}/payments/{quoted(attempt)}`
    url: Text
    #: how it is asked
    method: Literal["GET", "POST"] = "GET"
    #: of the request
    headers: dict[str, Text] = {}
    #: of the request
    body: Text = ""
    #: as in the status table: what it answers about a payment that it does not know, beside HTTP 404
    unknown: dict[Place, str | tuple[str, ...]] = {}
    #: what its answer, an object of JSON, tells of the payment; without it, as its callbacks do
    payment: Payment | None = None


class Reply(_Table, frozen=True):
    """What the sender wants to hear; `when` chooses a handshake."""

    #: `POST` callbacks, or `GET`/`HEAD` probes of the address
    method: Literal["POST", "GET", "HEAD"] = "POST"
    #: as in the status table; without it, the ordinary answer
    when: dict[Place, str | tuple[str, ...]] = {}
    #: 200 to 299
    status: int = 200
    #: what it wants to read
    body: Text = ""
    #: of that body
    content_type: str = "application/json"
    #: further headers
    headers: dict[str, Text] = {}
    #: False: answered and forgotten (a handshake)
    keep: bool = True
    #: False: answered without a proof, because the sender has none yet; never kept
    proved: bool = True
    #: where the sender tells the secret that will prove it: its owner is shown it once; answered while none is set
    tells: Place = ""


class Access(_Table, frozen=True):
    """An access token that the sender asks for (`{token}` of an answer is a new one), and shows with what it tells."""

    #: the secret that makes it; both files of such a pair name the same
    variable: str
    #: where it is shown, `{bearer(header:Authorization)}`; "" where it is only asked for
    shown: Text = ""
    #: how long it is good for
    seconds: int = 900


class Vector(_Table, frozen=True, kw_only=True):
    """One request with the verdict that is due: `valid`, `invalid`, or `either` (the provider's own code is laxer)."""

    #: its name, once a file
    case: str
    #: the verdict
    expected: Literal["valid", "invalid", "either"]
    #: what is wrong with it, for people
    why: str = ""
    #: what proves the sender, as it would be set
    secret: str
    #: Unix seconds of the clock it is checked at; 0: any
    at: int = 0
    #: of the request
    method: str = "POST"
    #: of the request
    headers: dict[str, str] = {}
    #: the body where it is text
    body: str | None = None
    #: ... and where it is not
    body_base64: str | None = None
    #: the public address, where it is signed
    url: str = ""
    #: of the address
    path: str = ""
    #: of the address, without `?`
    query: str = ""
    #: values of `[config]`, by name
    config: dict[str, str] = {}
    #: what must be answered: status, json, text, headers
    answer: dict[str, object] = {}


class Provider(_Table, frozen=True, kw_only=True):
    """One file of the catalogue."""

    #: for people: "Tripay"
    title: str
    #: what it is listed under
    group: str
    #: the page that documents the callback; "" where only source was read
    docs: str = ""
    #: `checked` by its own package or sample, `official` documentation or source, `open source` of a known project
    confirmed: Literal["checked", "official", "open source", "yours"]
    #: where that is written
    source: str = ""
    #: traps, for people
    notes: str = ""
    #: code of its own that acts on its callbacks, under the same name: this file then only says what proves it
    code: Literal["", "orders", "chats"] = ""
    #: `json`, `form`, `json_or_form`, `form_json:FIELD` (a form whose FIELD holds JSON), `raw` (kept, not read)
    body: str = "json"
    #: headers that the log keeps, for those who handle it
    headers: tuple[str, ...] = ()
    #: fields of the body that are secret: blanked before anything is kept
    hidden: tuple[Place, ...] = ()
    #: what proves the sender
    secret: Secret | None = None
    #: a token that it asks for first, of SNAP
    access: Access | None = None
    #: what only the shop knows, by name
    config: dict[str, Config] = {}
    #: of several any may prove the sender
    scheme: Scheme | tuple[Scheme, ...]
    #: how its callbacks are told apart
    identity: Identity = Identity()
    #: what it tells of orders; without it, your handler reads its callbacks
    payment: Payment | None = None
    #: how its API is asked before what it told moves money; without it, the proof is believed
    ask: Ask | None = None
    #: what it wants to hear; without them, `{"success": true, …}`
    answers: tuple[Reply, ...] = ()
    #: requests with their verdicts; they stand last in the file
    vectors: tuple[Vector, ...] = ()


def schemes_of(provider: Provider) -> tuple[Scheme, ...]:
    """A provider's schemes, one or several."""
    return provider.scheme if isinstance(provider.scheme, tuple) else (provider.scheme,)


def is_asymmetric(scheme: Scheme) -> bool:
    """Whether what proves the sender cannot sign."""
    return scheme.kind in {"rsa", "ecdsa", "ed25519"} or scheme.algorithm == "ES256"


def answer_payment(provider: Provider) -> Payment | None:
    """What an answer of its API tells of a payment; None where it is not asked."""
    return None if provider.ask is None else provider.ask.payment or provider.payment


def several(told: str | tuple[str, ...]) -> tuple[str, ...]:
    """One text or several, as several."""
    return told if isinstance(told, tuple) else (told,)
