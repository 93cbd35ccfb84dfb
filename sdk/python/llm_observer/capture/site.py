"""Find the app's own line behind a call: outside the SDKs, site-packages and the standard library.

An app that is installed is in site-packages itself, and one that is frozen has no folders: there its name
tells it from what runs it.
"""

import os
import sys
import sysconfig
from types import FrameType

from llm_observer.capture.frameworks import is_framework

__all__ = ["call_site", "ignore_folder", "relative"]

_APP, _FOREIGN, _STOP, _INSTALLED, _CELL = range(5)
"""What a file is. Installed: in site-packages, by nobody whom we know; or what a console script is in."""

_package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_demo = os.path.join(_package, "demo", "")
"""The demo plays the app."""
_folders: tuple[str, ...] = (_package + os.sep,)
_stdlib = tuple({os.path.realpath(sysconfig.get_path(name)) + os.sep for name in ("stdlib", "platstdlib")})
_scripts = tuple(
    os.path.realpath(sysconfig.get_path("scripts", scheme)) + os.sep
    for scheme in (sysconfig.get_default_scheme(), sysconfig.get_preferred_scheme("user"))
)
_PACKAGES = frozenset({"site-packages", "dist-packages"})
# A task or callback starts here: frames further out belong to whoever runs the loop, not to the caller.
_loop_files = tuple(os.path.join("asyncio", name) for name in ("events.py", "base_events.py", "runners.py"))
_kinds: dict[str, int] = {}
_cells: dict[str, str] = {}
"""What a cell of a notebook is called, by the name of its file, which is a hash of its text."""


def ignore_folder(folder: str) -> None:
    """Never take a file below *folder* for the app's (an SDK installed outside site-packages)."""
    global _folders  # noqa: PLW0603 - grows by one line per SDK
    folder = os.path.join(os.path.abspath(folder), "")
    if folder not in _folders:
        _folders = (*_folders, folder)
        _kinds.clear()


def call_site() -> tuple[str, int, str] | None:
    """File, line and function of the innermost frame of the app, None where the stack has none.

    If only what is installed made the call, the app is the innermost package that we do not know.
    """
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the way that `logging` and `warnings` go, without building a list
    installed: FrameType | None = None
    while frame is not None:
        file = frame.f_code.co_filename
        kind = _kinds.get(file)
        if kind is None:
            kind = _kinds[file] = _classify(file)
        if kind != _FOREIGN:
            if kind == _APP:
                return file, frame.f_lineno, frame.f_code.co_name
            if kind == _CELL:
                return _cells[file], frame.f_lineno, frame.f_code.co_name
            if kind == _STOP:
                break
            installed = installed or frame
        frame = frame.f_back
    if installed is None:
        return None
    return installed.f_code.co_filename, installed.f_lineno, installed.f_code.co_name


def _classify(file: str) -> int:
    if file.endswith(_loop_files):
        return _STOP
    if file.startswith(_demo):
        return _APP
    real = _real(file)
    if file.startswith(("<frozen", *_folders)) or real.startswith(_folders):
        return _FOREIGN
    package = _package_of(file)
    if package is not None:
        is_known = is_framework(package) or package in sys.stdlib_module_names
        return _FOREIGN if is_known else _INSTALLED
    if file.startswith(_stdlib) or real.startswith(_stdlib):
        return _FOREIGN
    return _kind_of_own(file, real)


def _is_bundled(file: str) -> bool:
    """Whether *file* is a name in a frozen app, as PyInstaller makes it: below no folder."""
    return hasattr(sys, "frozen") and not file.startswith("<") and not os.path.isabs(file)


def _kind_of_own(file: str, real: str) -> int:
    if _is_cell(file):
        _cells[file] = _name_of_cell(file)
        return _CELL
    return _INSTALLED if _is_launcher(real) else _APP


def _package_of(file: str) -> str | None:
    """The package or module of site-packages, or of a frozen app, that *file* is in."""
    names = file.split(os.sep)
    if _is_bundled(file):
        return names[0].removesuffix(".py")
    at = next((n for n in range(len(names) - 2, -1, -1) if names[n] in _PACKAGES), None)
    return None if at is None else names[at + 1].removesuffix(".py")


def _is_launcher(file: str) -> bool:
    """Whether *file* is what pip writes to start an app: `bin/app`, or `Scripts/app.exe/__main__.py`."""
    return file.startswith(_scripts) and not file.removesuffix(f"{os.sep}__main__.py").endswith(".py")


def _is_cell(file: str) -> bool:
    in_kernel = os.path.basename(os.path.dirname(file)).startswith("ipykernel_")
    return in_kernel or file.startswith("<ipython-input-")


def _name_of_cell(file: str) -> str:
    """`In[3]`, as IPython's own tracebacks call it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    label_of = getattr(getattr(shell, "compile", None), "format_code_name", lambda _: None)
    label = label_of(file)
    return "<notebook>" if label is None else str(label[1])


def _real(file: str) -> str:
    try:
        return os.path.realpath(file)
    except OSError:  # a name such as `<string>`, and the working directory was deleted
        return file


def relative(file: str) -> str:
    """*file* relative to the working directory; only its name where it lies elsewhere, or that is gone."""
    below = _below_here()
    if below is not None and file.startswith(below):
        return file[len(below) :].replace(os.sep, "/")
    return file if file.startswith("<") or _is_bundled(file) else os.path.basename(file)


def _below_here() -> str | None:
    """How the paths of files in the working directory begin, None where it was deleted."""
    try:
        return os.path.join(os.getcwd(), "")
    except OSError:
        return None
