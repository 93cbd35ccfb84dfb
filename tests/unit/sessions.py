"""Events of calls with given counts and cost, and sessions of them."""

from llm_observer.call import Cost, LLMCall, Timing, Tokens
from llm_observer.event import Event, Sdk, new_event_id
from llm_observer.sinks.session import Session

SHAPE = {"provider": "openai", "wire": "openai", "operation": "chat", "status": 200}


def event_of(attributes=None, model="gpt-4o", **fields) -> Event:
    """The event of a call to *model*; *fields* are the call's."""
    return Event(
        schema_version="1.0",
        event_id=new_event_id(),
        type="llm_call",
        time="2026-11-21T12:00:00.000000Z",
        trace_id="1" * 32,
        span_id="2" * 16,
        sdk=Sdk(name="llm_observer", version="0"),
        attributes=attributes or {},
        llm_call=LLMCall(**{**SHAPE, "model_responded": model, **fields}),
    )


def cost(total: str, **parts: str) -> Cost:
    """A cost that is exact; *parts* as `input="0.1"`."""
    return Cost(status="exact", total_usd=total, **{f"{part}_usd": amount for part, amount in parts.items()})


def unpriced(status: str) -> Cost:
    """A cost that is not known."""
    return Cost(status=status)


def tokens(input_total: int, output: int, **counts: int) -> Tokens:
    """Counts of a call."""
    return Tokens(input_total=input_total, output=output, **counts)


def took(duration_ms: float, **times: float) -> Timing:
    """Times of a call."""
    return Timing(duration_ms=duration_ms, **times)


def session_of(*events: Event, **settings) -> Session:
    """A session that got *events*."""
    session = Session(**settings)
    for event in events:
        session.add(event)
    return session
