"""Which commands are there? A table; each is imported only when it runs."""

import importlib
import importlib.util
from typing import NamedTuple

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
    "demo": Command("llm_observer.cli.demo:demo", "Watch calls to a local stand-in; no key, no network."),
    "doctor": Command("llm_observer.cli.doctor:doctor", "Say what is hooked, set and missing here."),
    "report": Command(
        "llm_observer.cli.report:report", "Report cost and cache use as a page, Markdown or JSON."
    ),
    "schema": Command(
        "llm_observer.cli.schema:schema", "Print the event schema, or check events against it."
    ),
    "spool": Command("llm_observer.cli.spool:spool", "Show, send or delete events that wait to be sent."),
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

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except ConfigError as exc:
            raise click.UsageError(str(exc)) from exc


def _is_there(name: str) -> bool:
    """Known, and its file is in this distribution."""
    return name in COMMANDS and importlib.util.find_spec(COMMANDS[name].module) is not None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="llm-observer")
def main() -> None:
    """See what your LLM calls cost and how their tokens were spent."""
