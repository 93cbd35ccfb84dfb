"""Beside other instrumentations: the app gets what it would get without us, and each call is one right event.

Those that are not installed are skipped. `scripts/beside.py` has an environment for each, where it tries all
orders, and the launcher, which starts every instrumentation of its environment.
"""

import pytest

from integration.beside_peers import PEERS
from integration.beside_runs import checks

WORST = ("theirs", "theirs")
"""They come first, so what they later put back is the SDK's own."""


@pytest.mark.parametrize("name", PEERS)
def test_nothing_differs(name):
    peer = PEERS[name]
    if not peer.sdks:
        pytest.skip(f"{name} is not installed")
    done = list(checks([name], peer.sdks, orders=[WORST]))
    assert [check for check in done if not check.is_good] == []
    assert [check.events > 0 for check in done] == [True, True, False]
