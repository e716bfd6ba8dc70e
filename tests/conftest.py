"""What every test may ask for; fixtures of one room live in that room's own conftest."""

import json
import logging
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog

from app.core import telemetry
from app.core.config import Settings, get_settings
from app.engine.guesses import GUESSES

ROOT = Path(__file__).resolve().parent.parent
PAYLOADS = ROOT / "tests" / "data" / "payloads"

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # `make test &` in a script: our children would inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture
def payload() -> Callable[[str], bytes]:
    """`payload("midtrans/settlement_bca_va")` → the bytes of that sample."""
    return lambda name: (PAYLOADS / f"{name}.json").read_bytes()


@pytest.fixture
def payload_json(payload: Callable[[str], bytes]) -> Callable[[str], Any]:
    """The same sample, decoded."""
    return lambda name: json.loads(payload(name))


@pytest.fixture(autouse=True)
def only_the_tests_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each test runs in an empty folder, with no setting of the machine it runs on: neither environment nor `.env`.

    What is hidden from log lines is of this test's settings alone: a token `secret` would blot out the next one's word.
    """
    monkeypatch.setattr(telemetry, "_hidden", telemetry._Hidden())  # noqa: SLF001 - one set a process, by intent
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()
    GUESSES.clear()
    yield
    get_settings.cache_clear()


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """What a command sets up for its log lines ends with its test: its stream is closed by then."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    yield
    structlog.reset_defaults()
    root.handlers[:] = before
    root.setLevel(level)
