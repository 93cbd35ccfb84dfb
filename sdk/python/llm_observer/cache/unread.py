"""Is a shared beginning written to the cache again and again, and never read?

Where a breakpoint stands behind the part that differs from call to call, every call pays the premium of a
write for the whole prompt, and no later call finds it. OpenAI has that from GPT-5.6 on, with nothing asked
for (openai/codex#37674: 6.7 million tokens written in 76 calls, none read); Anthropic with a breakpoint on
the last message only.
"""

from collections import OrderedDict

from llm_observer.cache.baseline import head_of
from llm_observer.cache.case import Case
from llm_observer.cache.loss import Loss, Reach
from llm_observer.cache.simulator import RELAXABLE, CacheState

__all__ = ["UnreadWrites"]

REPEATED = 2
"""From so many such calls on, the next one is a finding: one write may well be read later."""
MAX_HEADS = 1024
RULES = frozenset({"anthropic", "openai_breakpoints"})
"""Rules under which a write costs extra, or is asked for."""


class UnreadWrites:
    """Counts, by the beginning of a prompt, the calls that shared it with an earlier one and read nothing."""

    def __init__(self) -> None:
        self._counts: OrderedDict[int, int] = OrderedDict()

    def looked_at(self, case: Case, found: Reach, state: CacheState) -> Reach:
        """*found*, or the loss of the shared beginning where that was lost before."""
        tokens = case.call.tokens
        if case.rule.id not in RULES or tokens is None or not tokens.cache_write:
            return found
        shared = state.read(case.prompt, case.rule, relax=RELAXABLE).tokens
        if shared < case.rule.minimum:
            return found
        head = head_of(case.scope, case.pieces.facts)
        count = self._counts[head] = self._counts.get(head, 0) + 1
        self._counts.move_to_end(head)
        if len(self._counts) > MAX_HEADS:
            self._counts.popitem(last=False)
        if count < REPEATED:
            return found
        return found._replace(ideal=shared, losses=[Loss("unread_writes", shared, is_paid=True)])
