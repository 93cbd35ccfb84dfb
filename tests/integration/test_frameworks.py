"""On top of the SDKs: each wire exchange of a framework is one priced event, and its results are its own.

A framework that is not installed is skipped; `scripts/sdk_matrix.py` has a set for each.
"""

import asyncio
import re
from decimal import Decimal
from typing import NamedTuple

import pytest

from integration.frameworks import CALLS, FRAMEWORKS, LITELLM, Framework, litellm_to, tool_answer
from integration.loopback import Loopback

LOOSE = pytest.mark.filterwarnings("default")
"""What a framework warns of is its own affair."""
_MOVING = re.compile(
    r"0x[0-9a-f]{6,}|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|(?<=127\.0\.0\.1:)\d+|datetime\.datetime\([^)]*\)|'?_?(created|response_ms)'?[=:] ?[\d.]+"
)
"""What differs between two runs of any program: addresses, random ids, times."""


class Use(NamedTuple):
    """One way of calling a framework. times: how often, with what to do between two calls."""

    framework: Framework
    way: str

    def results(self, server, *between):
        """What the app gets from each call, all on one event loop where the way is async."""
        made = self.framework.make(server.url)
        if self.way.startswith("async"):
            return asyncio.run(self._awaited(made, between))
        return [self._call(made), *(self._call(made, step) for step in between)]

    async def _awaited(self, made, between):
        return [await self._call(made), *[await self._call(made, step) for step in between]]

    def _call(self, made, before=lambda: None):
        before()
        return self.framework.ways[self.way](made)

    @property
    def answer(self):
        make = self.framework.stream if self.way.endswith("stream") else self.framework.answer
        return make(self.framework.sdk)


@pytest.fixture(params=CALLS, ids=lambda call: f"{call[0]}: {call[1]}")
def use(request):
    name, way = request.param
    pytest.importorskip(FRAMEWORKS[name].package)
    return Use(FRAMEWORKS[name], way)


def told(value):
    """*value* in words: types and all that they show, without what moves."""
    items = value if isinstance(value, list | tuple) else [value]
    return [_MOVING.sub("~", f"{type(item).__module__}.{type(item).__qualname__} {item!r}") for item in items]


@LOOSE
def test_each_wire_exchange_is_one_priced_event(use, events):
    with Loopback(use.answer) as server:
        assert all(use.results(server))
        assert len(events.calls) == len(server.requests) == 1
    (call,) = events.calls
    tokens = call["tokens"]
    assert (call["sdk"], call["operation"], call["ending"]) == (use.framework.sdk, "chat", "complete")
    assert (tokens["input_total"], tokens["cache_read"], tokens["output"]) == (12, 4, 5)
    assert Decimal(call["cost"]["total_usd"]) > 0
    assert call["is_stream"] == (("content-type", "text/event-stream") in use.answer.headers)


@LOOSE
def test_the_results_are_the_frameworks_own(use, unpatched):
    with Loopback(use.answer) as server:
        without, with_us = map(told, use.results(server, unpatched.patch))
        assert with_us == without
        assert (len(server.requests), len(unpatched.calls)) == (2, 1)


@LOOSE
def test_the_call_site_is_no_line_of_a_framework(use, events):
    with Loopback(use.answer) as server:
        use.results(server)
    (call,) = events.calls
    site = call.get("call_site")
    assert site is None or site["file"].endswith("frameworks.py")


@LOOSE
@pytest.mark.parametrize("way", LITELLM)
def test_litellm_calls_anthropic_by_itself_and_that_is_not_observed(way, events):
    pytest.importorskip("litellm")
    use = Use(Framework("litellm", "anthropic", litellm_to("anthropic/claude-sonnet-4-6"), LITELLM), way)
    with Loopback(use.answer) as server:
        assert all(use.results(server))
        assert len(server.requests) == 1
    assert events.calls == []


@LOOSE
@pytest.mark.parametrize("sdk", ["openai", "anthropic"])
def test_each_try_of_instructor_is_an_event(sdk, events):
    pytest.importorskip("instructor")
    use = Use(FRAMEWORKS[f"instructor on {sdk}"], "call")
    with Loopback(tool_answer(sdk, {"people": 7}), tool_answer(sdk)) as server:
        ((_, city),) = use.results(server)
        assert city == {"name": "Bern", "people": 134000}
        assert len(events.calls) == len(server.requests) == 2
