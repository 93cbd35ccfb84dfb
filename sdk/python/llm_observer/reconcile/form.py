"""What is known of one form of export, what does a row of it give, and what is compared?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

__all__ = ["KINDS", "Form", "Row"]

KINDS = {
    "requests": "requests",
    "input": "input",
    "uncached": "input, uncached",
    "cache_read": "cache read",
    "cache_write": "cache write",
    "cache_write_5m": "cache write 5m",
    "cache_write_30m": "cache write 30m",
    "cache_write_1h": "cache write 1h",
    "cache_write_12h": "cache write 12h",
    "output": "output",
    "searches": "web searches",
    "usd": "cost",
}
"""What is compared, and its name for people. `input` is all input, read from the cache or not."""

_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Form:
    """One form of export.

    columns: a file or result that has them all has this form. day: when the row's bucket begins, or its UTC
    day. end: when it ends. object: the value of the column of that name. model, alias: columns of its name,
    and of another name that it has. row_id: column of an id that no other row has. counts: by kind, the
    columns whose sum it is. usd: cost, *usd_unit* dollars each. tags: column to mark and ordinary values.
    labels: what a row without a model is named by. item: it names model and kind, "MODEL, KIND". operations:
    of our calls, those that it counts; empty for all. is_call: each row is one request. is_in_cents: costs
    are rounded to cents. has_titles: models by title ("Claude Haiku 4.5"). source: where that is documented.
    """

    name: str
    title: str
    provider: str
    source: str
    columns: frozenset[str]
    day: str
    end: str | None = None
    object: str | None = None
    model: str | None = None
    alias: str | None = None
    row_id: str | None = None
    counts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    usd: str | None = None
    usd_unit: Decimal = Decimal(1)
    currency: str | None = None
    tags: Mapping[str, tuple[str, frozenset[str]]] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    item: str | None = None
    operations: frozenset[str] = _NONE
    is_call: bool = False
    is_in_cents: bool = False
    has_titles: bool = False


class Row(NamedTuple):
    """One row of an export. model: None where the export does not name one, and nothing stands for it.

    alias: another name of the model. counts, usd: what the row gives; absent is not given. marks: what is out
    of the ordinary about it.
    """

    form: Form
    day: date
    model: str | None
    alias: str | None
    counts: Mapping[str, int]
    usd: Decimal | None
    marks: frozenset[str]
