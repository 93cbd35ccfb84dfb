"""Does a document follow the event contract? The packaged JSON Schema says, in our own words."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from llm_observer.errors import ConfigError
from llm_observer.event import SCHEMA_VERSION

if TYPE_CHECKING:
    from jsonschema import Draft202012Validator, TypeChecker
    from jsonschema.exceptions import ValidationError

__all__ = ["Problem", "schema_text", "validate"]

_NAME = "telemetry_event_v1.json"
_CHECKOUT = Path(__file__).parents[3] / "shared" / "schema" / _NAME


class Problem(NamedTuple):
    """One place where a document leaves the contract. No value of the document is in it."""

    path: str
    """Such as `llm_call.tool_calls[0].kind`; `$` is the document."""
    message: str


def schema_text() -> str:
    """The contract, as JSON."""
    packaged: Traversable = resources.files("llm_observer").joinpath("schema", _NAME)
    return (packaged if packaged.is_file() else _CHECKOUT).read_text("utf-8")


def validate(document: object) -> list[Problem]:
    """What is wrong with *document* (plain JSON values), by path; nothing if it follows the contract.

    A document of a later minor version may use values that this version does not know yet, where the
    contract says that there may be more. Raises ConfigError if jsonschema is not installed.
    """
    errors = (error for error in _validator().iter_errors(document) if not _is_for_later(document, error))
    return sorted({problem for error in errors for problem in _told(error)})


@cache
def _validator() -> "Draft202012Validator":
    try:
        from jsonschema import Draft202012Validator
        from jsonschema.validators import extend
    except ImportError as exc:
        raise ConfigError("checking events needs: pip install 'llm-observer[schema]'") from exc
    types = _as_read(Draft202012Validator.TYPE_CHECKER)
    strict: type[Draft202012Validator] = extend(  # type: ignore[no-untyped-call]  # no types upstream
        Draft202012Validator, type_checker=types
    )
    return strict(json.loads(schema_text()))


def _as_read(types: "TypeChecker") -> "TypeChecker":
    """Numbers as readers of typed languages take them: 1.0 is no integer, NaN and infinity no number."""
    return types.redefine_many(
        {
            "integer": lambda _, value: type(value) is int,
            "number": lambda _, value: type(value) in (int, float) and abs(value) <= sys.float_info.max,
            "array": lambda _, value: isinstance(value, list | tuple),  # what `to_dict` gives
        }
    )


def _is_for_later(document: object, error: "ValidationError") -> bool:
    is_open = error.validator == "enum" and isinstance(error.schema, Mapping) and error.schema.get("x-open")
    return bool(is_open) and isinstance(error.instance, str) and _minor(document) > _OUR_MINOR


def _minor(document: object) -> int:
    version = document.get("schema_version") if isinstance(document, Mapping) else None
    found = re.fullmatch("1[.]([0-9]{1,9})", version) if isinstance(version, str) else None
    return int(found[1]) if found else 0


_OUR_MINOR = int(SCHEMA_VERSION.partition(".")[2])

_MESSAGES = {
    "enum": "is none of {}",
    "pattern": "does not match {}",
    "minimum": "is less than {}",
    "not": "has no place in an event of this type",
}


def _told(error: "ValidationError") -> Iterator[Problem]:
    """*error* in words that repeat nothing of the document but its keys: values may be content."""
    path, rule, value = _path(error.absolute_path), str(error.validator), error.validator_value
    if rule == "required":
        missing = set(cast("list[str]", value)) - set(cast("dict[str, object]", error.instance))
        yield from (Problem(path, f"{name} is missing") for name in missing)
    elif rule == "type":
        yield Problem(path, f"is {_kind(error.instance)}, not {_listed(value)}")
    else:
        yield Problem(path, _MESSAGES.get(rule, f"breaks {rule} {{}}").format(_listed(value)))


def _path(keys: Sequence[str | int]) -> str:
    return "".join(_step(key) for key in keys).removeprefix(".") or "$"


def _step(key: str | int) -> str:
    if isinstance(key, str) and re.fullmatch("[A-Za-z_][A-Za-z0-9_]*", key):
        return f".{key}"
    return f"[{json.dumps(key)}]"


def _listed(value: object) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


_KINDS: dict[type[Any], str] = {
    type(None): "null",
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    tuple: "array",
    dict: "object",
}


def _kind(value: object) -> str:
    return _KINDS.get(type(value), type(value).__name__)
