"""What stands in place of an SDK's function? A wrapper that is copied and pickled as that function is."""

from __future__ import annotations

import copy
import pkgutil
from typing import TYPE_CHECKING, Any

import wrapt

if TYPE_CHECKING:
    from collections.abc import Callable

    from llm_observer.capture.tracker import TrackerSource

__all__ = ["Hook"]


class _Function:
    """A function is its own copy and is pickled by name, a bound method as what it is of its object.

    A pickle names nothing of ours: it is read where nobody observes.
    """

    __slots__ = ()  # a `__dict__` of this class would hide wrapt's, which is that of the function

    def __copy__(self) -> Any:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        owner = _owner(self)
        return self if owner is None else getattr(copy.deepcopy(owner, memo), _name(self))

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        owner = _owner(self)
        if owner is None:
            return pkgutil.resolve_name, (f"{self.__module__}:{_name(self, '__qualname__')}",)
        return getattr, (owner, _name(self))

    def __reduce_ex__(self, _: Any) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.__reduce__()


def _owner(wrapper: Any) -> Any:
    """What *wrapper* is bound to, None for one that was looked up on a class."""
    return getattr(wrapper.__wrapped__, "__self__", None)


def _name(wrapper: Any, kind: str = "__name__") -> str:
    return str(getattr(wrapper, kind))


class _BoundHook(_Function, wrapt.BoundFunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 takes none
    pass


class Hook(_Function, wrapt.FunctionWrapper):  # type: ignore[type-arg]  # wrapt 1 takes none
    """A wrapper of ours. All it adds to wrapt's own lies beside a call: nothing of it is run by one."""

    __bound_function_wrapper__ = _BoundHook

    def __init__(self, wrapped: Any, wrapper: Callable[..., Any], source: TrackerSource) -> None:
        super().__init__(wrapped, wrapper)
        self._self_source = source

    @property
    def is_quiet(self) -> bool:
        """Whether its calls go nowhere."""
        return self._self_source.tracker is None
