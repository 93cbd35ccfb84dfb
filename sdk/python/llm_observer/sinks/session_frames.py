"""How do rows become tables of other libraries? A column each, attributes as `attributes.name`."""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from types import NoneType
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from llm_observer.errors import ConfigError
from llm_observer.sinks.session_rows import Row

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    import pyarrow as pa

__all__ = ["arrow_table", "data_frame"]

_ATTRIBUTES = "attributes"
_MONEY = ("cost_usd", "missed_usd")
_DIGITS, _PLACES = 38, 18
"""Of decimals in Arrow, unless a figure has more places."""
_PANDAS = {str: "string", int: "Int64", float: "float64", bool: "boolean"}

Plain = dict[str, Any]


def arrow_table(rows: Sequence[Plain]) -> pa.Table:
    """A table with the types of `Row`, times as UTC timestamps, money as decimals."""
    try:
        import pyarrow as pa
    except ImportError as exc:
        raise ConfigError("to_arrow() needs: pip install pyarrow") from exc
    types = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}
    columns = {}
    for name, kind in _fixed().items():
        values = [row[name] for row in rows]
        if name in _MONEY:
            values = [None if value is None else Decimal(value) for value in values]
            columns[name] = pa.array(values, pa.decimal128(_DIGITS, _places(values)))
        else:
            columns[name] = pa.array(values, types[kind])
    columns["time"] = columns["time"].cast(pa.timestamp("us", tz="UTC"))
    attributes = {name: pa.array(values) for name, values in _attributes(rows).items()}
    return pa.table(columns | attributes)


def data_frame(rows: Sequence[Plain]) -> pd.DataFrame:
    """A frame in which unknown is missing, counts stay whole numbers, and money is a float."""
    try:
        import pandas as pd
    except ImportError as exc:
        raise ConfigError("to_pandas() needs: pip install pandas") from exc
    columns = {}
    for name, kind in _fixed().items():
        is_money = name in _MONEY
        values = [float(row[name]) if is_money and row[name] is not None else row[name] for row in rows]
        columns[name] = pd.Series(values, dtype=_PANDAS[float if is_money else kind])
    columns["time"] = pd.to_datetime(columns["time"], utc=True)
    attributes = {name: pd.Series(values) for name, values in _attributes(rows).items()}
    return pd.DataFrame(columns | attributes)


@cache
def _fixed() -> Mapping[str, type]:
    """The columns that are always there, and what is in them."""
    return {
        name: next(kind for kind in get_args(hint) or (hint,) if kind is not NoneType)
        for name, hint in get_type_hints(Row).items()
        if name != _ATTRIBUTES
    }


def _places(amounts: Sequence[Decimal | None]) -> int:
    used = (-int(amount.as_tuple().exponent) for amount in amounts if amount is not None)
    return max(_PLACES, *used, 0)


def _attributes(rows: Sequence[Plain]) -> dict[str, list[Any]]:
    """A column for each attribute; its values are texts where they are not of one kind."""
    columns: dict[str, list[Any]] = {}
    for index, row in enumerate(rows):
        for name, value in row[_ATTRIBUTES].items():
            columns.setdefault(f"{_ATTRIBUTES}.{name}", [None] * len(rows))[index] = value
    return {name: _alike(values) for name, values in columns.items()}


def _alike(values: list[Any]) -> list[Any]:
    if len({type(value) for value in values if value is not None}) == 1:
        return values
    return [value if value is None else str(value) for value in values]
