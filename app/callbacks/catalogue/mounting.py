"""Which providers of the catalogue have handlers: those whose secret is set, and any that a callback asks for."""

from collections.abc import Iterator
from typing import Any

from app.callbacks.catalogue.handler import CatalogueWebhook, handler_of
from app.core.config import Settings
from app.core.errors import CatalogRefused, StartRefused, UnknownProvider
from app.core.secrets import parts_of
from app.core.telemetry import get_logger, hide
from app.core.variables import variables
from app.providers.catalog import Catalog, open_catalog
from app.providers.set_up import secret_variables

log = get_logger(__name__)


class Mounting:
    """Makes handlers of the catalogue's providers, each when it is first needed."""

    def __init__(self, db: Any, settings: Settings) -> None:
        """Reads names and variables, and no file whose secret is not set."""
        self._db = db
        self._settings = settings
        self._given = variables()
        self._found: dict[str, CatalogueWebhook] = {}
        #: why the catalogue, or a provider of it, cannot be used
        self.refused: list[str] = []
        self._catalog: Catalog | None = open_catalog(settings.callback_providers)

    def configured(self) -> Iterator[CatalogueWebhook]:
        """Those whose secret is set. What is wrong with a file, or a secret, is kept in `refused`."""
        try:
            secrets = self._catalog.variables() if self._catalog else {}
        except CatalogRefused as error:
            self._refuse(str(error))
            self._catalog = None
            return
        for name, variable in secrets.items():
            if self._given.get(variable) and (handler := self.find(name)) is not None:
                yield handler

    def find(self, name: str) -> CatalogueWebhook | None:
        """The handler of this provider; None for a name that the catalogue does not know, or cannot use."""
        if name not in self._found and self._catalog is not None and name in self._catalog:
            try:
                self._found[name] = self._made(self._catalog, name)
            except (CatalogRefused, ValueError) as error:
                self._refuse(str(error))
        return self._found.get(name)

    def _made(self, catalog: Catalog, name: str) -> CatalogueWebhook:
        provider = catalog.get(name)
        for variable in secret_variables(provider):
            if text := self._given.get(variable):
                hide(text, *parts_of(text))
        handler = handler_of(name, provider, db=self._db, settings=self._settings, given=self._given)
        handler.registered_as = name
        return handler

    def _refuse(self, reason: str) -> None:
        if reason not in self.refused:
            self.refused.append(reason)
            log.error("provider_refused", why=reason)

    def check(self) -> None:
        """Raises StartRefused for a user's own file that is wrong, and for CALLBACK_BELIEVE of nobody."""
        catalog = self._catalog
        if catalog is not None:
            for name in catalog.own():
                self.find(name)
        if self.refused:
            raise StartRefused("; ".join(self.refused))
        for name in sorted(self._settings.believed()):
            try:
                payment = catalog.get(name).payment if catalog is not None else None
            except UnknownProvider:
                payment = None
            if payment is None:
                raise StartRefused(f"CALLBACK_BELIEVE names {name!r}, which is no payment provider of the catalogue")
