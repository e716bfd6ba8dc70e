from app.engine.trend import Trend, Trends

NOW = 29_400_769


def test_a_few_failures_are_no_matter_whatever_was_before() -> None:
    assert not Trend(recent=19, before=0).rises()
    assert Trend(recent=20, before=0).rises()


def test_what_was_as_frequent_in_the_hour_before_does_not_rise() -> None:
    assert not Trend(recent=100, before=12 * 100).rises()
    assert not Trend(recent=300, before=12 * 100).rises()
    assert Trend(recent=301, before=12 * 100).rises()


def test_it_is_over_when_it_fell_back_and_not_when_the_hour_before_caught_up() -> None:
    assert not Trend(recent=500, before=6_000).is_over(before_it_rose=0)
    assert Trend(recent=9, before=6_000).is_over(before_it_rose=0)
    assert Trend(recent=150, before=6_000).is_over(before_it_rose=1_200)
    assert not Trend(recent=15, before=0).is_over(before_it_rose=0)


def test_five_minutes_are_compared_with_the_sixty_before_and_the_rest_is_forgotten() -> None:
    trends = Trends()
    for minute in range(NOW - 80, NOW + 1):
        trends.note(minute, "midtrans", 1)
    assert trends.of(NOW, "midtrans") == Trend(recent=5, before=60)
    assert trends.of(NOW + 65, "midtrans") == Trend(recent=0, before=0)
    assert trends.of(NOW, "nobody") == Trend(recent=0, before=0)
    assert trends.names() == ["midtrans"]
