"""The kept bytes of an exchange: everything while there is room, both ends past the bounds, never more."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm_observer.capture.budget import Budget
from llm_observer.capture.kept import KeptBody

MIB = 1024 * 1024
CHUNKS = st.lists(st.binary(min_size=1, max_size=300_000), max_size=30)


def kept(chunks, *, limit=8 * MIB, total=24 * MIB):
    body = KeptBody(Budget(total), limit)
    for chunk in chunks:
        body.add(chunk)
    return body


@given(CHUNKS)
def test_what_fits_is_kept_byte_for_byte(chunks):
    body = kept(chunks, limit=64 * MIB, total=64 * MIB)
    assert (b"".join(body.parts()), body.state) == (b"".join(chunks), "kept")


@given(CHUNKS, st.integers(100_000, 2 * MIB))
def test_past_the_bound_both_ends_are_kept_and_no_more_than_the_bound(chunks, limit):
    body, whole = kept(chunks, limit=limit), b"".join(chunks)
    got = b"".join(body.parts())
    assert len(got) <= max(limit, 64 * 1024) + 2 * 64 * 1024
    if body.state == "truncated":
        assert whole.startswith(body.parts()[0])
        assert whole.endswith(got[len(body.parts()[0]) :][-1000:])
    else:
        assert got == whole


def test_a_body_in_memory_is_kept_by_reference():
    answer = bytes(1000)
    body = KeptBody(Budget(MIB), MIB)
    body.hold(b"request", answer)
    assert any(part is answer for part in body.parts())
    assert body.request_body == b"request"


def test_a_request_too_large_costs_the_request_never_the_answer():
    body = KeptBody(Budget(24 * MIB), 8 * MIB)
    body.hold(b"m" * (9 * MIB), b"answer")
    assert (b"".join(body.parts()), body.state) == (b"answer", "kept")
    assert (len(body.request_body), body.request_state) == (4096, "truncated")


def test_an_answer_too_large_keeps_its_ends():
    body = KeptBody(Budget(24 * MIB), 8 * MIB)
    body.hold(b"request", b"a" * (9 * MIB) + b"usage at the end")
    assert body.state == "truncated"
    assert b"".join(body.parts()).endswith(b"usage at the end")
    assert body.request_body == b"request"


RESULT = b'{"id": "batch_req_1", "custom_id": "a", "response": {}}\n'


def test_a_file_of_batch_results_in_memory_is_kept_whole_as_far_as_the_budget_goes():
    answer = RESULT * (9 * MIB // len(RESULT))
    body = KeptBody(Budget(24 * MIB), 8 * MIB)
    body.hold(None, answer)
    assert body.state == "kept"
    assert any(part is answer for part in body.parts())
    poor = KeptBody(Budget(MIB), 8 * MIB)
    poor.hold(None, answer)
    assert poor.state == "truncated"


def test_what_names_an_id_later_on_is_no_file_of_results():
    body = KeptBody(Budget(24 * MIB), 8 * MIB)
    body.hold(None, b'{"text": "' + b"a" * (9 * MIB) + RESULT)
    assert body.state == "truncated"


@pytest.mark.parametrize("count", [3, 50])
def test_all_exchanges_together_stay_within_the_total(count):
    budget = Budget(4 * MIB)
    bodies = [KeptBody(budget, 8 * MIB) for _ in range(count)]
    for body in bodies:
        for _ in range(40):
            body.add(bytes(64 * 1024))
    edges = count * 3 * 64 * 1024
    assert sum(len(part) for body in bodies for part in body.parts()) <= 4 * MIB + edges


def test_what_is_given_back_can_be_taken_again():
    budget = Budget(MIB)
    for _ in range(100):
        body = KeptBody(budget, MIB)
        body.hold(bytes(500_000), bytes(500_000))
        assert body.state == "kept"
        body.release()
        body.release()
    assert budget.take(MIB)
    assert not budget.take(1)
