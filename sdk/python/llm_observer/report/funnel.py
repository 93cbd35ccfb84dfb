"""How much of the input could the cache have served, and how much did it? Four counts, call by call."""

from llm_observer.sinks.totals import Funnel, FunnelSums

__all__ = ["Funnel", "FunnelSums"]
