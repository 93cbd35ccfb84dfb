"""Which usage was counted already? The same response id is billed once in a process.

A background response is the reason that this needs a memory: its POST answers without usage, and each
GET that polls it carries the same one. The first answer that has usage counts, later ones do not.
"""

from collections import OrderedDict
from hashlib import blake2b

from msgspec.structs import replace

from llm_observer.call import LLMCall
from llm_observer.decoded import Decoded
from llm_observer.wire import Exchange

__all__ = ["UsageOnce"]

MAX_IDS = 10_000


class UsageOnce:
    """Marks usage that repeats another answer's; it stands in front of `CostEnricher`.

    max_ids: how many response ids are remembered, those last seen.
    """

    def __init__(self, *, max_ids: int = MAX_IDS) -> None:
        self._max_ids = max_ids
        self._is_counted: OrderedDict[bytes, bool] = OrderedDict()
        """By response, last seen last: its usage was counted (True), or is still awaited (False)."""

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:  # noqa: ARG002 - the spec
        """*call*, marked if its usage is another answer's or was counted before."""
        key = _key(call)
        before = self._recall(key)
        if call.tokens is None:
            if before is None and decoded.bills_separately:
                self._remember(key, is_counted=False)
            return call
        is_first = before is False or (before is None and decoded.bills_separately)
        if not is_first:
            return replace(call, is_usage_repeated=True)
        if not call.is_usage_repeated and call.ending != "local":  # a local answer may pass on a real one
            self._remember(key, is_counted=True)
        return call

    def _recall(self, key: bytes | None) -> bool | None:
        """Whether the usage of *key* was counted, None if it was not seen; a response in use stays known."""
        if key is None or key not in self._is_counted:
            return None
        self._is_counted.move_to_end(key)
        return self._is_counted[key]

    def _remember(self, key: bytes | None, *, is_counted: bool) -> None:
        if key is None:
            return
        self._is_counted[key] = is_counted
        self._is_counted.move_to_end(key)
        while len(self._is_counted) > self._max_ids:
            self._is_counted.popitem(last=False)


def _key(call: LLMCall) -> bytes | None:
    """A short stand-in for provider and response id, None where the answer has no id."""
    if not call.response_id:
        return None
    text = f"{call.provider}\0{call.response_id}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest()
