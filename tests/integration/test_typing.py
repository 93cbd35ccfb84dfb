"""Do mypy and pyright look at every public name? scripts/check_typing.py shows them that file."""

import ast
import importlib
from pathlib import Path

import pytest

import llm_observer

ROOT = Path(__file__).parents[2]
USES = ROOT / "tests/typing/public_names.py"
TREE = ast.parse(USES.read_text("utf-8"))


def used():
    names = {node.id for node in ast.walk(TREE) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(TREE) if isinstance(node, ast.Attribute)}


@pytest.mark.parametrize("name", llm_observer.__all__)
def test_every_public_name_is_used_in_what_the_checkers_read(name):
    assert name in used()


def test_every_public_name_of_the_testing_module_is_used_too():
    assert set(importlib.import_module("llm_observer.testing").__all__) <= used()
