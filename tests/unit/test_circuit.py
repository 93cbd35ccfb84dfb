"""When are attempts held back, and for how long?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.telemetry.circuit import Circuit, RetryBudget


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def circuit(clock):
    return Circuit(failures=3, pause_s=4.0, max_pause_s=10.0, clock=clock, rng=lambda: 0.0)


def fail(circuit, times=1):
    for _ in range(times):
        circuit.failed()


def test_it_opens_after_that_many_failures_in_a_row(circuit):
    fail(circuit, 2)
    assert circuit.state == "closed"
    fail(circuit)
    assert (circuit.state, circuit.wait_s) == ("open", 4.0)


def test_a_success_in_between_counts_anew(circuit):
    fail(circuit, 2)
    circuit.succeeded()
    fail(circuit, 2)
    assert circuit.state == "closed"


def test_after_the_pause_a_probe_may_pass_and_its_success_closes_it(circuit, clock):
    fail(circuit, 3)
    clock.now = 3.9
    assert circuit.state == "open"
    clock.now = 4.0
    assert (circuit.state, circuit.wait_s) == ("half_open", 0.0)
    assert circuit.succeeded()
    assert circuit.state == "closed"


def test_each_failed_probe_makes_a_longer_pause_up_to_a_bound(circuit, clock):
    fail(circuit, 3)
    pauses = []
    for _ in range(4):
        pauses.append(circuit.wait_s)
        clock.now += circuit.wait_s
        assert circuit.state == "half_open"
        fail(circuit)
    assert pauses == [4.0, 8.0, 10.0, 10.0]


def test_pauses_start_short_again_after_a_success(circuit, clock):
    fail(circuit, 3)
    clock.now += circuit.wait_s
    fail(circuit)
    clock.now += circuit.wait_s
    circuit.succeeded()
    fail(circuit, 3)
    assert circuit.wait_s == 4.0


def test_a_quarter_of_the_pause_is_random(clock):
    circuit = Circuit(failures=1, pause_s=4.0, clock=clock, rng=lambda: 1.0)
    fail(circuit)
    assert circuit.wait_s == 3.0


def test_what_the_receiver_asks_for_holds_even_without_failures(circuit, clock):
    circuit.hold(600)
    assert (circuit.state, circuit.wait_s) == ("open", 600)
    circuit.hold(5)
    assert circuit.wait_s == 600
    clock.now = 600
    assert circuit.state == "half_open"


def test_a_success_says_whether_it_ended_an_outage(circuit):
    assert circuit.succeeded() is False
    fail(circuit, 3)
    assert circuit.succeeded() is True
    assert circuit.succeeded() is False


@given(st.lists(st.booleans(), max_size=400))
def test_retries_are_at_most_a_tenth_of_the_deliveries_beyond_the_first_ten(wants_retries):
    budget, retries = RetryBudget(), 0
    for wants in wants_retries:
        budget.earn()
        retries += wants and budget.spend()
    assert retries <= 10 + len(wants_retries) * 0.1 + 1e-6


def test_a_budget_that_is_used_up_allows_one_retry_per_ten_deliveries():
    budget = RetryBudget()
    assert sum(budget.spend() for _ in range(20)) == 10
    allowed = []
    for _ in range(40):
        budget.earn()
        allowed.append(budget.spend())
    assert 3 <= sum(allowed) <= 4
