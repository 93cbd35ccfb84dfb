"""Learn that a module was imported, without importing anything before the app does.

wrapt's import hooks do the work. They come with `asyncio` and some 30 ms of their own, so they are only
loaded when the app starts to import the package in question, which is far slower itself.
"""

import sys
from collections.abc import Callable, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType

from llm_observer.guard import guard

__all__ = ["when_imported"]

Imported = Callable[[ModuleType], None]
_NOTICE = guard("notice import")


class _Noticer:
    """A finder that finds nothing: it notices the first look for a package. One for all of them."""

    def __init__(self) -> None:
        self._awaited: dict[str, list[tuple[str, Imported]]] = {}

    def wait(self, module: str, imported: Imported) -> None:
        self._awaited.setdefault(module.partition(".")[0], []).append((module, imported))
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the interpreter's protocol
        target: ModuleType | None = None,  # noqa: ARG002 - the interpreter's protocol
    ) -> ModuleSpec | None:
        if name in self._awaited:
            with _NOTICE:
                # Of two threads that look for the package at once, the first takes all.
                for module, imported in self._awaited.pop(name, ()):
                    _register(module, imported)
        return None


_noticer = _Noticer()


def when_imported(module: str, imported: Imported) -> None:
    """Call *imported* with *module* as soon as it has been imported; at once if it has."""
    if module.partition(".")[0] in sys.modules:
        _register(module, imported)
    else:
        _noticer.wait(module, imported)


def _register(module: str, imported: Imported) -> None:
    import wrapt

    wrapt.register_post_import_hook(imported, module)
