"""What is hooked, set and missing here? Plain values, for `doctor` to show."""

import importlib
import importlib.metadata
import importlib.util
import json
import platform
import sys
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from llm_observer._version import __version__
from llm_observer.capture.exchange import OpenExchange
from llm_observer.capture.hooks import Hooks, HookStatus
from llm_observer.capture.targets import SDKS, TARGETS, Target, version_of
from llm_observer.capture.tracker import Tracker
from llm_observer.cli._file_states import FileState, file_states
from llm_observer.cli._peers import Peer, peers
from llm_observer.config import SETTINGS, Config, masked
from llm_observer.enrichers.price_cache import price_data_age
from llm_observer.guard import guard

__all__ = ["Diagnosis", "FileState", "SdkState", "SettingValue", "diagnose"]

NOT_OBSERVED = (
    "WebSockets opened before patch(), or by others than the SDK (the Agents SDK's realtime)",
    "WebRTC, SIP and client-secret sessions: their making is an event, their responses are not",
    "calls that go around the SDKs, such as plain HTTP requests",
)
_OLD_PRICES_DAYS = 120


class SettingValue(NamedTuple):
    """An effective setting. value: as text, secrets masked."""

    name: str
    value: str
    source: str


class SdkState(NamedTuple):
    """An SDK. state: `observable`, `not installed` (no vendor is), `left out`, `not observable`.

    floor: the oldest version that is tested. hooks: the classes on which hooks were placed.
    """

    name: str
    version: str | None
    state: str
    reason: str | None = None
    floor: str | None = None
    hooks: tuple[str, ...] = ()


class Diagnosis(NamedTuple):
    """Everything that `doctor` shows. findings: what should be changed."""

    versions: Mapping[str, str]
    settings: tuple[SettingValue, ...]
    sdks: tuple[SdkState, ...]
    not_observed: tuple[str, ...]
    peers: tuple[Peer, ...]
    sent: str
    do_not_track: bool
    files: tuple[FileState, ...]
    prices: Mapping[str, Any]
    findings: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        rows = ("settings", "sdks", "peers", "files")
        plain = {name: [row._asdict() for row in getattr(self, name)] for name in rows}
        return {**self._asdict(), **plain}


def diagnose(config: Config) -> Diagnosis:
    """Look at this process and this machine as `patch()` would with *config*. Leaves no hook behind."""
    sdks = tuple(_sdks(config))
    files = tuple(file_states(config))
    prices = _prices()
    return Diagnosis(
        versions=_versions(),
        settings=tuple(_settings(config)),
        sdks=sdks,
        not_observed=NOT_OBSERVED,
        peers=tuple(peers()),
        sent=_sent(config),
        do_not_track=config.do_not_track,
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
    there = [target for target in TARGETS if _is_installed(target)]
    found = {target.sdk for target in there if target.module in sys.modules}
    hooks.place(Tracker(_nowhere, max_exchange_bytes=0, max_total_bytes=0), frozenset(found))
    states = {status.sdk: status for status in hooks.status()}
    hooks.remove()
    for target in TARGETS:
        if target in there:
            yield _with_hooks(_sdk_state(target, states.get(target.sdk), config), target)
        elif target in SDKS:
            yield SdkState(target.sdk, None, "not installed")


def _nowhere(exchange: OpenExchange, *, wake: bool) -> None:
    """Take no exchange: no call is made between placing the hooks and taking them off."""


def _is_installed(target: Target) -> bool:
    """Import *target*, and tell whether it is there. What else its import raises is its own affair.

    A package may have the name of a vendor's and be another one: then it has no such module.
    """
    if importlib.util.find_spec(target.module.partition(".")[0]) is None:
        return False
    with guard(f"import {target.sdk}"):
        try:
            importlib.import_module(target.module)
        except ModuleNotFoundError as exc:
            return not f"{target.module}.".startswith(f"{exc.name}.")
    return True


def _sdk_state(target: Target, status: HookStatus | None, config: Config) -> SdkState:
    sdk, version = target.sdk, version_of(target.sdk)
    if config.providers is not None and sdk not in config.providers:
        return SdkState(sdk, version, "left out", "`providers` does not name it")
    if status is None or status.state != "placed":
        reason = None if status is None else status.reason
        return SdkState(sdk, version, "not observable", reason or "it cannot be imported")
    if _is_older(version, target.floor):
        reason = f"older than {_dotted(target.floor)}, the oldest version that is tested"
        return SdkState(sdk, version, "observable", reason)
    return SdkState(sdk, version, "observable")


def _with_hooks(state: SdkState, target: Target) -> SdkState:
    hooks = target.clients if state.state == "observable" else ()
    return state._replace(floor=_dotted(target.floor), hooks=hooks)


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


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


def _prices() -> dict[str, Any]:
    """Where prices come from; their age is that of the newest price that has a date."""
    version, newest = price_data_age()
    age_days = None if newest is None else (datetime.now(UTC).date() - newest).days
    day = None if newest is None else newest.isoformat()
    return {"source": "genai-prices", "version": version, "newest": day, "age_days": age_days}


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
