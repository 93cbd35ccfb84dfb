"""Keep text of a call, where the app asked for it: scrubbed first, then cut."""

from msgspec.structs import replace

from llm_observer.call import Content, LLMCall
from llm_observer.decoded import Decoded
from llm_observer.privacy import scrub
from llm_observer.wire import Exchange

__all__ = ["Redact"]

_LOOK_AHEAD = 4096
"""Characters past the bound that are scrubbed too, as tags may be shorter than what they stand for."""

_TORN = 256
"""Characters dropped before a first cut: a number or an address torn in two is not recognised."""


class Redact:
    """Adds `content`. It is only installed with `capture_content`; without it nothing reads text.

    max_bytes: bound of each text, in UTF-8 bytes.
    """

    def __init__(self, *, max_bytes: int) -> None:
        self._max_bytes = max_bytes

    def __call__(self, call: LLMCall, decoded: Decoded, exchange: Exchange) -> LLMCall:  # noqa: ARG002 - the spec
        """*call* with bounded, scrubbed text; unchanged where the wire had none."""
        content = decoded.content
        if content is None:
            return call
        texts = [self._bounded(text) for text in (content.input, content.output)]
        (put_in, in_cut), (put_out, out_cut) = texts
        return replace(call, content=Content(input=put_in, output=put_out, is_truncated=in_cut or out_cut))

    def _bounded(self, text: str | None) -> tuple[str | None, bool]:
        """*text* scrubbed and within the bound, and whether that cut it."""
        if text is None:
            return None, False
        window = self._max_bytes + _LOOK_AHEAD
        scrubbed = scrub(text[:window], with_ip=True)
        is_torn = len(text) > window
        if is_torn:
            scrubbed = scrubbed[:-_TORN]
        data = scrubbed.encode("utf-8", "replace")
        kept = data[: self._max_bytes].decode("utf-8", "ignore")
        return kept, is_torn or len(data) > self._max_bytes
