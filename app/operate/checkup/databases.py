"""What stands in the log and the state: schemas, the worker's place, sums, unanswered questions, a person's work."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
from sqlalchemy import Engine, text

from app.core.config import Settings
from app.core.database import engine_for, make_engine, reading
from app.core.language import Text
from app.engine.log import Log, visiting
from app.engine.log.place import log_path
from app.engine.offsets import place_of
from app.engine.outcomes import driver
from app.migrations.run import why_outdated
from app.operate.checkup.finding import Finding, ok, warn, wrong
from app.operate.stats import LAG_ROWS_MAX

_SECOND = 1_000_000
#: A worker decides a batch in a tenth of a second.
_STILL_SECONDS = 10.0
_BEHIND_SECONDS = 60.0
_DIED_TWICE = 2

#: A sender's API answers in seconds.
_DOUBT_US = 3_600 * _SECOND
_IN_DOUBT = "SELECT count(*) FROM callback_pending WHERE state = 'in_doubt' AND since < :before"
_ASKED = (
    "SELECT destination, last_error FROM callback_tasks WHERE kind = 'ask' AND state IN ('ready', 'running')"
    " AND created_at < :before ORDER BY created_at LIMIT 1"
)

#: In one pass over the postings.
_SUMS = (
    "SELECT a.currency, sum(coalesce(s.total, 0)), sum(a.balance IS NOT NULL AND a.balance <> coalesce(s.total, 0))"
    " FROM callback_accounts AS a LEFT JOIN (SELECT account_no, sum(amount) AS total FROM callback_postings"
    " GROUP BY account_no) AS s ON s.account_no = a.id GROUP BY a.currency"
)
_OPEN = {
    "dead letters": "SELECT count(*), min(since) FROM callback_dead WHERE closed_at IS NULL",
    "alerts": "SELECT count(*), min(since) FROM callback_alerts WHERE closed_at IS NULL",
}
_COMMANDS = {"dead letters": "callbacks dead list", "alerts": "callbacks alerts list"}


class LogSeen(msgspec.Struct, frozen=True):
    """What the log said."""

    last_id: int = 0
    last_received_at: int = 0


def state_path(settings: Settings) -> Path:
    """Where the state lies. Raises StartRefused for an address that is none."""
    return Path(make_engine(settings.database_url).url.database or "")


def checked_log_path(settings: Settings) -> Path:
    """Where the log lies. Raises StartRefused for an address that is none."""
    if not settings.callback_log_url.startswith("sqlite:///"):
        with visiting(settings.callback_log_url):  # refuses it
            pass
    return log_path(settings.callback_log_url)


def look_at_log(settings: Settings) -> tuple[LogSeen, list[Finding]]:
    """Whether it opens, and its last callback."""
    path = log_path(settings.callback_log_url)
    if not path.is_file():
        return LogSeen(), [ok("log", _NO_LOG)]
    with visiting(settings.callback_log_url) as log:
        newest = log.read_before(None, 1)
    seen = LogSeen(newest[0].id, newest[0].received_at) if newest else LogSeen()
    return seen, [ok("log", Text("dapat dibuka, skema cocok", "opens, its schema fits"))]


def look_at_state(settings: Settings, *, log_is_there: bool) -> tuple[Engine | None, list[Finding]]:
    """Whether its schema is this release's → the engine where it is."""
    path = state_path(settings)
    if not path.is_file():
        finding = wrong("state", _NO_STATE, _MIGRATE) if log_is_there else ok("state", _NO_STATE_YET)
        return None, [finding]
    engine = engine_for(settings.database_url)
    if why := why_outdated(engine):
        return None, [wrong("state", Text("{why}", "{why}"), Text("", ""), why=why)]
    return engine, [ok("state", Text("skema cocok", "its schema fits"))]


def worker(engine: Engine, settings: Settings, *, at: int, serving: bool) -> Iterator[Finding]:
    """Whether it works, and how far behind it is; `serving`: our server answers, so it should."""
    if not log_path(settings.callback_log_url).is_file():
        return
    with visiting(settings.callback_log_url) as log:
        yield _worker(engine, log, at=at, serving=serving)


def _worker(engine: Engine, log: Log, *, at: int, serving: bool) -> Finding:
    log.last_id()
    with reading(engine) as connection:
        place = place_of(connection, log.epoch)
        query = "SELECT deaths FROM callback_offsets WHERE epoch = ?"
        row = driver(connection).execute(query, (log.epoch,)).fetchone()
    behind = log.outlines_after(place.offset, LAG_ROWS_MAX)
    waits = max(0.0, (at - behind[0].received_at) / _SECOND) if behind else 0.0
    still = min(waits, (at - place.moved_at) / _SECOND)
    values = {
        "count": f"{len(behind)}{'+' if len(behind) == LAG_ROWS_MAX else ''}",
        "seconds": f"{waits:,.0f}",
        "still": f"{still:,.0f}",
    }
    deaths = row[0] if row is not None else 0  # 0: it has ended by itself, 1: it works (or was killed)
    if deaths > _DIED_TWICE:
        return wrong("worker", _DIES, _SEE_ITS_LOG, deaths=deaths - 1)
    if not behind and (deaths or not serving):
        return ok("worker", _NOTHING_WAITS)
    if not deaths or still > _STILL_SECONDS:
        tell = wrong if serving else warn
        return tell("worker", _STANDS if behind else _STOPPED, _START, **values)
    if waits > _BEHIND_SECONDS:
        return warn("worker", _BEHIND, _WAIT, **values)
    return ok("worker", _KEEPS_UP, **values)


def books(engine: Engine) -> Iterator[Finding]:
    """Whether the sums fit; `callbacks audit` proves each journal and fact."""
    with reading(engine) as connection:
        rows = connection.execute(text(_SUMS)).all()
    unequal, unbalanced = sum(row[2] or 0 for row in rows), [row[0] for row in rows if row[1]]
    if unequal or unbalanced:
        yield wrong("books", _OUT_OF_BALANCE, _AUDIT, wallets=unequal, currencies=", ".join(unbalanced) or "-")
    else:
        yield ok("books", _IN_BALANCE)


def waiting_for_a_person(engine: Engine, *, at: int) -> Iterator[Finding]:
    """Open dead letters and alerts."""
    with reading(engine) as connection:
        found = {what: connection.execute(text(query)).one() for what, query in _OPEN.items()}
    for what, (count, since) in found.items():
        if count:
            days = max(0, at - since) / (86_400 * _SECOND)
            yield warn(what, _SOME_OPEN, Text(_COMMANDS[what], _COMMANDS[what]), count=count, days=f"{days:.0f}")
        else:
            yield ok(what, Text("tidak ada yang terbuka", "none are open"))


def questions(engine: Engine, *, at: int) -> Iterator[Finding]:
    """What a sender's API has not answered for long: nobody gives it up, so somebody must be told."""
    with reading(engine) as connection:
        count = connection.execute(text(_IN_DOUBT), {"before": at - _DOUBT_US}).scalar_one()
        asked = connection.execute(text(_ASKED), {"before": at - _DOUBT_US}).first()
    if count and asked is not None:
        yield warn("questions", _UNANSWERED, _SEE_WHY, count=count, sender=asked[0], why=asked[1] or "-")
    else:
        yield ok("questions", _ANSWERED)


_NO_LOG = Text("belum ada; dibuat oleh `callbacks up`", "not there yet; `callbacks up` makes it")
_NO_STATE = Text(
    "log ada, tetapi state tidak: tidak ada callback yang diterapkan",
    "the log is there, the state is not: no callback is applied",
)
_NO_STATE_YET = Text("belum ada; dibuat oleh `callbacks up`", "not there yet; `callbacks up` makes it")
_MIGRATE = Text(
    "kembalikan berkasnya, atau buat dengan `callbacks migrate`", "put the file back, or make it: `callbacks migrate`"
)
_DIES = Text("mati {deaths} kali di callback yang sama", "died {deaths} times at the same callback")
_SEE_ITS_LOG = Text("baca baris log worker sebelum mati", "read the worker's log lines before each end")
_NOTHING_WAITS = Text("tidak ada yang menunggu", "nothing waits")
_STANDS = Text(
    "{count} callback menunggu, sejak {still} detik tidak ada yang diputuskan",
    "{count} callbacks wait, none was decided for {still} seconds",
)
_STOPPED = Text("tidak berjalan", "does not run")
_START = Text("jalankan `callbacks up` atau `callbacks worker`", "start `callbacks up` or `callbacks worker`")
_BEHIND = Text(
    "{count} callback menunggu, yang tertua sejak {seconds} detik", "{count} callbacks wait, the oldest for {seconds} s"
)
_WAIT = Text(
    "tunggu; bila tidak berkurang, periksa disk dan CPU", "wait; if it does not shrink, see to the disk and the CPU"
)
_KEEPS_UP = Text("berjalan, {count} callback menunggu", "works, {count} callbacks wait")
_OUT_OF_BALANCE = Text(
    "{wallets} saldo tidak sama dengan jumlah mutasinya; mata uang yang tidak nol: {currencies}",
    "{wallets} balances are not the sum of their postings; currencies that do not sum to zero: {currencies}",
)
_AUDIT = Text("callbacks audit", "callbacks audit")
_IN_BALANCE = Text(
    "setiap saldo sama dengan jumlah mutasinya, semua berjumlah nol",
    "each balance is the sum of its postings, all sum to zero",
)
_UNANSWERED = Text(
    "{count} callback ragu lebih dari satu jam; yang terlama menunggu jawaban {sender}: {why}",
    "{count} callbacks are in doubt for over an hour; the oldest waits for an answer of {sender}: {why}",
)
_SEE_WHY = Text(
    "`callbacks log --outcome in_doubt`; periksa berkas, kunci, dan alamat API pengirim itu",
    "`callbacks log --outcome in_doubt`; see to that sender's file, key and the address of its API",
)
_ANSWERED = Text("tidak ada yang lama menunggu jawaban", "none waits long for an answer")
_SOME_OPEN = Text("{count} terbuka, yang tertua {days} hari", "{count} are open, the oldest for {days} days")
