"""Calls for the tests of replay and advice: made of numbers, with no event behind them."""

from array import array
from decimal import Decimal

from llm_observer.cache.prompt import KINDS, Marker, Prompt
from llm_observer.cache.rates import Paid, Rates
from llm_observer.cache.replayed import Chain, Pieces, ReplayedCall
from llm_observer.cache.rules.anthropic import CLAUDE

RATES = Rates(Decimal("0.000003"), Decimal("0.1"), Decimal("1.25"), Decimal(2))
RULE = CLAUDE._replace(minimum=1)


def keys_of(names):
    """A number for each prefix of *names*."""
    return [hash(tuple(names[: end + 1])) & (1 << 60) - 1 for end in range(len(names))]


def columns(names, kinds=None, sizes=None, messages=None):
    """Pieces of these names; a name is a piece's content."""
    count = len(names)
    return Pieces(
        array("Q", keys_of(names)),
        array("Q", [key ^ 1 for key in keys_of(names)]),
        array("L", sizes or [100] * count),
        array("B", [KINDS.index(kind) for kind in kinds or ["user"] * count]),
        array("i", messages or range(count)),
    )


def call_of(names, *, at_s=0.0, took_s=0.0, markers=(), mode=None, **given):
    """A call whose prompt has pieces of these names; *given* are its columns and fields."""
    pieces = columns(
        names, **{name: given.pop(name) for name in ("kinds", "sizes", "messages") if name in given}
    )
    bare = Prompt(
        "anthropic",
        "anthropic",
        "m",
        at_s,
        at_s + took_s,
        (),
        (),
        (),
        (),
        tuple(Marker(*marker) if isinstance(marker, tuple) else Marker(marker) for marker in markers),
        mode,
    )
    total = sum(pieces.sizes)
    call = ReplayedCall(
        f"{at_s}",
        "root",
        "talk",
        "anthropic/m",
        None,
        RULE,
        Paid(),
        (),
        total,
        None,
        bare,
        Chain(None, 0, pieces),
    )
    return call._replace(**given)
