"""A server of one shop in its own process: `serving.py FOLDER PORT`; tells its address on standard output."""

import sys
from pathlib import Path

from app.core.errors import CallbackError
from app.engine.log import open_log
from app.engine.log.appender import Appender
from app.engine.reception import Reception
from app.engine.server import serve
from app.main import create_app
from tests.engine.doors import Shop, faces


def main(folder: str, port: str) -> int:
    def opener() -> Reception:
        log = open_log(f"sqlite:///{Path(folder) / 'log.db'}", server=True)
        appender = Appender(log, on_commit=lambda: None)
        return Reception({"shop": Shop()}, {"file": Shop()}, appender, close_log=log.close)

    try:
        return serve(
            create_app(opener, faces=faces()),
            host="127.0.0.1",
            port=int(port),
            on_listening=lambda address: print(address, flush=True),  # noqa: T201 - the test reads it
        )
    except CallbackError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
