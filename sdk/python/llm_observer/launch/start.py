"""How does a program run as if we were not there, and is observed? By the Python that starts itself.

There are two ways to run an app that one did not write: inside one's own process, with `runpy` or with what
imitates it, or as the interpreter starts it. The first never gets all of it right: its own frames stand in
tracebacks, `__main__` has other contents or another loader, `multiprocessing` and `pickle` look for a main
module that is not there, and everything imported before is imported too early for gevent. So this process
gives way: `execve` puts the app's own command line in its place, with the same process id, terminal, signals,
standard streams and working directory. What is added is a folder on `PYTHONPATH`, whose `sitecustomize`
takes itself away again before the app begins.

Only a program that is not Python (`bash`, `node`), which cannot sum up its children's calls, stays a child.
"""

import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, NoReturn

from llm_observer.capture.targets import TARGETS
from llm_observer.config import SETTINGS
from llm_observer.launch.command import CannotStart, Program
from llm_observer.launch.startup.sitecustomize import HERE, VARIABLE

__all__ = ["Wish", "environment", "replace_by", "told"]

_IGNORED_BY_PYTHON = ("SIGPIPE", "SIGXFSZ")
_CANNOT_EXECUTE = 126


class Wish(NamedTuple):
    """What was asked for on the command line. to: the file of the summary, standard error if None."""

    summary: bool = True
    as_json: bool = False
    to: str | None = None
    file: str | None = None
    children: bool = False


def told(wish: Wish, environ: Mapping[str, str]) -> dict[str, str]:
    """What the processes of this run have to know."""
    packages = sorted({target.module.partition(".")[0] for target in TARGETS})
    facts = {"owner": str(os.getpid()), "sdks": ",".join(packages)}
    if "PYTHONPATH" in environ:
        facts["pythonpath"] = "1"
    if wish.children:
        facts["children"] = "1"
    if wish.summary:
        facts["folder"] = str(Path(tempfile.gettempdir()) / f"llm_observer-{os.urandom(16).hex()}")
    if wish.summary and wish.as_json:
        facts["json"] = "1"
    if wish.summary and wish.to is not None:
        facts["to"] = wish.to
    return facts


def environment(facts: Mapping[str, str], wish: Wish, environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* for the first process: with the folder of our `sitecustomize`, and *facts* for that."""
    path = environ.get("PYTHONPATH")
    lines = (f"{name}={_on_one_line(value)}" for name, value in facts.items())
    changed = {
        **_as_started(environ),
        **_paths_from_here(environ),
        VARIABLE: "\n".join(lines),
        "PYTHONPATH": f"{HERE}{os.pathsep}{path}" if path else HERE,
    }
    if wish.file is not None:
        changed["LLM_OBSERVER_FILE"] = wish.file
    if not wish.summary:
        changed["LLM_OBSERVER_SUMMARY"] = "0"
    return changed


def _paths_from_here(environ: Mapping[str, str]) -> dict[str, str]:
    """Our settings that are paths, as they are here: the app may go elsewhere before they are read."""
    settings = ((name, setting) for name, setting in SETTINGS.items() if setting.is_path)
    variables = (variable for name, setting in settings for variable in setting.variables(name))
    given = {variable: environ[variable] for variable in variables if environ.get(variable, "").strip()}
    return {variable: str(Path(path).expanduser().absolute()) for variable, path in given.items()}


def _on_one_line(text: str) -> str:
    return text.replace("%", "%25").replace("\n", "%0A")


def _as_started(environ: Mapping[str, str]) -> dict[str, str]:
    """*environ* without the `LC_CTYPE` that this Python has set for itself in the C locale (PEP 538)."""
    first = Path("/proc/self/environ")
    if "LC_CTYPE" not in environ or not first.exists():
        return dict(environ)
    was_given = any(entry.startswith(b"LC_CTYPE=") for entry in first.read_bytes().split(b"\0"))
    return {name: value for name, value in environ.items() if was_given or name != "LC_CTYPE"}


def replace_by(program: Program, environ: Mapping[str, str]) -> NoReturn:
    """Become *program*."""
    for name in _IGNORED_BY_PYTHON:  # by this Python, not by whoever started it
        signal.signal(getattr(signal, name), signal.SIG_DFL)
    for stream in filter(None, (sys.stdout, sys.stderr)):  # None: it was closed before we started
        stream.flush()
    try:
        os.execve(program.path, program.words, environ)  # noqa: S606 - the app that was asked for
    except OSError as exc:
        raise CannotStart(f"{program.path}: {exc.strerror}", _CANNOT_EXECUTE) from exc
