"""Does the code keep the house rules? Small modules, few catch-alls, one that patches, a light import."""

import ast
import importlib
import re
import subprocess
import sys
import tokenize
from collections import Counter
from pathlib import Path

import click
import pytest

import llm_observer
from llm_observer.cli import COMMANDS

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "sdk/python/llm_observer"
MODULES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))
PROGRAMS = sorted(
    path.relative_to(ROOT).as_posix()
    for folder in ("sdk", "scripts", "examples", "tests")
    for path in ROOT.glob(f"{folder}/**/*.py")
)
MAX_LINES = 320
CATCH_ALLS = {
    "launch/startup/sitecustomize.py": 1,  # the guard may not be there: it runs in whatever Python a child is
    "guard.py": 1,  # a handler of the app's log failed while a fault was told to it
    "log.py": 1,  # the app's own handlers and filters; the guard itself logs, so it cannot be used here
}
PATCHES = "capture/placing.py"
WRAPPER = "capture/wrapper.py"
IMPORT_HOOKS = "capture/watch.py"
PATCHING = {"setattr", "delattr", "FunctionWrapper", "wrap_function_wrapper", "wrap_object", "resolve_path"}
LATE = {"openai", "anthropic", "httpx", "httpx2", "rich", "pydantic", "jsonschema"}
UNLOADED = {
    "openai",
    "anthropic",
    "httpx",
    "httpx2",
    "pydantic",
    "msgspec",
    "wrapt",
    "asyncio",
    "genai_prices",
}
LEFT_OVER = re.compile(r"\b(?:TODO|FIXME|XXX)\b")


def text_of(module):
    return (PACKAGE / module).read_text("utf-8")


def nodes(module, *kinds):
    return [node for node in ast.walk(ast.parse(text_of(module))) if isinstance(node, kinds)]


def imported(node):
    """The distributions that an import statement takes from."""
    names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [name.name for name in node.names]
    return {name.partition(".")[0] for name in names}


def imports_at_import(statements):
    """The import statements that run with the module: in branches and classes too, not in functions."""
    for statement in statements:
        if isinstance(statement, (ast.Import, ast.ImportFrom)):
            yield statement
        elif isinstance(statement, ast.If) and "TYPE_CHECKING" in ast.unparse(statement.test):
            yield from imports_at_import(statement.orelse)
        elif not isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from imports_at_import(
                child
                for child in ast.iter_child_nodes(statement)
                if isinstance(child, (ast.stmt, ast.ExceptHandler))
            )


def name_of(node):
    return node.id if isinstance(node, ast.Name) else getattr(node, "attr", None)


def catch_alls(module):
    """The places that would swallow any error."""
    broad = {"Exception", "BaseException"}
    for handler in nodes(module, ast.ExceptHandler):
        caught = {name_of(node) for node in ast.walk(handler.type)} if handler.type else broad
        if caught & broad and not ends_in_raise(handler):
            yield handler.lineno
    for call in nodes(module, ast.Call):
        if name_of(call.func) == "suppress" and broad & {name_of(argument) for argument in call.args}:
            yield call.lineno


def ends_in_raise(handler):
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None


def order(name):
    """Constants, classes, the rest: what ruff's RUF022 asks of a literal."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def module_of(path):
    return ".".join(
        ["llm_observer", *path.removesuffix(".py").removesuffix("__init__").strip("/").split("/")]
    ).strip(".")


def commands():
    """Every command and subcommand with the words that call it."""
    waiting = [((name,), entry.load()) for name, entry in COMMANDS.items()]
    while waiting:
        words, command = waiting.pop()
        yield words, command
        if isinstance(command, click.Group):
            waiting += [((*words, name), inside) for name, inside in command.commands.items()]


def test_there_are_modules_to_look_at():
    assert len(MODULES) > 50


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_short(module):
    assert len(text_of(module).splitlines()) <= MAX_LINES


@pytest.mark.parametrize("module", MODULES)
def test_the_first_line_of_a_module_is_a_sentence(module):
    docstring = ast.get_docstring(ast.parse(text_of(module)))
    assert docstring is not None
    assert docstring.splitlines()[0].endswith((".", "?"))


def test_only_the_guard_and_the_log_catch_everything():
    found = {module: len(list(catch_alls(module))) for module in MODULES}
    assert {module: number for module, number in found.items() if number} == CATCH_ALLS


@pytest.mark.parametrize("module", MODULES)
def test_no_module_imports_everything_of_another(module):
    assert [node for node in nodes(module, ast.ImportFrom) if node.names[0].name == "*"] == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_nothing_is_left_to_be_done(program):
    with (ROOT / program).open("rb") as file:
        comments = [one.string for one in tokenize.tokenize(file.readline) if one.type == tokenize.COMMENT]
    assert [comment for comment in comments if LEFT_OVER.search(comment)] == []


def test_only_one_module_writes_to_classes_of_others():
    writing = {
        module for module in MODULES for call in nodes(module, ast.Call) if name_of(call.func) in PATCHING
    }
    assert writing == {PATCHES}


def test_only_the_wrapper_and_the_watch_use_wrapt():
    using = {
        module
        for module in MODULES
        for node in nodes(module, ast.Import, ast.ImportFrom)
        if "wrapt" in imported(node)
    }
    assert using == {WRAPPER, IMPORT_HOOKS}


@pytest.mark.parametrize("module", MODULES)
def test_what_is_optional_or_heavy_is_imported_where_it_is_used(module):
    at_import = imports_at_import(ast.parse(text_of(module)).body)
    assert [node.lineno for node in at_import if imported(node) & LATE] == []


def test_the_import_loads_no_sdk_and_nothing_heavy():
    code = "import sys, llm_observer; print(*{name.partition('.')[0] for name in sys.modules})"
    loaded = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, text=True
    ).stdout.split()
    assert "llm_observer" in loaded
    assert UNLOADED.intersection(loaded) == set()


@pytest.mark.parametrize(
    ("words", "command"), [pytest.param(*pair, id=" ".join(pair[0])) for pair in commands()]
)
def test_a_command_and_its_options_have_help(words, command):
    assert command.help
    assert [one.name for one in command.params if isinstance(one, click.Option) and not one.help] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_the_summary_of_a_command_is_a_sentence(name):
    assert COMMANDS[name].summary.endswith(".")


@pytest.mark.parametrize("module", MODULES)
def test_all_is_there_sorted_and_true(module):
    defined = importlib.import_module(module_of(module))
    public = [
        node.name
        for node in ast.parse(text_of(module)).body
        if isinstance(node, (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef))
        and not node.name.startswith("_")
    ]
    names = getattr(defined, "__all__", None)
    if names is None:
        assert public == []
        return
    plain = [name for name in names if not name.startswith("__")]
    assert plain == sorted(plain, key=order)
    assert [name for name, number in Counter(names).items() if number > 1] == []
    assert [name for name in names if not hasattr(defined, name)] == []


def test_the_public_names_are_listed_where_people_look():
    assert set(llm_observer.__all__) <= set(dir(llm_observer))
