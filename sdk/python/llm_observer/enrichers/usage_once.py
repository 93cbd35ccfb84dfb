"""Which usage was counted already? The same response, or file of results, is billed once in a process.

A background response is the reason that this needs a memory: its POST answers without usage, and each
GET that polls it carries the same one, as that of a video does. The first answer that has usage counts,
later ones do not. Where another process made the POST (a webhook's), it counts too, and says so.
"""

from collections import OrderedDict
from hashlib import blake2b

from msgspec.structs import replace

from llm_observer.call import LLMCall
from llm_observer.decoded import Decoded
from llm_observer.wire import Exchange

__all__ = ["ASKED_ELSEWHERE", "DownloadsOnce", "UsageOnce"]

MAX_IDS = 10_000
ASKED_ELSEWHERE = "asked_elsewhere"
"""Note on an answer to a request that this process did not see."""


class UsageOnce:
    """Marks usage that repeats another answer's; it stands in front of `CostEnricher`.

    max_ids: how many response ids are remembered, those last seen.
    """

    def __init__(self, *, max_ids: int = MAX_IDS) -> None:
        self._max_ids = max_ids
        self._seen: OrderedDict[bytes, tuple[bool, bytes | None]] = OrderedDict()
        """By response, last seen last: whether its usage was counted or is still awaited, and its request."""

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:
        """*call*, marked if its usage is another answer's or was counted before."""
        key, body = _key(call, exchange), _body(decoded, exchange)
        before = self._recall(key, body)
        if call.tokens is None and decoded.measures is None:
            if before is None and decoded.bills_separately:
                self._remember(key, body, is_counted=False)
            return call
        is_first = before is False or (before is None and (decoded.bills_separately or decoded.is_late))
        if before is None and decoded.is_late:
            call = replace(call, notes=(*call.notes, ASKED_ELSEWHERE))
        if not is_first:
            return replace(call, is_usage_repeated=True)
        if not call.is_usage_repeated and call.ending != "local":  # a local answer may pass on a real one
            self._remember(key, body, is_counted=True)
        return call

    def _recall(self, key: bytes | None, body: bytes | None) -> bool | None:
        """Whether the usage of *key* was counted, None if it was not seen; a response in use stays known."""
        if key is None or key not in self._seen:
            return None
        self._seen.move_to_end(key)
        is_counted, asked = self._seen[key]
        return None if body is not None and asked is not None and body != asked else is_counted

    def _remember(self, key: bytes | None, body: bytes | None, *, is_counted: bool) -> None:
        if key is None:
            return
        asked = self._seen.get(key, (False, None))[1] if body is None else body
        self._seen[key] = (is_counted, asked)
        self._seen.move_to_end(key)
        while len(self._seen) > self._max_ids:
            self._seen.popitem(last=False)


class DownloadsOnce:
    """Remembers how much of each file of batch results was priced. Such a file never changes.

    max_files: how many are remembered, those last seen.
    """

    def __init__(self, *, max_files: int = MAX_IDS) -> None:
        self._max_files = max_files
        self._priced: OrderedDict[bytes, int] = OrderedDict()

    def already_priced(self, call: LLMCall, exchange: Exchange, count: int) -> int:
        """How many of *count* results of the file were priced before, from its start; now all of them are."""
        path = exchange.url.partition("?")[0]
        text = f"{exchange.account}\0{call.provider}\0{path}".encode("utf-8", "surrogatepass")
        key = blake2b(text, digest_size=16).digest()
        before = self._priced.pop(key, 0)
        self._priced[key] = max(before, count)
        while len(self._priced) > self._max_files:
            self._priced.popitem(last=False)
        return min(before, count)


def _key(call: LLMCall, exchange: Exchange) -> bytes | None:
    """A short stand-in for account, provider and response id, None where the answer has no id."""
    if not call.response_id:
        return None
    text = f"{exchange.account}\0{call.provider}\0{call.response_id}".encode("utf-8", "surrogatepass")
    return blake2b(text, digest_size=16).digest()


def _body(decoded: Decoded, exchange: Exchange) -> bytes | None:
    """A short stand-in for the request of a call that is billed by itself, None for any other."""
    if not decoded.bills_separately or not exchange.request_body:
        return None
    return blake2b(exchange.request_body, digest_size=8).digest()
