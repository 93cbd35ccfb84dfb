"""Which files has the library here, and is something wrong with them? Looking makes none."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from llm_observer import _config_file
from llm_observer.cli._own_files import own_files, temporary_folder
from llm_observer.config import Config
from llm_observer.hash_key import FILE_NAME, load_key
from llm_observer.sinks.jsonl import lock_of

__all__ = ["FileState", "file_states"]

_READABLE_BY_OTHERS = 0o077


class FileState(NamedTuple):
    """A file of ours. problem: what is wrong with it, if anything."""

    what: str
    path: str | None
    state: str
    problem: str | None = None


def file_states(config: Config) -> Iterator[FileState]:
    """All of them, those too that are not there yet."""
    yield _config(config)
    yield _key_file(config)
    yield _events_file(config)
    yield from _spools(config)
    yield _price_cache(config)


def _config(config: Config) -> FileState:
    what = "configuration file"
    if config.config_file is not None:
        return FileState(what, config.config_file, f"named by {config.sources['config_file']}")
    try:
        found = _config_file.find(str(Path.cwd()))
    except (_config_file.Unreadable, FileNotFoundError):  # told by a warning of the settings
        return FileState(what, None, "cannot be read")
    if found is None:
        names = f"{_config_file.OWN_NAME} or {_config_file.PYPROJECT} with [tool.llm_observer]"
        return FileState(what, None, f"none: no {names} here")
    return FileState(what, found.path, "found in the working directory")


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
    problem = f"{path} can be read by others: chmod 600" if is_open else _why_it_grows(path)
    return FileState(what, str(path), f"there, {_mode(path)}, {path.stat().st_size} bytes", problem)


def _why_it_grows(path: Path) -> str | None:
    """What keeps the file at *path* from being rotated, None if nothing does."""
    lock = lock_of(path)
    is_there = os.path.lexists(lock)
    is_ours = lock.is_file() and not lock.is_symlink() and os.access(lock, os.R_OK | os.W_OK)
    if is_ours if is_there else _can_be_made(lock):
        return None
    return f"{path} is not rotated and grows: {lock} {'cannot be opened' if is_there else 'cannot be made'}"


def _spools(config: Config) -> Iterator[FileState]:
    """One row per endpoint; one if there is none."""
    from llm_observer.telemetry.spool_file import files_in

    what = "events that wait to be sent"
    folders = [folder for folder in (config.spool_dir, temporary_folder()) if folder is not None]
    paths = [path for folder in folders for path in files_in(folder)]
    for path in paths:
        yield _spool(what, path)
    if not paths:
        state = "made with the first event" if config.may_send else "none, as nothing is sent"
        yield FileState(what, config.spool_dir, state)


def _spool(what: str, path: Path) -> FileState:
    from llm_observer.telemetry.spool import Spool, SpoolError

    try:
        with closing(Spool.at(path)) as spool:
            stats = spool.stats()
    except SpoolError as exc:
        return FileState(what, str(path), "cannot be read", f"{exc.filename}: {exc.strerror}")
    state = f"{stats.waiting:,} wait, {stats.leased:,} are being sent, {stats.quarantined:,} refused"
    refused = f"{stats.quarantined:,} events were refused by the receiver: llm-observer spool status"
    return FileState(what, str(path), state, refused if stats.quarantined else None)


def _price_cache(config: Config) -> FileState:
    what = "cache of the prices"
    there = [file for file in own_files(config) if file.what == "price cache"]
    if there:
        return FileState(what, str(there[-1].path), f"there, {there[-1].size_bytes:,} bytes")
    return FileState(what, config.state_dir, "made with the first call")


def _can_be_made(path: Path) -> bool:
    folder = next((above for above in path.parents if above.exists()), None)
    return folder is not None and folder.is_dir() and os.access(folder, os.W_OK)


def _mode(path: Path) -> str:
    return f"mode {path.stat().st_mode & 0o777:04o}"
