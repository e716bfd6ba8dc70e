"""`python -m app` is the command `callbacks`."""

import signal
import sys


def main() -> int:
    """Run the command → its exit code."""
    patient = signal.getsignal(signal.SIGINT)
    if patient is signal.default_int_handler:
        # Loading takes a second or more: Ctrl-C in it ends the process at once, not with a traceback.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from app.cli.app import run  # noqa: PLC0415 - see above

    signal.signal(signal.SIGINT, patient)
    return run()


if __name__ == "__main__":
    sys.exit(main())
