from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from app.engine.latency import BOUNDS, below, bucket, fill, least, merged, percentile_ms, total_us

A_DAY = 86_400_000_000
times = st.integers(min_value=0, max_value=A_DAY)


@given(times)
def test_a_time_lies_in_its_bucket_which_is_an_eighth_of_it_wide_at_most(us: int) -> None:
    number = bucket(us)
    assert least(number) <= us < least(number + 1)
    assert least(number + 1) - least(number) <= max(1, us / 8)


@given(times, times)
def test_buckets_ascend_with_times(one: int, other: int) -> None:
    assert (bucket(one) <= bucket(other)) or one > other


def test_what_took_less_than_nothing_or_for_ever_is_counted_all_the_same() -> None:
    assert bucket(-5) == 0
    assert bucket(2**80) == bucket(2**37)


@given(st.lists(st.integers(min_value=0, max_value=10_000_000), max_size=200), st.integers(0, 20_000_000))
def test_a_group_is_counted_as_if_each_were_looked_at(began: list[int], at: int) -> None:
    began.sort()
    found: dict[int, int] = {}
    fill(found, began, at)
    assert found == Counter(bucket(at - each) for each in began)


@given(st.lists(st.integers(min_value=0, max_value=10_000_000), max_size=50), st.integers(0, 20_000_000))
def test_where_a_clock_was_set_back_none_is_lost_or_counted_twice(began: list[int], at: int) -> None:
    found: dict[int, int] = {}
    fill(found, began, at)
    assert sum(found.values()) == len(began)


@given(st.lists(st.integers(min_value=1_000, max_value=A_DAY), min_size=1, max_size=300), st.sampled_from([0.5, 0.99]))
def test_a_percentile_is_within_6_percent_of_the_one_of_the_sorted_times(taken: list[int], share: float) -> None:
    true = sorted(taken)[max(0, -(-int(share * 100) * len(taken) // 100) - 1)]
    shown = percentile_ms(Counter(bucket(each) for each in taken), share)
    assert shown is not None
    assert abs(shown * 1_000 - true) <= true * 0.0626 + 1


def test_nothing_has_no_percentile() -> None:
    assert percentile_ms({}, 0.5) is None
    assert merged([]) == {}


@given(st.lists(times, max_size=100))
def test_bounds_for_others_are_exact_and_the_sum_is_near(taken: list[int]) -> None:
    histogram = Counter(bucket(each) for each in taken)
    assert below(histogram) == [sum(each < bound for each in taken) for bound in BOUNDS]
    assert abs(total_us(histogram) - sum(taken)) <= sum(taken) * 0.0626 + len(taken)
