"""Is every code explained that the library prints or writes?"""

import ast
import json
import re
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
import pytest
from click.testing import CliRunner

import llm_observer
from llm_observer.cache import slots
from llm_observer.cache.kinds import KINDS
from llm_observer.capture.hooks import HookStatus
from llm_observer.cli import _own_files, main
from llm_observer.cli._codes import codes, found
from llm_observer.cli._price_list import STANDARD
from llm_observer.config import SETTINGS
from llm_observer.enrichers.pricing import REGION
from llm_observer.enrichers.tiers import TIERS
from llm_observer.event import Event
from llm_observer.pipeline import Stats
from llm_observer.reconcile import CAUSES, FORMS
from llm_observer.report import gates, text
from llm_observer.sinks import totals
from llm_observer.sinks.totals import CostParts
from llm_observer.telemetry import answers, circuit
from llm_observer.telemetry.delivery import COUNTERS
from llm_observer.telemetry.entry import SpoolStats

PACKAGE = Path(llm_observer.__file__).parent
ALL = list(codes())
NAMES = {code.name for code in ALL}
TREES = {path: ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}


def run(*arguments):
    return CliRunner().invoke(main, ["explain", *arguments])


def literals(kind):
    """All strings of `Literal`s in the types of *kind*."""
    if get_origin(kind) is Literal:
        return {value for value in get_args(kind) if isinstance(value, str)}
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        return set().union(*map(literals, get_type_hints(kind).values()))
    return set().union(*map(literals, get_args(kind)))


@pytest.mark.parametrize("word", sorted(literals(Event)))
def test_every_word_that_an_event_may_have_is_explained(word):
    assert word in NAMES


def groups_with(word):
    return {code.group for code in found(word)}


def test_a_word_that_stands_for_several_things_has_each_of_them():
    assert groups_with("exact") == {"cost status", "label of a token count"}
    assert {"cache verdict", "wire"} <= groups_with("unknown")


@pytest.mark.parametrize("kind", KINDS)
def test_every_finding_is_explained_with_what_to_change(kind):
    (code,) = (code for code in found(kind) if code.group == "cache finding")
    assert KINDS[kind].advice in code.todo


def strings_at(pattern):
    """First arguments of the calls whose source begins like *pattern*, as far as they are constant."""
    wanted = re.compile(pattern)
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and node.args and wanted.fullmatch(ast.unparse(node.func)):
                yield from constants(node.args[0])


def constants(node):
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
        yield node.values[0].value.rstrip(": ")


@pytest.mark.parametrize("kind", sorted(set(strings_at(r"log\.once|once"))))
def test_every_warning_in_the_log_is_explained(kind):
    assert any(code.group == "warning in the log" for code in found(kind))


@pytest.mark.parametrize("note", sorted(set(strings_at(r"(self\._)?notes\.add"))))
def test_every_note_on_a_call_is_explained(note):
    assert note in NAMES


def test_the_notes_that_are_put_together_are_explained():
    readers = set()
    for tree in TREES.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "Reader" and len(node.args) == 3:
                readers |= {f"{name}_wrong_type" for name in constants(node.args[2])}
    from llm_observer.adapters import building, request

    assert readers | set(building._STATES.values()) | set(request._MISSING.values()) <= NAMES


COUNTS = {
    *Stats._fields,
    *COUNTERS,
    *SpoolStats._fields,
    *llm_observer.stats(),
    "circuit",
    "stopped",
    "spool",
}


@pytest.mark.parametrize("name", sorted(COUNTS))
def test_every_count_of_the_library_is_explained(name):
    assert any("counter" in code.group for code in found(name))


@pytest.mark.parametrize("word", sorted({*get_args(answers.Kind), *get_args(circuit.State)}))
def test_every_state_of_the_delivery_is_explained(word):
    assert word in NAMES


def test_every_reason_of_an_unknown_cost_is_explained():
    assert {*text._GAPS, "estimated", "bound", totals.NOT_PRICED} <= NAMES


def test_every_state_of_a_hook_is_explained():
    assert set(re.findall(r"`(\w+)`", HookStatus.__doc__)) <= NAMES


def test_every_gate_is_explained():
    source = ast.unparse(TREES[Path(gates.__file__)])
    assert set(re.findall(r"name='([a-z-]+)'", source)) <= NAMES


def test_every_exit_code_is_explained():
    used = {
        str(node.value.value)
        for path, tree in TREES.items()
        if path.parent.name == "cli"
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and ast.unparse(node.targets[0])
        in {"_FINDINGS", "_UNREADABLE", "_USAGE", "_FAILED", "_UNKNOWN", "_LEFT"}
        and isinstance(node.value.value, int)
    }
    assert {*used, "0"} == {"0", "1", "2", "3"}
    assert used <= NAMES


@pytest.mark.parametrize("name", SETTINGS)
def test_settings_and_their_variables_are_known(name):
    assert found(name)
    assert all(found(variable) for variable in SETTINGS[name].variables(name))


def test_fields_of_events_are_known_by_name_and_by_path():
    assert [code.group for code in found("cost.total_usd")] == ["field of Cost"]
    assert found("llm_call.tokens.cache_read")


def test_no_code_is_explained_twice_in_a_group():
    keys = [(code.group, code.name) for code in ALL]
    assert len(keys) == len(set(keys))


def test_every_explanation_is_a_sentence():
    listed = [code for code in ALL if code.is_listed]
    assert [code for code in listed if not re.fullmatch(r"[A-Z`0-9].*[.?)]", code.meaning)] == []


WORD = re.compile(r"[a-z][a-z0-9_-]*")
NEVER_PRINTED = {
    "_settings.Found": "which settings a file that was found may set",
    "cache.habits.News": "why a setting changed, which the finding says",
    "cache.kinds.Family": "sorts findings",
    "cache.labels._ROLES": "what a regular expression found",
    "cache.rules._spec.RuleId": "names a rule of a provider in the code",
    "cache.settings.Level": "sorts settings",
    "cli._peers._KNOWN": "names of other packages",
    "cli.completion._HOW": "names of shells",
    "demo.agent._TOOLS": "of a made-up app",
    "otel_names.Vintage": "values of a setting, which the setting's text explains",
    "reconcile.documents.State": "of a record while it is read",
    "reconcile.text._TITLES": "keys whose values are printed",
    "schema._MESSAGES": "keywords of JSON Schema",
    "sinks.otlp_export.Signal": "OpenTelemetry's",
    "wire.BodyState": "what becomes a note",
    "wire.Closing": "what becomes an ending",
}
"""Sets of words that are no codes, and why."""


def words_of(value):
    """The words of a `Literal`, or of a table that has a text for each; else none."""
    if isinstance(value, ast.Subscript) and ast.unparse(value.value) == "Literal":
        words = value.slice.elts if isinstance(value.slice, ast.Tuple) else [value.slice]
        return [word.value for word in words if isinstance(word, ast.Constant)]
    if not isinstance(value, ast.Dict) or not any(map(is_text, value.values)):
        return []
    keys = [key.value if isinstance(key, ast.Constant) else None for key in value.keys]
    return keys if all(isinstance(key, str) and WORD.fullmatch(key) for key in keys) else []


def is_text(node):
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    )


def tables():
    """Each set of words that a module of the package defines."""
    for path, tree in TREES.items():
        module = ".".join(path.relative_to(PACKAGE).with_suffix("").parts)
        for node in tree.body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and words_of(node.value):
                target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
                yield f"{module}.{ast.unparse(target)}", words_of(node.value)


TABLES = dict(tables())


@pytest.mark.parametrize("table", sorted(TABLES.keys() - NEVER_PRINTED.keys()))
def test_every_word_of_a_table_is_explained_or_said_to_be_no_code(table):
    assert [word for word in TABLES[table] if not found(word)] == []


def test_what_is_said_to_be_no_code_is_still_there():
    assert NEVER_PRINTED.keys() <= TABLES.keys()


@pytest.mark.parametrize("code", CAUSES)
def test_every_cause_in_reconcile_is_explained_beside_what_else_the_word_means(code):
    result = run(code)
    assert result.exit_code == 0
    assert CAUSES[code][1:] in " ".join(result.stdout.split())
    assert "cause in reconcile" in groups_with(code)


NAMED = {
    "form of an export": {form.name for form in FORMS},
    "place for a breakpoint": slots.NAMES,
    "part of a cost": set(CostParts.__struct_fields__),
    "file that the library keeps": set(_own_files._PATTERNS),
    "tier of a price": {tier for _, tier in TIERS} | {STANDARD, REGION},
    "exit code": {"0", "1", "2", "3"},
}
"""Names that are no table of texts: where they are printed, and all of them."""


@pytest.mark.parametrize("group", NAMED)
def test_every_name_that_is_printed_is_explained(group):
    assert {code.name for code in ALL if code.group == group} >= NAMED[group]


# The command ----------------------------------------------------------------------------------------------


def test_a_code_is_explained_with_what_to_do():
    result = run("usage_absent")
    assert result.exit_code == 0
    assert "The answer has no usage" in result.stdout
    assert "include_usage" in result.stdout


@pytest.mark.parametrize("spelling", ["usage_absent", "USAGE-ABSENT", " usage absent "])
def test_a_code_is_found_however_it_is_spelled(spelling):
    assert {code.name for code in found(spelling)} == {"usage_absent"}


def test_several_words_are_one_code():
    assert "It is not in this environment" in run("not", "installed").stdout


def test_alone_it_lists_all_codes():
    found_names = {row["code"] for row in json.loads(run("--json").stdout)["codes"]}
    assert found_names == {code.name for code in ALL if code.is_listed}
    assert "cost status" in run().stdout


def test_an_unknown_code_ends_with_1_and_close_ones():
    result = run("usage_absnt")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "did you mean usage_absent" in result.stderr
    assert json.loads(run("usage_absnt", "--json").stdout)["close"][0] == "usage_absent"


def test_a_word_like_no_other_points_to_the_list():
    assert "`llm-observer explain` lists all" in run("qqqqqqqqqq").stderr


def test_json_says_the_same():
    (row,) = json.loads(run("hit", "--json").stdout)["codes"]
    assert (row["group"], row["code"], row["todo"]) == ("cache verdict", "hit", None)
