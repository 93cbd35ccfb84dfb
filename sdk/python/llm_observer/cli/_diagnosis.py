"""What is hooked, set and missing here? Plain values, for `doctor` to show."""

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from llm_observer._version import __version__
from llm_observer.capture.exchange import OpenExchange
from llm_observer.capture.hooks import Hooks, HookStatus
from llm_observer.capture.targets import TARGETS, Target
from llm_observer.capture.tracker import Tracker
from llm_observer.config import SETTINGS, Config, masked
from llm_observer.enrichers.price_cache import price_data_age
from llm_observer.guard import guard
from llm_observer.hash_key import FILE_NAME, load_key

__all__ = ["Diagnosis", "FileState", "SdkState", "SettingValue", "diagnose"]

NOT_OBSERVED = (
    "WebSocket sessions: openai's responses.connect(), realtime and live",
    "calls that go around the SDKs, such as plain HTTP requests",
)
_OLD_PRICES_DAYS = 120
_READABLE_BY_OTHERS = 0o077


class SettingValue(NamedTuple):
    """An effective setting. value: as text, secrets masked."""

    name: str
    value: str
    source: str


class SdkState(NamedTuple):
    """An SDK. state: `observable`, `not installed`, `left out`, `not observable`."""

    name: str
    version: str | None
    state: str
    reason: str | None = None


class FileState(NamedTuple):
    """A file of ours. problem: what is wrong with it, if anything."""

    what: str
    path: str | None
    state: str
    problem: str | None = None


class Diagnosis(NamedTuple):
    """Everything that `doctor` shows. findings: what should be changed."""

    versions: Mapping[str, str]
    settings: tuple[SettingValue, ...]
    sdks: tuple[SdkState, ...]
    not_observed: tuple[str, ...]
    sent: str
    files: tuple[FileState, ...]
    prices: Mapping[str, Any]
    findings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = ("settings", "sdks", "files")
        plain = {name: [row._asdict() for row in getattr(self, name)] for name in rows}
        return {**self._asdict(), **plain}


def diagnose(config: Config) -> Diagnosis:
    """Look at this process and this machine as `patch()` would with *config*. Leaves no hook behind."""
    sdks = tuple(_sdks(config))
    files = (_key_file(config), _events_file(config))
    prices = _prices()
    return Diagnosis(
        versions=_versions(),
        settings=tuple(_settings(config)),
        sdks=sdks,
        not_observed=NOT_OBSERVED,
        sent=_sent(config),
        files=files,
        prices=prices,
        findings=tuple(_findings(config, sdks, files, prices)),
    )


def _versions() -> dict[str, str]:
    return {
        "llm_observer": __version__,
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "platform": platform.platform(),
        "executable": sys.executable,
    }


def _settings(config: Config) -> Iterator[SettingValue]:
    for name, setting in SETTINGS.items():
        value = getattr(config, name)
        shown = masked(value) if setting.is_secret else _text(value)
        yield SettingValue(name, shown, config.sources.get(name, "default"))


def _text(value: object) -> str:
    if value is None:
        return "not set"
    return value if isinstance(value, str) else json.dumps(value, default=list)


def _sdks(config: Config) -> Iterator[SdkState]:
    hooks = Hooks()
    found = {target.sdk for target in TARGETS if _is_importable(target)}
    hooks.place(Tracker(_nowhere, max_exchange_bytes=0, max_total_bytes=0), frozenset(found))
    states = {status.sdk: status for status in hooks.status()}
    hooks.remove()
    for target in TARGETS:
        yield _sdk_state(target, states[target.sdk], config)


def _nowhere(exchange: OpenExchange, *, wake: bool) -> None:
    """Take no exchange: no call is made between placing the hooks and taking them off."""


def _is_importable(target: Target) -> bool:
    """Import *target*, if it is installed. What its import raises is its own affair."""
    if importlib.util.find_spec(target.sdk) is None:
        return False
    with guard(f"import {target.sdk}"):
        importlib.import_module(target.module)
    return target.module in sys.modules


def _sdk_state(target: Target, status: HookStatus, config: Config) -> SdkState:
    sdk, version = status.sdk, status.version
    if importlib.util.find_spec(sdk) is None:
        return SdkState(sdk, None, "not installed")
    if config.providers is not None and sdk not in config.providers:
        return SdkState(sdk, version, "left out", "`providers` does not name it")
    if status.state != "placed":
        return SdkState(sdk, version, "not observable", status.reason or "it cannot be imported")
    if _is_older(version, target.floor):
        floor = ".".join(map(str, target.floor))
        return SdkState(sdk, version, "observable", f"older than {floor}, the oldest version that is tested")
    return SdkState(sdk, version, "observable")


def _is_older(version: str | None, floor: tuple[int, ...]) -> bool:
    parts = tuple(int(part) for part in (version or "").split(".")[: len(floor)] if part.isdecimal())
    return len(parts) == len(floor) and parts < floor


def _sent(config: Config) -> str:
    reason = config.send_blocked_because
    if reason is not None:
        return f"nothing: {reason}"
    parts = urlsplit(str(config.endpoint))
    share = "" if config.sample_rate >= 1 else f", of {config.sample_rate:g} of all traces"
    return f"events{share}, to {parts.scheme}://{parts.netloc}{parts.path}"


def _key_file(config: Config) -> FileState:
    what = "key of the text hashes"
    if config.hash_key is not None:
        return FileState(what, None, "configured, no file is used")
    if config.state_dir is None:
        return FileState(what, None, "of each process, there is no state folder")
    path = Path(config.state_dir) / FILE_NAME
    if not os.path.lexists(path):
        if _can_be_made(path):
            return FileState(what, str(path), "made with the first event")
        return FileState(what, str(path), "of each process", f"{path} cannot be made")
    key = load_key(None, config.state_dir)
    problem = None if key.scope == "installation" else f"the key of the text hashes is {key.where}"
    return FileState(what, str(path), f"there, {_mode(path)}", problem)


def _events_file(config: Config) -> FileState:
    what = "events"
    if config.file is None:
        return FileState(what, None, "not written to a file")
    path = Path(config.file)
    if not path.exists():
        problem = None if _can_be_made(path) else f"{path} cannot be made"
        return FileState(what, str(path), "made with the first event", problem)
    is_open = os.name == "posix" and path.stat().st_mode & _READABLE_BY_OTHERS
    problem = f"{path} can be read by others: chmod 600" if is_open else None
    return FileState(what, str(path), f"there, {_mode(path)}, {path.stat().st_size} bytes", problem)


def _can_be_made(path: Path) -> bool:
    folder = next((above for above in path.parents if above.exists()), None)
    return folder is not None and folder.is_dir() and os.access(folder, os.W_OK)


def _mode(path: Path) -> str:
    return f"mode {path.stat().st_mode & 0o777:04o}"


def _prices() -> dict[str, Any]:
    """Where prices come from; their age is that of the newest price that has a date."""
    version, newest = price_data_age()
    age_days = None if newest is None else (datetime.now(UTC).date() - newest).days
    return {"source": "genai-prices", "version": version, "age_days": age_days}


def _findings(
    config: Config, sdks: tuple[SdkState, ...], files: tuple[FileState, ...], prices: Mapping[str, Any]
) -> Iterator[str]:
    yield from config.warnings
    yield from (f"{sdk.name} {sdk.version}: {sdk.reason}" for sdk in sdks if _is_wrong(sdk))
    if config.may_send and importlib.util.find_spec("tenacity") is None:
        yield "sending events needs: pip install 'llm-observer[http]'"
    if all(sdk.state == "not installed" for sdk in sdks):
        yield f"none of these is installed: {', '.join(sdk.name for sdk in sdks)}"
    yield from (file.problem for file in files if file.problem is not None)
    if prices["age_days"] is not None and prices["age_days"] > _OLD_PRICES_DAYS:
        yield f"the prices are {prices['age_days']} days old: pip install -U genai-prices"


def _is_wrong(sdk: SdkState) -> bool:
    return sdk.state == "not observable" or (sdk.state == "observable" and sdk.reason is not None)
