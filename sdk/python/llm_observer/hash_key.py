"""Find the key of the text hashes: the configured one, else this installation's, else one for this process.

The installation's key is a file that only its owner can read. It is written under another name and
linked into place, so that of many processes that start at once one wins and all read the same key.
"""

import os
import re
import secrets
import stat
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path
from typing import Literal

__all__ = ["HashKey", "KeyScope", "load_key"]

KeyScope = Literal["configured", "installation", "process"]

KEY_BYTES = 32
FILE_NAME = "hash_key"
_SHAPE = re.compile(rb"[0-9a-f]{64}\n?\Z")
_OWNER_ONLY = 0o077
_READ = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)


class HashKey:
    """A key, its scope, and words on where it lives. Its text form never shows the key.

    is_refused: a key file exists, and could not be trusted.
    """

    __slots__ = ("is_refused", "scope", "secret", "where")

    def __init__(self, secret: bytes, scope: KeyScope, where: str, *, is_refused: bool = False) -> None:
        self.secret = secret
        self.scope: KeyScope = scope
        self.where = where
        self.is_refused = is_refused


class _Refused(Exception):  # noqa: N818 - a decision, not an error
    """The file exists and is not fit to be a key."""


def load_key(configured: str | None, state_dir: str | os.PathLike[str] | None) -> HashKey:
    """The key to hash with; the installation's key file is created if it is not there yet."""
    if configured:
        text = configured.encode("utf-8", "surrogatepass")
        secret = blake2b(text, digest_size=KEY_BYTES, person=b"llm_observer.key").digest()
        return HashKey(secret, "configured", "configured by LLM_OBSERVER_HASH_KEY or hash_key")
    if state_dir is None:
        return _for_process("there is no state folder")
    path = Path(state_dir) / FILE_NAME
    try:
        return HashKey(_read_or_create(path), "installation", f"this installation's, in {path}")
    except _Refused as refusal:
        return _for_process(f"{path} {refusal}", is_refused=True)
    except (OSError, ValueError) as exc:  # no home, a read-only disk, a name that no file can have
        return _for_process(f"{path} cannot be made or read ({type(exc).__name__})")


def _for_process(reason: str, *, is_refused: bool = False) -> HashKey:
    secret = secrets.token_bytes(KEY_BYTES)
    return HashKey(secret, "process", f"of this process only: {reason}", is_refused=is_refused)


def _read_or_create(path: Path) -> bytes:
    try:
        return _read(path)
    except FileNotFoundError:
        _create(path)
        return _read(path)


def _read(path: Path) -> bytes:
    if path.is_symlink():
        raise _Refused("is a symbolic link")
    handle = os.open(path, _READ)
    try:
        _check(os.fstat(handle))
        data = os.read(handle, 2 * KEY_BYTES + 2)
    finally:
        os.close(handle)
    if not _SHAPE.match(data):
        raise _Refused("holds no key: delete it to get a new one")
    return bytes.fromhex(data.decode("ascii"))


def _check(status: os.stat_result) -> None:
    """Refuse what another user may have planted or may read. Windows guards the profile folder itself."""
    if not stat.S_ISREG(status.st_mode):
        raise _Refused("is not a regular file")
    if os.name == "nt":
        return
    if status.st_uid != os.geteuid():
        raise _Refused("belongs to another user")
    if status.st_mode & _OWNER_ONLY:
        raise _Refused("can be read by others: chmod 600, or delete it to get a new one")


def _create(path: Path) -> None:
    """Put a new key in place, unless another process was faster."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    data = secrets.token_hex(KEY_BYTES).encode() + b"\n"
    draft = path.with_name(f"{FILE_NAME}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        _write_new(draft, data)
        with suppress(FileExistsError):
            _link(draft, path, data)
    finally:
        draft.unlink(missing_ok=True)


def _link(draft: Path, path: Path, data: bytes) -> None:
    try:
        os.link(draft, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        _write_new(path, data)


def _write_new(path: Path, data: bytes) -> None:
    handle = os.open(path, _CREATE, 0o600)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
