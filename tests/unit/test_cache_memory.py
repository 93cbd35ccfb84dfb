"""Which earlier call does a prompt go on from? Found by its prefix, in memory that stays within its bound."""

import gc

import pytest

from diagnosing import CLAUDE, HASHER, START_S, Clinic, counted, exchange, facts_of, said, words
from llm_observer.adapters import decode
from llm_observer.cache.baseline import anchors_of, baseline_of
from llm_observer.cache.doctor import CacheDoctor
from llm_observer.cache.memory import Conversation, Memory
from reachable import memory_of, reachable

SCOPE = 7


def prompt(*numbers):
    """Facts, keys and stable keys of a request of these messages."""
    messages = [said("user", words(40, seed=number)) for number in numbers]
    facts = facts_of({"model": CLAUDE, "system": words(80), "messages": messages})
    keys, key = [], SCOPE
    for piece in facts:
        key = hash((key, piece.content)) & (2**60 - 1)
        keys.append(key)
    return facts, keys, [key ^ 1 for key in keys]


def put(memory, numbers, line=None, kept=0):
    """*memory* with a line of these messages."""
    facts, keys, stable = prompt(*numbers)
    line = Conversation("c") if line is None else line
    line.replace(facts, keys, stable, kept)
    line.anchors = anchors_of(SCOPE, facts)
    memory.keep(line, kept)
    return line


def found(memory, *numbers):
    """The line of a prompt, how many pieces of it are kept, and whether it goes on from its end."""
    facts, keys, stable = prompt(*numbers)
    base = baseline_of(memory, SCOPE, keys, stable, facts)
    return None if base is None else (base.line, base.kept, base.is_successor)


def test_a_prompt_finds_the_line_that_it_goes_on_from():
    memory = Memory()
    line = put(memory, (1, 2))
    put(memory, (50, 51))
    assert found(memory, 1, 2, 3) == (line, 3, True)


def test_the_longest_prefix_wins():
    memory = Memory()
    put(memory, (1, 2))
    longer = put(memory, (1, 2, 3, 4))
    assert found(memory, 1, 2, 3, 4, 5) == (longer, 5, True)


def test_an_empty_memory_has_no_baseline():
    assert found(Memory(), 1) is None


def test_a_branch_keeps_the_pieces_that_it_shares():
    memory = Memory()
    line = put(memory, (1, 2, 3, 4))
    assert found(memory, 1, 2, 99) == (line, 3, False)


def test_a_fork_leaves_its_line_as_it_is():
    memory = Memory()
    line = put(memory, (1, 2, 3, 4))
    fork = line.fork(line.key, 3)
    put(memory, (1, 2, 99), fork, 3)
    assert found(memory, 1, 2, 3, 4, 5) == (line, 5, True)
    assert found(memory, 1, 2, 99, 100) == (fork, 4, True)
    assert (len(fork.facts), len(fork.keys), len(fork.stable)) == (4, 4, 4)
    assert len(memory) == 2


@pytest.mark.parametrize("kept", range(1, 40))
def test_a_prefix_of_a_long_line_is_found_to_the_piece(kept):
    memory = Memory()
    line = put(memory, range(39))
    _, keys, _ = prompt(*range(kept - 1), 99)
    assert memory.deepest(keys) == (kept, line)


def test_what_a_line_gave_up_is_not_found_any_more():
    memory = Memory()
    line = put(memory, (1, 2, 3))
    memory.drop(line, 2)
    put(memory, (1, 90, 91), line, 2)
    _, keys, _ = prompt(1, 2, 3)
    assert memory.deepest(keys) == (2, line)


def test_the_least_recently_used_line_goes_first():
    memory = Memory(max_bytes=12_000)
    first = put(memory, (1, 2))
    for number in range(2, 30):
        put(memory, (100 * number, 100 * number + 1))
        put(memory, (1, 2), first, 3)
    assert found(memory, 1, 2, 3) == (first, 3, True)
    assert memory.nbytes <= 12_000
    assert memory.find(prompt(200, 201)[1][-1]) is None


def test_one_line_that_is_larger_than_the_bound_stays():
    memory = Memory(max_bytes=1000)
    line = put(memory, range(20))
    assert found(memory, *range(20)) == (line, 21, True)


def test_a_memory_that_forgot_all_is_empty():
    memory = Memory(max_bytes=20_000)
    for number in range(300):
        put(memory, range(10 * number, 10 * number + 5))
    owners = set(map(id, memory._owners.values()))
    assert owners == {id(line) for line in memory._lines.values()}
    assert len(memory._owners) < 16 * len(memory)


@pytest.mark.parametrize("length", [1, 10, 100], ids=["short", "middling", "long"])
def test_the_bytes_that_it_counts_are_the_bytes_that_it_has(length):
    memory = Memory()
    for number in range(max(600 // length, 20)):
        put(memory, range(1000 * number, 1000 * number + length))
    gc.collect()
    assert 0.5 < memory.nbytes / memory_of(memory) < 2.0


# The doctor as a whole


def talked(clinic, calls, *, conversations, canary=""):
    """*calls* calls of some conversations that grow in turn."""
    for number in range(calls):
        which, turn = number % conversations, number // conversations
        messages = [
            said(("user", "assistant")[at % 2], f"{canary} {words(60, seed=1000 * which + at)}")
            for at in range(2 * turn + 1)
        ]
        body = {
            "model": CLAUDE,
            "max_tokens": 9,
            "cache_control": {"type": "ephemeral"},
            "system": f"{canary} It is {number} o'clock, 2026-11-21T12:00:{number % 60:02}Z.\n{words(400)}",
            "messages": messages,
            "tools": [{"name": "find_flight", "description": f"{canary} {words(30)}", "input_schema": {}}],
        }
        clinic.call(body, counted(written=1100 + 100 * turn))


CANARY = "Kanarienvogel Überraschung 8642097531 zwitschert"


def eights(content):
    return {content[at : at + 8] for at in range(len(content) - 7)}


def test_no_object_of_the_doctor_holds_eight_characters_of_any_prompt():
    clinic = Clinic()
    talked(clinic, 50, conversations=5, canary=CANARY)
    texts = [
        CANARY,
        words(400),
        words(30),
        *(words(60, seed=1000 * which + at) for which in range(5) for at in range(19)),
    ]
    secret = set().union(*map(eights, texts))
    secret_bytes = {part.encode() for part in secret}
    strings = [one for one in reachable(clinic.doctor) if isinstance(one, str)]
    blobs = [
        bytes(one) for one in reachable(clinic.doctor) if isinstance(one, bytes | bytearray | memoryview)
    ]
    assert len(blobs) > 50
    assert [one for one in strings if eights(one) & secret] == []
    assert [one for one in blobs if eights(one) & secret_bytes] == []


def test_the_walk_would_find_a_text_that_is_kept():
    clinic = Clinic()
    clinic.doctor._intake.kept = [CANARY.encode()]
    assert any(
        isinstance(one, bytes) and eights(one) & eights(CANARY.encode()) for one in reachable(clinic.doctor)
    )


def test_the_doctor_stays_within_its_bound_whatever_comes():
    most = 4 << 20
    doctor = CacheDoctor(HASHER, max_bytes=most)
    for number in range(500):
        messages = [said("user", words(12, seed=40 * number + at)) for at in range(24)]
        body = {
            "model": CLAUDE,
            "max_tokens": 9,
            "cache_control": {"type": "ephemeral"},
            "messages": messages,
        }
        made = exchange(body, counted(written=2000), at_s=START_S + 40 * number)
        made.event_id = str(number)
        decoded = decode(made, with_content=False)
        doctor.examine(decoded.call, decoded, made, None)
        assert doctor.nbytes <= most
    assert len(doctor._memory) < 500
    assert memory_of(doctor) < 1.5 * most


@pytest.mark.parametrize("conversations", [1, 20], ids=["one conversation", "twenty conversations"])
def test_what_the_doctor_counts_is_what_it_has(conversations):
    empty = memory_of(Clinic().doctor)
    clinic = Clinic()
    talked(clinic, 60, conversations=conversations)
    gc.collect()
    real = memory_of(clinic.doctor) - empty
    assert 0.5 < clinic.doctor.nbytes / real < 2.0
