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
    """A finder that finds nothing: it notices each first look for a package. One for all of them.

    A package that was taken out of `sys.modules` is looked for once more, and wrapt calls a hook once.
    """

    def __init__(self) -> None:
        self._awaited: dict[str, list[tuple[str, Imported]]] = {}
        self._registered: set[tuple[str, Imported]] = set()

    def wait(self, module: str, imported: Imported) -> None:
        package = module.partition(".")[0]
        self._awaited.setdefault(package, []).append((module, imported))
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        if package in sys.modules:
            self._register(module, imported)

    def find_spec(
        self,
        name: str,
        path: Sequence[str] | None = None,  # noqa: ARG002 - the interpreter's protocol
        target: ModuleType | None = None,  # noqa: ARG002 - the interpreter's protocol
    ) -> ModuleSpec | None:
        if name in self._awaited:
            with _NOTICE:
                for module, imported in self._awaited[name]:
                    self._register(module, imported)
        return None

    def _register(self, module: str, imported: Imported) -> None:
        import wrapt

        waiting = (module, imported)
        if waiting in self._registered:
            return  # the package is looked for, and is not there; or another thread looks for it too
        self._registered.add(waiting)

        def once(loaded: ModuleType) -> None:
            self._registered.discard(waiting)
            imported(loaded)

        wrapt.register_post_import_hook(once, module)


_noticer = _Noticer()


def when_imported(module: str, imported: Imported) -> None:
    """Call *imported* with *module* each time that it has been imported; at once if it has."""
    _noticer.wait(module, imported)
