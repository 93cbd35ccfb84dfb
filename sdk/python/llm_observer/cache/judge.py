"""How is a call judged, once it is known how far its prompt could reach? Counts, causes and findings."""

from collections.abc import Sequence
from itertools import takewhile
from typing import NamedTuple

from msgspec.structs import replace

from llm_observer.cache.case import Case, is_chosen, is_setting, new_share
from llm_observer.cache.diff import Change, similarity
from llm_observer.cache.findings import (
    ANOTHER,
    CONFIRMED,
    Evidence,
    Prices,
    causes_of,
    findings_of,
    is_suspected,
    missed_usd,
    suspicions,
)
from llm_observer.cache.intake import Pieces
from llm_observer.cache.kinds import advice_for, docs_url
from llm_observer.cache.loss import Loss, Reach
from llm_observer.cache.rules import Rule
from llm_observer.cache.simulator import Reading
from llm_observer.cache.tokens import prompt_total
from llm_observer.cache.verdict import scaled, verdict_of
from llm_observer.call import LLMCall
from llm_observer.call_cache import Breakpoint, CacheUse, Finding, Label

__all__ = ["judged", "refused", "unseen"]

SLACK = 0.02
"""Share by which an interpolated count may be off."""
UNPLACED = 0.15
"""The same for the place of a breakpoint that no count of the provider's has told yet."""
CLEARLY = 4
"""How much nearer a count must be to one place than to another to be taken for the one."""
NEAR = 64
"""Tokens by which it may be off in any case."""


class _Count(NamedTuple):
    """The tokens of a call. tolerance: within which two are equal. unexplained: of the missed ones."""

    ideal: int
    is_exact: bool
    missed: int
    losses: list[Loss]
    unexplained: int
    tolerance: int


def judged(case: Case, found: Reach, actual: int | None, prices: Prices | None) -> CacheUse:
    """What is to be said of a call. actual: tokens that the provider says were read, None if it does not."""
    found = _sure(case, found)
    is_short = _is_short(case)
    if _may_be_short(case.rule, found, actual):
        found = found._replace(ideal=0, losses=[])
    count = _with_broken(case, _counted(case, found, actual))
    verdict = verdict_of(
        count.losses,
        ideal=count.ideal,
        actual=actual,
        unexplained=count.unexplained,
        tolerance=count.tolerance,
        is_too_short=is_short,
    )
    evidence = Evidence(case.call, case.rule, case.pieces, case.prompt, case.baseline, verdict, prices)
    use = CacheUse(
        verdict=verdict,
        source="elsewhere" if actual and actual > found.reusable.tokens + count.tolerance else None,
        rule=case.rule.id,
        ideal_tokens=count.ideal,
        reusable_tokens=min(found.reusable.tokens, count.ideal),
        ideal_label=_label(case, exact=count.is_exact),
        reusable_label=_label(case, exact=found.reusable.is_exact),
        findings=_findings(case, count, evidence, is_short=is_short),
        similarity=_similarity(case),
        breakpoints=tuple(
            Breakpoint(segment=marker.position, ttl_s=marker.ttl_s) for marker in case.prompt.markers
        ),
    )
    return use if actual is None else _with_usage(use, count, actual, evidence)


def _sure(case: Case, found: Reach) -> Reach:
    """*found* without the tokens of a text that may just be another one, and of all that lies behind it."""
    kept = list(takewhile(lambda loss: not _may_be_another(case, loss), found.losses))
    if len(kept) == len(found.losses):
        return found
    ideal = found.reusable.tokens + sum(loss.tokens for loss in kept)
    rest = [loss._replace(tokens=0, is_paid=False) for loss in found.losses[len(kept) :]]
    return found._replace(ideal=ideal, is_ideal_exact=False, losses=[*kept, *rest])


def _may_be_another(case: Case, loss: Loss) -> bool:
    if case.baseline is None or loss.change is None or not is_suspected(case.baseline, loss):
        return False
    return new_share(case, case.baseline, loss.change) > 0


def _may_be_short(rule: Rule, found: Reach, actual: int | None) -> bool:
    """Whether nothing was read since there is less than the minimum, as far as our count may be off."""
    is_counted = found.is_ideal_exact or any(loss.change for loss in found.losses)
    return actual == 0 and not is_counted and 0 < found.ideal * (1 - UNPLACED) < rule.minimum


def _is_short(case: Case) -> bool:
    """Whether the prompt as a whole is below the minimum, and the provider wrote nothing of it."""
    if case.call.tokens is not None and case.call.tokens.cache_write:
        return False
    return bool(case.prompt.ends) and case.prompt.ends[-1] < case.rule.minimum


def _with_broken(case: Case, count: _Count) -> _Count:
    """*count* without settings that broke nothing: what another conversation asks for is its own matter."""
    kept = [loss for loss in count.losses if loss.is_paid or not is_setting(case, loss.change)]
    return count._replace(losses=kept)


def _with_usage(use: CacheUse, count: _Count, actual: int, evidence: Evidence) -> CacheUse:
    """*use* with what can be said only where the provider told what it read."""
    return replace(
        use,
        actual_tokens=actual,
        actual_label="exact",
        missed_tokens=count.missed,
        missed_usd=missed_usd(count.missed, evidence),
        causes=causes_of(count.losses, count.unexplained, evidence),
    )


def _findings(case: Case, count: _Count, evidence: Evidence, *, is_short: bool) -> tuple[Finding, ...]:
    """What is proven against the call before; else what looks volatile."""
    losses = count.losses
    if is_short and case.baseline and case.baseline.kept:
        losses = [*losses, Loss("below_minimum", 0, is_paid=True)]
    is_told = count.ideal or is_short or any(is_suspected(case.baseline, loss) for loss in losses)
    is_known = case.baseline is not None and is_told
    if not is_known:
        return tuple(suspicions(evidence))
    return tuple(
        replace(one, confidence=min(one.confidence, ANOTHER)) if is_chosen(case, one.path) else one
        for one in findings_of(evidence, losses)
    )


def _counted(case: Case, found: Reach, actual: int | None) -> _Count:
    """The tokens of a call, made to agree with the provider's count as far as ours may be off."""
    ideal = found.ideal if actual is None else max(found.ideal, actual)
    is_exact = found.is_ideal_exact and found.ideal == ideal
    error = _error(case.rule, found.reusable, ideal, actual)
    tolerance = case.rule.step - 1 if is_exact else error
    if actual is None:
        return _Count(ideal, is_exact, 0, found.losses, 0, tolerance)
    missed = ideal - actual
    losses, unexplained = scaled(found.losses, missed)
    if _is_foreseen(case.rule, found, actual) and any(loss.tokens and loss.change for loss in losses):
        tolerance = 0
    if missed <= tolerance:
        none = [loss._replace(tokens=0, is_paid=False) for loss in losses]
        return _Count(actual if ideal else 0, is_exact, 0, none, 0, tolerance)
    if unexplained > tolerance and (key := _other_key(case)):
        losses, unexplained = [*losses, Loss(key.kind, unexplained, key, is_paid=True)], 0
    slack = tolerance if found.reusable.is_exact else error
    if 0 < unexplained <= slack and any(loss.tokens for loss in losses):
        losses, unexplained = _with_rest(losses, unexplained), 0
    return _Count(ideal, is_exact, missed, losses, unexplained, tolerance)


def _is_foreseen(rule: Rule, found: Reach, actual: int) -> bool:
    """Whether a change that we see kept the rest from being read.

    Where steps are long, places are rough; else the read is clearly nearer to the place of the change than to
    what lies behind it.
    """
    reusable = found.reusable.tokens
    if rule.step > 1:
        return reusable <= actual < found.ideal
    return actual == reusable or abs(actual - reusable) * CLEARLY < found.ideal - actual


def _error(rule: Rule, reusable: Reading, ideal: int, actual: int | None) -> int:
    """Tokens by which a count may be off.

    A read under a rule of breakpoints ends at one of them: where some of the prompt was read, it is the place
    of that one which we know less well than the provider.
    """
    error = max(rule.step, round(ideal * SLACK), NEAR)
    if rule.step == 1 and actual and not reusable.is_exact:
        return max(error, round(reusable.tokens * UNPLACED))
    return error


def _with_rest(losses: Sequence[Loss], rest: int) -> list[Loss]:
    """What is within the error of our counts belongs to the largest loss."""
    largest = max(range(len(losses)), key=lambda place: losses[place].tokens)
    grown = losses[largest]._replace(tokens=losses[largest].tokens + rest)
    return [*losses[:largest], grown, *losses[largest + 1 :]]


def _other_key(case: Case) -> Change | None:
    """A `prompt_cache_key` that was changed where it only routes: the miss is not the prompt's doing."""
    last = case.baseline.line.last if case.baseline else None
    name = "prompt_cache_key"
    if last is None or last.settings.get(name) in {None, case.settings.values.get(name)}:
        return None
    return Change("cache_key_changed", 0, -1, path=name)


def _similarity(case: Case) -> float | None:
    if case.baseline is None:
        return None
    return round(similarity(case.baseline.line.facts, case.pieces.facts[: len(case.baseline.line.facts)]), 6)


def _label(case: Case, *, exact: bool) -> Label:
    if exact:
        return "exact"
    return "calibrated" if prompt_total(case.call) else "prior"


def refused(call: LLMCall, rule: Rule, pieces: Pieces) -> LLMCall:
    """A request that the provider refused, with the reason if that is its breakpoints."""
    count = len(pieces.markers) + (pieces.mode == "automatic")
    if count <= rule.max_markers:
        return call
    kind = "too_many_breakpoints"
    finding = Finding(kind=kind, confidence=CONFIRMED, advice=advice_for(kind), docs=docs_url(kind))
    return replace(call, cache=CacheUse(verdict="unknown", rule=rule.id, findings=(finding,)))


def unseen(call: LLMCall, rule: Rule) -> CacheUse:
    """A prompt whose history the provider holds: only its usage tells."""
    actual = call.tokens.cache_read if call.tokens else None
    return CacheUse(
        verdict="hit" if actual else "unknown",
        source="elsewhere" if actual else None,
        rule=rule.id,
        actual_tokens=actual,
        actual_label=None if actual is None else "exact",
    )
