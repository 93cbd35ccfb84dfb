"""Recordings: exchanges and events read from files."""

from llm_observer.recordings._order import in_order
from llm_observer.recordings._spec import Item, Known, Reader, Recorded, Unreadable, UnreadableFileError
from llm_observer.recordings.once import AnswersOnce
from llm_observer.recordings.open import read_files

__all__ = [
    "AnswersOnce",
    "Item",
    "Known",
    "Reader",
    "Recorded",
    "Unreadable",
    "UnreadableFileError",
    "in_order",
    "read_files",
]
