"""Events of calls with a cache verdict, and files of them."""

from msgspec.structs import replace

from llm_observer.call import CallSite
from llm_observer.call_cache import CacheUse, Finding
from llm_observer.event import encode
from sessions import cost, event_of, tokens

APP = CallSite(file="app.py", line=42, function="ask")


def cached(ideal=1000, reusable=1000, actual=1000, *, findings=(), site=APP, paid="0.01", **fields):
    """The event of a call of 2,000 tokens, with these counts and findings; *fields* are its cache part's."""
    missed = None if ideal is None or actual is None else max(ideal - actual, 0)
    use = CacheUse(
        **{"verdict": "breaker" if findings else "hit", **fields},
        ideal_tokens=ideal,
        reusable_tokens=reusable,
        actual_tokens=actual,
        missed_tokens=missed,
        missed_usd=None if missed is None else f"{missed / 1_000_000:.6f}",
        findings=tuple(findings),
    )
    price = None if paid is None else cost(paid)
    return event_of(tokens=tokens(2000, 10), cost=price, call_site=site, cache=use)


def unpriced_miss():
    """The event of a call that missed 600 tokens, at a price that is unknown."""
    event = cached(actual=400)
    use = replace(event.llm_call.cache, missed_usd=None)
    return replace(event, llm_call=replace(event.llm_call, cache=use))


def finding(kind="timestamp", path="system[0]", *, confidence=0.99, count=600, usd="0.002", **fields):
    """A finding at offset 37 of *path*."""
    place = {"offset": 37, "line": 2, "length": 8, **fields}
    return Finding(kind=kind, path=path, confidence=confidence, tokens=count, usd=usd, **place)


def file_of(path, *events):
    """The name of a file that has *events*."""
    path.write_bytes(b"".join(encode(event) + b"\n" for event in events))
    return str(path)
