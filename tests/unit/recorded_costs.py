"""What recorded answers cost: an exchange as a client would have sent it, read and priced like a live one."""

from functools import cache

from costing import NOVEMBER, enricher, exchange
from exchanging import recorded_exchange
from integration.recordings import SOME, recorded, source_files
from llm_observer.adapters import decode
from llm_observer.enrichers.usage_once import UsageOnce


@cache
def _recordings():
    return {one.id: one for name in source_files(SOME) for one in recorded(SOME, name)}


def recorded_cost(name, settings=None):
    """The cost of the recording with the id *name*."""
    return cost_of_exchange(recorded_exchange(_recordings()[name]), settings)


def cost_of_exchange(made, settings=None, at=NOVEMBER):
    """The cost of the answer in *made*, at the prices of the day *at*."""
    made.started_ns = exchange(at).started_ns
    return Priced(settings)(made).cost


class Priced:
    """The two enrichers that price, with what they remember of earlier answers."""

    def __init__(self, settings=None):
        self._once = UsageOnce()
        self._cost = enricher(**(settings or {}))

    def __call__(self, made):
        """The call that *made* is, with its cost."""
        decoded = decode(made)
        return self._cost(self._once(decoded.call, decoded, made), decoded, made)
