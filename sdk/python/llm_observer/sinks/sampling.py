"""Which events are written and sent? Those of a share of traces, whole ones; the share stands on each.

The sums on this machine are of all calls: sessions are no such sink.
"""

from collections import Counter
from collections.abc import Sequence

import msgspec

from llm_observer.event import Event
from llm_observer.sinks._spec import Sink

__all__ = ["SampledSink", "count_rate", "is_sampled", "sampled"]

_RANDOM_BITS = 64
_MAX_RATES, _OTHER = 20, "other rates"


def is_sampled(trace_id: str, rate: float) -> bool:
    """Whether a trace is among the *rate* that is kept: decided by its id, so alike in every process.

    The rule is that of OpenTelemetry's `TraceIdRatioBased`, so that an app whose traces are sampled at the
    same rate keeps the same ones.
    """
    bound = round(rate * (1 << _RANDOM_BITS))
    return int(trace_id, 16) & ((1 << _RANDOM_BITS) - 1) < bound


def sampled(events: Sequence[Event], rate: float) -> Sequence[Event]:
    """Those of *events* whose traces are among *rate*, with `sample_rate` on each if that is not all."""
    if rate >= 1:
        return events
    return [
        msgspec.structs.replace(event, sample_rate=rate)
        for event in events
        if is_sampled(event.trace_id, rate)
    ]


def count_rate(event: Event, counts: Counter[str]) -> None:
    """Count *event* by the rate of the sample that it is of, if it is of one."""
    if event.sample_rate is not None:
        rate = f"{event.sample_rate:g}"
        counts[rate if rate in counts or len(counts) < _MAX_RATES else _OTHER] += 1


class SampledSink:
    """Hands to *sink* the events of a share of traces."""

    def __init__(self, sink: Sink, rate: float) -> None:
        self.name = sink.name
        self._sink = sink
        self._rate = rate

    def write(self, events: Sequence[Event]) -> None:
        """Write those of *events* that are kept, if there are any."""
        kept = sampled(events, self._rate)
        if kept:
            self._sink.write(kept)

    def close(self) -> None:
        """Close the sink."""
        self._sink.close()
