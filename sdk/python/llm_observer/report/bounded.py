"""How are sums kept by name in flat memory? The heaviest names stay, the others are added up in one."""

from llm_observer.sinks.cache_sums import Bounded
from llm_observer.sinks.cache_sums import Weighted as Sums

__all__ = ["Bounded", "Sums"]
