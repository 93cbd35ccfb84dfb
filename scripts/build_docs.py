"""Write what the docs can take from the code: settings, commands, what is observed, the demo.

python scripts/build_docs.py            write them into docs/ and README.md
python scripts/build_docs.py --check    exit 1 if one of them is not what the code gives
"""

import argparse
import importlib
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from inspect import cleandoc
from pathlib import Path
from typing import NamedTuple

import click

from llm_observer.cli import main as program
from llm_observer.config import SETTINGS, Config

ROOT = Path(__file__).resolve().parents[1]

FOUND = {
    "taken": "yes",
    "ignored": "no",
    "only_off": "only to turn it off",
    "inside": "below that file's folder",
}
_MOVING = (
    (re.compile(r"\S*events\.jsonl"), "<path>"),
    (re.compile(r"\b\d[\d,.]*(?: / \d[\d,.]*)?\s?(?:ms|s)\b"), "<time>"),
    (re.compile(r"--+"), "--"),
    (re.compile(r"[ \t]+"), " "),
)


class Block(NamedTuple):
    """A part of a file between two comments. same: what of it must not differ."""

    file: str
    name: str
    build: Callable[[], str]
    same: Callable[[str], str]


def settings_table() -> str:
    """One row per setting."""
    rows = [
        f"| `{name}` | {_variables(name)} | {_default(name)} | {setting.text} | {FOUND[setting.found]} |"
        for name, setting in SETTINGS.items()
    ]
    head = ["| setting | environment | default | what it does | from a found file |", "|" + " --- |" * 5]
    return "\n".join([*head, *rows])


def _variables(name: str) -> str:
    return ", ".join(f"`{variable}`" for variable in SETTINGS[name].variables(name)) or "none"


def _default(name: str) -> str:
    default = Config._field_defaults[name]
    if name == "state_dir":
        return "the platform's state folder"
    if name == "spool_dir":
        return "`spool` in the state folder"
    if default is None:
        return "unset"
    return f"`{int(default)}`" if isinstance(default, bool) else f"`{default}`"


def demo_output() -> str:
    """What `llm-observer demo` prints, in a fresh process."""
    with tempfile.TemporaryDirectory(prefix="llm_observer-") as folder:
        done = subprocess.run(
            [sys.executable, "-m", "llm_observer", "demo", "--file", f"{folder}/events.jsonl"],
            check=True,
            capture_output=True,
            text=True,
            cwd=folder,
            env={**os.environ, "COLUMNS": "110"},  # room for each name, however long the times are
        )
        shown = done.stdout.replace(folder, "/tmp")  # noqa: S108 - what a reader would see
    lines = [line.rstrip() for line in shown.strip("\n").splitlines()]
    return "\n".join(["```console", "$ make demo", *lines, "```"])


def commands() -> str:
    """Each command: what it does, its usage, its options."""
    top = click.Context(program, info_name="llm-observer")
    names = sorted(program.list_commands(top))
    sections = (_command(program.get_command(top, name), name, top, "##") for name in names)
    return "\n\n".join(sections)


def _command(command: click.Command | None, name: str, above: click.Context, level: str) -> str:
    if command is None:
        raise LookupError(name)
    context = click.Context(command, info_name=name, parent=above)
    usage = command.get_usage(context).removeprefix("Usage: ")
    text = cleandoc(command.help or "").replace("\b\n", "")
    title = context.command_path.removeprefix("llm-observer ")
    parts = [
        f"{level} {title}",
        text,
        f"```console\n$ {' '.join(usage.split())}\n```",
        _options(command, context),
    ]
    if isinstance(command, click.Group):
        parts += [
            _command(command.get_command(context, inner), inner, context, f"{level}#")
            for inner in command.list_commands(context)
        ]
    return "\n\n".join(filter(None, parts))


def _options(command: click.Command, context: click.Context) -> str:
    rows = [f"| `{name}` | {text} |" for name, text in _records(command, context)]
    return "\n".join(["| option | |", "| --- | --- |", *rows]) if rows else ""


def _records(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    for option in options:
        record = option.get_help_record(context)
        if record is not None and "--help" not in record[0]:
            yield record[0].replace("|", "\\|"), " ".join(record[1].split()).replace("|", "\\|")


def surfaces() -> str:
    """One row per way of calling that the tests try, each sync and async."""
    sys.path[:0] = [str(ROOT / "tests")]
    tested = importlib.import_module("integration.test_surfaces")
    rows = [
        f"| {sdk} | {name} | `{operation}` | {'-' if total is None else 'yes'} |"
        for sdk, table in (("openai", tested.OPENAI), ("anthropic", tested.ANTHROPIC))
        for name, (_, _, operation, total) in table.items()
    ]
    return "\n".join(["| SDK | call | `operation` of the event | tokens |", "|" + " --- |" * 4, *rows])


def without_times(text: str) -> str:
    """*text* without what differs from run to run: times, paths and the widths that follow from them."""
    for pattern, word in _MOVING:
        text = pattern.sub(word, text)
    return text


BLOCKS = {
    "settings": Block("docs/configuration.md", "settings", settings_table, str),
    "commands": Block("docs/cli.md", "commands", commands, str),
    "surfaces": Block("docs/surfaces.md", "surfaces", surfaces, str),
    "demo": Block("README.md", "demo", demo_output, without_times),
}


def written(block: Block) -> tuple[str, str, str]:
    """The file's text before, in and after *block*."""
    text = (ROOT / block.file).read_text("utf-8")
    start, end = (
        f"<!-- {block.name}: written by scripts/build_docs.py -->\n",
        f"\n<!-- end of {block.name} -->",
    )
    before, middle = text.split(start)
    inside, after = middle.split(end)
    return before + start, inside, end + after


def is_stale(block: Block) -> bool:
    """The block is not what the code gives."""
    return block.same(written(block)[1]) != block.same(block.build())


def main() -> int:
    """The exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1 if something is stale")
    is_check = parser.parse_args().check
    found = [block for block in BLOCKS.values() if is_stale(block)]
    for block in found:
        print(f"{block.file}: {block.name} is {'stale' if is_check else 'written'}")
        if not is_check:
            before, _, after = written(block)
            (ROOT / block.file).write_text(before + block.build() + after, "utf-8")
    return 1 if is_check and found else 0


if __name__ == "__main__":
    sys.exit(main())
