"""Was this answer told of before, in another file or another form? Then its usage is no second one.

A gateway's log, a transcript, a HAR file and our own events may all tell of one call. Records that have the
request are told apart by it, live and here, as servers for tests repeat their ids.
"""

from llm_observer.call import LLMCall

__all__ = ["AnswersOnce"]

MAX_ANSWERS = 250_000


class AnswersOnce:
    """Remembers answers by name. max_answers: those last seen that are surely remembered."""

    def __init__(self, *, max_answers: int = MAX_ANSWERS) -> None:
        self._max_answers = max_answers
        self._newer: dict[int, bool] = {}
        self._older: dict[int, bool] = {}

    def is_repeated(self, call: LLMCall, name: str | None, *, has_request: bool) -> bool:
        """Whether the usage of *call*, whose answer has *name* (None: its response id), was told of before.

        has_request: the record has the request too, or stands for one that had.
        """
        answer = call.response_id if name is None else name
        if not answer or call.tokens is None:
            return False
        key = hash(answer)
        before = self._newer.get(key, self._older.get(key))
        if before is None:
            self._remember(key, has_request=has_request)
            return False
        return not (before and has_request)

    def _remember(self, key: int, *, has_request: bool) -> None:
        self._newer[key] = has_request
        if len(self._newer) >= self._max_answers:
            self._newer, self._older = {}, self._newer
