"""Say which parts of a prompt are equal to earlier ones, by keyed hashes; no text is kept."""

from collections.abc import Mapping

from msgspec.structs import replace

from llm_observer.call import LLMCall, Request, SegmentPrint, Server
from llm_observer.decoded import Decoded, Segment
from llm_observer.privacy import Hasher
from llm_observer.wire import Exchange

__all__ = ["Fingerprint"]

KEPT_SEGMENTS = 32


class Fingerprint:
    """Hashes the newest segments and the texts that an event shows as hashes only.

    hasher: holds the key. keep: segments shown on an event; `segment_count` counts them all.
    """

    def __init__(self, hasher: Hasher, *, keep: int = KEPT_SEGMENTS) -> None:
        self._hasher = hasher
        self._keep = keep

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:  # noqa: ARG002 - the spec
        """*call* with hashes; the key is not even looked for where there is nothing to hash."""
        if not decoded.segments and not decoded.to_hash:
            return call
        call = self._with_texts(call, decoded.to_hash)
        if decoded.segments:
            newest = decoded.segments[-self._keep :]
            call = replace(
                call,
                segments=tuple(self._print(segment) for segment in newest),
                segment_count=len(decoded.segments),
            )
        return replace(call, key_scope=self._hasher.scope)

    def _print(self, segment: Segment) -> SegmentPrint:
        raw = memoryview(segment.raw)
        return SegmentPrint(
            path=segment.path, kind=segment.kind, bytes=raw.nbytes, hash=self._hasher.hash(raw)
        )

    def _with_texts(self, call: LLMCall, texts: Mapping[str, str]) -> LLMCall:
        cache_key, host = self._hash_of(texts, "prompt_cache_key"), self._hash_of(texts, "host")
        if cache_key is not None:
            request = replace(call.request or Request(), prompt_cache_key_hash=cache_key)
            call = replace(call, request=request)
        if host is not None:
            call = replace(call, server=replace(call.server or Server(), address_hash=host))
        return call

    def _hash_of(self, texts: Mapping[str, str], name: str) -> str | None:
        text = texts.get(name)
        return None if text is None else self._hasher.hash(text.encode("utf-8", "surrogatepass"))
