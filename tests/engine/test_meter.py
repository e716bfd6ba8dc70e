from app.engine.callback import Callback, Row
from app.engine.latency import bucket
from app.engine.meter import AppliedMeter, Meter

SECOND = 1_000_000
START = 1_764_046_140 * SECOND


def row(provider: str, received_at: int) -> Row:
    return (0, provider, "", "", "", received_at, "", b"{}", "signature", "")


def a_group(meter: Meter, at: int, count: int, *, provider: str = "midtrans", took_us: int = 1_000) -> None:
    meter.kept([row(provider, at - took_us)] * count, at)


def test_rates_and_latencies_are_of_the_seconds_that_are_over() -> None:
    meter = Meter(at=START)
    for second in range(90):
        a_group(meter, START + second * SECOND, 10, took_us=1_000 if second < 60 else 8_000)
    now = START + 90 * SECOND
    meter.sample(now, refused={}, applied={})
    minute, hour = meter.minute(now, ["midtrans"]), meter.hour(now, ["midtrans"])
    assert (minute.seconds, minute.answered) == (60, {bucket(1_000): 300, bucket(8_000): 300})
    assert (hour.seconds, sum(hour.answered.values())) == (90, 900)
    assert meter.each_second(now, "midtrans").accepted == [10] * 60


def test_what_is_older_than_a_minute_or_an_hour_is_forgotten() -> None:
    meter = Meter(at=START)
    a_group(meter, START, 7)
    later = START + 61 * SECOND
    meter.sample(later, refused={}, applied={})
    assert meter.minute(later, ["midtrans"]).answered == {}
    assert sum(meter.hour(later, ["midtrans"]).answered.values()) == 7
    much_later = START + 3_700 * SECOND
    meter.sample(much_later, refused={}, applied={})
    assert meter.hour(much_later, ["midtrans"]).answered == {}
    assert meter.each_second(much_later, "midtrans").accepted == [0] * 60
    assert meter.totals == {"midtrans": {bucket(1_000): 7}}


def test_providers_of_one_group_are_told_apart() -> None:
    meter = Meter(at=START)
    mixed = [row("midtrans", START - 3_000), row("digiflazz", START - 2_000), row("midtrans", START - 1_000)]
    meter.kept(mixed, START)
    now = START + SECOND
    meter.sample(now, refused={}, applied={})
    assert meter.minute(now, ["midtrans"]).answered == {bucket(3_000): 1, bucket(1_000): 1}
    assert meter.minute(now, ["digiflazz"]).answered == {bucket(2_000): 1}
    assert sum(meter.minute(now, ["midtrans", "digiflazz"]).answered.values()) == 3
    assert meter.providers() == {"midtrans", "digiflazz"}


def test_what_others_count_is_taken_as_differences_and_what_was_before_us_as_none() -> None:
    meter = Meter(at=START)
    meter.sample(START, refused={"midtrans": 3}, applied={"midtrans": {80: 1_000_000}})
    meter.sample(START + SECOND, refused={"midtrans": 5}, applied={"midtrans": {80: 1_000_004, 90: 2}})
    meter.sample(START + 2 * SECOND, refused={"midtrans": 5}, applied={"midtrans": {80: 1_000_004, 90: 2}})
    found = meter.minute(START + 3 * SECOND, ["midtrans"])
    assert (found.refused, found.applied) == (5, {80: 4, 90: 2})
    assert meter.each_second(START + 3 * SECOND, "midtrans").refused[-3:] == [3, 2, 0]
    assert meter.each_second(START + 3 * SECOND, "midtrans").applied[-3:] == [0, 6, 0]


def test_counters_that_went_back_with_a_restored_state_take_nothing_away() -> None:
    meter = Meter(at=START)
    meter.sample(START, refused={}, applied={"midtrans": {80: 100}})
    meter.sample(START + SECOND, refused={}, applied={"midtrans": {80: 40}})
    meter.sample(START + 2 * SECOND, refused={}, applied={"midtrans": {80: 45}})
    assert meter.minute(START + 3 * SECOND, ["midtrans"]).applied == {80: 5}


def test_a_clock_that_is_set_back_shows_less_for_a_while_and_never_fails() -> None:
    meter = Meter(at=START)
    a_group(meter, START, 5)
    a_group(meter, START - 86_400 * SECOND, 5)
    meter.sample(START - 86_399 * SECOND, refused={}, applied={})
    assert meter.minute(START - 86_399 * SECOND, ["midtrans"]).seconds == 1
    assert sum(meter.totals["midtrans"].values()) == 10


def test_a_worker_counts_a_batch_by_provider_from_received_to_committed() -> None:
    meter = AppliedMeter()
    batch = [
        Callback(number, 0, provider, "", "", "", START + number, "", b"", "", "")
        for number, provider in enumerate(["midtrans", "midtrans", "digiflazz"])
    ]
    meter.add(batch, START + 20_000)
    meter.add(batch[:1], START + 20_000)
    assert {name: sum(counts.values()) for name, counts in meter.counts.items()} == {"midtrans": 3, "digiflazz": 1}
    assert set(meter.counts["digiflazz"]) == {bucket(19_998)}
