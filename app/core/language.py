"""The two languages in which people are spoken to."""

from typing import Literal, NamedTuple, TypeAlias

Lang: TypeAlias = Literal["id", "en"]


class Text(NamedTuple):
    """One text in both languages; `{name}` is replaced by a value."""

    id: str
    en: str
