"""Every recorded exchange goes through the real SDKs: the app sees no difference, the events are exact.

Each exchange is made twice, unpatched and patched, in a sync and an async way chosen by its id; one of
sixteen in every way. Every stream is also left early once. What the app got is compared line by line,
what was sent byte by byte, and each event with the ground truth.
"""

import asyncio
import contextvars
import copy
import gc
from itertools import product

import pytest

import llm_observer
from integration.playing import LEAVES, READERS, Play, play, run_plainly
from integration.recordings import ALL, SOME, answer_of, recorded, source_files
from integration.sdks import SDK_OF, client_on, codings, missing, transport_module
from integration.sending import arguments_of, plan
from integration.transports import transports
from integration.truth import differences

pytestmark = [
    pytest.mark.timeout(600),
    # The SDKs warn of models and methods that have grown old since they were recorded.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    # The transport's own generators of streams that are left: Python may close one in two threads at once.
    pytest.mark.filterwarnings("ignore:.*<async_generator object BoundAsyncStream.__aiter__"),
]
SURFACES = ("plain", "raw", "streaming")
_OWN_HEADERS = {"authorization", "x-amz-date", "content-type", "content-length"}
"""Headers of a request that differ from one call to the next: signatures, and the borders of a form."""


class Player:
    """Makes the calls: one client per base URL, one event loop for all."""

    def __init__(self):
        self._clients = {}
        self._answer = None
        self._loop = asyncio.Runner()

    def close(self):
        self._loop.close()

    def play(self, plan, how, answer, *, is_async):
        """What the app gets, and what went over the wire."""
        client, deliveries = self._client(plan, is_async=is_async)
        self._answer, arguments = answer, arguments_of(plan)
        given = copy.deepcopy(arguments)
        playing = play(client, plan, how, arguments)
        # The runner has a context of its own, in which `observe()` around this call is not seen.
        here = contextvars.copy_context()
        lines = self._loop.run(playing, context=here) if is_async else run_plainly(playing)
        assert arguments == given, "the app's own arguments were changed"
        return lines, deliveries.pop() if deliveries else None

    def play_all(self, plays):
        """What each of *plays* gave, in order; their number is on the events."""
        results = []
        for number, (_, made, answer, how, is_async) in enumerate(plays):
            with llm_observer.observe(play=number):
                results.append(self.play(made, how, answer, is_async=is_async))
        for _ in range(4):  # nested async generators are freed from the outermost to the innermost
            gc.collect()
            self._loop.run(_ticks(8))
        return results

    def _client(self, plan, *, is_async):
        key = (plan.kind, *sorted(plan.client.items()), is_async)
        if key not in self._clients:
            made = transports(transport_module(SDK_OF[plan.kind]), lambda received: self._answer)
            transport = made.asynchronous if is_async else made.sync
            client = client_on(plan.kind, transport, is_async=is_async, **plan.client)
            self._clients[key] = client, made.deliveries
        return self._clients[key]


async def _ticks(count):
    for _ in range(count):
        await asyncio.sleep(0)


@pytest.fixture(scope="module")
def player():
    player = Player()
    yield player
    player.close()


def ways(one, *, every):
    """How the app goes about the calls of *one*: (play, is_async)."""
    rng = one.random("ways")
    readers = {surface: rng.choice(READERS) for surface in SURFACES}
    all_ways = [
        (Play(surface, readers[surface]), is_async) for surface, is_async in product(SURFACES, (False, True))
    ]
    if every or rng.random() < 1 / 16:
        return all_ways
    return [rng.choice(all_ways[::2]), rng.choice(all_ways[1::2])]


def ways_to_leave(one, *, every):
    """How the app leaves the stream of *one* early."""
    rng = one.random("leave")
    found = [
        (Play(surface, "parse", leave, rng.randint(1, 8)), is_async)
        for surface, leave, is_async in product(SURFACES, LEAVES, (False, True))
    ]
    return found if every else [rng.choice(found)]


def plays_of(folder, name, *, every):
    """Every call to make of one file of recordings: (recorded, plan, answer, play, is_async)."""
    plays = []
    for one in recorded(folder, name):
        made = plan(one.exchange, one.truth["wire"])
        if missing(made.kind):
            continue
        answer = answer_of(one, codings(SDK_OF[made.kind]))
        found = ways(one, every=every)
        if one.truth["is_stream"] and made.is_stream:
            found += ways_to_leave(one, every=every)
        plays += [(one, made, answer, how, is_async) for how, is_async in found]
    return plays


def compared(player, plays, events):
    """Make all *plays* unpatched, then patched: what differs, and what went over the wire."""
    llm_observer.unpatch()
    bare = player.play_all(plays)
    events.patch()
    patched = player.play_all(plays)
    llm_observer.unpatch()
    unlike = [number for number in range(len(plays)) if any(_unlike(bare[number], patched[number]))]
    # openai 1.66 itself builds some types otherwise the second time: the later bare call decides.
    again = player.play_all([plays[number] for number in unlike])
    wrong = [
        (number, "app", *pair)
        for number, once_more in zip(unlike, again, strict=True)
        for pair in _unlike(once_more, patched[number])
    ]
    return wrong, [delivery for _, delivery in patched]


def _unlike(bare, patched):
    """Pairs of what was and what became, if they are not the same."""
    (lines, delivery), (lines_now, delivery_now) = bare, patched
    if lines != lines_now:
        yield next(
            (pair for pair in zip(lines, lines_now, strict=False) if pair[0] != pair[1]), (lines, lines_now)
        )
    if _sent(delivery) != _sent(delivery_now):
        yield _sent(delivery), _sent(delivery_now)
    if (delivery.sent, delivery.is_closed) != (delivery_now.sent, delivery_now.is_closed):
        yield (len(delivery.sent), delivery.is_closed), (len(delivery_now.sent), delivery_now.is_closed)


def _sent(delivery):
    received = delivery.received
    kept = {name: value for name, value in received.headers if name not in _OWN_HEADERS}
    is_form = any("boundary=" in value for _, value in received.headers)
    return received.method, received.path, kept, len(received.body) if is_form else received.body


def judged(plays, deliveries, events):
    """What the events say that is not true."""
    said = {}
    for event in events:
        said.setdefault(event["attributes"]["play"], []).append(event["llm_call"])
    wrong = [(n, "events", 1, len(said.get(n, ()))) for n in range(len(plays)) if len(said.get(n, ())) != 1]
    for number, (one, _, _, how, _) in enumerate(plays):
        is_left = how.leave is not None or (how.surface == "streaming" and how.reader == "nothing")
        for call in said.get(number, ()):
            found = differences(one, call, deliveries[number], is_left=is_left)
            wrong += [(number, *difference) for difference in found]
    return wrong


def replay(player, events, plays, note):
    wrong, deliveries = compared(player, plays, events)
    wrong += judged(plays, deliveries, events)
    note(len(plays) - len({number for number, *_ in wrong}), len(plays))
    shown = [f"{plays[n][0].id} {_way(plays[n])} {name}: must be {a!r}, is {b!r}" for n, name, a, b in wrong]
    assert not shown, "\n".join([f"{len(shown)} differences", *shown[:50]])


def _way(play):
    _, made, _, how, is_async = play
    parts = (made.kind, made.route, "async" if is_async else "sync", how.surface, how.reader, how.leave)
    return " ".join(part for part in parts if part)


@pytest.mark.slow
@pytest.mark.skipif(not ALL.is_dir(), reason="the whole set of recordings is not beside the repository")
@pytest.mark.parametrize("name", source_files(ALL))
def test_every_recorded_exchange_is_unchanged_and_exact(name, player, events, record_property):
    plays = plays_of(ALL, name, every=False)
    replay(player, events, plays, lambda exact, of: record_property(name, (exact, of)))


@pytest.mark.skipif(not SOME.is_dir(), reason="no recordings in tests/data")
@pytest.mark.parametrize("name", source_files(SOME))
def test_each_exchange_in_the_repository_is_exact_in_every_way(name, player, events, record_property):
    plays = plays_of(SOME, name, every=True)
    replay(player, events, plays, lambda exact, of: record_property(f"tests/data {name}", (exact, of)))
