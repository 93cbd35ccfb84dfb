"""`llm-observer completion`: how does my shell complete commands and options?"""

import json
from collections.abc import Mapping

import click
from click.shell_completion import get_completion_class

__all__ = ["completion"]

_PROGRAM = "llm-observer"
_VARIABLE = "_LLM_OBSERVER_COMPLETE"
_HOW: Mapping[str, str] = {
    "bash": f'# In ~/.bashrc: eval "$({_PROGRAM} completion bash)"',
    "zsh": f'# In ~/.zshrc, after compinit: eval "$({_PROGRAM} completion zsh)"',
    "fish": f"# Once: {_PROGRAM} completion fish > ~/.config/fish/completions/{_PROGRAM}.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(list(_HOW)))
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def completion(ctx: click.Context, shell: str, *, as_json: bool) -> None:
    """Print the script that makes SHELL complete commands and options; its first line says where it goes.

    Exit code: 0 done, 2 wrong usage.
    """
    script = _script(ctx.find_root().command, shell)
    click.echo(json.dumps({"shell": shell, "script": script}) if as_json else script)


def _script(program: click.Command, shell: str) -> str:
    """The script of click, which would start the shell to ask for its version: we do not."""
    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click has no completion for {shell}")
    made = kind(program, {}, _PROGRAM, _VARIABLE)
    return f"{_HOW[shell]}\n{made.source_template % made.source_vars()}"
