"""Secrets that have ended, or end soon: whoever exchanged them should know, and so should whoever forgot to."""

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from app.core.language import Text
from app.core.secrets import Secrets
from app.operate.checkup.finding import Finding, warn, wrong

_DAY = 86_400_000_000
_SOON = 7 * _DAY
#: `OLD;untl=2026-12-31`, `OLD;Until=…`: then all of it is the secret, and fits nothing.
_MISTYPED = re.compile(rb"[^0-9][0-9]{4}-[0-9]{2}-[0-9]{2}\Z")


def look(secrets: Mapping[str, Secrets], at: int) -> Iterator[Finding]:
    """`secrets` by their variable; each with an end that is over, or within a week."""
    for name, several in secrets.items():
        for number, secret in enumerate(several.each, 1):
            if _MISTYPED.search(secret.text):
                yield warn("secrets", _A_DATE, _WRITE_END, name=name, number=number)
        ends = [(number, secret.until) for number, secret in enumerate(several.each, 1) if secret.until is not None]
        if several and not any(secret.fits(at) for secret in several.each):
            yield wrong("secrets", _NONE_LEFT, _SET_NEW, name=name)
            continue
        for number, until in ends:
            if until - at <= _SOON:
                told, to_do = (_ENDED, _REMOVE) if until <= at else (_ENDS, _CHECK)
                yield warn("secrets", told, to_do, name=name, number=number, when=_moment(until))


def _moment(until: int) -> str:
    return datetime.fromtimestamp(until // 1_000_000, UTC).isoformat(sep=" ", timespec="minutes")[:16] + " UTC"


_NONE_LEFT = Text("{name}: semua rahasianya sudah berakhir", "{name}: all of its secrets have ended")
_SET_NEW = Text("pasang yang baru, lalu mulai ulang", "set a new one, then restart")
_ENDED = Text("{name}: rahasia ke-{number} berakhir {when}", "{name}: secret number {number} ended {when}")
_REMOVE = Text("hapus dari pengaturan", "remove it from the setting")
_ENDS = Text("{name}: rahasia ke-{number} akan berakhir {when}", "{name}: secret number {number} ends {when}")
_A_DATE = Text(
    "{name}: rahasia ke-{number} sendiri berakhir dengan tanggal",
    "{name}: secret number {number} itself ends in a date",
)
_WRITE_END = Text(
    "bila tanggal itu akhirnya, tulis LAMA;until=2026-12-31", "if that is to be its end, write OLD;until=2026-12-31"
)
_CHECK = Text(
    "pastikan pengirim sudah memakai yang baru, atau undurkan akhirnya",
    "make sure the sender uses the new one by then, or move the end",
)
