import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.core.database import reading, writing
from app.engine.callback import OutcomeWord
from app.engine.log import Log, open_log
from app.engine.meter import Meter
from app.engine.tallies import tallies_of
from app.ledger.facts import Fact, FactKind, Told
from app.ledger.parked import lapse
from app.operate.traffic import latencies, traffic
from app.operate.traffic_shown import TrafficShown
from tests.operate.shop import NOW, Shop

SECOND = 1_000_000


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Log]:
    opened = open_log(f"sqlite:///{tmp_path}/log.db", server=False)
    yield opened
    opened.close()


def look(shop: Shop, log: Log, tmp_path: Path, *, meter: Meter | None = None, at: int = NOW) -> TrafficShown:
    return traffic(
        shop.engine,
        log,
        log_url=f"sqlite:///{tmp_path}/log.db",
        at=at,
        refused={("midtrans", "signature_wrong"): 2},
        meter=meter,
    )


def counted_anew(shop: Shop) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    with reading(shop.engine) as connection:
        rows = connection.execute(text("SELECT provider, outcome, count(*) FROM callback_outcomes GROUP BY 1, 2"))
        for provider, word, number in rows:
            found.setdefault(provider, {})[word] = number
    return found


def without_zeros(counts: dict[str, dict[str, int]]) -> dict[str, dict[str, int]]:
    return {name: {word: number for word, number in words.items() if number} for name, words in counts.items()}


def test_the_counters_follow_each_callback_to_the_outcome_that_it_has_today(shop: Shop) -> None:
    def agree() -> dict[str, dict[str, int]]:
        with reading(shop.engine) as connection:
            kept = without_zeros(tallies_of(connection).outcomes)
        assert kept == counted_anew(shop)
        return kept

    assert shop.tell("TU-1").word is OutcomeWord.PARKED
    assert shop.tell("TU-9").word is OutcomeWord.PARKED
    assert agree() == {"midtrans": {"parked": 2}}
    shop.announce("TU-1")
    assert agree() == {"midtrans": {"applied": 1, "parked": 1}}
    shop.tell("TU-1")
    assert agree()["midtrans"]["duplicate"] == 1
    with writing(shop.engine) as connection:
        lapse(connection, shop.now + 86_400 * SECOND + 1)
    assert agree() == {"midtrans": {"applied": 1, "duplicate": 1, "rejected": 1}}
    shop.announce("TU-9")
    assert agree() == {"midtrans": {"applied": 2, "duplicate": 1}}
    shop.announce("BUY-1", kind="ppob", amount="20000")
    shop.tell("BUY-1", Told("BUY-1", (Fact(FactKind.SUCCEEDED, key="SN"),)), provider="digiflazz")
    shop.tell("BUY-1", Told("BUY-1", (Fact(FactKind.FAILED, key="40"),)), provider="digiflazz")
    assert agree()["digiflazz"] == {"applied": 1, "rejected": 1}


def test_each_provider_shows_its_counts_its_lag_and_its_dead_letters(shop: Shop, log: Log, tmp_path: Path) -> None:
    shop.announce()
    shop.tell()
    shop.announce("BUY-1", kind="ppob", amount="20000")
    shop.tell("BUY-1", Told("BUY-1", (Fact(FactKind.SUCCEEDED, key="SN"),)), provider="digiflazz")
    shop.tell("BUY-1", Told("BUY-1", (Fact(FactKind.FAILED, key="40"),)), provider="digiflazz")
    row = (0, "courier", "", "", "", NOW, "", b"{}", "unverified", "")
    log.write_batch([row, (*row[:5], NOW + SECOND, *row[6:])])
    found = look(shop, log, tmp_path, at=NOW + 3 * SECOND)
    assert list(found.providers) == ["courier", "digiflazz", "midtrans"]
    courier, digiflazz, midtrans = found.providers.values()
    assert (courier.accepted, courier.lag.callbacks, courier.lag.seconds) == (2, 2, 3.0)
    assert (midtrans.accepted, midtrans.outcomes) == (1, {"applied": 1})
    assert midtrans.refused == {"signature_wrong": 2}
    assert digiflazz.dead_letters == {"contradiction": 1}
    assert (digiflazz.lag.callbacks, midtrans.dead_letters) == (0, {})
    assert (found.measured_since, found.last_minute, midtrans.each_second) == (None, None, None)
    json.dumps(found.model_dump())


def test_rates_and_percentiles_are_those_of_the_meter(shop: Shop, log: Log, tmp_path: Path) -> None:
    meter = Meter(at=NOW)
    for second in range(30):
        at = NOW + second * SECOND
        meter.kept([(0, "midtrans", "", "", "", at - 5_000, "", b"", "", "")] * 20, at)
    now = NOW + 30 * SECOND
    meter.sample(now - SECOND, refused={}, applied={})
    meter.sample(now, refused={"midtrans": 15}, applied={"midtrans": {100: 300}})
    found = look(shop, log, tmp_path, meter=meter, at=now + SECOND)
    pace = found.providers["midtrans"].last_minute
    assert pace is not None
    assert pace == found.last_minute == found.last_hour
    assert (pace.seconds, pace.accepted_per_second) == (31, round(600 / 31, 2))
    assert (pace.refused_per_second, pace.applied_per_second) == (round(15 / 31, 2), round(300 / 31, 2))
    assert pace.answered.p99_ms is not None
    assert abs(pace.answered.p99_ms - 5.0) < 0.3
    seconds = found.providers["midtrans"].each_second
    assert seconds is not None
    assert (len(seconds.accepted), sum(seconds.accepted), seconds.applied[-1]) == (60, 600, 300)


def test_a_dead_task_is_counted_under_the_sender_of_its_callback(shop: Shop, log: Log, tmp_path: Path) -> None:
    shop.announce()
    shop.tell()
    with writing(shop.engine) as connection:
        for number, callback in ((1, "(SELECT max(callback_id) FROM callback_outcomes)"), (2, "NULL")):
            connection.execute(
                text(
                    "INSERT INTO callback_tasks (id, key, kind, destination, due_at, created_at, callback_id)"
                    f" VALUES (:id, :id, 'handler', 'elsewhere', 0, 0, {callback})"
                ),
                {"id": number},
            )
            connection.execute(
                text("INSERT INTO callback_dead (kind, ref, reason, since) VALUES ('task', :id, 'final', 0)"),
                {"id": number},
            )
    found = look(shop, log, tmp_path).providers
    assert found["midtrans"].dead_letters == {"final": 1}
    assert found["elsewhere"].dead_letters == {"final": 1}


def test_the_metrics_have_the_time_to_the_answer_of_this_server_and_to_the_effects_of_all(shop: Shop) -> None:
    meter = Meter(at=NOW)
    meter.kept([(0, "midtrans", "", "", "", NOW - 9, "", b"", "", "")], NOW)
    meter.sample(NOW + SECOND, refused={}, applied={})
    with writing(shop.engine) as connection:
        connection.execute(text("INSERT INTO callback_counters VALUES ('midtrans', 'applied_us:100', 3)"))
    assert latencies(shop.engine, meter) == {
        "callbacks_answer_seconds": {"midtrans": {9: 1}},
        "callbacks_apply_seconds": {"midtrans": {100: 3}},
    }
    assert latencies(shop.engine, None)["callbacks_answer_seconds"] == {}
