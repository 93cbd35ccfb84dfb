"""Read the settings of a TOML file: the one that was named, else one found in the working directory."""
# This runs on the app's thread at patch(), where importing pathlib would cost milliseconds.
# ruff: noqa: PTH116, PTH118, PTH119, PTH123

import os
import stat
from collections.abc import Mapping
from typing import Any, NamedTuple

__all__ = ["ConfigFile", "find", "read"]

OWN_NAME = "llm_observer.toml"
PYPROJECT = "pyproject.toml"
MAX_BYTES = 1 << 20


class ConfigFile(NamedTuple):
    """A file's settings. is_named: an argument or LLM_OBSERVER_CONFIG pointed at it."""

    path: str
    values: Mapping[str, Any]
    is_named: bool


class Unreadable(Exception):  # noqa: N818 - its text ends a sentence
    """Why a file could not be read, without any of its text."""


def find(folder: str) -> ConfigFile | None:
    """The settings of `llm_observer.toml`, else of `pyproject.toml`, in *folder*; None without either."""
    for name in (OWN_NAME, PYPROJECT):
        path = os.path.join(folder, name)
        if os.path.lexists(path):
            values = _values(path)
            if values is not None:
                return ConfigFile(path, values, is_named=False)
    return None


def read(path: str) -> ConfigFile:
    """The settings of the file that was named."""
    return ConfigFile(path, _values(path) or {}, is_named=True)


def _values(path: str) -> Mapping[str, Any] | None:
    """The file's settings; None for a `pyproject.toml` that has none."""
    data = _bytes(path)
    if os.path.basename(path) != PYPROJECT:
        return _parsed(path, data)
    if b"llm_observer" not in data:  # spares importing and running a TOML parser
        return None
    tools = _parsed(path, data).get("tool")
    values = tools.get("llm_observer") if isinstance(tools, Mapping) else None
    return values if isinstance(values, Mapping) else None


def _bytes(path: str) -> bytes:
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):  # a pipe would block the app
            raise Unreadable(f"{path} is not a regular file")
        with open(path, "rb") as file:
            data = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as exc:
        raise Unreadable(f"{path} cannot be read ({type(exc).__name__})") from exc
    if len(data) > MAX_BYTES:
        raise Unreadable(f"{path} is larger than {MAX_BYTES} bytes")
    return data


def _parsed(path: str, data: bytes) -> Mapping[str, Any]:
    import tomllib

    try:
        return tomllib.loads(data.decode())
    except tomllib.TOMLDecodeError as exc:
        raise Unreadable(f"{path} is no valid TOML: {exc}") from exc
    except (ValueError, RecursionError) as exc:
        raise Unreadable(f"{path} is no valid TOML ({type(exc).__name__})") from exc
