"""Which private prices, discounts and deployment names are valid? Checked where they are given.

What passes here can be billed with: a price that turns out wrong on the worker would be told to nobody.
"""

from collections.abc import Mapping
from typing import Any

from llm_observer._settings import finite

__all__ = ["KINDS", "TIERS", "deployments", "discount", "prices"]

KINDS = {
    "input": "input_mtok",
    "output": "output_mtok",
    "cache_read": "cache_read_mtok",
    "cache_write": "cache_write_mtok",
    "cache_write_5m": "cache_write_5m_mtok",
    "cache_write_30m": "cache_write_30m_mtok",
    "cache_write_1h": "cache_write_1h_mtok",
    "cache_write_12h": "cache_write_12h_mtok",
    "input_audio": "input_audio_mtok",
    "output_audio": "output_audio_mtok",
    "cache_read_audio": "cache_audio_read_mtok",
    "input_image": "input_image_mtok",
    "output_image": "output_image_mtok",
    "web_search": "web_searches_kcount",
    "file_search": "storage_searches_kcount",
    "image": "image",
    "audio_hour": "input_audio_hours",
    "characters": "input_mchars",
    "video_second": "video_second",
}
"""Kind of use in a private price to price key.

US dollars per million tokens or characters, per 1,000 searches, per image, hour of audio, second of video.
"""

_NEEDED = frozenset({"input", "image", "audio_hour", "characters", "video_second"})
"""What a price can be of. One of them must be there."""

TIERS = "tiers"
"""Key of the table that holds the rates which differ in a tier: `{"tiers": {"batch": {"input": 1}}}`."""

_LEAST, _MOST = 1e-12, 1e12
_MAX_DIGITS = 32
"""Bounds of an amount, so that a wrong exponent cannot fill an event with digits."""

_SHAPE = "takes a table, such as {'input': 1, 'output': 4}"
Amount = int | float | str


def prices(value: object) -> dict[str, dict[str, Any]]:
    """US dollars per million tokens, by model and kind of token; ValueError names the key that is wrong."""
    tables = _table(value, "it takes a table of tables: model, then US dollars per million tokens by kind")
    return {_name(model): _price(model, table) for model, table in tables.items()}


def _table(value: object, reason: str) -> Mapping[Any, Any]:
    if isinstance(value, Mapping):
        return value
    raise ValueError(reason)


def _name(model: object) -> str:
    if not isinstance(model, str) or not model:
        raise ValueError(f"a model is a name or a pattern, not {_shown(model)}")
    return model


def _price(model: str, value: object) -> dict[str, Any]:
    table = _table(value, f"{model} {_SHAPE}")
    tiers = _table(table.get(TIERS, {}), f"{model}.{TIERS} takes a table of tables, tier to rates")
    rates = _rates(model, {kind: amount for kind, amount in table.items() if kind != TIERS})
    if not _NEEDED & rates.keys():
        raise ValueError(f"{model}.input is missing")
    by_tier = {str(tier): _rates(f"{model}.{TIERS}.{tier}", rows) for tier, rows in tiers.items()}
    return {**rates, TIERS: by_tier} if by_tier else rates


def _rates(where: str, value: object) -> dict[str, Any]:
    table = _table(value, f"{where} {_SHAPE}")
    for kind in table:
        if kind not in KINDS:
            raise ValueError(f"{where}.{kind} is no kind of price; known are {', '.join(KINDS)}, {TIERS}")
    return {kind: _amount(f"{where}.{kind}", amount) for kind, amount in table.items()}


def _amount(where: str, value: object) -> Amount:
    given, number = _number(value)
    if number is None or number < 0:
        raise ValueError(f"{where} takes US dollars, a number from 0 up, not {_shown(value)}")
    return given


def _number(value: object) -> tuple[Amount, float | None]:
    """*value* as it was written, as money is not counted in floats; and as a number, None if it is none."""
    if isinstance(value, (int, float, str)):
        given: Amount = value
    else:
        given = str(value)  # a Decimal, a number of NumPy
    number = finite(given)
    return given, number if number is not None and _is_sane(str(given), number) else None


def _is_sane(text: str, number: float) -> bool:
    """*number* and the *text* that it was read from are of a size that money has."""
    if len(text) > _MAX_DIGITS:
        return False
    return _LEAST <= abs(number) <= _MOST if number else "e" not in text.lower()


def _shown(value: object) -> str:
    is_short = isinstance(value, (str, float)) or (isinstance(value, int) and abs(value) <= _MOST)
    return repr(value)[:_MAX_DIGITS] if is_short else type(value).__name__


def discount(value: object) -> Amount | dict[str, Amount]:
    """A fraction from 0 to 1, or one per pattern; ValueError names the pattern that is wrong."""
    if isinstance(value, Mapping):
        return {_pattern(pattern): _share(f"{pattern} takes", share) for pattern, share in value.items()}
    return _share("it takes", value)


def _pattern(pattern: object) -> str:
    if not isinstance(pattern, str) or not pattern:
        raise ValueError(f"it takes patterns of provider/model, not {_shown(pattern)}")
    return pattern


def _share(claim: str, value: object) -> Amount:
    given, number = _number(value)
    if number is None or not 0 <= number <= 1:
        raise ValueError(f"{claim} a fraction from 0 to 1, not {_shown(value)}")
    return given


def deployments(value: object) -> dict[str, str]:
    """Azure deployment name to base model."""
    if isinstance(value, Mapping) and all(
        isinstance(part, str) and part for row in value.items() for part in row
    ):
        return dict(value)
    raise ValueError("it takes a table: deployment name to model")
