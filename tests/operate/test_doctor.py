"""What the doctor sees: each illness made for real, and its line."""

import json
import os
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import text

from app.callbacks.callback_manager import CallbackManager
from app.core.config import Settings, get_settings
from app.core.database import engine_for, ensure_schema, get_engine, writing
from app.engine import offsets
from app.engine.log import open_log
from app.engine.tasks.queue import NewTask, enqueue
from app.ledger.persons import adjust
from app.operate.chats import links
from app.operate.checkup import configuration, machine
from app.operate.doctor import DoctorShown, examine
from app.operate.policy import UNASKED
from tests.chaos.shop import free_port
from tests.operate.shop import NOW

SECOND = 1_000_000
LONG = "a-secret-of-many-signs"


@pytest.fixture(autouse=True)
def _a_place_of_its_own(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("CALLBACK_PORT", str(free_port()))
    engine_for.cache_clear()
    yield
    engine_for.cache_clear()


def load(settings: Settings) -> Sequence[Mapping[str, Any]]:
    return CallbackManager(settings=settings).list_handlers()


def look(*, at: int = NOW, lang: Any = "en") -> DoctorShown:
    settings, unreadable = configuration.read()
    return examine(settings, unreadable, load, at=at, lang=lang)


def lines(shown: DoctorShown, what: str = "", *, but: str = "ok") -> list[str]:
    """`wrong secrets: told`, of those that are not `but`; without the clock of the machine that tests."""
    return [
        f"{each.state} {each.what}: {each.told}"
        for each in shown.findings
        if each.state != but and (each.what == what if what else each.what != "clock")
    ]


def started() -> None:
    """A system that ran and was stopped."""
    get_settings.cache_clear()
    ensure_schema(get_engine())
    open_log(get_settings().callback_log_url, server=False).close()


def receive(*, at: int = NOW, provider: str = "midtrans") -> str:
    with closing(open_log(get_settings().callback_log_url, server=False)) as log:
        log.write_batch([(0, provider, "settlement", "", "", at, "", b"{}", "unverified", "::1")])
        return log.epoch


def test_where_nothing_is_yet_nothing_is_wrong_and_nothing_is_made(tmp_path: Path) -> None:
    shown = look()
    assert shown.success
    assert lines(shown) == []
    assert list(tmp_path.iterdir()) == []


def test_a_system_that_was_stopped_in_order_is_well() -> None:
    started()
    shown = look()
    assert lines(shown) == []
    assert {each.what for each in shown.findings} >= {"settings", "secrets", "files", "disk", "log", "state", "books"}


def test_each_wrong_setting_is_told_and_the_rest_is_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_PORT", "many")
    monkeypatch.setenv("CALLBACK_LANG", "fr")
    monkeypatch.setenv("CALLBACK_HOST", "0.0.0.0")  # noqa: S104 - that is the illness
    monkeypatch.setenv("CALLBACK_TRUSTED_PROXIES", "proxy")
    shown = look()
    assert not shown.success
    told = "\n".join(lines(shown, "settings"))
    for each in ("CALLBACK_PORT: ", "CALLBACK_LANG: ", "can be reached by others", "CALLBACK_TRUSTED_PROXIES: "):
        assert each in told
    assert [each for each in shown.findings if each.what == "disk"]


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "nonsense", "DATABASE_URL is not a database address"),
        ("DATABASE_URL", "postgresql://ani:hunter2@db/x", "keeps its state in SQLite"),
        ("CALLBACK_LOG_URL", "mysql://x", "is not a log this release knows"),
    ],
)
def test_an_address_that_is_none_is_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str, told: str) -> None:
    monkeypatch.setenv(name, value)
    (line,) = lines(look())
    assert line.startswith("wrong settings: ")
    assert told in line
    assert "hunter2" not in line


def test_a_misspelt_setting_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("MIDTRANS_SERVERKEY=x\nMIDTRANS_OF_MY_SHOP_AND_NOTHING_ELSE=1\n")
    (tmp_path / ".env").chmod(0o600)
    (finding,) = [each for each in look().findings if each.state == "warn" and each.what == "settings"]
    assert finding.told == "MIDTRANS_SERVERKEY is not known"
    assert finding.to_do == "is MIDTRANS_SERVER_KEY meant?"


def test_a_file_of_settings_that_is_no_text_is_told(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"CALLBACK_LANG=\xff\n")
    (tmp_path / ".env").chmod(0o600)
    assert lines(look()) == ["wrong settings: .env cannot be read: not UTF-8"]


@pytest.mark.parametrize(("env", "state"), [("development", "warn"), ("production", "wrong")])
def test_secrets_that_everybody_on_the_machine_reads_are_told(tmp_path: Path, env: str, state: str) -> None:
    (tmp_path / ".env").write_text(f"CALLBACK_ENV={env}\nCALLBACK_ADMIN_TOKEN={LONG}\n")
    (tmp_path / ".env").chmod(0o644)
    assert f"{state} files: everybody on this machine can read .env" in lines(look())


def test_in_production_what_refuses_everybody_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_ENV", "production")
    shown = look()
    assert not shown.success
    told = lines(shown, "secrets")
    assert told[0] == "wrong secrets: CALLBACK_ADMIN_TOKEN is not set: management addresses answer 503"
    assert told[1] == "warn secrets: MIDTRANS_SERVER_KEY is not set: /callbacks/webhook/midtrans answers 503"
    assert len(told) == 5


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"MIDTRANS_SERVER_KEY": "  "}, "warn secrets: MIDTRANS_SERVER_KEY is blank, which counts as not set"),
        ({"MIDTRANS_SERVER_KEY": "Mid-client-x"}, "wrong secrets: MIDTRANS_SERVER_KEY holds a client key"),
        ({"MIDTRANS_SERVER_KEY": "Mid-server-x"}, "warn secrets: MIDTRANS_SERVER_KEY looks like production's"),
        (
            {"MIDTRANS_SERVER_KEY": "SB-x", "CALLBACK_ENV": "production"},
            "warn secrets: MIDTRANS_SERVER_KEY looks like the sandbox's",
        ),
        (
            {"MIDTRANS_SERVER_KEY": "SB-x", "MIDTRANS_API_URL": "https://api.midtrans.com"},
            "wrong secrets: Midtrans' key looks like sandbox, but https://api.midtrans.com is asked",
        ),
        ({"TELEGRAM_WEBHOOK_SECRET": "guess-me"}, "warn secrets: TELEGRAM_WEBHOOK_SECRET is shorter than 16"),
        (
            {"TELEGRAM_WEBHOOK_SECRET": LONG, "DIGIFLAZZ_WEBHOOK_SECRET": f"{LONG}, another-one-of-many-signs"},
            "warn secrets: the same secret is used for DIGIFLAZZ_WEBHOOK_SECRET, TELEGRAM_WEBHOOK_SECRET",
        ),
        ({"DISCORD_PUBLIC_KEY": "no key"}, "wrong secrets: DISCORD_PUBLIC_KEY is no public key"),
        ({"MIDTRANS_CONFIRM": "never", "CALLBACK_ENV": "production"}, "warn settings: MIDTRANS_CONFIRM=never"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, dict) else "",
)
def test_a_secret_of_the_wrong_kind_is_told(
    monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], told: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert [line for line in lines(look()) if line.startswith(told)]


def test_no_secret_is_ever_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = {name: f"SB-{number}-never-shown" for number, name in enumerate(configuration._SECRETS)}  # noqa: SLF001 - all there are
    for name, value in secrets.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("CALLBACK_APP", f"{secrets['midtrans_server_key']}:x")
    shown = look().model_dump_json()
    assert not [value for value in secrets.values() if value in shown]


def test_a_state_that_is_gone_while_the_log_is_there_is_wrong(tmp_path: Path) -> None:
    started()
    get_engine().dispose()
    (tmp_path / "data" / "state.db").unlink()
    engine_for.cache_clear()
    assert lines(look()) == ["wrong state: the log is there, the state is not: no callback is applied"]
    assert not (tmp_path / "data" / "state.db").exists()


def test_a_schema_of_another_release_is_wrong() -> None:
    started()
    with writing(get_engine()) as connection:
        connection.execute(text("UPDATE callback_schema_version SET version_num = '9999'"))
    assert "newer than this release" in lines(look())[0]


def test_files_that_are_no_databases_are_one_line_each(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    for name in ("log.db", "state.db"):
        (tmp_path / "data" / name).write_text("no database, but long enough to be looked at as one\n" * 100)
    told = lines(look())
    assert [line.partition(":")[0] for line in told] == ["wrong log", "wrong state"]
    assert not [line for line in told if "\n" in line]


def test_one_file_for_both_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_LOG_URL", "sqlite:///data/state.db")
    assert "wrong files: log and state are the same file" in lines(look())


def test_a_folder_that_cannot_be_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert "no file can be there" in "\n".join(lines(look()))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_missing_rights_are_wrong(tmp_path: Path) -> None:
    started()
    (tmp_path / "data").chmod(0o500)
    try:
        assert "rights on" in "\n".join(lines(look(), "files"))
    finally:
        (tmp_path / "data").chmod(0o700)


def test_a_full_disk_is_wrong_and_a_slow_one_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_FREE_WARN", 2**80)
    monkeypatch.setattr(machine, "_SYNC_SLOW_SECONDS", 0.0)
    told = "\n".join(lines(look(), "disk"))
    assert "MiB are free" in told
    assert "ms until something is on disk" in told
    monkeypatch.setattr(machine, "_FREE_WRONG", 2**80)
    assert not look().success


def test_a_log_of_writes_that_grew_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started()
    receive()
    holder = get_engine().connect()  # the last one to close would leave none
    holder.exec_driver_sql("CREATE TABLE another (x)")
    monkeypatch.setattr(machine, "_WAL_WARN", 1)
    assert f"{Path('data') / 'state.db-wal'} has 0 MiB" in "\n".join(lines(look(), "disk"))
    holder.close()
    del tmp_path


def test_a_clock_behind_the_log_is_told() -> None:
    started()
    receive(at=NOW + 3600 * SECOND)
    told = lines(look(at=NOW), "clock")
    assert len(told) == 1
    assert "behind the last callback" in told[0]


def test_a_port_of_another_program_is_wrong_and_a_free_one_is_not() -> None:
    assert lines(look(), "port") == []
    with socket.socket() as other:
        other.bind(("127.0.0.1", int(os.environ["CALLBACK_PORT"])))
        other.listen()
        threading.Thread(target=_hang_up, args=(other,), daemon=True).start()
        (line,) = lines(look(), "port")
    assert line.endswith("is taken by another program")


def _hang_up(other: socket.socket) -> None:
    try:
        other.accept()[0].close()
    except OSError:  # the test is over
        return


def test_an_address_of_another_machine_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CALLBACK_HOST", "192.0.2.1")
    monkeypatch.setenv("CALLBACK_ENV", "production")
    assert [line for line in lines(look(), "port") if line.startswith("wrong port: 192.0.2.1")]


class _Server(BaseHTTPRequestHandler):
    """Answers as a server of ours with these handlers."""

    handlers: ClassVar[list[dict[str, Any]]] = []

    def do_GET(self) -> None:
        body = {"success": True} if self.path == "/health/live" else {"handlers": self.handlers}
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        return


@pytest.fixture
def server() -> Iterator[type[_Server]]:
    listening = HTTPServer(("127.0.0.1", int(os.environ["CALLBACK_PORT"])), _Server)
    _Server.handlers = [dict(row) for row in load(Settings())]
    threading.Thread(target=listening.serve_forever, args=(0.01,), daemon=True).start()
    yield _Server
    listening.shutdown()
    listening.server_close()


def test_handlers_that_one_side_alone_knows_are_told(server: type[_Server]) -> None:
    started()
    assert lines(look(), "handlers") == []
    server.handlers.append({"kind": "webhook", "name": "courier", "configured": True})
    server.handlers[0]["configured"] = True
    assert lines(look(), "handlers") == [
        "wrong handlers: known to the server or to a worker only: webhook/courier",
        f"warn handlers: the running server has other settings for webhook/{server.handlers[0]['name']}",
    ]


def test_callbacks_that_no_handler_of_the_worker_wanted_are_told() -> None:
    started()
    with writing(get_engine()) as connection:
        connection.execute(
            text(
                "INSERT INTO callback_dead (kind, ref, reason, detail, since)"
                """ VALUES ('callback', 1, 'no_handler', '{"name": "courier"}', 0)"""
            )
        )
    told = lines(look())
    assert "wrong handlers: the worker has no handler for courier" in told
    assert f"warn dead letters: 1 are open, the oldest for {NOW // (86_400 * SECOND)} days" in told


def test_a_question_that_nobody_answers_is_told_with_what_was_heard_last() -> None:
    started()
    assert lines(look(), "questions", but="") == ["ok questions: none waits long for an answer"]
    for since, told in ((NOW - 60 * SECOND, []), (0, ["the oldest waits for an answer of oy: HTTP 503"])):
        with writing(get_engine()) as connection:
            connection.execute(
                text(
                    "INSERT INTO callback_pending (callback_id, order_no, state, attempt, level, told, since)"
                    " VALUES (:since, 1, 'in_doubt', 'R1', 1, '{}', :since)"
                ),
                {"since": since},
            )
            new = NewTask(f"ask:1:{since}", "ask", "oy", "{}", since)
            enqueue(connection, [new], since)
            connection.execute(text("UPDATE callback_tasks SET last_error = 'HTTP 503'"))
        found = lines(look(), "questions")
        assert [each.partition("; ")[2] for each in found] == told


def test_a_worker_that_stands_still_is_wrong_beside_a_server_and_told_without_one(request: Any) -> None:
    started()
    epoch = receive(at=NOW - 60 * SECOND)
    offsets.begin(get_engine(), epoch, at=NOW - 30 * SECOND)
    told = "worker: 1 callbacks wait, none was decided for 30 seconds"
    assert lines(look()) == [f"warn {told}"]
    request.getfixturevalue("server")
    assert lines(look()) == [f"wrong {told}"]
    with writing(get_engine()) as connection:
        connection.execute(text("UPDATE callback_offsets SET deaths = 4"))
    assert lines(look()) == ["wrong worker: died 3 times at the same callback"]


def test_a_worker_that_was_stopped_beside_a_server_is_wrong(server: type[_Server]) -> None:
    del server
    started()
    assert lines(look()) == ["wrong worker: does not run"]


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE callback_accounts SET balance = balance + 1 WHERE balance IS NOT NULL",
        (
            "INSERT INTO callback_postings (account_no, at, journal_id, amount)"
            " SELECT id, 1, 1, 5 FROM callback_accounts WHERE balance IS NULL LIMIT 1"
        ),
    ],
    ids=["a balance", "a posting"],
)
def test_books_that_do_not_add_up_are_wrong(damage: str) -> None:
    started()
    with writing(get_engine()) as connection:
        adjust(connection, "ani", 500, who="ani", reason="opening", at=NOW, policy=UNASKED)
    assert lines(look()) == []
    with writing(get_engine()) as connection:
        connection.execute(text(damage))
    (line,) = lines(look())
    assert line.startswith("wrong books: ")


def test_it_speaks_both_languages() -> None:
    english = {each.told for each in look(lang="en").findings}
    indonesian = {each.told for each in look(lang="id").findings}
    assert len(english & indonesian) <= 2  # versions, a clock that is right


def test_channels_that_cannot_be_used_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    started()
    with writing(get_engine()) as connection:
        for service, address in (("telegram", "1"), ("discord", "2"), ("email", "a@example.com"), ("fax", "3")):
            links.link(connection, "ani", service, address, "id", NOW, by="sari")
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "12345:of-the-tests")
    monkeypatch.setenv("CALLBACK_CHANNELS", '{"email": "mailtos://u:hidden@smtp.example.com?to={address}"}')
    shown = look()
    assert lines(shown, "channels") == [
        "warn channels: 1 linked at discord, which DISCORD_BOT_TOKEN does not provide for: messages wait",
        "warn channels: 1 linked at fax, which CALLBACK_CHANNELS does not provide for: messages wait",
    ]
    monkeypatch.setenv("CALLBACK_CHANNELS", '{"email": "mailtos://u:hidden@{address}"}')
    told = look()
    assert not told.success
    assert "hidden" not in told.model_dump_json()


def test_secrets_that_ended_or_end_within_a_week_are_told_and_none_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDTRANS_SERVER_KEY", "SB-new-key, SB-old-key;until=2020-01-31")
    monkeypatch.setenv("TELEGRAM_WEBHOOK_SECRET", f"{LONG};until=2020-01-31")
    monkeypatch.setenv("TRIPAY_PRIVATE_KEY", "tripay-new, tripay-old;until=2026-03-05")
    shown = look(at=int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * SECOND)
    told = lines(shown, "secrets")
    assert "warn secrets: MIDTRANS_SERVER_KEY: secret number 2 ended 2020-02-01 00:00 UTC" in told
    assert "wrong secrets: TELEGRAM_WEBHOOK_SECRET: all of its secrets have ended" in told
    assert "warn secrets: TRIPAY_PRIVATE_KEY: secret number 2 ends 2026-03-06 00:00 UTC" in told
    assert not any(secret in repr(shown) for secret in ("SB-old", "SB-new", LONG, "tripay-"))


def test_a_malformed_end_is_told_with_its_variable_and_without_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIDTRANS_SERVER_KEY", f"{LONG};until=soon")
    monkeypatch.setenv("TRIPAY_PRIVATE_KEY", f"{LONG};until=31-12-2026")
    shown = look()
    assert any("MIDTRANS_SERVER_KEY" in line for line in lines(shown, "settings"))
    assert any(line.startswith("wrong secrets: TRIPAY_PRIVATE_KEY: the end of a secret") for line in lines(shown))
    assert LONG not in repr(shown)


def test_providers_of_the_catalogue_that_are_used_are_told_with_what_they_lack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "broken.toml").write_text('title = "Broken"')
    monkeypatch.setenv("CALLBACK_PROVIDERS", str(tmp_path / "mine"))
    monkeypatch.setenv("CALLBACK_BELIEVE", "github")
    monkeypatch.setenv("TOKOPAY_SECRET", LONG)
    monkeypatch.setenv("TOKOPAY_MERCHANT_ID", "M1")
    monkeypatch.setenv("FASPAY_PASSWORD", LONG)
    told = lines(look(), "providers", but="")
    assert "ok providers: tokopay: TOKOPAY_SECRET is set" in told
    assert any(
        line.startswith("warn providers: tokopay: its proof does not cover the amount and the status") for line in told
    )
    assert any("broken.toml" in line and line.startswith("wrong") for line in told)
    assert any("github, which is no payment provider" in line for line in told)
    assert any(line.startswith("wrong providers: faspay: FASPAY_USER_ID is not set") for line in told)


def test_a_secret_that_is_no_key_of_its_sender_is_told_by_its_number_and_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ADYEN_HMAC_KEY", f"00ff,{LONG}")
    monkeypatch.setenv("DANA_PUBLIC_KEY", LONG)
    told = lines(look(), "providers", but="")
    assert any("adyen: secret 2 of ADYEN_HMAC_KEY is no key written as hex" in line for line in told)
    assert any("dana: secret 1 of DANA_PUBLIC_KEY is no key written as pem" in line for line in told)
    assert not any("secret 1 of ADYEN_HMAC_KEY" in line or LONG in line for line in told)


def test_an_end_that_was_mistyped_is_part_of_the_secret_and_the_owner_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIPAY_PRIVATE_KEY", f"{LONG}, {LONG};untl=2026-12-31")
    monkeypatch.setenv("DUITKU_API_KEY", f"{LONG};until=2099-12-31")
    told = [line for line in lines(look(), "secrets", but="") if "itself ends in a date" in line]
    assert told == ["warn secrets: TRIPAY_PRIVATE_KEY: secret number 2 itself ends in a date"]
