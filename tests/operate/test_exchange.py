"""Callbacks that leave one log for a file, and enter another: byte for byte, proved anew, each once."""

import gzip
import io
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.callbacks.base.base_handlers import WebhookCallbackHandler
from app.callbacks.callback_manager import CallbackManager
from app.core.config import Settings
from app.core.errors import FieldError, LogUnavailable
from app.engine.callback import Callback
from app.engine.log import Log, open_log
from app.engine.worker import Worker
from app.operate import retention
from app.operate.exchange import kept_from, line_of
from app.operate.exporting import STANDARD, Wanted, export, whole_file, write
from app.operate.taking_in import Hearing, TakenReport, take_in
from tests.chaos.shop import KEY, notice
from tests.operate.shop import NOW, Shop

THEN = NOW - 86_400_000_000
EVERYTHING = Wanted()
UNICODE = st.text(st.characters(exclude_categories=["Cs"]))


class Place:
    """A system: a log, a state, the handlers of its settings."""

    def __init__(self, folder: Path, **settings: str) -> None:
        folder.mkdir()
        self.shop = Shop(folder)
        self.log: Log = open_log(f"sqlite:///{folder}/log.db", server=False)
        self.manager = CallbackManager(settings=Settings.model_validate(settings))
        self.told: list[tuple[int, str]] = []

    def receive(self, body: bytes, *, at: int = THEN, how: str = "signature", provider: str = "midtrans") -> int:
        return self.log.write_batch([(0, provider, "e", "k", "o", at, "", body, how, "::1")])

    def take(
        self, content: bytes, *, trusted: bool = False, rest: Callable[[float], None] = lambda _seconds: None
    ) -> TakenReport:
        def told(number: int, reason: str) -> None:
            self.told.append((number, reason))

        return take_in(
            self.log,
            self.shop.engine,
            self.manager.lookup,
            io.BytesIO(content),
            at=NOW,
            trusted=trusted,
            hearing=Hearing(told),
            rest=rest,
        )

    def decide(self) -> None:
        worker = Worker(self.log, self.shop.engine, self.manager.lookup, clock=self.shop.tick)
        worker.begin()
        while worker.step():
            pass
        worker.end()

    def all(self) -> list[Callback]:
        return self.log.read_after(0, 10_000)

    def exported(self, file: Path) -> bytes:
        export(self.log, file, EVERYTHING)
        content = file.read_bytes()
        file.unlink()
        return content

    def close(self) -> None:
        self.log.close()
        self.shop.engine.dispose()


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "here", midtrans_server_key=KEY)
    yield place
    place.close()


@pytest.fixture
def there(tmp_path: Path) -> Iterator[Place]:
    place = Place(tmp_path / "there", midtrans_server_key=KEY, callback_env="production")
    yield place
    place.close()


@given(body=st.binary(max_size=300) | UNICODE.map(str.encode), text=UNICODE)
@settings(suppress_health_check=[HealthCheck.differing_executors])
def test_every_body_comes_back_byte_for_byte(body: bytes, text: str) -> None:
    line = line_of(Callback(7, 0, "x", text, text, text, THEN, "", body, "signature:2", "::1"))
    assert b"\n" not in line
    kept = kept_from(line, at=NOW)
    assert (kept.origin, kept.received_at, kept.body, kept.verification) == (7, THEN, body, "signature:2")


def test_all_columns_stand_in_the_file(here: Place, tmp_path: Path) -> None:
    number = here.log.write_batch([(3, "courier", "t", "k", "o", THEN, '{"a": "b"}', b"\xff", "token", "::1")])
    assert json.loads(here.exported(tmp_path / "out")) == {
        "id": str(number),
        "received_at": "2025-11-24T04:49:00.000000Z",
        "provider": "courier",
        "event_type": "t",
        "event_key": "k",
        "ordering_key": "o",
        "partition": 3,
        "verification": "token",
        "remote_addr": "::1",
        "headers": '{"a": "b"}',
        "body_base64": "/w==",
    }


def test_an_export_holds_what_was_asked_for(here: Place, tmp_path: Path) -> None:
    for at, provider in ((THEN, "midtrans"), (THEN + 1, "courier"), (THEN + 2, "midtrans"), (THEN + 3, "midtrans")):
        here.receive(b"{}", at=at, provider=provider)
    file = tmp_path / "some.jsonl.gz"
    assert export(here.log, file, Wanted(THEN, THEN + 3, "midtrans")) == 2
    with gzip.open(file) as stream:
        assert [json.loads(line)["received_at"][-4:] for line in stream] == ["000Z", "002Z"]


def test_a_file_that_cannot_be_finished_is_not_there(here: Place, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()

    def broken() -> Iterator[Callback]:
        yield from here.all()
        raise KeyboardInterrupt

    here.receive(b"{}")
    for name in ("half", "half.gz"):
        with pytest.raises(KeyboardInterrupt):
            write(broken(), tmp_path / "files" / name)
    assert list((tmp_path / "files").iterdir()) == []


def test_what_a_killed_export_left_is_removed_by_the_next_one_and_what_is_being_written_is_not(
    here: Place, tmp_path: Path
) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / ".[a].jsonl.7.half").write_bytes(b"left by a killed one")
    with whole_file(folder / "[a].jsonl"):
        mine = [path.name for path in folder.iterdir()]
        assert mine == [f".[a].jsonl.{os.getpid()}.half"]
        (folder / mine[0]).rename(folder / ".[a].jsonl.8.half")  # as that of another process
        here.receive(b"{}")
        export(here.log, folder / "[a].jsonl", EVERYTHING)
        assert {path.name for path in folder.iterdir()} == {"[a].jsonl", ".[a].jsonl.8.half"}
        (folder / "[a].jsonl").unlink()
        (folder / ".[a].jsonl.8.half").rename(folder / mine[0])
    assert [path.name for path in folder.iterdir()] == ["[a].jsonl"]


def test_a_file_that_appears_meanwhile_is_not_written_over(here: Place, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    file = tmp_path / "files" / "both"

    def slow() -> Iterator[Callback]:
        yield from here.all()
        file.write_bytes(b"theirs")

    here.receive(b"{}")
    with pytest.raises(FieldError, match="there already"):
        write(slow(), file)
    assert file.read_bytes() == b"theirs"
    assert len(list(file.parent.iterdir())) == 1


def test_a_pipe_gets_the_same_lines(here: Place, capfdbinary: pytest.CaptureFixture[bytes], tmp_path: Path) -> None:
    here.receive(b"{}")
    export(here.log, STANDARD, EVERYTHING)
    assert capfdbinary.readouterr().out == here.exported(tmp_path / "out")


def test_what_its_own_signature_proves_enters_another_log_under_a_new_id(
    here: Place, there: Place, tmp_path: Path
) -> None:
    old = here.receive(notice("TU-1", "100000.00"))
    assert there.take(here.exported(tmp_path / "out")) == TakenReport(1, 1, 0, 0)
    (new,) = there.all()
    assert new.id != old
    assert (new.body, new.received_at, new.provider, new.remote_addr) == (here.all()[0].body, THEN, "midtrans", "::1")
    assert (new.verification, new.event_type, new.ordering_key) == ("signature", "settlement", "TU-1")
    assert json.loads(new.headers) == {"imported-id": str(old), "imported-verification": "signature"}
    there.shop.announce("TU-1")
    there.decide()
    assert there.shop.balance() == "100000.00"


FORGERIES = {
    "a signature that does not fit": {"body": notice("TU-1", "100000.00").decode().replace("TU-1", "TU-2")},
    "no signature, but the file says so": {
        "body": '{"order_id": "TU-1", "status_code": "200", "gross_amount": "100000.00",'
        ' "transaction_status": "settlement"}'
    },
    "the sender's API, says the file": {"body": "{}", "verification": "status_api"},
    "a sender whose signature is not kept": {"provider": "digiflazz", "body": '{"data": {"ref_id": "P-1"}}'},
    "a sender that nobody knows": {"provider": "nobody", "body": "{}"},
    "an event without its token": {"provider": "event/file", "body": "{}"},
}


@pytest.mark.parametrize("forged", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_file_gains_no_trust(there: Place, forged: dict[str, str]) -> None:
    line = {"id": "5", "received_at": "2025-11-24T04:49:00Z", "verification": "signature", **forged}
    assert there.take(json.dumps(line).encode()) == TakenReport(1, 0, 0, 1)
    assert there.all() == []
    assert there.told[0][0] == 1


def test_what_a_person_vouches_for_is_kept_as_vouched_for(there: Place) -> None:
    said: dict[str, Any] = {"id": "5", "received_at": "2025-11-24T04:49:00Z", "provider": "digiflazz"}
    said["body"] = '{"data": {"ref_id": "P-1", "status": "Sukses", "rc": "00"}}'
    lines = [json.dumps({**said, "verification": how}).encode() for how in ("signature", "unverified", "")]
    assert there.take(b"\n".join(lines), trusted=True) == TakenReport(3, 1, 0, 2)
    assert [callback.verification for callback in there.all()] == ["caller"]
    assert [number for number, _ in there.told] == [2, 3]  # never proved: nobody can vouch for it


def test_a_development_system_takes_what_nothing_proves_as_unverified(tmp_path: Path) -> None:
    place = Place(tmp_path / "development")
    line = {"id": "5", "received_at": "2025-11-24T04:49:00Z", "provider": "midtrans", "body": '{"order_id": "TU-1"}'}
    for trusted in (False, True):
        line["id"] = str(int(line["id"]) + 1)
        place.take(json.dumps({**line, "verification": "signature"}).encode(), trusted=trusted)
    assert [callback.verification for callback in place.all()] == ["unverified", "unverified"]
    place.close()


def test_importing_twice_or_into_the_same_log_or_back_again_doubles_nothing(
    here: Place, there: Place, tmp_path: Path
) -> None:
    for number in range(3):
        here.receive(notice(f"TU-{number}", "100000.00"), at=THEN + number)
    first = here.exported(tmp_path / "out")
    assert here.take(first) == TakenReport(3, 0, 3, 0)
    assert there.take(first + first) == TakenReport(6, 3, 3, 0)
    assert there.take(first) == TakenReport(3, 0, 3, 0)
    second = there.exported(tmp_path / "out")
    assert here.take(second) == TakenReport(3, 0, 3, 0)
    assert there.take(second) == TakenReport(3, 0, 3, 0)
    assert len(here.all()) == len(there.all()) == 3


def test_what_was_decided_here_and_pruned_since_is_not_taken_again(here: Place, tmp_path: Path) -> None:
    here.manager.register_handler("courier", Courier("courier"))
    here.shop.announce("TU-1")
    here.receive(notice("TU-1", "100000.00"))
    here.receive(notice("TU-1", "100000.00"), at=NOW)
    here.decide()
    content = here.exported(tmp_path / "out")
    planned = retention.plan(here.shop.engine, here.log, before=NOW)
    assert retention.carry_out(here.shop.engine, here.log, planned) == 1
    assert here.take(content) == TakenReport(2, 0, 2, 0)


def test_what_a_state_from_before_the_pruning_lacks_comes_back_from_the_file(
    here: Place, there: Place, tmp_path: Path
) -> None:
    here.shop.announce("TU-1")
    here.receive(notice("TU-1", "100000.00"))
    here.receive(notice("TU-9", "100000.00"), at=NOW)
    here.decide()
    content = here.exported(tmp_path / "out")
    retention.carry_out(
        here.shop.engine, here.log, retention.plan(here.shop.engine, here.log, before=NOW)
    )  # `there` is the older state
    there.shop.announce("TU-1")
    assert there.take(content).imported == 2
    there.decide()
    assert there.shop.balance() == here.shop.balance() == "100000.00"


class Courier(WebhookCallbackHandler):
    """Fails at one body."""

    unverified_ok = True

    async def handle(self, data: Any, **_: Any) -> Any:
        return data

    def kept_body(self, request: Any) -> bytes:
        if b"bad" in request.body:
            raise RuntimeError("no")
        return bytes(request.body)


GOOD = {"id": "5", "received_at": "2025-11-24T04:49:00Z", "provider": "courier", "body": "{}"}
BROKEN: dict[str, bytes] = {
    "no JSON": b"{",
    "no object": b"[]",
    "not UTF-8": b'{"id": "\xff"}',
    "deep": b"[" * 100_000,
    "no id": json.dumps({**GOOD, "id": "-5"}).encode(),
    "a great id": json.dumps({**GOOD, "id": "9" * 19}).encode(),
    "an id of other digits": json.dumps({**GOOD, "id": "٣"}).encode(),
    "no time": json.dumps({**GOOD, "received_at": "yesterday"}).encode(),
    "no time zone": json.dumps({**GOOD, "received_at": "2025-11-24T04:49:00"}).encode(),
    "the future": json.dumps({**GOOD, "received_at": "2999-11-24T04:49:00Z"}).encode(),
    "before all": json.dumps({**GOOD, "received_at": "0001-01-01T00:00:00Z"}).encode(),
    "no body": json.dumps({**GOOD, "body": None}).encode(),
    "two bodies": json.dumps({**GOOD, "body_base64": "e30="}).encode(),
    "no base64": json.dumps({**GOOD, "body": None, "body_base64": "?"}).encode(),
    "an empty body": json.dumps({**GOOD, "body": ""}).encode(),
    "a body too long": json.dumps({**GOOD, "body": "x" * (1 << 20) + "x"}).encode(),
    "a deep body": json.dumps({**GOOD, "body": "[" * 100}).encode(),
    "headers of another form": json.dumps({**GOOD, "headers": "[]"}).encode(),
    "a lone surrogate": b'{"id":"5","received_at":"2025-11-24T04:49:00Z","provider":"courier","body":"\\ud800"}',
    "a line too long": b"x" * (9 << 20),
    "a handler that fails": json.dumps({**GOOD, "body": '{"bad": 1}'}).encode(),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_a_broken_line_is_told_by_number_and_the_others_are_taken(there: Place, broken: bytes) -> None:
    there.manager.register_handler("courier", Courier("courier"))
    good = json.dumps(GOOD).encode()
    content = b"\xef\xbb\xbf" + good + b"\n\n" + broken + b"\r\n" + good.replace(b'"5"', b'"6"')
    assert there.take(content) == TakenReport(3, 2, 0, 1)
    assert [number for number, _ in there.told] == [3]


def test_a_log_that_is_replaced_meanwhile_is_not_exported_by_half(here: Place, tmp_path: Path) -> None:
    here.log.write_batch([(0, "courier", "e", "k", "o", THEN, "", b"{}", "token", "::1")] * 3_000)

    def replace(_done: int, _of: int) -> None:
        for end in ("", "-wal", "-shm"):
            (tmp_path / "here" / f"log.db{end}").rename(tmp_path / "here" / f"aside.db{end}")

    with pytest.raises(LogUnavailable, match="another log"):
        export(here.log, tmp_path / "out", EVERYTHING, progress=replace)
    assert not (tmp_path / "out").exists()


def test_an_import_that_is_stopped_goes_on_where_it_was(there: Place) -> None:
    body = notice("TU-1", "100000.00").decode()
    line = {"received_at": "2025-11-24T04:49:00Z", "provider": "midtrans", "body": body}
    content = b"\n".join(json.dumps({**line, "id": str(number)}).encode() for number in range(1, 1_201))

    def stop(_seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        there.take(content, rest=stop)
    assert len(there.all()) == 500
    assert there.take(content) == TakenReport(1_200, 700, 500, 0)
    assert len(there.all()) == 1_200
