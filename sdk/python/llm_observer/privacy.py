"""Turn text into keyed fingerprints, so that equal texts can be told without keeping any."""

import os
from functools import cached_property
from hashlib import blake2b

from llm_observer import log
from llm_observer.hash_key import HashKey, KeyScope, load_key
from llm_observer.scrub import scrub

__all__ = ["HASH_BYTES", "Hasher", "scrub"]

HASH_BYTES = 8
_PERSON = b"llm_observer"


class Hasher:
    """Keyed BLAKE2b, 64 bits. The key is found at the first hash, so make that on the worker.

    configured: `hash_key` of the settings. state_dir: folder of the installation's key.
    """

    def __init__(self, configured: str | None, state_dir: str | os.PathLike[str] | None) -> None:
        self._configured = configured
        self._state_dir = state_dir

    def hash(self, data: bytes | memoryview) -> str:
        """16 hex digits. Without the key, nobody can tell which text they stand for."""
        return blake2b(data, digest_size=HASH_BYTES, key=self._key.secret, person=_PERSON).hexdigest()

    def number(self, data: bytes | memoryview) -> int:
        """The same hash as a number of 64 bits."""
        return int.from_bytes(
            blake2b(data, digest_size=HASH_BYTES, key=self._key.secret, person=_PERSON).digest()
        )

    @property
    def scope(self) -> KeyScope:
        """Who shares the key: all that configured it, this installation, or this process only."""
        return self._key.scope

    def describe(self) -> str:
        """Where the key lives, in words; never the key."""
        return self._key.where

    @cached_property
    def _key(self) -> HashKey:
        key = load_key(self._configured, self._state_dir)
        if key.is_refused:
            log.once("hash key", "hashes cannot be compared between processes; the key is %s", key.where)
        elif key.scope == "process":
            log.debug("hash key", where=key.where)
        return key
