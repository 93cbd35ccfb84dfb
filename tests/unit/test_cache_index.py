import gc
import sys
import tracemalloc
from array import array
from collections import OrderedDict
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from llm_observer.cache.index import PrefixIndex

TTLS = [None, 0.0, 3.0, 10.0]
MAX_BYTES = 128


class PlainIndex:
    """What the index has to equal: one entry a key, in order of use."""

    def __init__(self, max_keys):
        self.max_keys = max_keys
        self.used = OrderedDict()

    def match(self, keys, now, ttl_s):
        known = 0
        for key in keys:
            if key not in self.used or (ttl_s is not None and now - self.used[key] > ttl_s):
                break
            known += 1
        return known

    def touch(self, keys, now):
        for key in keys:
            self.used[key] = now
            self.used.move_to_end(key)
        while self.max_keys is not None and len(self.used) > self.max_keys:
            self.used.popitem(last=False)


def chained(parts):
    key = 0
    keys = []
    for part in parts:
        key = hash((key, part)) & (2**64 - 1)
        keys.append(key)
    return keys


@st.composite
def conversations(draw):
    """Prompts that start anew, grow, are cut short, or fork off an earlier one at any place."""
    prompts = [[]]
    for _ in range(draw(st.integers(1, 25))):
        start = draw(st.sampled_from(prompts))
        kept = draw(st.integers(0, len(start)))
        prompts.append(start[:kept] + draw(st.lists(st.integers(0, 2), max_size=8)))
    return [chained(prompt) for prompt in prompts]


CLOCK = st.floats(-20, 20, allow_nan=False)
CAPACITY = st.none() | st.integers(0, 40)


def assert_equal_on(prompts, capacity, data):
    index, plain = PrefixIndex(max_keys=capacity), PlainIndex(capacity)
    seen = {key for prompt in prompts for key in prompt}
    now = 0.0
    for keys in prompts:
        now += data.draw(CLOCK)
        expected = [plain.match(other, now, ttl) for other in prompts for ttl in TTLS]
        assert expected == [index.match(other, now, ttl) for other in prompts for ttl in TTLS]
        index.touch(keys, now)
        plain.touch(keys, now)
        assert len(plain.used) == len(index)
        assert {key: plain.used.get(key) for key in seen} == {key: index.last_use(key) for key in seen}


@settings(max_examples=120, deadline=None)
@given(conversations(), CAPACITY, st.data())
def test_it_answers_as_a_list_of_keys_in_order_of_use(prompts, capacity, data):
    assert_equal_on(prompts, capacity, data)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 12) | st.just(2**64 - 1), max_size=12), max_size=12), CAPACITY, st.data()
)
def test_keys_that_are_not_chained_or_occur_twice_are_counted_alike(prompts, capacity, data):
    assert_equal_on(prompts, capacity, data)


@settings(max_examples=40, deadline=None)
@given(conversations(), st.integers(1, 40))
def test_the_order_of_eviction_is_the_order_of_use(prompts, capacity):
    index, plain = PrefixIndex(max_keys=capacity), PlainIndex(capacity)
    for now, keys in enumerate(prompts):
        index.touch(keys, float(now))
        plain.touch(keys, float(now))
    order = list(plain.used)
    for stranger in range(len(order)):
        index.touch([stranger], 99.0)
        plain.touch([stranger], 99.0)
        assert [plain.used.get(key) for key in order] == [index.last_use(key) for key in order]


def test_keys_that_agree_again_after_a_difference_are_no_prefix():
    index = PrefixIndex()
    index.touch([1, 2, 3, 4, 5, 6, 7], 0.0)
    assert index.match([1, 9, 3, 4, 5, 6, 8], 0.0) == 1


def test_keys_around_one_that_is_used_alone_keep_their_order():
    index = PrefixIndex(max_keys=3)
    index.touch([1, 2, 3], 0.0)
    index.touch([2], 1.0)
    index.touch([9], 2.0)
    assert [index.last_use(key) for key in (1, 2, 3)] == [None, 1.0, 0.0]


def test_a_prompt_shares_the_prefix_of_another_conversation():
    index = PrefixIndex()
    index.touch(chained("system, hello"), 0.0)
    assert len("system, ") == index.match(chained("system, goodbye"), 1.0)


def test_a_match_changes_nothing():
    index = PrefixIndex(max_keys=2)
    index.touch([1, 2], 0.0)
    index.match([1], 5.0)
    index.touch([7], 6.0)
    assert [index.last_use(1), index.last_use(2)] == [None, 0.0]


def test_a_key_is_fresh_for_as_long_as_its_own_last_use_says():
    index = PrefixIndex()
    index.touch([1, 2, 3], 0.0)
    index.touch([1, 2], 8.0)
    assert [index.match([1, 2, 3], now, 10.0) for now in (10.0, 11.0, 19.0)] == [3, 2, 0]


def test_an_evicted_beginning_ends_the_match_until_it_is_touched_again():
    index = PrefixIndex(max_keys=3)
    index.touch([1, 2, 3, 4], 0.0)
    assert [index.match([1, 2, 3, 4], 0.0), index.last_use(4)] == [0, 0.0]
    index.touch([1], 1.0)
    assert [index.match([1, 2, 3, 4], 1.0), index.last_use(2)] == [1, None]


def test_a_cleared_index_is_as_new():
    index = PrefixIndex()
    new = index.nbytes
    index.touch([1, 2, 3], 0.0)
    index.clear()
    assert [0, None, 0, new] == [len(index), index.last_use(1), index.match([1], 0.0), index.nbytes]


@pytest.mark.parametrize("form", [list, tuple, lambda keys: array("Q", keys)], ids=["list", "tuple", "array"])
def test_any_sequence_of_numbers_will_do(form):
    index = PrefixIndex()
    index.touch(form([1, 2**64 - 1]), 0.0)
    assert index.match(form([1, 2**64 - 1, 3]), 0.0) == 2


@pytest.mark.parametrize("fill", ["one grown conversation", "many short ones", "forks"])
@pytest.mark.parametrize("capacity", [None, 3_000, 5_461, 5_500, 9_000])
def test_a_key_takes_no_more_than_128_bytes_and_nbytes_says_so(fill, capacity):
    prompts = list(some_prompts(fill))
    gc.collect()
    tracemalloc.start()
    index = PrefixIndex(max_keys=capacity)
    for now, keys in enumerate(prompts):
        index.touch(array("Q", keys), float(now))
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert held <= MAX_BYTES * len(index)
    assert held == pytest.approx(index.nbytes, rel=0.05)


def some_prompts(fill):
    random = Random(5)
    if fill == "one grown conversation":
        keys = [random.getrandbits(64) for _ in range(15_000)]
        return (keys[:end] for end in range(0, len(keys), 50))
    if fill == "many short ones":
        return ([random.getrandbits(64) for _ in range(20)] for _ in range(1_000))
    trunk = [random.getrandbits(64) for _ in range(200)]
    return (trunk[: random.randrange(200)] + [random.getrandbits(64) for _ in range(20)] for _ in range(800))


def test_a_growing_conversation_costs_what_is_new():
    """Counted in lines run, which are the same on any machine."""
    index = PrefixIndex()
    keys = chained(range(5_000))
    index.touch(keys[:-1], 0.0)
    lines, other_tracer = 0, sys.gettrace()

    def count(frame, event, argument):
        nonlocal lines
        lines += 1
        return count

    sys.settrace(count)
    index.touch(keys, 1.0)
    index.match(keys, 1.0)
    sys.settrace(other_tracer)
    assert lines < 100
