"""How long things took, as counts in fixed logarithmic buckets: eight to each doubling, so a figure is 6 % off at most.

Pure. A histogram is a mapping from bucket to count; only buckets that were hit are in it. Microseconds everywhere.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from math import ceil
from typing import TypeAlias

Histogram: TypeAlias = Mapping[int, int]

_LONGEST = 2**37  # a day and a half: whatever took longer is counted as that
_EXACT = 16  # below it each bucket is one microsecond


def bucket(us: int) -> int:
    """The bucket of a time; none at all or less is 0."""
    if us < _EXACT:
        return max(us, 0)
    shift = min(us, _LONGEST).bit_length() - 4
    return (shift << 3) + (min(us, _LONGEST) >> shift)


def least(number: int) -> int:
    """The shortest time that belongs into this bucket."""
    if number < _EXACT:
        return number
    return (number & 7 | 8) << ((number >> 3) - 1)


def fill(histogram: dict[int, int], began: Sequence[int], at: int) -> None:
    """Count what began at these ascending moments and was over at `at`: a look-up for each bucket, not for each moment.

    Where a clock was set back the moments do not ascend: then some are counted in a neighbour's bucket, none twice.
    """
    start, count = 0, len(began)
    while start < count:
        found = bucket(at - began[start])
        end = count if found == 0 else max(start + 1, bisect_right(began, at - least(found), start))
        histogram[found] = histogram.get(found, 0) + end - start
        start = end


def merged(histograms: Iterable[Histogram]) -> dict[int, int]:
    """All of them in one."""
    total: dict[int, int] = {}
    for histogram in histograms:
        for number, count in histogram.items():
            total[number] = total.get(number, 0) + count
    return total


def percentile_ms(histogram: Histogram, share: float) -> float | None:
    """The time in milliseconds within which so large a share (0.99) was over; None where nothing was counted."""
    rank = ceil(share * sum(histogram.values()))
    for number in sorted(histogram):
        rank -= histogram[number]
        if rank <= 0:
            return round((least(number) + least(number + 1)) / 2_000, 3)
    return None


#: Bounds for others' histograms, in microseconds: each is the end of a bucket, so what is below it is counted exactly.
BOUNDS = tuple(2**power for power in range(9, 27))


def below(histogram: Histogram) -> list[int]:
    """How many were shorter than each of `BOUNDS`."""
    return [sum(count for number, count in histogram.items() if least(number) < bound) for bound in BOUNDS]


def total_us(histogram: Histogram) -> float:
    """The sum of all, each taken as the middle of its bucket."""
    return sum(count * (least(number) + least(number + 1)) / 2 for number, count in histogram.items())
