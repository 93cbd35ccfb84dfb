"""How much of the input could the cache have served, and how much did it? Four counts, call by call."""

from llm_observer.sinks.funnel_sums import Funnel, FunnelSums

__all__ = ["Funnel", "FunnelSums"]
