"""Is the usage of an answer counted once, however often the answer is seen?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from llm_observer.call import LLMCall, Tokens
from llm_observer.decoded import Decoded
from llm_observer.enrichers.usage_once import UsageOnce
from llm_observer.wire import Exchange, Options

EXCHANGE = Exchange(sdk="openai", options=Options(method="POST", route="/responses"), url="", started_ns=0)
USED = Tokens(input_total=3, output=1)


def marked(once, response_id="r1", *, tokens=USED, is_own=True, is_late=False, **fields):
    """The call of such an answer, as *once* leaves it."""
    exchange = replace(EXCHANGE, request_body=fields.pop("body", None), account=fields.pop("account", None))
    shape = {"provider": "openai", "wire": "openai", "operation": "responses"}
    call = LLMCall(**{**shape, "response_id": response_id, "tokens": tokens, **fields})
    return once(call, Decoded(call=call, bills_separately=is_own, is_late=is_late), exchange)


def seen(once, *args, **how):
    """Whether the usage of such an answer is told to be a repetition."""
    return marked(once, *args, **how).is_usage_repeated


def test_the_second_sight_of_an_answer_is_a_repetition():
    once = UsageOnce()
    assert [seen(once), seen(once)] == [False, True]


def test_another_request_is_another_call_whatever_id_a_test_server_gives_it():
    once = UsageOnce()
    asked = [b"one", b"two", b"two"]
    assert [seen(once, body=body) for body in asked] == [False, False, True]


def test_the_same_id_of_another_account_is_another_answer():
    once = UsageOnce()
    assert [seen(once, account="a"), seen(once, account="b"), seen(once, account="b")] == [False, False, True]


def test_answers_without_an_id_are_all_counted():
    once = UsageOnce()
    assert [seen(once, None), seen(once, None)] == [False, False]


def test_the_same_id_at_another_provider_is_another_answer():
    once = UsageOnce()
    assert [seen(once), seen(once, provider="x_ai")] == [False, False]


def test_what_is_only_fetched_is_not_counted():
    assert seen(UsageOnce(), is_own=False) is True


def test_a_background_answer_is_counted_when_it_is_polled_for_the_first_time():
    once = UsageOnce()
    created = seen(once, tokens=None)
    assert [created, seen(once, is_own=False), seen(once, is_own=False)] == [False, False, True]


def test_a_background_answer_that_another_process_asked_for_counts_once_and_says_so():
    once = UsageOnce()
    fetched = [marked(once, is_own=False, is_late=True) for _ in range(2)]
    assert [call.is_usage_repeated for call in fetched] == [False, True]
    assert [call.notes for call in fetched] == [("asked_elsewhere",), ()]


def test_a_background_answer_that_this_process_asked_for_says_nothing_of_another():
    once = UsageOnce()
    seen(once, tokens=None)
    fetched = marked(once, is_own=False, is_late=True)
    assert (fetched.is_usage_repeated, fetched.notes) == (False, ())


def test_a_poll_before_the_end_counts_nothing_and_forgets_nothing():
    once = UsageOnce()
    seen(once, tokens=None)
    seen(once, tokens=None, is_own=False)
    assert seen(once, is_own=False) is False


def test_only_the_newest_ids_are_remembered():
    once = UsageOnce(max_ids=2)
    for name in "abc":
        seen(once, name)
    assert [seen(once, "c"), seen(once, "b")] == [True, True]
    assert seen(once, "a") is False


def test_an_id_that_is_still_seen_is_not_forgotten():
    once = UsageOnce(max_ids=2)
    for name in "abac":
        seen(once, name)
    assert seen(once, "a") is True


def test_a_background_answer_that_is_polled_is_awaited_however_many_calls_go_by():
    once = UsageOnce(max_ids=2)
    seen(once, "slow", tokens=None)
    for name in "abcd":
        seen(once, name)
        seen(once, "slow", tokens=None, is_own=False)
    assert seen(once, "slow", is_own=False) is False


def test_a_stream_that_broke_before_its_usage_is_counted_when_it_is_resumed():
    once = UsageOnce()
    broken = seen(once, tokens=None, is_stream=True, ending="truncated")
    assert [broken, seen(once, is_own=False, is_stream=True)] == [False, False]


def test_a_local_answer_does_not_take_the_place_of_the_real_one():
    once = UsageOnce()
    assert [seen(once, ending="local"), seen(once), seen(once, ending="local")] == [False, False, True]


def test_the_memory_is_bounded():
    once = UsageOnce(max_ids=3)
    for number in range(100):
        seen(once, str(number), tokens=USED if number % 2 else None)
    assert len(once._seen) == 3


@given(st.lists(st.sampled_from("abcde")))
def test_each_id_is_counted_exactly_once(names):
    once = UsageOnce()
    counted = [name for name in names if not seen(once, name)]
    assert sorted(counted) == sorted(set(names))


@pytest.mark.parametrize("response_id", ["\udcff", "r" * 5000, ""])
def test_odd_ids_do_no_harm(response_id):
    assert seen(UsageOnce(), response_id) is False
