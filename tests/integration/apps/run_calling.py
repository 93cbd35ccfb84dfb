"""An app that knows nothing of us: `run_calling.py HOW MANY` calls, by itself or in other processes."""

import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor

from integration.exchanges import ask
from integration.sdks import real_client


def call(many=1):
    with real_client("openai", base_url=f"{os.environ['PROVIDER']}/v1") as client:
        for _ in range(many):
            ask(client)


def alone(many):
    call(many)


def at_exit(many):
    """Registered before the SDK's first look: it runs after all that was registered since."""
    import atexit

    atexit.register(call, many)
    call(many)


def spawn(many):
    _process("spawn", many)


def fork(many):
    _process("fork", many)


def _process(method, many):
    child = multiprocessing.get_context(method).Process(target=call, args=(many,))
    child.start()
    child.join()
    assert child.exitcode == 0


def executor(many):
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(call, [1] * many))


def program(many):
    subprocess.run([sys.executable, __file__, "alone", str(many)], check=True)


def tree(many):
    """Calls by this process, and by the child of its child."""
    call(many)
    subprocess.run([sys.executable, __file__, "program", str(many)], check=True)


def fails(many):
    call(many)
    raise LookupError("as it would")


if __name__ == "__main__":
    globals()[sys.argv[1]](int(sys.argv[2]))
