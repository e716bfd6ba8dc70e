import io
import json
import logging
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.core.config import Settings
from app.core.telemetry import METRICS, configure, get_logger, hide, redact, without_webhooks


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_name_and_fields() -> None:
    out = io.StringIO()
    configure("info", stream=out)
    get_logger("app.engine.worker").info("worker.batch", callbacks=12)
    [line] = lines(out)
    assert line["event"] == "worker.batch"
    assert line["level"] == "info"
    assert line["logger"] == "app.engine.worker"
    assert line["callbacks"] == 12
    assert line["timestamp"].endswith("Z")


def test_what_is_below_the_level_is_not_written() -> None:
    out = io.StringIO()
    configure("warning", stream=out)
    get_logger("a").info("quiet")
    logging.getLogger("library").info("quiet")
    assert out.getvalue() == ""


def test_a_library_s_line_takes_the_same_form() -> None:
    out = io.StringIO()
    configure("info", stream=out)
    logging.getLogger("uvicorn").info("Started %s", "here")
    [line] = lines(out)
    assert (line["event"], line["logger"]) == ("Started here", "uvicorn")


def test_no_configured_secret_reaches_a_line_wherever_it_stands() -> None:
    out = io.StringIO()
    settings = Settings(MIDTRANS_SERVER_KEY="SB-first-key, SB-second-key", CALLBACK_ADMIN_TOKEN="letmein")
    configure("info", settings=settings, stream=out)
    log = get_logger("a")
    log.info("SB-first-key", text="x SB-second-key y", nested={"list": ["letmein"]}, raw=b"letmein")
    try:
        int("SB-first-key")
    except ValueError:
        log.exception("failed")
    logging.getLogger("b").warning("got %s", "letmein")
    for secret in ("SB-first-key", "SB-second-key", "letmein"):
        assert secret not in out.getvalue()
    assert redact("letmein please") == "*** please"


def test_fields_whose_name_tells_a_secret_are_hidden_whatever_they_hold() -> None:
    out = io.StringIO()
    configure("info", stream=out)
    get_logger("a").info("x", signature_key="abc", headers={"X-Hub-Signature": "sha1=1", "Authorization": "Bearer q"})
    [line] = lines(out)
    assert line["signature_key"] == "***"
    assert line["headers"] == {"X-Hub-Signature": "***", "Authorization": "***"}


@pytest.mark.parametrize("for_people", [False, True])
def test_hostile_text_makes_no_second_line_and_no_terminal_escape(*, for_people: bool) -> None:
    out = io.StringIO()
    configure("info", stream=out, for_people=for_people)
    get_logger("a").info("x\n{}", order_id="\x1b[31m\n\u202e\x9b31m\ud800")
    text = out.getvalue()
    assert text.count("\n") == 1
    assert text.isascii()
    assert "\x1b" not in text


def test_a_short_text_is_no_secret() -> None:
    hide("abc")
    assert redact("abcdef") == "abcdef"


def test_a_very_long_field_is_cut() -> None:
    out = io.StringIO()
    configure("info", stream=out)
    get_logger("a").info("x", body="y" * 100_000)
    assert len(out.getvalue()) < 5_000


def test_every_metric_has_a_name_of_its_own_and_a_meaning() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    assert all(metric.name.startswith("callbacks_") and metric.meaning.endswith(".") for metric in METRICS)


def test_in_somebody_else_s_process_a_traceback_shows_no_values(tmp_path: Path) -> None:
    code = """
from app.core.telemetry import get_logger
secret = "COURIER" + "-SECRET"
try:
    {}["missing"]
except KeyError:
    get_logger("app.x").exception("handler_failed", handler="courier", token=secret)
get_logger("app.x").info("quiet")
"""
    root = str(Path(__file__).parents[2])
    ran = subprocess.run(  # noqa: S603 - ourselves
        [sys.executable, "-c", code], cwd=tmp_path, env={"PYTHONPATH": root}, capture_output=True, text=True, check=True
    )
    assert "COURIER-SECRET" not in ran.stdout + ran.stderr
    assert "handler_failed" in ran.stderr
    assert "KeyError: 'missing'" in ran.stderr
    assert "quiet" not in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://discord.com/api/webhooks/12/aB-c_d.e failed", "https://discord.com/api/webhooks/12/*** failed"),
        (r'{"u":"https:\/\/x\/webhooks\/12\/aBc","m":"x"}', r'{"u":"https:\/\/x\/webhooks\/12\/***","m":"x"}'),
        ("/callbacks/webhook/midtrans/abc", "/callbacks/webhook/midtrans/abc"),
    ],
)
def test_the_secret_end_of_a_webhooks_address_is_never_told(text: str, shown: str) -> None:
    assert redact(text) == without_webhooks(text) == shown
