"""Everything that an object keeps alive: for tests of what is kept, and of how much."""

import gc
import sys
import types

_NOT_STATE = (type, types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.CodeType)


def reachable(*roots):
    """Each object that can be reached from *roots*, once; classes, modules and functions left out."""
    seen, todo = {}, list(roots)
    while todo:
        one = todo.pop()
        if id(one) in seen or isinstance(one, _NOT_STATE):
            continue
        seen[id(one)] = one
        todo += gc.get_referents(one)
    return list(seen.values())


def memory_of(*roots):
    """Bytes of all of them."""
    return sum(map(sys.getsizeof, reachable(*roots)))
