"""What did the export count, by form, day and model? One pass, in memory that grows with days and models."""

from datetime import date
from decimal import Decimal
from typing import NamedTuple

from llm_observer.reconcile.export import Export
from llm_observer.reconcile.figures import FEES, USD, Figures, weight
from llm_observer.reconcile.form import Form

__all__ = ["ExportKey", "Theirs"]

_NO_TOKENS = frozenset({"item", "fee"})
"""Marks of rows that are no token of a call."""


class ExportKey(NamedTuple):
    """What is added up apart. model: None where the row names none."""

    form: str
    day: date
    model: str | None


class Theirs:
    """Sums of the rows of *export*, which is read here.

    forms: by name, those that were found. days: by form, those that it covers. aliases: other names of its
    models.
    """

    def __init__(self, export: Export) -> None:
        self.sums: dict[ExportKey, Figures] = {}
        self.aliases: dict[str, set[str]] = {}
        for row in export.rows():
            given = {kind: Decimal(count) for kind, count in row.counts.items()}
            if row.usd is not None:
                given[USD] = row.usd
                if not row.marks.isdisjoint(_NO_TOKENS):
                    given[FEES] = row.usd
            if not given:  # a day without usage has a row of empty cells
                continue
            figures = self.sums.setdefault(ExportKey(row.form.name, row.day, row.model), Figures())
            figures.rows += 1
            if row.alias is not None and row.model is not None:
                self.aliases.setdefault(row.alias, set()).add(row.model)
            for kind, amount in given.items():
                figures.add(kind, amount)
            for mark in row.marks:
                figures.marks[mark] += int(weight(given)) or 1
        self.forms: dict[str, Form] = {form.name: form for form in export.forms}
        self.days = export.days
