"""What would a prompt pay for its input, by the simulated cache? Tokens by price, and their sum."""

from collections.abc import Collection
from decimal import Decimal
from typing import NamedTuple

from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rates import Rates
from llm_observer.cache.rules import Rule
from llm_observer.cache.simulator import CacheState

__all__ = ["Charge", "charged", "cost_of"]


class Charge(NamedTuple):
    """Tokens of one prompt, by price. short, long: written, for the default lifetime and for a longer one."""

    plain: int
    read: int
    short: int
    long: int

    @property
    def total(self) -> int:
        """All of them."""
        return sum(self)


def charged(
    state: CacheState, prompt: Prompt, rule: Rule, *, tag: int, relax: Collection[str] = ()
) -> Charge:
    """Send *prompt* to the simulated cache: what it pays for, with all that it leaves written in *state*."""
    total = prompt.ends[-1]
    reading = state.read(prompt, rule, relax=relax)
    read = min(reading.tokens, total)
    split = state.split(prompt, rule, reading._replace(tokens=read))
    short = min(split.short_tokens, total - read)
    long = min(split.long_tokens, total - read - short)
    state.write(prompt, rule, tag=tag, read_tokens=None, written_tokens=None)
    return Charge(total - read - short - long, read, short, long)


def cost_of(charge: Charge, rates: Rates) -> Decimal | None:
    """In tokens of uncached input; None where a price is not known."""
    cost = Decimal(charge.plain)
    for tokens, ratio in zip(charge[1:], rates[1:], strict=True):
        if tokens and ratio is None:
            return None
        cost += tokens * ratio if ratio is not None else 0
    return cost
