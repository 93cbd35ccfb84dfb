"""Events of an agent app: three call sites, five models, conversations with pauses, breakers. Seeded."""

import random
from dataclasses import dataclass, field
from decimal import Decimal

from llm_observer.cache.kinds import advice_for, docs_url
from llm_observer.call import CallSite, Cost, ErrorInfo, LLMCall, SegmentPrint, Timing, Tokens
from llm_observer.call_cache import Breakpoint, CacheUse, Cause, Finding
from llm_observer.event import Event, Sdk, Service, rfc3339

START_S = 1_795_251_600
"""2026-11-21, nine in the morning, UTC."""
TTL_S = 300
PRICES = {
    "claude-opus-5-20260801": ("anthropic", "5", "0.5", "6.25", "25"),
    "claude-sonnet-5-20260401": ("anthropic", "3", "0.3", "3.75", "15"),
    "gpt-5.6": ("openai", "2", "0.2", "2.5", "12"),
    "gpt-4.1-mini": ("openai", "0.4", "0.1", "0.4", "1.6"),
}
"""Provider, then dollars for a million tokens: input, cache read, cache write, output."""
AGENT = CallSite(file="app/agent.py", line=42, function="plan_step")
CHAT = CallSite(file="app/support/chat.py", line=118, function="reply")
NIGHTLY = CallSite(file="app/jobs/summarize.py", line=57, function="summarize_page")


@dataclass
class Talk:
    """A conversation as it goes on."""

    site: CallSite
    model: str
    key: str
    segments: list = field(default_factory=list)
    last_id: str | None = None
    at_s: float = 0.0


class App:
    """Makes the events, with ids and times of its own."""

    def __init__(self, seed=7):
        self.random = random.Random(seed)
        self.events = []

    def hex(self, digits):
        return f"{self.random.getrandbits(digits * 4):0{digits}x}"

    def event(self, at_s, instance, call):
        millis = f"{int(at_s * 1000):012x}"
        return Event(
            schema_version="1.1",
            event_id=f"{millis[:8]}-{millis[8:]}-7{self.hex(3)}-8{self.hex(3)}-{self.hex(12)}",
            type="llm_call",
            time=rfc3339(int(at_s * 1e6) * 1000),
            trace_id=self.hex(32),
            span_id=self.hex(16),
            service=Service(name="helpdesk", instance=instance),
            sdk=Sdk(name="llm_observer", version="1.0.0"),
            llm_call=call,
        )

    def head(self, tools, *systems):
        sizes = [(f"tools[{at}]", "tool", self.random.randint(160, 420)) for at in range(tools)]
        return sizes + [(f"system[{at}]", "system", size) for at, size in enumerate(systems)]

    def call(self, talk, new, breaker=None, *, luck=True, instance="web-1"):
        """One call: *new* segments behind the talk's own. breaker: a finding's kind and its segment."""
        before, talk.segments = talk.segments, [*talk.segments, *new]
        sizes = [size for _, _, size in talk.segments]
        total, ideal = sum(sizes), sum(size for _, _, size in before)
        at = len(before) if breaker is None else breaker[1]
        kind = None if breaker is None else breaker[0]
        reusable = ideal if kind == "ttl_expired" else sum(sizes[: min(at, len(before))])
        actual = 0 if kind == "ttl_expired" else reusable if luck else 0
        cache = self.use(talk, before, (kind, at), (ideal, reusable, actual))
        self.emit(talk, cache, (total, actual), talk.segments[cache.kept_segments or 0 :], instance)

    def use(self, talk, before, breaker, counts):
        (kind, at), (ideal, reusable, actual) = breaker, counts
        missed = max(0, ideal - actual)
        price = Decimal(PRICES[talk.model][1]) - Decimal(PRICES[talk.model][2])
        usd = f"{price * missed / 1_000_000:f}"
        cause = kind or "routing"
        found = [self.finding(talk, kind, at, missed, usd)] if kind else []
        verdicts = {
            None: "hit" if not missed else "unexplained",
            "ttl_expired": "ttl",
            "compaction": "compaction",
        }
        return CacheUse(
            verdict=verdicts.get(kind, "partial" if actual else "breaker") if before else "first",
            rule="anthropic" if talk.model.startswith("claude") else "openai",
            ideal_tokens=ideal,
            reusable_tokens=reusable,
            actual_tokens=actual,
            ideal_label="calibrated" if before else "exact",
            reusable_label="calibrated",
            actual_label="exact",
            missed_tokens=missed,
            missed_usd=usd,
            causes=(Cause(kind=cause, tokens=missed, usd=usd),) if missed else (),
            findings=tuple(found),
            similarity=sum(size for _, _, size in before[:at]) / max(1, ideal) if before else None,
            conversation=talk.key,
            extends=talk.last_id,
            kept_segments=min(at, len(before)) if before else None,
            breakpoints=(Breakpoint(segment=len(talk.segments) - 1, ttl_s=TTL_S),),
        )

    def finding(self, talk, kind, at, missed, usd):
        place = PLACES.get(kind, {})
        return Finding(
            kind=kind,
            path=talk.segments[at][0] if place is not None and at < len(talk.segments) else None,
            confidence=self.random.choice((0.9, 0.95, 0.98)) if missed else 0.3,
            tokens=missed,
            usd=usd,
            advice=advice_for(kind),
            docs=docs_url(kind),
            **(place or {}),
        )

    def emit(self, talk, cache, counts, segments, instance):
        total, actual = counts
        provider, *prices = PRICES[talk.model]
        output = self.random.randint(60, 900)
        write = total - actual if provider == "anthropic" else 0
        amounts = [
            f"{Decimal(price) * count / 1_000_000:f}"
            for price, count in zip(prices, (total - actual - write, actual, write, output), strict=True)
        ]
        call = LLMCall(
            provider=provider,
            wire=provider,
            operation="chat",
            model_requested=talk.model,
            model_responded=talk.model,
            status=200,
            tokens=Tokens(input_total=total, cache_read=actual, cache_write=write, output=output),
            cost=cost_of(amounts),
            timing=Timing(duration_ms=float(self.random.randint(700, 9000))),
            segments=tuple(self.segment(*segment) for segment in segments),
            segment_count=len(talk.segments),
            call_site=talk.site,
            cache=cache,
        )
        event = self.event(talk.at_s, instance, call)
        talk.last_id = event.event_id
        self.events.append(event)

    def segment(self, path, kind, size):
        return SegmentPrint(
            path=path, kind=kind, bytes=size * 4, hash=self.hex(16), tokens=size, chain=self.hex(16)
        )

    def message(self, talk):
        number = sum(path.startswith("messages") for path, _, _ in talk.segments)
        role = "user" if number % 2 == 0 else "assistant"
        return (f"messages[{number}].content", role, self.random.randint(80, 900))

    def turn(self, talk):
        """What comes with the next call: the newest message, and the answer before it."""
        return [self.message(talk)] if not talk.last_id else self.pair(talk)

    def pair(self, talk):
        first = self.message(talk)
        number = int(first[0].split("[")[1].split("]")[0]) + 1
        return [first, (f"messages[{number}].content", "user", self.random.randint(120, 1400))]


PLACES = {
    "timestamp": {"offset": 37, "line": 2, "length": 20, "shape": "9999-99-99a99:99:99a"},
    "uuid": {"offset": 412, "line": 9, "length": 36, "shape": "9a9a9999-99a9-9a99-a9a9-99a9a9a99999"},
    "ttl_expired": None,
    "model_changed": None,
    "parallel_calls": None,
}


def cost_of(amounts):
    names = ("input_usd", "cache_read_usd", "cache_write_usd", "output_usd")
    total = f"{sum(map(Decimal, amounts)):f}"
    return Cost(status="exact", total_usd=total, **dict(zip(names, amounts, strict=True)))


def agent_loops(app):
    """A clock in the system prompt, and tools that come in another order now and then."""
    for number in range(11):
        model = "claude-opus-5-20260801" if number % 3 == 0 else "claude-sonnet-5-20260401"
        talk = Talk(AGENT, model, app.hex(16), at_s=START_S + number * 1900 + app.random.randint(0, 900))
        app.call(talk, [*app.head(8, 2600, 900), *app.turn(talk)], instance=f"web-{number % 2}")
        for _ in range(app.random.randint(8, 15)):
            talk.at_s += app.random.uniform(8, 70)
            broken = app.random.choices([("timestamp", 8), ("tool_order", 2), None], [0.42, 0.06, 0.52])[0]
            app.call(talk, app.pair(talk), broken, instance=f"web-{number % 2}")


def support_chats(app):
    """People who come back after the cache is gone."""
    for number in range(18):
        talk = Talk(CHAT, "gpt-5.6", app.hex(16), at_s=START_S + number * 1150 + app.random.randint(0, 600))
        app.call(talk, [*app.head(3, 1900), *app.turn(talk)], instance="web-1")
        for _ in range(app.random.randint(2, 8)):
            pause_s = app.random.expovariate(1 / 210)
            talk.at_s += pause_s
            settled = ("ttl_expired", len(talk.segments)) if pause_s > TTL_S else None
            last = len(talk.segments) - 1
            other = app.random.choices(
                [None, ("message_lengthened", last), ("tool_result_trimmed", last)], [0.84, 0.1, 0.06]
            )[0]
            app.call(talk, app.pair(talk), settled or other, luck=app.random.random() > 0.06)


def nightly_pages(app):
    """One call for each page, with an id of the run in front of the instructions."""
    talk = Talk(NIGHTLY, "gpt-4.1-mini", app.hex(16), at_s=START_S + 21_000)
    app.call(talk, [*app.head(0, 3100), *app.turn(talk)], instance="jobs-1")
    for _ in range(82):
        talk.at_s += app.random.uniform(2, 20)
        talk.segments = talk.segments[:1]
        app.call(talk, app.turn(Talk(NIGHTLY, "", "")), ("uuid", 0) if app.random.random() < 0.8 else None)


def without_verdicts(app):
    """Calls that failed, one model without a price, and some that no doctor saw."""
    base = {"provider": "openai", "wire": "openai", "operation": "chat", "call_site": CHAT}
    for number in range(9):
        status = Cost(status="unknown_model") if number % 3 else Cost(status="not_billed", total_usd="0")
        failed = {} if number % 3 else {"error": ErrorInfo(type="rate_limit_error"), "status": 429}
        counts = {"tokens": Tokens(input_total=900, output=50)} if number % 3 else {}
        call = LLMCall(**base, model_requested="gpt-next-preview", cost=status, **failed, **counts)
        app.events.append(app.event(START_S + number * 2000, "web-1", call))


def agent_app(seed=7):
    """All events of the app, in the order of time."""
    app = App(seed)
    for part in (agent_loops, support_chats, nightly_pages, without_verdicts):
        part(app)
    return sorted(app.events, key=lambda event: event.time)
