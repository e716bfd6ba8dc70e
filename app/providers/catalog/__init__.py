"""The catalogue: providers without code, one TOML file each: ours, a user's folders, installed packages.

Only names are looked up at start. A file is read when its provider is first asked for, and without its vectors, which
stand last: a hundred files cost a start nothing.
"""

import os
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from importlib.metadata import entry_points
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, get_args

import msgspec

from app.core.errors import CatalogRefused, UnknownProvider
from app.providers.catalog.model import AmountUnit, Encoding, Key, Provider, SchemeKind, TimeUnit, Word

#: Installed packages name themselves here: the value is a package with files of providers.
ENTRY_POINTS = "callback_system.providers"
_SUFFIX = ".toml"
_NAME = re.compile(r"[a-z0-9_-]{1,64}")
_VARIABLE = re.compile(r'^\[secret\]\s*$.*?^variable\s*=\s*"([^"]*)"', re.MULTILINE | re.DOTALL)
_VECTORS = re.compile(r"^\[\[vectors\]\]", re.MULTILINE)
#: Of the model's own fields, so that no table is forgotten: one that is not read would not count, and nobody be told.
_TABLES = "|".join(set(Provider.__struct_encode_fields__) - {"vectors"})
_TABLE = re.compile(rf"^[ \t]*\[\[?[ \t]*[\"']?(?:{_TABLES})\b[^\n]*", re.MULTILINE)
_CHARS_MAX = 1 << 20


class Catalog:
    """Providers by name; of two files of one name the user's own counts, and two users' files are refused."""

    def __init__(self, folders: Sequence[Path] = (), *, installed: bool = True) -> None:
        """`folders`: a user's own, as CALLBACK_PROVIDERS names them. A folder that is none is refused later."""
        self._folders = folders
        self._installed = installed
        self._read: dict[str, Provider] = {}

    @cached_property
    def _ours(self) -> Mapping[str, Traversable]:
        return dict(_named(files(__name__)))

    @cached_property
    def _files(self) -> Mapping[str, Traversable]:
        own: dict[str, Traversable] = {}
        for place in (*_packages(self._installed), *map(_folder, self._folders)):
            for name, file in _named(place):
                if name in own:
                    raise CatalogRefused(str(file), "", f"a provider {name} stands in {own[name]} already")
                own[name] = file
        return {**self._ours, **own}

    def names(self) -> tuple[str, ...]:
        """Every provider's name, sorted."""
        return tuple(sorted(self._files))

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def own(self) -> tuple[str, ...]:
        """Those of users and packages, whose files nobody tested with this release."""
        ours = str(files(__name__))
        return tuple(name for name in self.names() if not str(self._files[name]).startswith(ours))

    def file(self, name: str) -> str:
        """Where a provider's file is, for people. Raises UnknownProvider."""
        return str(self._file(name))

    def get(self, name: str) -> Provider:
        """A provider, without its vectors. Raises UnknownProvider, CatalogRefused."""
        provider = self._read.get(name)
        if provider is None:
            provider = read_provider(*self._text(name), vectors=False)
            self._refuse_where_code_acts(name)
            self._read[name] = provider
        return provider

    def _refuse_where_code_acts(self, name: str) -> None:
        ours = self._ours.get(name)
        if ours is not None and ours is not self._files[name] and read_provider(_text(ours), str(ours)).code:
            reason = f"code of ours acts on the callbacks of {name} and would not read it; give it another name"
            raise CatalogRefused(self.file(name), "", reason)

    def with_vectors(self, name: str) -> Provider:
        """The same with its vectors. Raises UnknownProvider, CatalogRefused."""
        return read_provider(*self._text(name), vectors=True)

    def variables(self) -> dict[str, str]:
        """The variable of each provider's secret, found without parsing our files; "" where one has none.

        Nor has one whose file cannot be read: `get` says why.
        """
        own = {name: self._own_variable(name) for name in self.own()}
        return {name: own[name] if name in own else _variable(self._files[name]) for name in self.names()}

    def _own_variable(self, name: str) -> str:
        """TOML has many ways to write it (`secret = { variable = … }`), and ours has one."""
        try:
            secret = self.get(name).secret
        except CatalogRefused:
            return _variable(self._files[name])
        return secret.variable if secret is not None else ""

    def _file(self, name: str) -> Traversable:
        try:
            return self._files[name]
        except KeyError:
            raise UnknownProvider(name, catalogued=True) from None

    def _text(self, name: str) -> tuple[str, str]:
        file = self._file(name)
        return _text(file), str(file)


def open_catalog(folders: str) -> Catalog:
    """Our providers, installed ones, and those in `folders`, separated as in CALLBACK_PROVIDERS."""
    return Catalog([Path(folder) for folder in folders.split(os.pathsep) if folder])


def read_provider(text: str, file: str, *, vectors: bool = True) -> Provider:
    """The text of a file → its provider. Raises CatalogRefused with file, field and reason."""
    from app.providers.catalog.checking import check  # noqa: PLC0415 - compiles every text: where a file is read

    text, behind = _parted(text)
    if table := _TABLE.search(behind):
        raise CatalogRefused(file, "", f"{table[0].strip()} stands behind [[vectors]], which are read only to be tried")
    try:
        told = tomllib.loads(text + behind if vectors else text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise CatalogRefused(file, "", f"is not TOML: {error}") from None
    try:
        provider = msgspec.convert(told, Provider)
    except msgspec.ValidationError as error:
        reason, _, where = str(error).partition(" - at `$")
        field = where.strip("`.").removeprefix(".")
        raise CatalogRefused(file, field, _with_words(reason, field)) from None
    check(provider, file)
    return provider


_WORDS: Mapping[str, Any] = {
    "scheme.kind": SchemeKind,
    ".encoding": Encoding,
    ".key": Key,
    "clock.unit": TimeUnit,
    "payment.unit": AmountUnit,
    ".word": Word,
}


def _with_words(reason: str, field: str) -> str:
    """The reason, and of a closed list the words that may stand there."""
    told = reason.removeprefix("Invalid enum value ")
    known = next((get_args(words) for end, words in _WORDS.items() if field.endswith(end)), ())
    return f"{told} is none of {', '.join(known)}" if known and told != reason else reason


def _named(place: Traversable) -> Iterator[tuple[str, Traversable]]:
    try:
        there = sorted(place.iterdir(), key=lambda each: each.name)
    except OSError as error:
        raise CatalogRefused(str(place), "", f"cannot be read: {error.strerror}") from None
    for file in there:
        if file.name.endswith(_SUFFIX) and not file.name.startswith("."):
            name = file.name.removesuffix(_SUFFIX)
            if not _NAME.fullmatch(name):
                raise CatalogRefused(str(file), "", "its name is the provider's name: 1 to 64 of a-z 0-9 _ -")
            yield name, file


def _folder(folder: Path) -> Path:
    """Raises CatalogRefused."""
    try:
        reason = "" if folder.is_dir() else "it is no folder"
    except OSError as error:  # a name too long, a folder above it that we may not enter
        reason = f"it cannot be read: {error.strerror}"
    if reason:
        raise CatalogRefused(str(folder), "", f"CALLBACK_PROVIDERS names it, and {reason}")
    return folder


def _packages(installed: bool) -> Iterator[Traversable]:  # noqa: FBT001 - private
    if not installed:
        return
    for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda each: each.name):
        try:
            yield files(point.value)
        except Exception as error:  # whatever a package's import raises
            package = point.dist.name if point.dist else "a package"
            reason = f"{package} names it at the entry point {ENTRY_POINTS}, and it cannot be imported: {error!r}"
            raise CatalogRefused(point.value, "", reason) from error


def _text(file: Traversable) -> str:
    if isinstance(file, Path) and file.exists() and not file.is_file():  # of a pipe the reading would never end
        raise CatalogRefused(str(file), "", "is no file")
    try:
        with file.open("r", encoding="utf-8") as stream:
            text = stream.read(_CHARS_MAX + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise CatalogRefused(str(file), "", f"cannot be read: {error}") from None
    if len(text) > _CHARS_MAX:
        raise CatalogRefused(str(file), "", f"is longer than {_CHARS_MAX} characters")
    return text


def _parted(text: str) -> tuple[str, str]:
    """What is read at a start, and the vectors behind it."""
    first = _VECTORS.search(text)
    at = first.start() if first else len(text)
    return text[:at], text[at:]


def _variable(file: Traversable) -> str:
    try:
        found = _VARIABLE.search(_parted(_text(file))[0])
    except CatalogRefused:
        return ""
    return found[1] if found else ""
