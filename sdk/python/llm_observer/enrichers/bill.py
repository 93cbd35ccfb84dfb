"""What do token counts cost at given rates? Each token is priced once, and the parts sum to the total."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import TYPE_CHECKING, NamedTuple

from llm_observer.enrichers.tiers import CLAUDE_1H_WRITE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from llm_observer.call import CostStatus, Tokens
    from llm_observer.enrichers.price_source import Rate

__all__ = ["EXACT", "STANDARD_READS", "Bill", "Doubt", "Rates", "bill", "input_total", "money", "written"]

EXACT = Context(prec=100, rounding=ROUND_HALF_EVEN, Emin=-999, Emax=999, clamp=0, traps=[])
"""For every sum and product: digits for any rate times any count, so that nothing is rounded.

All of it is said, as an app may have changed the defaults.
"""

PER_MILLION = -6

STANDARD_READS = "cache reads at the rate of the standard tier"


class Doubt(NamedTuple):
    """Why a figure is not exact."""

    status: CostStatus
    note: str


class Rates:
    """The rates of one call: *table* at the step that its whole input reaches.

    factor: of tier and region, on tokens. is_claude: Anthropic's rule for one-hour writes holds.
    borrowed: kinds whose rate is that of the standard tier, as the list has none for the call's own.
    """

    def __init__(
        self,
        table: Mapping[str, Rate],
        input_total: int,
        *,
        factor: Decimal,
        is_claude: bool,
        borrowed: Collection[str] = (),
    ) -> None:
        self.borrowed = borrowed
        self._table = table
        self._input_total = input_total
        self._factor = factor
        self._is_claude = is_claude

    def token(self, *keys: str) -> Decimal | None:
        """US dollars per million tokens under the first of *keys* that has a rate, factor included."""
        rate = self.plain(*keys)
        return None if rate is None else rate * self._factor

    def plain(self, *keys: str) -> Decimal | None:
        """The same without the factor."""
        steps = next((self._table[key] for key in keys if key in self._table), None)
        if steps is None:
            return None
        return [rate for start, rate in steps if self._input_total > start][-1]

    def one_hour_write(self) -> Decimal | None:
        """A write for an hour; by Anthropic's rule where the list lacks it."""
        listed = self.token("cache_write_1h_mtok")
        base = self.token("input_mtok")
        if listed is not None or base is None or not self._is_claude:
            return listed
        return base * CLAUDE_1H_WRITE


class Line(NamedTuple):
    """*tokens* at *rate*, for one part of the bill. name: what they are, where they have no rate."""

    part: str
    tokens: int
    rate: Decimal | None
    name: str


class Bill(NamedTuple):
    """US dollars by part of a `Cost`, and what makes them doubtful. A part nobody counted is absent."""

    parts: dict[str, Decimal]
    doubts: tuple[Doubt, ...]


def bill(tokens: Tokens, rates: Rates, *, ttl_known: bool, is_rest_output: bool = False) -> Bill:
    """The bill of *tokens*. ttl_known: writes without a lifetime of their own have the default one.

    is_rest_output: what the provider's total has, and no count names, was generated.
    """
    with localcontext(EXACT):
        lines = [*_input_lines(tokens, rates), *_write_lines(tokens, rates), *_output_lines(tokens, rates)]
        rest = _unnamed(tokens)
        if is_rest_output and rest:
            lines.append(Line("output", rest, rates.token("output_mtok"), "output"))
        doubts = [
            Doubt("tier_unpriced", f"no price for {line.name}")
            for line in lines
            if line.rate is None and line.tokens
        ]
        doubts += _count_doubts(tokens, rates, ttl_known=ttl_known)
        if rest:
            how = "priced as output" if is_rest_output else "not in the figure"
            doubts.append(Doubt("estimated", f"{rest} tokens that only the provider's total has: {how}"))
        parts = _parts(lines)
    return Bill(parts, tuple(doubts))


def _parts(lines: list[Line]) -> dict[str, Decimal]:
    parts: dict[str, Decimal] = {}
    for line in lines:
        price = Decimal(0) if line.rate is None else (line.rate * line.tokens).scaleb(PER_MILLION)
        parts[line.part] = parts.get(line.part, Decimal(0)) + price
    return parts


def _input_lines(tokens: Tokens, rates: Rates) -> Iterator[Line]:
    total = input_total(tokens)
    if total is None:
        return
    fresh = max(total - _n(tokens.cache_read) - _n(written(tokens)), 0)
    audio = max(_n(tokens.input_audio) - _n(tokens.cache_read_audio), 0)
    for key, count in (("input_audio_mtok", audio), ("input_image_mtok", _n(tokens.input_image))):
        rate = rates.token(key)
        if rate is not None:
            yield Line("input", min(count, fresh), rate, key)
            fresh -= min(count, fresh)
    yield Line("input", fresh, rates.token("input_mtok"), "input")
    if tokens.cache_read is not None:
        audio_read = min(_n(tokens.cache_read_audio), tokens.cache_read)
        read = rates.token("cache_read_mtok", "input_mtok")
        audio_rate = rates.token("cache_audio_read_mtok", "cache_read_mtok", "input_mtok")
        yield Line("cache_read", audio_read, audio_rate, "cached audio")
        yield Line("cache_read", tokens.cache_read - audio_read, read, "cache reads")


def _write_lines(tokens: Tokens, rates: Rates) -> Iterator[Line]:
    any_ttl = ("cache_write_mtok", "input_mtok")
    rows = (
        ("cache_write_5m", tokens.cache_write_5m, rates.token("cache_write_5m_mtok", *any_ttl)),
        ("cache_write_30m", tokens.cache_write_30m, rates.token("cache_write_30m_mtok", *any_ttl)),
        ("cache_write_1h", tokens.cache_write_1h, rates.one_hour_write()),
        ("cache_write_12h", tokens.cache_write_12h, rates.token("cache_write_12h_mtok")),
    )
    for part, count, rate in rows:
        if count is not None:
            yield Line(part, count, rate, f"cache writes of {part.removeprefix('cache_write_')}")
    if tokens.cache_write is not None:
        yield Line("cache_write", _unsplit(tokens), rates.token(*any_ttl), "cache writes")


def _output_lines(tokens: Tokens, rates: Rates) -> Iterator[Line]:
    left = billed_output(tokens)
    if left is None:
        return
    rows = (
        ("output_audio_mtok", tokens.output_audio),
        ("output_image_mtok", tokens.output_image),
        ("output_reasoning_mtok", tokens.reasoning),
    )
    for key, count in rows:
        rate = rates.token(key)
        if rate is not None:
            yield Line("output", min(_n(count), left), rate, key)
            left -= min(_n(count), left)
    yield Line("output", left, rates.token("output_mtok"), "output")


def _count_doubts(tokens: Tokens, rates: Rates, *, ttl_known: bool) -> Iterator[Doubt]:
    total, cached = input_total(tokens), _n(tokens.cache_read) + _n(written(tokens))
    if total is None:
        yield Doubt("estimated", "the input tokens are unknown")
    elif cached > total:
        yield Doubt("estimated", "more tokens were cached than came in")
    if _unsplit(tokens) and not ttl_known and rates.token("cache_write_mtok") is not None:
        yield Doubt("bound", "at least this much: the lifetime of a cache write is unknown")
    yield from _rate_doubts(tokens, rates)


def _rate_doubts(tokens: Tokens, rates: Rates) -> Iterator[Doubt]:
    """What is charged at the rate of something else, or not at all, as its own rate is unknown."""
    if _n(tokens.cache_read) and rates.token("cache_read_mtok") is None:
        yield Doubt("estimated", "cache reads at the rate of input")
    if any(rate is None for rate in _write_rates(tokens, rates)):
        yield Doubt("estimated", "cache writes at the rate of input")
    if _n(tokens.cache_read) and "cache_read_mtok" in rates.borrowed:
        yield Doubt("estimated", STANDARD_READS)
    if _n(tokens.input_audio) and rates.token("input_audio_mtok") is None:
        yield Doubt("bound", "at least this much: audio input at the rate of text")
    if _n(tokens.output_audio) and rates.token("output_audio_mtok") is None:
        yield Doubt("bound", "at least this much: audio output at the rate of text")
    if rates.plain("requests_kcount") is not None:  # Perplexity's, by a search setting that no answer tells
        yield Doubt("estimated", "a fee per request is not in the figure")


def _write_rates(tokens: Tokens, rates: Rates) -> Iterator[Decimal | None]:
    """The rates of those cache writes that fall back to the rate of input where they have none."""
    counts = {
        "cache_write_mtok": _unsplit(tokens),
        "cache_write_5m_mtok": _n(tokens.cache_write_5m),
        "cache_write_30m_mtok": _n(tokens.cache_write_30m),
    }
    for key, count in counts.items():
        if count:
            yield rates.token(key, "cache_write_mtok")


def input_total(tokens: Tokens) -> int | None:
    """All input; as the provider counts it where no view with cached tokens is known."""
    return tokens.input_reported if tokens.input_total is None else tokens.input_total


def written(tokens: Tokens) -> int | None:
    """All cache writes, from the total or from its parts; None if the wire has neither."""
    split = _split(tokens)
    if tokens.cache_write is None:
        return sum(split) if split else None
    return max(tokens.cache_write, sum(split))


def billed_output(tokens: Tokens) -> int | None:
    """Output with reasoning, which some providers (xAI's chat, Vercel) count beside it.

    Their own counts prove it: a total that holds both, or more reasoning than output.
    """
    output, reasoning, total = tokens.output, _n(tokens.reasoning), tokens.total
    entered = input_total(tokens)
    if output is None:
        return None
    is_in_total = entered is not None and total == entered + output + reasoning
    return output + reasoning if is_in_total or reasoning > output else output


def _unnamed(tokens: Tokens) -> int:
    """Tokens that only the provider's total has: Gemini's thoughts. Mistral counts audio apart."""
    entered = input_total(tokens)
    if tokens.total is None or entered is None:
        return 0
    rest = tokens.total - entered - _n(billed_output(tokens))
    return 0 if rest < 0 or rest == tokens.input_audio else rest


def _unsplit(tokens: Tokens) -> int:
    """Cache writes whose lifetime is not told."""
    return _n(written(tokens)) - sum(_split(tokens))


def _split(tokens: Tokens) -> list[int]:
    counts = (tokens.cache_write_5m, tokens.cache_write_30m, tokens.cache_write_1h, tokens.cache_write_12h)
    return [count for count in counts if count is not None]


def _n(count: int | None) -> int:
    """A count for sums: what the wire does not mention adds nothing to them."""
    return 0 if count is None else count


def money(amount: Decimal) -> str:
    """*amount* as an event writes it: all digits, no exponent, no zeros behind."""
    with localcontext(EXACT):
        return format(amount.normalize() + 0, "f")
