"""What an app can see of how it was started, as text: the same with and without us."""

import inspect
import multiprocessing
import os
import pickle
import signal
import sys
import threading
from pathlib import Path


class Mine:
    def __eq__(self, other):
        return type(other) is Mine

    __hash__ = None


def double(number):
    sys.stdout.write(f"{2 * number}\n")
    sys.stdout.flush()


def by_spawn():
    """A child that imports this module anew; that of a package's `__main__` it cannot, and says so."""
    child = multiprocessing.get_context("spawn").Process(target=double, args=(7,))
    child.start()
    child.join()
    return child.exitcode


def is_open(number):
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


def looked(loaded):
    yield "argv", sys.argv
    yield "orig_argv", sys.orig_argv[1:]
    yield "path", sys.path
    yield "name", (__name__, __file__, __package__, str(__spec__), type(__loader__).__name__)
    yield "globals", sorted(globals())
    yield "environment", sorted(os.environ.items())
    yield "flags", sys.flags
    yield "importers", sorted(sys.path_importer_cache)
    yield "modules", sorted(loaded)
    yield "main", sys.modules["__main__"].__dict__ is globals()
    yield "pickled", pickle.loads(pickle.dumps(Mine())) == Mine()
    yield "source", inspect.getsource(double)
    yield "spawned", by_spawn()
    yield "streams", [stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)]
    yield "signals", [(one.name, str(signal.getsignal(one))) for one in sorted(signal.valid_signals())[1:32]]
    yield "threads", [thread.name for thread in threading.enumerate()]
    yield "frames", [frame.filename for frame in inspect.stack()][-1]
    yield "hooks", (sys.excepthook is sys.__excepthook__, sys.gettrace(), sys.getprofile())
    yield "descriptors", [number for number in range(64) if is_open(number)]
    yield "directory", str(Path.cwd())


if __name__ == "__main__":
    at_the_start = set(sys.modules) - {"atexit"}  # built in, and all that we load before
    for name, value in looked(at_the_start):
        sys.stdout.write(f"{name} {value}\n")
    sys.stdout.write(sys.stdin.read())
