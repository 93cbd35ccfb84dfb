"""Which files does the library keep by itself? Spools, price cache and hash key, by name, in its folders."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llm_observer.config import Config
from llm_observer.hash_key import FILE_NAME

__all__ = ["KEY", "OwnFile", "folders_of", "own_files", "temporary_folder"]

KEY = "hash key"
_PATTERNS = {
    KEY: (FILE_NAME, f"{FILE_NAME}.*"),
    "price cache": ("prices-*.json", ".prices-*"),
    "spool": ("events-*.sqlite3*",),
}


class OwnFile(NamedTuple):
    """A file of ours. what: `hash key`, `price cache` or `spool`."""

    what: str
    path: Path
    size_bytes: int


def temporary_folder() -> Path:
    """Where the spool lies if its own folder cannot be used."""
    user = os.geteuid() if hasattr(os, "geteuid") else "user"
    return Path(tempfile.gettempdir()) / f"llm_observer-{user}"


def folders_of(config: Config) -> list[Path]:
    """The folders that may hold files of ours, without those that are links."""
    named = [Path(folder) for folder in (config.spool_dir, config.state_dir) if folder is not None]
    unique = dict.fromkeys([*named, temporary_folder()])
    return [folder for folder in unique if folder.is_dir() and not folder.is_symlink()]


def own_files(config: Config) -> Iterator[OwnFile]:
    """All of them. A link, or whatever else has another name, is not ours."""
    for folder in folders_of(config):
        for what, patterns in _PATTERNS.items():
            for path in sorted({path for pattern in patterns for path in folder.glob(pattern)}):
                status = path.lstat()
                if stat.S_ISREG(status.st_mode):
                    yield OwnFile(what, path, status.st_size)
