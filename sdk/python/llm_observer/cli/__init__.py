"""Which commands are there? A table; each is imported only when it runs."""

import importlib
import importlib.util
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, NamedTuple

import click

from llm_observer._version import __version__
from llm_observer.errors import ConfigError

__all__ = ["COMMANDS", "Command", "main"]


class Command(NamedTuple):
    """Where a command stands (`module:attribute`) and what `--help` says of it."""

    target: str
    summary: str

    @property
    def module(self) -> str:
        """The module of `target`."""
        return self.target.partition(":")[0]

    def load(self) -> click.Command:
        """The command itself."""
        found: click.Command = getattr(importlib.import_module(self.module), self.target.partition(":")[2])
        return found


COMMANDS = {
    "cache": Command("llm_observer.cli.cache:cache", "Rank what to change in prompts, by saved money."),
    "check": Command("llm_observer.cli.check:check", "Fail where calls break limits of cache or cost."),
    "analyze": Command("llm_observer.cli.analyze:analyze", "Read recordings or events, and show their cost."),
    "completion": Command("llm_observer.cli.completion:completion", "Print a completion script for a shell."),
    "demo": Command("llm_observer.cli.demo:demo", "Watch calls to a local stand-in; no key, no network."),
    "doctor": Command("llm_observer.cli.doctor:doctor", "Say what is hooked, set and missing here."),
    "explain": Command("llm_observer.cli.explain:explain", "Say what a status, verdict or code means."),
    "prices": Command("llm_observer.cli.prices:prices", "Show what a model costs, as calls are priced."),
    "purge": Command("llm_observer.cli.purge:purge", "Delete the files that the library keeps."),
    "reconcile": Command(
        "llm_observer.cli.reconcile:reconcile", "Compare a provider's export with our events, gap by gap."
    ),
    "report": Command(
        "llm_observer.cli.report:report", "Report cost and cache use as a page, Markdown or JSON."
    ),
    "run": Command("llm_observer.cli.run:run", "Run an app as it is, and show what its calls cost."),
    "schema": Command(
        "llm_observer.cli.schema:schema", "Print the event schema, or check events against it."
    ),
    "spool": Command("llm_observer.cli.spool:spool", "Show, send or delete events that wait to be sent."),
    "summary": Command(
        "llm_observer.cli.summary:summary", "Sum up calls by model, site, feature, user or day."
    ),
    "tail": Command("llm_observer.cli.tail:tail", "Show calls as they come, one a line."),
    "top": Command("llm_observer.cli.top:top", "Watch the spend by model or call site."),
}


class _Lazy(click.Group):
    """A group that shows its help without importing any command."""

    def list_commands(self, _ctx: click.Context) -> list[str]:
        return [name for name in COMMANDS if _is_there(name)]

    def get_command(self, _ctx: click.Context, cmd_name: str) -> click.Command | None:
        return COMMANDS[cmd_name].load() if _is_there(cmd_name) else None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name].summary) for name in self.list_commands(ctx)])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not (_is_there(name) or name.startswith("-") or ctx.resilient_parsing):
            ctx.fail(f"No such command {name!r}{_hint(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)

    def make_context(self, *args: Any, **options: Any) -> click.Context:
        with _told():  # `--help` is printed here
            return super().make_context(*args, **options)

    def invoke(self, ctx: click.Context) -> object:
        with _told():
            return super().invoke(ctx)


@contextmanager
def _told() -> Iterator[None]:
    """Say in a line what cannot be used, and leave with its exit code."""
    try:
        yield
    except ConfigError as exc:
        raise click.UsageError(str(exc)) from exc
    except BrokenPipeError:  # whoever read has read enough, as `head` has: click ends without a word
        raise
    except OSError as exc:
        raise _UnusableError(_reason(exc)) from exc


class _UnusableError(click.ClickException):
    """What the system refused, such as to write to a full disk; commands say it of their own files."""

    exit_code = 3


def _reason(exc: OSError) -> str:
    refused = [name for name in ("stdout", "stderr") if not _is_taken(getattr(sys, name))]
    place = [click.format_filename(exc.filename)] if isinstance(exc.filename, (str, bytes)) else refused[:1]
    return ": ".join([*place, exc.strerror or str(exc)])


def _is_taken(stream: IO[str] | None) -> bool:
    """Whether *stream* took all that was written. If not, it is let go: Python would fail at its end."""
    if stream is None:
        return True
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
    return True


def _is_there(name: str) -> bool:
    """Known, and its file is in this distribution."""
    return name in COMMANDS and importlib.util.find_spec(COMMANDS[name].module) is not None


def _hint(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=2)
    return f": did you mean {' or '.join(close)}?" if close else ". `llm-observer --help` lists all."


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="llm-observer")
def main() -> None:
    """See what your LLM calls cost and how their tokens were spent."""
