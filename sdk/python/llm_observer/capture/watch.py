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
    """A finder that finds nothing: it notices the first look for a package."""

    def __init__(self, module: str, imported: Imported) -> None:
        self._package = module.partition(".")[0]
        self._module = module
        self._imported = imported

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the interpreter's protocol
        target: ModuleType | None = None,  # noqa: ARG002 - the interpreter's protocol
    ) -> ModuleSpec | None:
        if name == self._package and self in sys.meta_path:
            with _NOTICE:
                sys.meta_path.remove(self)
                _register(self._module, self._imported)
        return None


def when_imported(module: str, imported: Imported) -> None:
    """Call *imported* with *module* as soon as it has been imported; at once if it has."""
    if module.partition(".")[0] in sys.modules:
        _register(module, imported)
    else:
        sys.meta_path.insert(0, _Noticer(module, imported))


def _register(module: str, imported: Imported) -> None:
    import wrapt

    wrapt.register_post_import_hook(imported, module)
