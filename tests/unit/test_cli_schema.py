"""What does `llm-observer schema` print, and how does it end?"""

import gzip
import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from llm_observer import _version
from llm_observer.cli import COMMANDS, _documents, main
from llm_observer.schema import schema_text

ROOT = Path(__file__).parents[2]
EXAMPLES = [
    json.loads(text)
    for text in re.findall(
        r"^```json\n(.*?)^```",
        (ROOT / "docs/schema-examples.md").read_text("utf-8"),
        re.MULTILINE | re.DOTALL,
    )
]
GOOD = EXAMPLES[-1]
BAD = GOOD | {"trace_id": "x", "custom": {"values": {}}}
PROBLEMS = ["custom: name is missing", "trace_id: does not match ^[0-9a-f]{32}$"]


def run(*arguments, data=b"", options=()):
    return subprocess.run(
        [sys.executable, *options, "-m", "llm_observer", *arguments],
        input=data,
        capture_output=True,
        check=False,
        timeout=60,
    )


def validated(data, *arguments):
    """Exit code, lines of problems and the last line of what was said beside them."""
    done = run("schema", "validate", *arguments, "-", data=data)
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout.decode().splitlines(), done.stderr.decode().splitlines()[-1]


def lines(*documents):
    return "".join(json.dumps(document) + "\n" for document in documents).encode()


def test_schema_prints_the_contract():
    done = run("schema")
    assert (done.returncode, done.stdout.decode(), done.stderr) == (0, schema_text(), b"")


def test_json_is_what_schema_prints_anyway():
    assert run("schema", "--json").stdout == run("schema").stdout


def test_bad_lines_of_several_files_are_named_by_file_and_line(tmp_path):
    files = {"a.jsonl": lines(GOOD, BAD), "b.jsonl.gz": gzip.compress(lines(BAD, GOOD, BAD))}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    done = run("schema", "validate", *(str(tmp_path / name) for name in files))
    places = {line.partition(": ")[0] for line in done.stdout.decode().splitlines()}
    assert places == {str(tmp_path / place) for place in ("a.jsonl:2", "b.jsonl.gz:1", "b.jsonl.gz:3")}
    assert done.returncode == 1


def test_every_example_passes():
    assert validated(lines(*EXAMPLES)) == (0, [], f"-: events: {len(EXAMPLES)}, problems: 0")


def test_a_problem_names_file_line_path_and_what_is_wrong(tmp_path):
    file = tmp_path / "events.jsonl"
    file.write_bytes(lines(GOOD, BAD, GOOD))
    done = run("schema", "validate", str(file))
    assert done.stdout.decode().splitlines() == [f"{file}:2: {problem}" for problem in PROBLEMS]
    assert (done.returncode, done.stderr.decode()) == (1, f"{file}: events: 3, problems: 2\n")


def test_json_gives_one_object_per_problem():
    code, out, _ = validated(lines(BAD), "--json")
    assert code == 1
    assert json.loads(out[0]) == {
        "file": "-",
        "line": 1,
        "path": "custom",
        "message": "name is missing",
    }


LAST = json.dumps(GOOD, indent=2).count("\n")
LAYOUTS = {
    "lines": (lines(GOOD, BAD), 2),
    "lines without a last line break": (lines(GOOD, BAD).rstrip(), 2),
    "lines with blank lines and carriage returns": (
        b"\n\r\n" + lines(GOOD, BAD).replace(b"\n", b"\r\n\n"),
        5,
    ),
    "lines after a byte order mark": (b"\xef\xbb\xbf" + lines(GOOD, BAD), 2),
    "one document laid out": (json.dumps(BAD, indent=2).encode(), 1),
    "two documents laid out": (b"\n".join(json.dumps(d, indent=2).encode() for d in (GOOD, BAD)), LAST + 2),
    "a list on one line": (json.dumps([GOOD, BAD]).encode(), 1),
    "a list laid out": (json.dumps([GOOD, BAD], indent=2).encode(), LAST + 3),
    "a list over lines": (b"[\n" + lines(GOOD).rstrip() + b",\n" + lines(BAD) + b"]\n", 3),
}


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(("data", "line"), LAYOUTS.values(), ids=LAYOUTS.keys())
def test_events_are_found_however_they_are_laid_out(data, line, pack):
    code, out, _ = validated(pack(data))
    assert (code, out) == (1, [f"-:{line}: {problem}" for problem in PROBLEMS])


@pytest.mark.parametrize("data", [b"", b"\n\n", b"[]", b" [ ]\n", gzip.compress(b"", mtime=0)], ids=repr)
def test_a_file_without_events_has_no_problems(data):
    assert validated(data) == (0, [], "-: events: 0, problems: 0")


def test_a_value_across_two_pieces_is_read_whole():
    data = b"[" + b" " * (_documents._PIECE - 2) + b"12.5]"
    assert validated(data) == (1, ["-:1: $: is number, not object"], "-: events: 1, problems: 1")


BROKEN_LINES = {
    "cut": (lines(GOOD)[:40], "is not JSON"),
    "text": (b"oh no", "is not JSON"),
    "NaN": (b'{"a": NaN}', "is not JSON"),
    "latin-1": (b'{"a": "\xe9"}', "is not UTF-8"),
    "deep": (b'{"a":' + b"[" * 100_000, "is nested too deeply"),
    "a number": (b"1", "is integer, not object"),
}


@pytest.mark.parametrize(("line", "message"), BROKEN_LINES.values(), ids=BROKEN_LINES.keys())
def test_a_broken_line_is_a_problem_of_that_line_only(line, message):
    code, out, last = validated(lines(GOOD) + line + b"\n" + lines(BAD))
    assert (code, out[0], out[1][:4]) == (1, f"-:2: $: {message}", "-:3:")
    assert last == "-: events: 3, problems: 3"


def test_a_line_beyond_the_bound_is_skipped():
    long = b'{"a": "' + b"x" * (_documents.LONGEST + 9) + b'"}\n'
    assert validated(lines(GOOD) + long + lines(GOOD)) == (
        1,
        ["-:2: $: is too long"],
        "-: events: 3, problems: 1",
    )


UNREADABLE = {
    "a cut list": (json.dumps([GOOD, GOOD], indent=1).encode()[:-2], "the list does not go on as JSON"),
    "a cut document": (json.dumps(GOOD, indent=1).encode()[:-2], "is not JSON"),
    "a list with a hole": (b"[{},,{}]", "is not JSON"),
    "a list that goes on without a comma": (b"[{} {}]", "the list does not go on as JSON"),
    "a deep list": (b"[" * 100_000, "is nested too deeply"),
    "a document beyond the bound": (b'[{"a": "' + b"x" * (_documents.LONGEST * 2), "is too long"),
    "a cut gzip": (gzip.compress(lines(*EXAMPLES))[:-20], "is damaged"),
    "a spoiled gzip": (gzip.compress(b"x")[:10] + b"\xff" * 20, "is damaged"),
    "a gzip with another checksum": (gzip.compress(lines(GOOD))[:-8] + b"\0" * 8, "CRC"),
}


@pytest.mark.parametrize(("data", "message"), UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_on_ends_with_3(data, message):
    code, _, last = validated(data)
    assert code == 3
    assert message in last


def test_a_missing_file_and_a_folder_end_with_3_and_the_rest_is_checked(tmp_path):
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(lines(BAD))
    done = run("schema", "validate", str(tmp_path / "none"), str(tmp_path), str(bad))
    assert (done.returncode, len(done.stdout.splitlines())) == (3, 2)
    assert b"none: No such file" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ["schema", "validate"],
        ["schema", "validate", "--what", "-"],
        ["schema", "print"],
        ["nope"],
        ["--what"],
    ],
    ids=" ".join,
)
def test_wrong_usage_ends_with_2(arguments):
    assert run(*arguments).returncode == 2


def test_a_missing_extra_is_named_and_ends_with_2():
    script = "import sys; sys.modules['jsonschema'] = None; from llm_observer.cli import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", script, "schema", "validate", "-"],
        input=lines(GOOD),
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr.decode().splitlines()[-1]) == (
        2,
        "Error: checking events needs: pip install 'llm-observer[schema]'",
    )


def test_no_value_of_an_event_is_shown():
    done = run("schema", "validate", "-", data=lines(GOOD | {"trace_id": "CANARY", "custom": "CANARY"}))
    assert done.returncode == 1
    assert b"CANARY" not in done.stdout + done.stderr


@pytest.mark.parametrize("layout", ["lines", "list"])
def test_memory_stays_flat(tmp_path, layout):
    event = json.dumps({"padding": "x" * 100_000})
    separator, around = {"lines": ("\n", ("", "")), "list": (",\n", ("[", "]"))}[layout]
    peaks = []
    for count in (20, 400):
        file = tmp_path / f"{count}.json"
        file.write_text(around[0] + separator.join([event] * count) + around[1], "utf-8")
        peaks.append(peak_bytes(file))
    assert peaks[1] < peaks[0] * 1.1


def peak_bytes(file):
    """The most memory that Python objects took while *file* was checked."""
    script = (
        "import tracemalloc\n"
        "from llm_observer.cli import main\n"
        "tracemalloc.start()\n"
        "try: main()\n"
        "except SystemExit as exc: assert exc.code == 1\n"
        "print(tracemalloc.get_traced_memory()[1])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, "schema", "validate", str(file)],
        capture_output=True,
        check=True,
        timeout=60,
    )
    return int(done.stdout.splitlines()[-1])


# The group ----------------------------------------------------------------------------------------------


def test_the_command_tells_its_version():
    done = run("--version")
    assert (done.returncode, done.stdout.decode()) == (
        0,
        f"llm-observer, version {_version.__version__}{os.linesep}",
    )


def test_help_lists_commands_without_importing_any():
    done = run("--help", options=["-X", "importtime"])
    imported = done.stderr.decode()
    assert re.search(r"^  schema +Print the event schema", done.stdout.decode(), re.MULTILINE)
    assert "llm_observer.cli" in imported
    for module in ("llm_observer.cli.schema", "msgspec", "jsonschema", "wrapt", "rich"):
        assert not re.search(rf"\| +{module}$", imported, re.MULTILINE)


def test_a_command_whose_file_is_not_there_is_no_command():
    there = {name for name, command in COMMANDS.items() if importlib.util.find_spec(command.module)}
    assert set(main.list_commands(None)) == there
    assert all(main.get_command(None, name) is None for name in COMMANDS.keys() - there)


@pytest.mark.parametrize("name", main.list_commands(None))
def test_every_command_can_be_loaded_and_helps(name):
    done = run(name, "--help")
    assert (done.returncode, done.stderr) == (0, b"")


def test_importing_the_command_line_does_not_import_the_checks():
    script = "import sys, llm_observer.schema; print('jsonschema' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, check=True, timeout=60)
    assert done.stdout.strip() == b"False"
