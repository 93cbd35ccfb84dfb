"""What passes the guard is the app's: what it swallows is ours, counted."""

import functools
import signal

import pytest

from llm_observer.guard import caught, guard, strict


class TooLongError(Exception):
    """Of the app."""


def over(number, frame):
    raise TooLongError


class Limit:
    def __call__(self, number, frame):
        raise TooLongError

    def over(self, number, frame):
        raise TooLongError


@pytest.fixture(autouse=True)
def _as_in_an_app(_faults_pass):
    strict(False)


def test_a_fault_of_ours_is_swallowed_and_counted():
    with guard("a step"):
        raise TooLongError
    assert caught()["a step:TooLongError"] == 1


@pytest.mark.skipif(not hasattr(signal, "SIGUSR1"), reason="no such signal on this system")
@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(over, id="function"),
        pytest.param(Limit(), id="object"),
        pytest.param(Limit().over, id="method"),
        pytest.param(functools.partial(over), id="partial"),
    ],
)
def test_a_time_limit_of_the_app_that_strikes_in_our_code_is_not_ours(handler):
    known = caught().get("another step:TooLongError", 0)
    before = signal.signal(signal.SIGUSR1, handler)
    try:
        with pytest.raises(TooLongError), guard("another step"):
            signal.raise_signal(signal.SIGUSR1)
        with guard("another step"):
            raise TooLongError
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert caught()["another step:TooLongError"] - known == 1
