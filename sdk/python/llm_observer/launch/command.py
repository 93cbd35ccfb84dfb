"""What does a command line start? Python with arguments, a program that is Python, or another program."""

import os
import re
import shutil
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

__all__ = ["CannotStart", "Program", "program_of"]

_SUFFIXES = (".py", ".pyw", ".pyc", ".pyz")
_PYTHON = re.compile(r"(python|pypy)[\d.]*t?(\.exe)?", re.IGNORECASE)
_ASSIGNMENT = re.compile(r"-\S*|\w+=.*")
_REEXEC = re.compile(rb"""^'''exec' "?([^"\n]+?)"? "\$0" "\$@"$""", re.MULTILINE)
"""Second line of a console script whose interpreter has a path that is too long for a first line."""
_HEAD = 4096
_BLINDING = {"E": "ignores PYTHONPATH", "I": "ignores PYTHONPATH", "S": "imports no sitecustomize"}
_LAST, _VALUED = "cm", "WX"
_USAGE, _NOT_FOUND = 2, 127


class Program(NamedTuple):
    """A file to execute and its words, its own name first. is_python: it becomes a Python process."""

    path: str
    words: tuple[str, ...]
    is_python: bool


class CannotStart(Exception):  # noqa: N818 - it says what it means
    """Why nothing is started, and what to do. code: the exit code of a shell for that."""

    def __init__(self, reason: str, code: int) -> None:
        super().__init__(reason)
        self.code = code


def program_of(words: Sequence[str], environ: Mapping[str, str]) -> Program:
    """What *words* start: Python where they are its options or name a script, else what a shell would."""
    first = words[0]
    found = None if first.startswith("-") else _command(first, environ)
    if first.startswith("-") or _is_script(first, found):
        _refuse_the_blind(sys.executable, words)
        return Program(sys.executable, (sys.executable, *words), is_python=True)
    if found is None:
        raise CannotStart(_not_found(first), _NOT_FOUND)
    interpreter = _interpreter(found)
    is_python = bool(interpreter) and _is_python(interpreter[0])
    if is_python:
        _refuse_the_blind(found, words[1:] if _is_python(found) else interpreter[1:])
    return Program(found, tuple(words), is_python)


def _command(word: str, environ: Mapping[str, str]) -> str | None:
    """The file that a shell would execute; a script beside this Python where `PATH` has none."""
    if os.path.dirname(word):  # noqa: PTH120 - pathlib drops the `./`
        return word if os.access(word, os.X_OK) and Path(word).is_file() else None
    usual = shutil.which(word, path=environ.get("PATH"))
    return usual or shutil.which(word, path=sysconfig.get_path("scripts"))


def _is_script(word: str, found: str | None) -> bool:
    """Whether Python is to read *word*. One with a suffix that is not there: Python says so best."""
    if word.endswith(_SUFFIXES):
        return found is None or Path(word).is_file()
    return found is None and Path(word).exists()


def _not_found(word: str) -> str:
    advice = "check the spelling, install it, or give a path such as ./app.py; -m runs a module"
    return f"{word}: command not found: {advice}"


def _interpreter(file: str) -> list[str]:
    """The words that *file* is started with: itself where it is Python, else those of its first line."""
    if _is_python(file):
        return [file]
    with Path(file).open("rb") as opened:
        head = opened.read(_HEAD)
    if not head.startswith(b"#!"):
        return []
    reexec = _REEXEC.search(head)
    if reexec is not None:
        return [os.fsdecode(reexec[1])]
    words = os.fsdecode(head[2:].partition(b"\n")[0]).split()
    if words and Path(words[0]).name == "env":
        del words[0]
        while words and _ASSIGNMENT.fullmatch(words[0]):
            del words[0]
    return words


def _is_python(file: str) -> bool:
    return _PYTHON.fullmatch(Path(file).name) is not None


def _refuse_the_blind(program: str, options: Sequence[str]) -> None:
    """Python that is told to look at nothing around it would run unobserved: say so before it does."""
    for letter in _letters(options):
        if letter in _BLINDING:
            reason = f"{program} with -{letter} {_BLINDING[letter]}, so that it cannot be observed"
            raise CannotStart(
                f"{reason}: leave -{letter} out, or call llm_observer.patch() in the app", _USAGE
            )


def _letters(options: Sequence[str]) -> Iterator[str]:
    """Python's own options among *options*, which end with the first word that is none."""
    rest = iter(options)
    for word in rest:
        if not word.startswith("-") or word == "-" or word.startswith("--"):
            return
        for place, letter in enumerate(word[1:], 2):
            yield letter
            if letter in _LAST:
                return
            if letter in _VALUED:
                if place == len(word):
                    next(rest, None)
                break
