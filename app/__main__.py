"""`python -m app` is the command `callbacks`."""

import os
import signal
import sys
from pathlib import Path


def main() -> int:
    """Run the command → its exit code."""
    _open_streams()
    patient = signal.getsignal(signal.SIGINT)
    if patient is signal.default_int_handler:
        # Loading takes a second or more: Ctrl-C in it ends the process at once, not with a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli.app import run  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, patient)
    return run()


def _open_streams() -> None:
    """Whoever started us with a closed stream (`callbacks audit >&-`) looks at the exit code alone.

    Before anything else is opened: the next file would take the stream's number, and what is written to the stream.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode, encoding="utf-8")  # noqa: SIM115 - open as long as we run
            setattr(sys, name, stream)


if __name__ == "__main__":
    sys.exit(main())
