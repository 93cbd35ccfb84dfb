"""Reconcile: a provider's usage or cost export beside our events, day by day and model by model."""

from llm_observer.reconcile.causes import CAUSES, Judge
from llm_observer.reconcile.compare import Question, Section, compare
from llm_observer.reconcile.export import Export
from llm_observer.reconcile.forms import FORMS
from llm_observer.reconcile.ours import Ours
from llm_observer.reconcile.plain import to_plain
from llm_observer.reconcile.text import render
from llm_observer.reconcile.theirs import Theirs

__all__ = [
    "CAUSES",
    "FORMS",
    "Export",
    "Judge",
    "Ours",
    "Question",
    "Section",
    "Theirs",
    "compare",
    "render",
    "to_plain",
]
