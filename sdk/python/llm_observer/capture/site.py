"""Find the app's own line behind a call: outside the SDKs, site-packages and the standard library."""

import os
import sys
import sysconfig
from types import FrameType

__all__ = ["call_site", "ignore_folder", "relative"]

_APP, _FOREIGN, _STOP = 0, 1, 2

_package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_demo = os.path.join(_package, "demo", "")
"""The demo plays the app."""
_folders = tuple(
    {os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")}
    | {_package + os.sep}
)
# A task or callback starts here: frames further out belong to whoever runs the loop, not to the caller.
_loop_files = tuple(os.path.join("asyncio", name) for name in ("events.py", "base_events.py", "runners.py"))
_kinds: dict[str, int] = {}


def ignore_folder(folder: str) -> None:
    """Never take a file below *folder* for the app's (an SDK installed outside site-packages)."""
    global _folders  # noqa: PLW0603 - grows by one line per SDK
    _folders = (*_folders, os.path.join(os.path.abspath(folder), ""))
    _kinds.clear()


def call_site() -> tuple[str, int, str] | None:
    """File, line and function of the innermost frame of the app, None where the stack has none."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the way that `logging` and `warnings` go, without building a list
    while frame is not None:
        code = frame.f_code
        kind = _kinds.get(code.co_filename)
        if kind is None:
            kind = _kinds[code.co_filename] = _classify(code.co_filename)
        if kind == _APP:
            return code.co_filename, frame.f_lineno, code.co_name
        if kind == _STOP:
            return None
        frame = frame.f_back
    return None


def _classify(file: str) -> int:
    if file.endswith(_loop_files):
        return _STOP
    if file.startswith(_demo):
        return _APP
    if file.startswith("<frozen") or "site-packages" in file or "dist-packages" in file:
        return _FOREIGN
    return _FOREIGN if os.path.realpath(file).startswith(_folders) or file.startswith(_folders) else _APP


def relative(file: str) -> str:
    """*file* relative to the working directory; only its name where it lies elsewhere."""
    below = os.path.join(os.getcwd(), "")
    if file.startswith(below):
        return file[len(below) :].replace(os.sep, "/")
    return file if file.startswith("<") else os.path.basename(file)
