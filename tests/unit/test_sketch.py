"""A sketch gives percentiles at most 1 % off, in bounded room, and merges without loss."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.sinks.sketch import ACCURACY, HIGHEST, Sketch

VALUES = st.just(0.0) | st.floats(min_value=1e-5, max_value=1e11)
SHARES = st.floats(min_value=0, max_value=1)


def sketch_of(values):
    sketch = Sketch()
    for value in values:
        sketch.add(value)
    return sketch


@given(st.lists(VALUES, min_size=1), SHARES)
def test_a_quantile_is_at_most_one_percent_off(values, share):
    true = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
    assert sketch_of(values).quantile(share) == pytest.approx(true, rel=ACCURACY * (1 + 1e-6))


@given(st.lists(VALUES), st.lists(VALUES), st.lists(SHARES, min_size=1))
def test_a_merged_sketch_is_the_sketch_of_all_values(left, right, shares):
    merged = sketch_of(left)
    merged.merge(sketch_of(right))
    both = sketch_of(left + right)
    assert merged.count == both.count == len(left) + len(right)
    assert merged.quantiles(*shares) == both.quantiles(*shares)


def test_merging_leaves_the_other_sketch_as_it_was():
    other = sketch_of([5.0])
    merged = sketch_of([1.0])
    merged.merge(other)
    merged.add(5.0)
    assert (other.count, other.quantile(1.0)) == (1, 5.0)


def test_no_value_has_no_quantile():
    assert Sketch().quantile(0.5) is None


def test_one_value_is_given_back_as_it_is():
    assert sketch_of([812.4]).quantiles(0, 0.5, 1) == (812.4, 812.4, 812.4)


def test_zero_counts_as_zero():
    assert sketch_of([0.0, 0.0, 0.0, 100.0]).quantiles(0.5, 1) == (0.0, 100.0)


def test_the_room_is_bounded_whatever_the_values():
    sketch = sketch_of(10.0**power for power in range(-300, 300))
    assert len(sketch._counts) <= 2100
    assert sketch.quantile(1.0) == pytest.approx(HIGHEST, rel=ACCURACY)


def test_infinity_is_counted():
    assert sketch_of([float("inf")]).quantile(0.5) == HIGHEST


def test_a_high_percentile_of_few_values_is_the_highest_of_them():
    expected = pytest.approx((10.0, 10_000.0), rel=ACCURACY)
    assert sketch_of([10.0, 10_000.0]).quantiles(0.5, 0.9) == expected
