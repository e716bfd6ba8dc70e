"""Handlers made from a provider's file: proof, identity, answers and facts are data; what to do with them is yours."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import Connection

from app.callbacks.base.base_handlers import (
    NOT_CONFIGURED,
    OrderCallbackHandler,
    WebhookCallbackHandler,
    kept_for_later,
    proved,
)
from app.callbacks.base.handing_over import headers_of
from app.callbacks.base.reading import TEXT_CHARS_MAX, decode_any, digest_of, read
from app.callbacks.catalogue import told_secrets
from app.callbacks.catalogue.answering import Reaction, Reactions
from app.callbacks.catalogue.hiding import hidden_paths, without
from app.callbacks.catalogue.telling import Table
from app.core.config import Settings, get_settings
from app.core.errors import UnreadableBody
from app.core.secrets import Secrets
from app.core.variables import variables
from app.engine.callback import Answer, Callback, Identity, Outcome, Request, Verification
from app.engine.log.place import log_path
from app.ledger.facts import Notice, Told
from app.providers.access import is_good, is_ours, issue
from app.providers.catalog import open_catalog
from app.providers.catalog.model import Provider, answer_payment, schemes_of, several
from app.providers.message import MISSING, Message, Unread, read_body
from app.providers.proving import Prover, Reading
from app.providers.schemes import STALE, TOKEN_WRONG, Verdict
from app.providers.set_up import payment_headers, proof_headers, set_up, signs_address, signs_path
from app.providers.templates import Template, compiled, place

if TYPE_CHECKING:
    from app.callbacks.confirming import Confirmer

#: A handshake before the sender has anything to prove itself by: answered and forgotten.
HANDSHAKE = Verification("handshake")
_EVENT_TYPE_CHARS = 64
_HANDSHAKES = "handshakes"  # beside the log


class CatalogueWebhook(WebhookCallbackHandler):
    """A provider of the catalogue whose callbacks are yours: `class MyGithub(CatalogueWebhook, provider="github")`.

    Write `async def handle(self, data)` or `apply(self, connection, callbacks)`; the file says what proves the sender.
    """

    #: the provider's name in the catalogue
    catalogued: ClassVar[str] = ""

    def __init_subclass__(cls, provider: str = "", **more: Any) -> None:
        """`provider`: its name in the catalogue."""
        super().__init_subclass__(**more)
        if provider:
            cls.catalogued = provider

    def __init__(
        self,
        name: str = "",
        provider: Provider | None = None,
        *,
        db: Any = None,
        settings: Settings | None = None,
        given: Mapping[str, str] | None = None,
    ) -> None:
        """By default the file of `catalogued` and the variables of the environment or `.env` (`given`).

        Raises UnknownProvider, CatalogRefused; ValueError with the variable for a secret whose end is none.
        """
        name = name or self.catalogued
        super().__init__(name, name, db=db, settings=settings or get_settings())
        self.data = provider or open_catalog(self.settings.callback_providers).get(name)
        headers = dict.fromkeys((*self.data.headers, *payment_headers(self.data), *proof_headers(self.data)))
        self.kept_headers = tuple(header.lower().encode() for header in headers)
        self.proof = "token" if all(each.kind == "token" for each in schemes_of(self.data)) else "signature"
        stand = [place(text) for scheme in schemes_of(self.data) for text in several(scheme.from_)]
        #: headers in which a proof stands: the audit tells what was not kept from what does not fit
        self.proof_headers = tuple(each.name for each in stand if each.room == "header")
        self._set_up = set_up(self.data, variables() if given is None else given)
        self._prover = Prover(self.data)
        self._reactions = Reactions(self.data)
        identity = self.data.identity
        self._identity = tuple(map(_texts, (identity.event_type, identity.event_key, identity.ordering_key)))
        self._hidden = hidden_paths(self.data)
        access = self.data.access
        self._shown = compiled(access.shown) if access is not None and access.shown else None
        self._needs_url = signs_address(self.data)
        self._needs_path = signs_path(self.data)
        self._last: tuple[Request, Reading] | None = None

    @property
    def configured(self) -> bool:
        """Whether everything is set that proves the sender."""
        return not self.lacking

    @property
    def lacking(self) -> tuple[str, ...]:
        """The variables that must be set before anything can be proved."""
        url = self._needs_url and self.settings.production and not self.settings.callback_public_url
        return (*self._set_up.lacking, *(("CALLBACK_PUBLIC_URL",) if url else ()))

    def verify(self, request: Request, at: int) -> Verification:
        """By the file's schemes, over what came; a handshake that nothing can prove yet is let through, unkept."""
        reaction, secrets = self._reaction(request), self._set_up.secrets
        if reaction is not None and not reaction.data.proved and not (secrets and reaction.tells):
            return HANDSHAKE
        if not secrets:
            return self.unproved(request)
        if self.lacking:
            return NOT_CONFIGURED
        verdict = self._prove(request, secrets.always or secrets.at(at), at)
        if verdict.fitted and self._access_ended(request, at):
            verdict = TOKEN_WRONG
        return proved(verdict, self.proof, field=self._field(verdict))

    def _access_ended(self, request: Request, at: int) -> bool:
        """Whether the access token that it shows is one of ours and is not good; the signature covers whose it is."""
        token = self._shown.render(self._reading(request)) if self._shown is not None else None
        return token is not None and is_ours(token) and not is_good(token, self._set_up.access.at(at), at)

    def _prove(self, request: Request, secrets: Sequence[bytes], at: int) -> Verdict:
        message = self._reading(request).message
        verdict = self._prover.verify(message, secrets, self._config(message), at)
        if verdict.fitted or request.path or not self._needs_path:
            return verdict
        # The hot path does not tell `/webhook/name/` from `/webhook/name`; whoever signs the address does.
        message = msgspec.structs.replace(message, url=f"{message.url}/", path=f"{message.path}/")
        again = self._prover.verify(message, secrets, self._config(message), at)
        return again if again.fitted else verdict

    def _field(self, verdict: Verdict) -> str:
        scheme = schemes_of(self.data)[0]
        where = scheme.clock.from_ if verdict is STALE and scheme.clock else several(scheme.from_)[0]
        return where.partition(":")[2] or where

    def identify(self, request: Request) -> Identity:
        """By the file's texts, by a digest of the body where it has none; raises UnreadableBody."""
        reading = self._reading(request)
        if self.data.body != "raw" and reading.data is MISSING:
            raise UnreadableBody(f"the body is not what this sender sends: {self.data.body}")
        event_type, event_key, ordering_key = (_told(texts, reading) for texts in self._identity)
        return Identity(
            event_type[:_EVENT_TYPE_CHARS] or "callback", event_key or digest_of(request.body), ordering_key
        )

    def kept_body(self, request: Request) -> bytes:
        """All of it, less the file's hidden fields."""
        return without(request.body, self.data.body, self._hidden) if self._hidden else request.body

    def reply(self, request: Request) -> Answer | None:
        """What the file says this sender wants to hear."""
        reaction = self._reaction(request)
        if reaction is None:
            return None
        if reaction.tells is not None and not self._set_up.secrets and self.data.secret is not None:
            folder = log_path(self.settings.callback_log_url).parent / _HANDSHAKES
            told = reaction.tells.read(self._reading(request)) or b""
            told_secrets.keep(folder, self.provider, self.data.secret.variable, told)
        return reaction.answer(self._reading(request))

    def keeps(self, request: Request) -> bool:
        """All but handshakes."""
        reaction = self._reaction(request)
        return reaction is None or reaction.data.keep

    def probed(self, request: Request) -> Answer | None:
        """The file's answer to a GET or HEAD, if the sender tries addresses so."""
        reading = self._reading(request)
        reaction = self._reactions.choose(reading, request.method)
        return None if reaction is None else reaction.answer(reading)

    def read(self, body: bytes) -> Any:
        """JSON; of a form a dict of texts, its JSON field read; of anything else the text."""
        how = self.data.body
        if how == "json" or (how == "json_or_form" and body.lstrip()[:1] in {b"{", b"["}):
            return read(decode_any, body)
        if how == "raw":
            return body.decode(errors="replace")
        try:
            fields: dict[str, Any] = read_body(body, "form")
        except Unread as error:
            raise UnreadableBody(str(error)) from None
        inner = how.partition(":")[2]
        return fields | {inner: read(decode_any, fields.get(inner, "").encode())} if inner else fields

    # ---- one request as texts read it

    def _reaction(self, request: Request) -> Reaction | None:
        return self._reactions.choose(self._reading(request)) if self.data.answers else None

    def _reading(self, request: Request) -> Reading:
        """Made once for all questions that are asked of a callback."""
        last = self._last
        if last is not None and last[0] is request:
            return last[1]
        message = self._message(request)
        secret = usable(self._set_up.secrets, request.received_at)
        reading = Reading(message, self.data.body, config=self._config(message), secret=secret)
        if self.data.access is not None and (issuing := usable(self._set_up.access, request.received_at)):
            seconds = self.data.access.seconds
            reading.given["token"] = issue(issuing, request.received_at, seconds=seconds)
        self._last = request, reading
        return reading

    def _message(self, request: Request) -> Message:
        public = self.settings.public_url()
        path = urlsplit(public).path + (request.path or f"/callbacks/webhook/{self.registered_as or self.name}")
        query = request.query.decode("latin-1")
        origin = public.removesuffix(urlsplit(public).path)
        url = f"{origin}{path}?{query}" if query else f"{origin}{path}"
        return Message(request.body, request.headers, request.method, url, path, query)

    def _config(self, message: Message) -> Mapping[str, str]:
        return self._set_up.config_of(message, self.data.body)

    def _kept(self, callback: Callback) -> Reading:
        """A callback of the log, as far as it was kept."""
        headers = {name.encode(): value.encode("latin-1") for name, value in headers_of(callback).items()}
        return Reading(Message(callback.body, headers), self.data.body, config=self._set_up.config)


class CatalogueKept(CatalogueWebhook):
    """A provider of the catalogue that nobody handles: proved, kept and answered, for later."""

    gives_way = True

    def apply(self, connection: Connection, callbacks: Sequence[Callback], at: int) -> list[Outcome]:
        """Nothing follows."""
        return kept_for_later(connection, callbacks, at)


class CatalogueOrders(CatalogueWebhook, OrderCallbackHandler):
    """A payment provider of the catalogue: what it tells of orders is recorded in the ledger."""

    gives_way = True

    def __init__(
        self,
        name: str = "",
        provider: Provider | None = None,
        *,
        db: Any = None,
        settings: Settings | None = None,
        given: Mapping[str, str] | None = None,
    ) -> None:
        """As for `CatalogueWebhook`; raises ValueError for a provider without a [payment]."""
        super().__init__(name, provider, db=db, settings=settings, given=given)
        if self.data.payment is None:
            raise ValueError(f"{self.provider} tells of no payments")
        believed = self.provider in self.settings.believed()
        self._asks = self.data.ask is not None and not believed
        self._table = Table(self.provider, self.data.payment, believed=believed or self._asks)

    def facts(self, callback: Callback) -> Told:
        """By the file's status table; where its API can be asked, it is asked before they move money."""
        told = self._table.told(self._kept(callback))
        if not self._asks or not told.facts:
            return told
        notice = Notice(told.facts[0].attempt, success_coded=False, always_asked=True)
        return msgspec.structs.replace(told, notice=notice)

    @cached_property
    def confirmer(self) -> "Confirmer | None":
        """Its API, where the file says how it is asked."""
        ask, payment = self.data.ask, answer_payment(self.data)
        if ask is None or payment is None:
            return None
        from app.callbacks.catalogue.confirming import CatalogueConfirmer  # noqa: PLC0415 - HTTP: the worker's
        from app.providers.asking import Asking  # noqa: PLC0415

        asking = Asking(ask, self._set_up.config)
        return CatalogueConfirmer(asking, self._set_up, Table(self.provider, payment, believed=True))

    def row(self, callback: Callback) -> str:
        """The line of the table that its words match."""
        return self._table.row(self._kept(callback))


def handler_of(
    name: str, provider: Provider, *, db: Any = None, settings: Settings | None = None, given: Mapping[str, str]
) -> CatalogueWebhook:
    """The handler of a provider that nobody else handles. Raises ValueError for a secret whose end is none."""
    maker = CatalogueKept if provider.payment is None else CatalogueOrders
    return maker(name, provider, db=db, settings=settings, given=given)


def usable(secrets: Secrets, at: int) -> bytes | None:
    """The first that has not ended, for what we make ourselves."""
    return next((secret for secret in secrets.at(at) if secret), None)


def _texts(told: str | tuple[str, ...]) -> tuple[Template, ...]:
    return tuple(compiled(text) for text in several(told))


def _told(texts: Sequence[Template], reading: Reading) -> str:
    """The first text whose values are all there; a digest of what is too long, "" for what cannot be shown."""
    for text in texts:
        value = text.render(reading)
        if value is not None:
            told = value.decode(errors="replace")
            if not told.isprintable():
                return ""
            return told if len(told) <= TEXT_CHARS_MAX else digest_of(value)
    return ""
