"""`llm-observer purge`: how do I get rid of the files that the library keeps?"""

import json
import sys
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import click

from llm_observer.cli._own_files import KEY, OwnFile, folders_of, own_files
from llm_observer.cli._terminal import is_terminal
from llm_observer.config import Config, load
from llm_observer.report.fix_words import many

__all__ = ["purge"]

_FAILED = 3


class _Purged(NamedTuple):
    deleted: list[OwnFile]
    failed: dict[str, str]
    folders: list[Path]


@click.command()
@click.option(
    "--key", "with_key", is_flag=True, help="The hash key too: later hashes compare with no earlier ones."
)
@click.option("--dry-run", is_flag=True, help="Show what would be deleted, and delete nothing.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object; needs --yes or --dry-run.")
@click.pass_context
def purge(ctx: click.Context, *, with_key: bool, dry_run: bool, yes: bool, as_json: bool) -> None:
    """Delete what the library keeps by itself: events that wait to be sent, the price cache, the key (--key).

    Your files of events stay; so does everything else in the folders. What will be deleted is shown first.
    Exit code: 0 done, 1 you said no, 2 wrong usage, 3 a file cannot be deleted.
    """
    config = load({})
    found = _found(config, with_key=with_key)
    if not dry_run and not yes and (as_json or not _can_ask()):
        raise click.UsageError(
            "nobody can be asked here: say --yes, or --dry-run to see what would be deleted"
        )
    if dry_run:
        _show(found, as_json=as_json, with_key=with_key, config=config)
        return
    if not as_json:
        _show(found, as_json=False, with_key=with_key, config=config)
    if found and not yes:
        click.confirm("Delete them?", abort=True)
    done = _purged(_found(config, with_key=with_key), config)  # looking into a spool leaves a lock beside it
    _tell(done, as_json=as_json)
    ctx.exit(_FAILED if done.failed else 0)


def _found(config: Config, *, with_key: bool) -> list[OwnFile]:
    return [file for file in own_files(config) if with_key or file.what != KEY]


def _can_ask() -> bool:
    return is_terminal(sys.stdin)


def _show(found: Sequence[OwnFile], *, as_json: bool, with_key: bool, config: Config) -> None:
    if as_json:
        click.echo(json.dumps({"would_delete": [_plain(file) for file in found]}, indent=2))
        return
    for file in found:
        click.echo(f"{file.what:<12} {file.size_bytes:>12,} bytes  {click.format_filename(file.path)}")
    if waiting := _waiting(found):
        click.echo(
            f"{many(waiting, 'event')} in them wait to be sent: `llm-observer spool drain` sends them."
        )
    if not found:
        click.echo("There is nothing to delete.")
    if not with_key and any(file.what == KEY for file in own_files(config)):
        click.echo("The hash key stays: --key deletes it too.")


def _plain(file: OwnFile) -> dict[str, object]:
    return {"what": file.what, "path": str(file.path), "bytes": file.size_bytes}


def _waiting(found: Sequence[OwnFile]) -> int:
    """Events that are lost with these files, as far as they can be read."""
    from llm_observer.telemetry.spool import Spool, SpoolError

    count = 0
    for file in found:
        if file.path.name.endswith(".sqlite3"):
            with suppress(SpoolError), closing(Spool.at(file.path)) as spool:
                stats = spool.stats()
                count += stats.waiting + stats.leased
    return count


def _purged(found: Sequence[OwnFile], config: Config) -> _Purged:
    """Delete *found*, and folders that are empty then. A process that has a spool open begins a new one."""
    done = _Purged([], {}, [])
    folders = folders_of(config)
    for file in found:
        try:
            file.path.unlink(missing_ok=True)
        except OSError as exc:
            done.failed[str(file.path)] = exc.strerror or str(exc)
        else:
            done.deleted.append(file)
    for folder in folders:
        with suppress(OSError):  # something of somebody else's is in it
            folder.rmdir()
            done.folders.append(folder)
    return done


def _tell(done: _Purged, *, as_json: bool) -> None:
    if as_json:
        plain = {
            "deleted": [_plain(file) for file in done.deleted],
            "failed": done.failed,
            "folders": [str(folder) for folder in done.folders],
        }
        click.echo(json.dumps(plain, indent=2))
        return
    click.echo(f"{many(len(done.deleted), 'file')} deleted")
    for path, reason in done.failed.items():
        click.echo(f"{click.format_filename(path)}: {reason}: delete it yourself", err=True)
