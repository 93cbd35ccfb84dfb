"""Choose each setting's value from its layers: arguments, environment, file; and say what was wrong."""
# This runs on the app's thread at patch(), where importing pathlib would cost milliseconds.
# ruff: noqa: PTH111, PTH118, PTH120

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from llm_observer import _config_file
from llm_observer._config_file import ConfigFile, Unreadable
from llm_observer._settings import PREFIX, Setting

__all__ = ["Layers"]

_MAX_SHOWN = 80
_MAX_UNKNOWN = 20
_NEAR = 0.75


class _Given(NamedTuple):
    """A value as somebody gave it. label: how a warning calls it. folder: where a relative path starts."""

    source: str
    label: str
    value: object
    folder: str


class Layers:
    """The layers of one `load`. settings: the table. warnings: in order, each once."""

    def __init__(
        self,
        settings: Mapping[str, Setting],
        arguments: Mapping[str, object],
        environ: Mapping[str, str],
        cwd: str,
    ) -> None:
        self._settings = settings
        self._arguments = arguments
        self._environ = environ
        self._cwd = cwd
        self._warnings: dict[str, None] = {}
        self.file: ConfigFile | None = None

    def choose(self) -> dict[str, tuple[Any, str]]:
        """Value and source of each setting that somebody set."""
        named = self._chosen("config_file")
        self.file = self._read(named[0] if named else None)
        chosen = {name: self._chosen(name) for name in self._settings}
        if self.file and not self.file.is_named:
            chosen["config_file"] = (self.file.path, "found")
        self._warn_of_unknown()
        return {name: found for name, found in chosen.items() if found is not None}

    def warn(self, warning: str) -> None:
        """Keep *warning*, once."""
        self._warnings[warning] = None

    def warnings(self) -> tuple[str, ...]:
        """What was wrong, without secrets that somebody may have put in the wrong place."""
        if not self._warnings:
            return ()
        from llm_observer.scrub import scrub

        return tuple(scrub(warning) for warning in self._warnings)

    def _read(self, named: str | None) -> ConfigFile | None:
        try:
            return _config_file.find(self._cwd) if named is None else _config_file.read(named)
        except Unreadable as reason:
            self.warn(f"{reason}: its settings are not taken")
            return None

    def _chosen(self, name: str) -> tuple[Any, str] | None:
        decisive = self._settings[name].decisive
        from_environ = self._first(name, self._from_environ(name))
        if from_environ and decisive is not None and from_environ[0] is decisive:
            return from_environ
        return (
            self._first(name, self._from_arguments(name))
            or from_environ
            or self._first(name, self._from_file(name))
        )

    def _first(self, name: str, candidates: Iterator[_Given]) -> tuple[Any, str] | None:
        """The first good value among *candidates*; the bad ones become warnings."""
        setting = self._settings[name]
        for given in candidates:
            try:
                value = setting.parse(given.value)
            except ValueError as reason:
                self.warn(f"{given.label}{_shown(setting, given.value)} is not taken: {reason}")
                continue
            return (_absolute(given.folder, value) if setting.is_path else value), given.source
        return None

    def _from_arguments(self, name: str) -> Iterator[_Given]:
        value = self._arguments.get(name)
        if value is not None:
            yield _Given("argument", f"argument {name}", value, self._cwd)

    def _from_environ(self, name: str) -> Iterator[_Given]:
        for variable in self._settings[name].variables(name):
            value = self._environ.get(variable)
            if value:  # an empty variable counts as unset, as it does for most programs
                yield _Given(f"environment {variable}", variable, value, self._cwd)

    def _from_file(self, name: str) -> Iterator[_Given]:
        file = self.file
        if file is None or name not in file.values:
            return
        given = _Given(f"file {file.path}", f"{name} in {file.path}", file.values[name], _folder_of(file))
        if file.is_named or self._may_be_found(self._settings[name], given):
            yield given
            return
        self.warn(
            f"{given.label} is not taken: a file that was only found in the working directory may not set it;"
            f" name the file with {PREFIX}CONFIG if it is yours"
        )

    def _may_be_found(self, setting: Setting, given: _Given) -> bool:
        """A cloned repository can hold a config file: it must not open what the user left shut."""
        if setting.found in {"taken", "ignored"}:
            return setting.found == "taken"
        try:
            value = setting.parse(given.value)
        except ValueError:  # told by whoever takes it
            return True
        return value is False if setting.found == "only_off" else _is_inside(given.folder, value)

    def _warn_of_unknown(self) -> None:
        variables = {v for name, setting in self._settings.items() for v in setting.variables(name)}
        ours = [name for name in self._environ if name.startswith(PREFIX)]
        self.warn_of_strangers("environment variable", ours, variables)
        self.warn_of_strangers("argument", self._arguments, self._settings)
        if self.file is not None:
            self.warn_of_strangers(f"setting in {self.file.path}:", self.file.values, self._settings)

    def warn_of_strangers(self, where: str, names: Iterable[str], known: Iterable[str]) -> None:
        """Warn of each of *names* that is not *known*. where: what it is, and where it stands."""
        strangers = sorted(set(names) - set(known))
        for name in strangers[:_MAX_UNKNOWN]:
            near = _nearest(name, known)
            hint = f"; did you mean {near}?" if near else ""
            self.warn(f"unknown {where} {name[:_MAX_SHOWN]}{hint}")


def _folder_of(file: ConfigFile) -> str:
    return os.path.dirname(file.path)


def _absolute(folder: str, path: str) -> str:
    return os.path.join(folder, os.path.expanduser(path))


def _is_inside(folder: str, path: str) -> bool:
    """*path* leads to a place in *folder*, symbolic links followed."""
    root, place = os.path.realpath(folder), os.path.realpath(_absolute(folder, path))
    return place.startswith(root.rstrip(os.sep) + os.sep)


def _shown(setting: Setting, value: object) -> str:
    if setting.is_secret or not isinstance(value, (str, int, float)):
        return ""
    try:
        text = repr(value)
    except ValueError:  # a number of thousands of digits
        return ""
    return f" = {text if len(text) <= _MAX_SHOWN else text[:_MAX_SHOWN] + '…'}"


def _nearest(name: str, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    bare = {candidate.removeprefix(PREFIX): candidate for candidate in known}
    found = get_close_matches(name.removeprefix(PREFIX), bare, n=1, cutoff=_NEAR)
    return bare[found[0]] if found else None
