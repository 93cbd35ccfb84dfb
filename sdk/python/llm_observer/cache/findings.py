"""How is a loss told to a person? Where, what, how sure, how much money, what to change; never the text."""

from collections.abc import Iterator, Sequence
from decimal import Context, Decimal, localcontext
from itertools import accumulate
from typing import Any, NamedTuple

from llm_observer.cache.baseline import Baseline
from llm_observer.cache.canonical import Leaf, forms_of, leaves, text_of
from llm_observer.cache.diff import Change
from llm_observer.cache.facts import text_of_piece, units
from llm_observer.cache.intake import Pieces
from llm_observer.cache.kinds import advice_for, docs_url
from llm_observer.cache.loss import Loss
from llm_observer.cache.prompt import Prompt
from llm_observer.cache.rules import Rule
from llm_observer.cache.volatile import Span, shape
from llm_observer.call import LLMCall
from llm_observer.call_cache import Cause, Finding, Verdict
from llm_observer.money import decimal_text

__all__ = [
    "CONFIRMED",
    "Evidence",
    "Prices",
    "Write",
    "causes_of",
    "findings_of",
    "is_suspected",
    "missed_usd",
    "suspicions",
]

MAX_FINDINGS = 32
CONFIRMED, STRUCTURAL, FREE, ANOTHER, UNRELATED = 0.95, 0.7, 0.6, 0.45, 0.3
"""ANOTHER: a new conversation whose system text is much like that of an older one."""
ROUTING = "routing"
_DIGITS = Context(prec=60)
_HEADS = frozenset({"tool", "schema", "system", "developer"})
_WHOLE = frozenset(
    {
        "tool_order",
        "tool_added",
        "tool_edited",
        "few_shot_order",
        "compaction",
        "history_truncated",
        "thinking_dropped",
    }
)
"""Kinds of which no place inside a text can be named."""


class Write(NamedTuple):
    """Tokens that a call wrote to the cache for one lifetime. usd: dollars per token."""

    tokens: int
    usd: Decimal


class Prices(NamedTuple):
    """US dollars per token: uncached input, cache reads, and the writes of this call, in their order."""

    input: Decimal
    read: Decimal
    writes: tuple[Write, ...] = ()


class Evidence(NamedTuple):
    """Everything that a finding is told from."""

    call: LLMCall
    rule: Rule
    pieces: Pieces
    prompt: Prompt
    baseline: Baseline | None
    verdict: Verdict
    prices: Prices | None


class _Place(NamedTuple):
    path: str | None = None
    offset: int | None = None
    line: int | None = None
    length: int | None = None
    shape: str | None = None


def missed_usd(tokens: int, evidence: Evidence, *, after: int = 0) -> str | None:
    """What *tokens* cost beyond the price of a cache read, at the prices of where they stand in the prompt.

    after: missed tokens that other reasons have, so that the parts add up to the whole.
    """
    prices = evidence.prices
    if prices is None:
        return None
    with localcontext(_DIGITS):
        return decimal_text(_beyond(prices, after + tokens) - _beyond(prices, after))


def _beyond(prices: Prices, tokens: int) -> Decimal:
    """The price of the first *tokens* behind what was read, less that of reads: written, then plain input."""
    paid, left = Decimal(0), tokens
    for write in prices.writes:
        rewritten = min(left, write.tokens)
        paid += write.usd * rewritten
        left -= rewritten
    return max(paid + prices.input * left - prices.read * tokens, Decimal(0))


def causes_of(losses: Sequence[Loss], unexplained: int, evidence: Evidence) -> tuple[Cause, ...]:
    """The reasons of the missed tokens, by kind, in the order of the prompt."""
    sums: dict[str, int] = {}
    for loss in losses:
        if loss.tokens:
            sums[loss.kind] = sums.get(loss.kind, 0) + loss.tokens
    if unexplained:
        sums[ROUTING] = unexplained
    before = accumulate(sums.values(), initial=0)
    return tuple(
        Cause(kind=kind, tokens=tokens, usd=missed_usd(tokens, evidence, after=after))
        for (kind, tokens), after in zip(sums.items(), before, strict=False)
    )


def findings_of(evidence: Evidence, losses: Sequence[Loss]) -> Iterator[Finding]:
    """One finding for each loss that the app can do something about."""
    before = accumulate((loss.tokens for loss in losses), initial=0)
    for loss, after in zip(losses[:MAX_FINDINGS], before, strict=False):
        if loss.change is None and not loss.is_paid:
            continue
        place = _place(evidence, loss.change) if loss.change else _Place()
        yield Finding(
            kind=loss.kind,
            **place._asdict(),
            confidence=_confidence(evidence, loss),
            tokens=loss.tokens,
            usd=missed_usd(loss.tokens, evidence, after=after),
            advice=advice_for(loss.kind),
            docs=docs_url(loss.kind),
        )


def is_suspected(baseline: Baseline | None, loss: Loss) -> bool:
    """Whether this may be no change at all: a new conversation, with much the same system text."""
    return baseline is not None and not baseline.is_successor and loss.kind == "system_changed"


def _confidence(evidence: Evidence, loss: Loss) -> float:
    """Confirmed by structure and usage; by structure only; by structure, but it cost nothing here."""
    if is_suspected(evidence.baseline, loss):
        return ANOTHER
    if loss.is_paid:
        return STRUCTURAL if evidence.verdict == "unknown" else CONFIRMED
    return FREE if evidence.baseline is not None and evidence.baseline.is_successor else UNRELATED


def suspicions(evidence: Evidence) -> Iterator[Finding]:
    """What looks volatile in the head of a prompt that was not seen before; nothing is proven yet."""
    if not evidence.prompt.ends or evidence.prompt.ends[-1] < evidence.rule.minimum:
        return
    count = 0
    for piece, facts in enumerate(evidence.pieces.facts):
        if facts.kind not in _HEADS or not facts.spans or evidence.pieces.owners[piece] < 0:
            continue
        for leaf, spans in forms_of(evidence.pieces.value(piece)).spans:
            for span in spans:
                if span.suspicion > 0 and count < MAX_FINDINGS:
                    count += 1
                    yield _suspicion(evidence, piece, leaf, span)


def _suspicion(evidence: Evidence, piece: int, leaf: Leaf, span: Span) -> Finding:
    place = _inside(evidence, piece, leaf, span.offset, span.length)
    return Finding(
        kind=span.kind,
        **place._asdict(),
        confidence=min(span.suspicion, 0.49),
        advice=advice_for(span.kind),
        docs=docs_url(span.kind),
    )


def _place(evidence: Evidence, change: Change) -> _Place:
    """Where a change stands in the request."""
    if change.path is not None:
        return _Place(change.path)
    if change.kind == "tool_removed":
        return _Place(f"tools[{change.old}]")
    path = evidence.pieces.path(change.piece)
    if change.kind in _WHOLE:
        return _Place(path)
    value = evidence.pieces.value(change.piece)
    if change.span is not None:
        leaf = forms_of(value).spans[change.span.leaf][0]
        return _inside(evidence, change.piece, leaf, change.span.offset, change.span.length)
    return _edit(path, value, change.unit)


def _edit(path: str, value: Any, unit: int | None) -> _Place:
    """The line on which other text begins, where the block is one text."""
    found = [Leaf("", text_of(value) or "")] if text_of(value) is not None else list(leaves(value))
    if len(found) != 1 or unit is None:
        return _Place(path)
    text = text_of_piece(value)
    ends = [0, *units(text)]
    offset = ends[min(unit, len(ends) - 1)]
    return _Place(path + found[0].path, offset, text.count(b"\n", 0, offset) + 1)


def _inside(evidence: Evidence, piece: int, leaf: Leaf, offset: int, length: int) -> _Place:
    text = leaf.text.encode("utf-8", "surrogatepass")
    seen = text[offset : offset + length].decode("utf-8", "replace")
    return _Place(
        _leaf_path(evidence, piece, leaf), offset, text.count(b"\n", 0, offset) + 1, length, shape(seen)
    )


def _leaf_path(evidence: Evidence, piece: int, leaf: Leaf) -> str:
    """A field beside a message's content belongs to the message."""
    value = evidence.pieces.value(piece)
    field = leaf.path.removeprefix(".").partition(".")[0].partition("[")[0]
    pieces = evidence.pieces
    if isinstance(value, dict) and "" in value and field in value:
        return pieces.segments[pieces.owners[piece]].path + leaf.path
    return pieces.path(piece) + leaf.path
