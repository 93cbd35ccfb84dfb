"""One frozen `Config`: arguments, else environment, file, defaults; and where each value came from."""
# This runs on the app's thread at patch(), where importing pathlib would cost milliseconds.
# ruff: noqa: PTH100, PTH109, PTH111, PTH117, PTH118

import os
import sys
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, NamedTuple, get_type_hints

from llm_observer import _money_settings, _settings, log
from llm_observer._layers import Layers
from llm_observer._settings import PREFIX, Setting, flag, hidden, number, path, text, whole

__all__ = ["SETTINGS", "Config", "is_loopback", "load", "masked"]

KIB, MIB = 1 << 10, 1 << 20
_SHORT_KEY = 16


class Config(NamedTuple):
    """All settings. `sources` names each value's origin, `warnings` what was wrong and not taken."""

    enabled: Annotated[
        bool | None,
        Setting(
            "1 allows sending, 0 turns the whole library off; unset, it works on this machine only.",
            flag,
            found="only_off",
            decisive=False,
        ),
    ] = None
    do_not_track: Annotated[
        bool,
        Setting(
            "Forbids sending, whatever else is set.", _settings.refusal, ("DO_NOT_TRACK",), decisive=True
        ),
    ] = False
    endpoint: Annotated[
        str | None,
        Setting("Address that events are sent to; https, or this machine.", _settings.url, found="ignored"),
    ] = None
    api_key: Annotated[
        str | None, Setting("Key for the endpoint.", _settings.token, is_secret=True, found="ignored")
    ] = None
    hash_key: Annotated[
        str | None,
        Setting(
            "Key of the text hashes, the same on all machines whose events are compared.",
            hidden,
            is_secret=True,
            found="ignored",
        ),
    ] = None
    summary: Annotated[bool, Setting("Print a summary when the process ends.", flag)] = False
    stdout: Annotated[bool, Setting("Write each event as a line to standard output.", flag)] = False
    file: Annotated[
        str | None,
        Setting("JSON-lines file that each event is appended to.", path, is_path=True, found="inside"),
    ] = None
    file_max_bytes: Annotated[int, Setting("Size at which that file is rotated.", whole(1024, 1 << 40))] = (
        64 * MIB
    )
    file_backups: Annotated[int, Setting("Rotated files that are kept.", whole(0, 1000))] = 5
    service_name: Annotated[
        str | None,
        Setting("Name of the app, on each event.", text, (PREFIX + "SERVICE_NAME", "OTEL_SERVICE_NAME")),
    ] = None
    service_version: Annotated[str | None, Setting("Version of the app, on each event.", text)] = None
    environment: Annotated[str | None, Setting("Where the app runs, such as `production`.", text)] = None
    providers: Annotated[
        tuple[str, ...] | None,
        Setting("Import names of the SDKs to observe; unset, all known ones.", _settings.names),
    ] = None
    prices: Annotated[
        Mapping[str, Mapping[str, Any]] | None,
        Setting("Private prices by model, US dollars per million tokens.", _money_settings.prices, None),
    ] = None
    discount: Annotated[
        float | str | Mapping[str, float | str] | None,
        Setting(
            "Fraction off list prices, for all or by `provider/model` pattern.",
            _money_settings.discount,
            None,
        ),
    ] = None
    deployments: Annotated[
        Mapping[str, str] | None,
        Setting("Azure deployment name to base model.", _money_settings.deployments, None),
    ] = None
    capture_content: Annotated[
        bool, Setting("Keep bounded, scrubbed text of prompts and answers.", flag, found="only_off")
    ] = False
    content_max_bytes: Annotated[
        int, Setting("Bound of each text that is kept.", whole(1, MIB), found="ignored")
    ] = 2048
    debug: Annotated[bool, Setting("Log what the library does to standard error.", flag)] = False
    exit_timeout_s: Annotated[
        float, Setting("Seconds that the end of the process may wait for delivery.", number(0, 60))
    ] = 2.0
    max_exchange_bytes: Annotated[int, Setting("Bytes kept of one exchange.", whole(1024, 1 << 30))] = 8 * MIB
    max_total_bytes: Annotated[
        int, Setting("Bytes kept of all exchanges that wait.", whole(1024, 1 << 32))
    ] = 24 * MIB
    max_queue: Annotated[int, Setting("Exchanges that wait at most.", whole(1, 1_000_000))] = 10_000
    sample_rate: Annotated[
        float,
        Setting("Share of traces that is written and sent, 0 to 1; sums here hold all.", number(0, 1)),
    ] = 1.0
    on_event: Annotated[
        Callable[[Any], object] | None,
        Setting("Function that the worker calls with each event.", _settings.function, None),
    ] = None
    before_send: Annotated[
        Callable[[Any], Any] | None,
        Setting("Function that edits or drops each event before it is sent.", _settings.function, None),
    ] = None
    session_rows: Annotated[
        int, Setting("Calls that a session keeps as rows, the newest ones.", whole(0, 1_000_000))
    ] = 10_000
    batch_max_events: Annotated[int, Setting("Events of a batch at most.", whole(1, 10_000))] = 100
    batch_max_bytes: Annotated[
        int, Setting("Bytes of a batch at most, before it is compressed.", whole(16 * KIB, 64 * MIB))
    ] = 512 * KIB
    batch_max_age_s: Annotated[
        float, Setting("Seconds that an event waits for its batch at most.", number(0.1, 3600))
    ] = 5.0
    attempt_timeout_s: Annotated[float, Setting("Seconds of one attempt to send.", number(0.1, 300))] = 5.0
    max_attempts: Annotated[int, Setting("Attempts to send a batch in one go.", whole(1, 10))] = 3
    delivery_timeout_s: Annotated[float, Setting("Seconds of all those attempts.", number(0.1, 3600))] = 30.0
    spool_dir: Annotated[
        str | None, Setting("Folder of events that wait to be sent.", path, is_path=True, found="ignored")
    ] = None
    spool_max_bytes: Annotated[
        int, Setting("Bytes of events that wait at most; the oldest give way.", whole(64 * KIB, 1 << 40))
    ] = 64 * MIB
    spool_max_age_s: Annotated[
        float, Setting("Seconds that an event waits at most.", number(1, 366 * 86400))
    ] = 7 * 86400
    otlp: Annotated[
        bool,
        Setting("Send spans and metrics by OTLP, as the `OTEL_*` variables say.", flag, found="only_off"),
    ] = False
    otlp_names: Annotated[
        Literal["1.41", "latest", "both"],
        Setting("Which names of the GenAI conventions: `1.41`, `latest` or `both`.", _settings.vintage),
    ] = "latest"
    state_dir: Annotated[
        str | None,
        Setting("Folder of the installation's hash key.", path, is_path=True, found="ignored"),
    ] = None
    config_file: Annotated[
        str | None,
        Setting("TOML file with settings.", path, (PREFIX + "CONFIG",), is_path=True, found="ignored"),
    ] = None
    sources: Mapping[str, str] = {}
    warnings: tuple[str, ...] = ()

    @property
    def may_send(self) -> bool:
        """Events may leave this machine."""
        return self.send_blocked_because is None

    @property
    def may_export(self) -> bool:
        """Calls may be given to OpenTelemetry, which sends them where the app says."""
        return self.otlp and self.enabled is not False and not self.do_not_track

    @property
    def send_blocked_because(self) -> str | None:
        """The first reason why nothing is sent, None if there is none."""
        reasons = {
            "DO_NOT_TRACK is set": self.do_not_track,
            "LLM_OBSERVER_ENABLED is not 1": self.enabled is not True,
            "no endpoint is set": self.endpoint is None,
            "no api_key is set": self.api_key is None,
        }
        reason = next((text for text, applies in reasons.items() if applies), None)
        if reason is None and not _is_private(str(self.endpoint)):
            return "the endpoint is neither https nor on this machine"
        return reason

    def __repr__(self) -> str:
        shown = {name: getattr(self, name) for name in SETTINGS}
        rows = (f"{name}={masked(v) if SETTINGS[name].is_secret else v!r}" for name, v in shown.items())
        return f"Config({', '.join(rows)})"


SETTINGS: Mapping[str, Setting] = {
    name: hint.__metadata__[0]
    for name, hint in get_type_hints(Config, include_extras=True).items()
    if hasattr(hint, "__metadata__")
}
"""The table of settings, by name; a default is the field's own."""


def masked(value: object) -> str:
    """What may be shown of a secret: that it is set, and the end of a long one."""
    if value is None:
        return "not set"
    long = 20
    return f"****{str(value)[-4:]}" if len(str(value)) >= long else "****"


def load(
    arguments: Mapping[str, object],
    *,
    environ: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
) -> Config:
    """The settings of this process; what is wrong becomes a warning, never an exception.

    Args:
        arguments: settings by name; None means not given.
        environ: `os.environ` by default.
        cwd: the working directory by default.
    """
    environ = os.environ if environ is None else environ
    layers = Layers(SETTINGS, arguments, environ, _folder(cwd))
    chosen = _with_known_sdks(layers.choose(), layers)
    values = {name: value for name, (value, _) in chosen.items()}
    sources = {name: chosen[name][1] if name in chosen else "default" for name in SETTINGS}
    values.setdefault("state_dir", _default_state_dir(environ))
    if values["state_dir"] is not None:
        values.setdefault("spool_dir", os.path.join(values["state_dir"], "spool"))
    if values.get("hash_key") and len(values["hash_key"]) < _SHORT_KEY:
        layers.warn(f"hash_key has fewer than {_SHORT_KEY} characters: whoever guesses it can test texts")
    config = Config(**values, sources=sources, warnings=layers.warnings())
    for warning in config.warnings:
        log.once(f"config: {warning}", "%s", warning)
    return config


def _with_known_sdks(chosen: dict[str, tuple[Any, str]], layers: Layers) -> dict[str, tuple[Any, str]]:
    """*chosen* with those `providers` that there are; without the setting where none is left."""
    named, source = chosen.pop("providers", ((), ""))
    names = [name.lower() for name in named]
    layers.warn_of_strangers("SDK in providers:", names, _settings.SDK_NAMES)
    known = tuple(name for name in names if name in _settings.SDK_NAMES)
    if known:
        return {**chosen, "providers": (known, source)}
    if named:
        all_names = ", ".join(sorted(_settings.SDK_NAMES))
        layers.warn(f"providers has no SDK that is known, so that all are observed: it takes {all_names}")
    return chosen


def _folder(cwd: str | os.PathLike[str] | None) -> str:
    try:
        return os.path.abspath(os.getcwd() if cwd is None else cwd)
    except FileNotFoundError:  # the working directory was deleted
        return os.path.abspath(os.sep)


def _default_state_dir(environ: Mapping[str, str]) -> str | None:
    """The platform's folder for the state of programs, None for a user without a home."""
    home = environ.get("HOME") or os.path.expanduser("~")
    bases = {
        "win32": (environ.get("LOCALAPPDATA"), os.path.join(home, "AppData", "Local")),
        "darwin": (None, os.path.join(home, "Library", "Application Support")),
    }
    usual = (environ.get("XDG_STATE_HOME"), os.path.join(home, ".local", "state"))
    for base in bases.get(sys.platform, usual):
        if base and os.path.isabs(base):  # the XDG specification: relative paths are to be ignored
            return os.path.join(base, "llm_observer")
    return None


def _is_private(endpoint: str) -> bool:
    """Nobody between here and *endpoint* can read along: https, or http to this machine."""
    from urllib.parse import urlsplit

    parts = urlsplit(endpoint)
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or ""))


def is_loopback(host: str) -> bool:
    """*host* is this machine."""
    from ipaddress import ip_address

    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
