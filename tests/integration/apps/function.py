"""A serverless function: each line of standard input is an invocation, frozen and thawed in between."""

import sys

import llm_observer
from integration.apps.calling import call

llm_observer.patch()


def handler(number, *, flushes):
    call(number)
    return llm_observer.flush() if flushes else None


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(f"{handler(int(line), flushes=sys.argv[1] == 'flush')}\n")
        sys.stdout.flush()
