"""`python -m app` is the command `callbacks`."""

import sys

from app.cli.app import run


def main() -> int:
    """Run the command → its exit code."""
    return run()


if __name__ == "__main__":
    sys.exit(main())
