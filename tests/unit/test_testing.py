"""Does `assert_cacheable` fail on prompts that break the cache, and on tests that test nothing?"""

import pytest

from caching import cached, finding
from llm_observer.testing import assert_cacheable
from sessions import cost, event_of, session_of


def broken(kind="timestamp", confidence=0.99):
    return cached(1000, 400, 400, findings=[finding(kind, confidence=confidence)])


def test_stable_prompts_pass():
    assert_cacheable([cached(), cached()])


def test_a_session_is_looked_at_like_its_events():
    assert_cacheable(session_of(cached()))
    with pytest.raises(AssertionError, match="could be reused"):
        assert_cacheable(session_of(broken()))


def test_the_message_has_share_place_and_advice():
    with pytest.raises(AssertionError) as failed:
        assert_cacheable([broken()])
    assert str(failed.value).splitlines() == [
        "the prompts are not cacheable",
        (
            "min-cache-ratio: 40 % of what stable prompts reuse could be reused (400 of 1,000 tokens, "
            "1 call); asked for: 80 % or more"
        ),
        "  app.py:42 ask: a time of day (timestamp) in system[0], offset 37, line 2",
        "    $0.0020, 600 tokens, seen 1 time, confidence 0.99",
        (
            "    Move the time behind the last stable block, such as into the newest user message. "
            "See docs/cache-breakers.md#timestamp"
        ),
    ]


def test_the_ratio_that_is_asked_for_can_be_lower():
    assert_cacheable([broken()], min_ratio=0.4)


def test_a_kind_that_is_refused_fails_however_good_the_ratio_is():
    with pytest.raises(AssertionError, match="1 of timestamp"):
        assert_cacheable([broken()], min_ratio=0, fail_on=("timestamp",))
    assert_cacheable([broken("uuid")], min_ratio=0, fail_on=("timestamp",))


def test_a_finding_that_is_not_sure_enough_does_not_count():
    assert_cacheable([broken(confidence=0.4)], min_ratio=0, fail_on=("timestamp",))
    with pytest.raises(AssertionError):
        assert_cacheable([broken(confidence=0.4)], min_ratio=0, fail_on=("timestamp",), min_confidence=0.4)


@pytest.mark.parametrize(
    ("events", "reason"),
    [
        ([], "no calls were observed"),
        ([event_of(cost=cost("1"))], "none with a verdict"),
        ([cached(0, 0, 0, verdict="first")], "none could have reused anything"),
        ([cached(None, None, None, verdict="unknown")], "none could have reused anything"),
    ],
    ids=["no calls", "no verdicts", "a first call", "verdict unknown"],
)
def test_a_test_that_tests_nothing_fails(events, reason):
    with pytest.raises(AssertionError, match=reason):
        assert_cacheable(events)
    with pytest.raises(AssertionError, match=reason):
        assert_cacheable(session_of(*events))


def test_no_ratio_is_needed_for_a_single_call():
    assert_cacheable([cached(0, 0, 0, verdict="first")], min_ratio=0, fail_on=("timestamp",))


def test_calls_that_a_session_no_longer_keeps_count_too():
    """The two that it keeps would pass."""
    session = session_of(*[broken() for _ in range(5)], cached(), cached(), max_calls=2)
    with pytest.raises(AssertionError) as failed:
        assert_cacheable(session)
    assert str(failed.value).splitlines() == [
        "the prompts are not cacheable",
        (
            "min-cache-ratio: 57.1 % of what stable prompts reuse could be reused (4,000 of 7,000 tokens, "
            "7 calls); asked for: 80 % or more"
        ),
        "  app.py:42 ask: a time of day (timestamp) in system[0], offset 37, line 2",
        "    $0.0100, 3,000 tokens, seen 5 times, confidence 0.99",
        (
            "    Move the time behind the last stable block, such as into the newest user message. "
            "See docs/cache-breakers.md#timestamp"
        ),
    ]


def test_a_kind_that_is_refused_is_found_among_calls_that_are_no_longer_kept():
    session = session_of(broken(), broken("uuid", confidence=0.4), cached(), max_calls=1)
    with pytest.raises(AssertionError, match="findings: 1 of timestamp"):
        assert_cacheable(session, min_ratio=0, fail_on=("timestamp", "uuid"))
    assert_cacheable(session, min_ratio=0, fail_on=("uuid", "date"))


@pytest.mark.parametrize("events", [[event_of()] * 2, [cached(0, 0, 0, verdict="first")] * 2])
def test_sums_that_test_nothing_fail_too(events):
    with pytest.raises(AssertionError, match="none"):
        assert_cacheable(session_of(*events, max_calls=1))


def test_an_unknown_kind_is_an_error_even_where_nothing_was_found():
    with pytest.raises(ValueError, match="tool_order"):
        assert_cacheable([cached()], fail_on=("timestamps",))


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan"), 80])
def test_a_share_is_from_0_to_1(share):
    with pytest.raises(ValueError, match="from 0 to 1"):
        assert_cacheable([cached()], min_ratio=share)
