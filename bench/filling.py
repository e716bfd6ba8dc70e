"""Fills a log and a state with callbacks that were applied: a real worker, and no HTTP before it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

from app.callbacks.base.base_handlers import BaseCallbackHandler
from app.callbacks.payment.midtrans_callback import MidtransCallbackHandler
from app.core.clock import now_us
from app.core.config import Settings
from app.engine.callback import Request, Row
from app.engine.log import open_log
from app.engine.receive import row_of
from bench.orders import SERVER_KEY, body
from bench.ours import Offset, environment
from bench.processes import Started

_APPEND_ROWS = 2_000
_WAIT_SECONDS = 0.1
#: One in a hundred is told twice, one in ten thousand pays another amount: searching has something to find.
_REPEATED_EVERY = 100
_MISPAID_EVERY = 10_000
_MISPAID_FIRST = 50  # not one of those that are told twice


def pay(folder: Path, first: int, after: int, told: Callable[[int], None]) -> None:
    """Append callbacks of the orders `first` … `after` - 1 while a worker applies them, until all are applied.

    `told` gets now and then how many were appended. Raises RuntimeError when the worker ends.
    """
    worker = Started([sys.executable, "-m", "app", "worker"], folder, environment(folder, 0))
    try:
        with closing(open_log(f"sqlite:///{folder}/log.db", server=True)) as log:
            rows: list[Row] = []
            for number, row in _rows(first, after):
                rows.append(row)
                if len(rows) >= _APPEND_ROWS:
                    log.write_batch(rows)
                    rows.clear()
                    told(number - first)
            if rows:
                log.write_batch(rows)
            _until_applied(folder, worker)
    finally:
        worker.stop()


def _rows(first: int, after: int) -> Iterator[tuple[int, Row]]:
    handler: BaseCallbackHandler = MidtransCallbackHandler(settings=Settings(midtrans_server_key=SERVER_KEY))
    for number in range(first, after):
        mispaid = number % _MISPAID_EVERY == _MISPAID_FIRST
        content = body(number, "ascending", too_much=int(mispaid))
        for _ in range(1 if number % _REPEATED_EVERY else 2):
            at = now_us()
            request = Request("midtrans", content, {}, "127.0.0.1", at)
            yield number, row_of(handler, request, handler.identify(request), handler.verify(request, at), "midtrans")


def _until_applied(folder: Path, worker: Started) -> None:
    with closing(Offset(folder)) as offset:
        last = offset.last()
        while offset.read() < last:
            if worker.process.poll() is not None:
                raise RuntimeError(f"the worker ended:\n{worker.output.read_text()[-2000:]}")
            time.sleep(_WAIT_SECONDS)
