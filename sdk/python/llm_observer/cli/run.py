"""`llm-observer run`: what does an app cost that I do not want to touch?"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from llm_observer.launch.command import CannotStart, Program, program_of
from llm_observer.launch.start import Wish, environment, replace_by, told

__all__ = ["run"]

_PATH = click.Path(dir_okay=False, resolve_path=False)


def _writable(_ctx: click.Context, _param: click.Parameter, value: str | None) -> str | None:
    """The file, if it can be written when the app has ended: nobody looks for its summary elsewhere."""
    if value is None:
        return None
    path = Path(value).expanduser().absolute()
    if not path.parent.is_dir():
        raise click.BadParameter(f"{click.format_filename(path.parent)} is no folder: make it first")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise click.BadParameter(f"{click.format_filename(path)} cannot be written")
    return value


class _UpToTheCommand(click.Command):
    """Our options end where the command begins: `-m`, `-c` and all that follows are its own."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        place = _command_place(args, self._with_values())
        return super().parse_args(ctx, [*args[:place], "--", *args[place:]])

    def _with_values(self) -> frozenset[str]:
        options = (one for one in self.params if isinstance(one, click.Option) and not one.is_flag)
        return frozenset(name for one in options for name in one.opts)


def _command_place(args: list[str], with_values: frozenset[str]) -> int:
    """Where the command begins; a `--` before it is taken out."""
    place = 0
    while place < len(args) and (args[place] == "-h" or args[place].startswith("--")):
        if args[place] == "--":
            del args[place]
            break
        place += 2 if args[place] in with_values else 1
    return place


@click.command(cls=_UpToTheCommand)
@click.option("--summary/--no-summary", default=True, help="Print a summary when the app ends (the default).")
@click.option("--json", "as_json", is_flag=True, help="Write the summary as one JSON object.")
@click.option(
    "--to", type=_PATH, callback=_writable, help="Write the summary into this file, not to standard error."
)
@click.option("--file", type=_PATH, help="Append each call, as an event, to this JSON-lines file.")
@click.option("--children", is_flag=True, help="Observe the Python processes that the app starts, too.")
@click.argument("words", nargs=-1, required=True, metavar="[--] COMMAND|SCRIPT|-m MODULE [ARGS]...")
def run(words: tuple[str, ...], **wishes: str | bool | None) -> None:
    """Run an app as it is, and show what its LLM calls cost.

    COMMAND is any program, such as uvicorn or pytest; SCRIPT a Python file, folder or zip file; whatever
    begins with a dash is Python's own (-m, -c, -X dev). The app gets its arguments, standard streams, signals
    and exit code as without us. A COMMAND that is not Python, such as bash, implies --children. All other
    settings are read from LLM_OBSERVER_* variables.

    Exit code: the app's; 2 wrong usage, 126 COMMAND cannot be executed, 127 it is not found.
    """
    try:
        _run(words, _wish(**wishes))
    except CannotStart as exc:
        click.echo(f"llm-observer: {exc}", err=True)
        raise click.exceptions.Exit(exc.code) from exc


def _wish(**wishes: str | bool | None) -> Wish:
    """What was asked for; paths as they are here, wherever the app goes."""
    whole = {
        name: str(Path(value).expanduser().absolute()) if isinstance(value, str) else value
        for name, value in wishes.items()
    }
    return Wish(**whole)  # type: ignore[arg-type] # click has checked them


def _run(words: Sequence[str], wish: Wish) -> None:
    program = program_of(words, os.environ)
    if program.is_python and os.name != "nt":
        replace_by(program, environment(told(wish, os.environ), wish, os.environ))
    _run_as_child(program, wish._replace(children=True))


def _run_as_child(program: Program, wish: Wish) -> None:
    from llm_observer.launch.supervise import end_as, supervise

    facts = told(wish, os.environ)
    code = supervise(program, environment(facts, wish, os.environ))
    if wish.summary:
        _sum_up(facts, program.words[0])
    end_as(code)


def _sum_up(facts: Mapping[str, str], name: str) -> None:
    """Whatever happens in here, the exit code is the app's."""
    from llm_observer.guard import guard
    from llm_observer.launch.ending import tell

    with guard("summary"):
        if not tell(facts).calls:
            click.echo(f"llm-observer: no calls by Python processes that {name} started", err=True)
