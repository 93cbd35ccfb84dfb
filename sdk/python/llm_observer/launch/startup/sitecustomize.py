"""Is this process to be observed? Python imports this by itself, before the first line of the app.

`llm-observer run` puts the folder of this file first on `PYTHONPATH`. This takes it away again, waits for
the first look for an SDK, and hands over to the app's own `sitecustomize`. Until then it imports nothing
that Python has not loaded already: what an app has to do first, such as gevent's patching, comes first.
Whatever goes wrong in here, the app runs as if we were not there. It keeps to what every Python 3
understands, since a child may run on another one: hence types in quotes.
"""

import atexit
import os
import sys

TYPE_CHECKING = False  # that of `typing` would import it
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

__all__ = ["HERE", "VARIABLE"]

VARIABLE = "_LLM_OBSERVER_RUN"
HERE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100, PTH120 - pathlib would load half the library
_OURS = "llm_observer._api"
_COMPILED = ("msgspec", "wrapt")
"""What the library needs at the first call; a path may lead to that of another Python."""


class _Watch:
    """A finder that finds nothing by itself: it notices the first look for an SDK."""

    def __init__(self, told: "dict[str, str]") -> None:
        self._told = told
        self._sdks = told.get("sdks", "").split(",")

    def find_spec(
        self,
        name: "str",
        path: "Sequence[str] | None" = None,  # noqa: ARG002 - the interpreter's protocol
        target: "ModuleType | None" = None,  # noqa: ARG002 - the interpreter's protocol
    ) -> "ModuleSpec | None":
        """What the other finders find for an SDK, once we observe: ours are among them. Else nothing."""
        if name == _OURS:  # the app calls `patch()` itself
            _relay(self._told)
        if name not in self._sdks or self not in sys.meta_path:
            return None
        sys.meta_path.remove(self)
        _observe(self._told)
        from importlib.util import find_spec

        return find_spec(name)


def _relay(told: "dict[str, str]") -> None:
    """Tell the library where the events of this run go, before it looks."""
    if "folder" in told:
        from llm_observer.relay import begin

        begin(told["folder"], int(told["owner"]))


def _observe(told: "dict[str, str]") -> None:
    try:
        _relay(told)
        for name in _COMPILED:
            __import__(name)
        from llm_observer import patch

        patch()
        from llm_observer.launch.own_signal import before_own_signal

        before_own_signal(told)
    except Exception as exc:  # noqa: BLE001 - there is no llm_observer here, or none for this Python
        if _is_owner(told) and sys.stderr is not None:
            reason = f"{type(exc).__name__} while importing it in {sys.prefix}"
            advice = f"{sys.executable} -m pip install llm-observer"
            sys.stderr.write(f"llm-observer: nothing is observed: {reason}: {advice}\n")


def _end(told: "dict[str, str]") -> None:
    """Runs after all that the app does at its end, for it was registered first."""
    is_due = _OURS in sys.modules or os.path.isdir(told["folder"]) or told.get("json") == "1"  # noqa: PTH112
    if not is_due or not _is_owner(told):
        return
    try:
        from llm_observer.launch.ending import end
    except ImportError:  # another Python, which was told so above
        return
    end(told)


def _is_owner(told: "dict[str, str]") -> "bool":
    return told.get("owner") == str(os.getpid())


def _told() -> "dict[str, str]":
    lines = os.environ.get(VARIABLE, "").split("\n")
    pairs = (line.split("=", 1) for line in lines if "=" in line)
    return {name: value.replace("%0A", "\n").replace("%25", "%") for name, value in pairs}


def _leave(told: "dict[str, str]") -> None:
    """Give the app its own path back, and its environment, unless children are to find us there."""
    sys.path[:] = [folder for folder in sys.path if folder != HERE]
    sys.path_importer_cache.pop(HERE, None)
    if not told or told.get("children") == "1":
        return
    del os.environ[VARIABLE]
    if told.get("pythonpath") == "1":
        os.environ["PYTHONPATH"] = os.environ["PYTHONPATH"][len(HERE + os.pathsep) :]
    else:
        del os.environ["PYTHONPATH"]


def _begin() -> None:
    told = _told()
    _leave(told)
    if not told:
        return
    if "folder" in told and _is_owner(told):
        atexit.register(_end, told)
    sys.meta_path.insert(0, _Watch(told))
    if not set(told["sdks"].split(",")).isdisjoint(sys.modules):
        _observe(told)


if __name__ == "sitecustomize":
    _begin()
    del sys.modules[__name__]
    # The app's. Where it has none, this ImportError is what `site` expects.
    import sitecustomize  # type: ignore[import-not-found] # noqa: F401 - none is here while we check types
