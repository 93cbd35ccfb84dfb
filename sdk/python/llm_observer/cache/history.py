"""What stands in front of a request that only names an earlier answer? The Responses API keeps it.

With `previous_response_id` the prompt is the earlier one's input, its answer, and the new input; its tools
and instructions are not carried over (OpenAI API reference, `previous_response_id`, November 2026). A
`conversation` may have been begun by anybody, with anything: what stands in it is not followed.
"""

from collections import OrderedDict
from collections.abc import Sequence

from llm_observer.cache.estimate import TENTHS
from llm_observer.cache.facts import Facts, facts_of, with_estimate
from llm_observer.cache.intake import Part, Pieces
from llm_observer.cache.memory import Conversation
from llm_observer.cache.pieces import Piece
from llm_observer.call import LLMCall
from llm_observer.privacy import Hasher

__all__ = ["Answers", "is_continued", "with_front"]

MAX_ANSWERS = 4096
MAX_BYTES = 4000
BYTES_PER_TOKEN = 4


def is_continued(call: LLMCall) -> bool:
    """Whether the provider puts a history in front of the request's own input."""
    asked = call.request
    return asked is not None and (asked.previous_response_id is not None or asked.conversation_id is not None)


class Answers:
    """Where each answered prompt is kept, by the id of its answer."""

    def __init__(self, hasher: Hasher) -> None:
        self._hasher = hasher
        self._kept: OrderedDict[int, tuple[Conversation, int, int, int]] = OrderedDict()

    def keep(self, call: LLMCall, line: Conversation, pieces: Pieces) -> None:
        """Note that *call* was answered, and that its prompt is the newest of *line*."""
        if call.operation != "responses" or call.response_id is None:
            return
        head = sum(message < 0 for message in pieces.messages)
        output = call.tokens.output if call.tokens else None
        self._kept[self._key(call, call.response_id)] = (
            line,
            head,
            len(pieces.facts),
            0 if output is None else output,
        )
        while len(self._kept) > MAX_ANSWERS:
            self._kept.popitem(last=False)

    def front(self, call: LLMCall) -> list[Part] | None:
        """The pieces that the provider puts in front of *call*'s own input; None if they were not seen."""
        earlier = call.request.previous_response_id if call.request else None
        found = None if earlier is None else self._kept.get(self._key(call, earlier))
        if found is None or earlier is None:
            return None
        line, head, length, output = found
        if len(line.facts) < length:  # the line was rewritten since
            return None
        answer = self._answer(earlier, output)
        return [Part("", facts, None) for facts in (*line.facts[head:length], answer)]

    def _answer(self, response_id: str, output: int) -> Facts:
        """A piece that stands for an answer: its text was never kept, its size is that of its tokens."""
        size = min(output * BYTES_PER_TOKEN, MAX_BYTES)
        piece = Piece("", "assistant", "assistant", {"type": response_id, "size": "a" * size})
        return with_estimate(facts_of(piece, self._hasher), output * TENTHS)

    def _key(self, call: LLMCall, response_id: str) -> int:
        return self._hasher.number(f"{call.provider}\0{response_id}".encode("utf-8", "surrogatepass"))


def with_front(pieces: Pieces, front: Sequence[Part]) -> Pieces:
    """*pieces* with *front* between the request's own head and its input."""
    head = sum(message < 0 for message in pieces.messages)
    shift = len(front)
    parts = [*pieces.parts[:head], *front, *pieces.parts[head:]]
    return pieces._replace(
        owners=[*pieces.owners[:head], *([-1] * shift), *pieces.owners[head:]],
        parts=parts,
        facts=[part.facts for part in parts],
        messages=[
            *pieces.messages[:head],
            *range(shift),
            *(message + shift for message in pieces.messages[head:]),
        ],
        markers=[
            marker if marker.position < head else marker._replace(position=marker.position + shift)
            for marker in pieces.markers
        ],
    )
