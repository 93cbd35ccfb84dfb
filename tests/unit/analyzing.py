"""Files as `analyze` sees them: the calls in them, with their cost."""

from decimal import Decimal
from itertools import count

from llm_observer.config import load
from llm_observer.offline import known
from llm_observer.recordings import Unreadable, in_order, read_files

_numbers = count()


class Calls(list):
    """Calls, and what was left out."""

    skipped = ()


def calls_in(folder, *texts):
    """The calls in files that hold *texts*, in the order in which they began."""
    paths = []
    for text in texts:
        path = folder / f"file-{next(_numbers)}"
        path.write_text(text, "utf-8")
        paths.append(str(path))
    items = list(known(in_order(read_files(paths)), load({"state_dir": folder / "state"})))
    found = Calls(item.event.llm_call for item in items if not isinstance(item, Unreadable))
    found.skipped = [item for item in items if isinstance(item, Unreadable)]
    return found


def cost_of(*calls):
    """What they cost together; of a repeated usage nothing."""
    return sum(Decimal(call.cost.total_usd) for call in calls if not call.is_usage_repeated)


def inputs_of(calls):
    """All input of each that counts."""
    return [call.tokens.input_total for call in calls if not call.is_usage_repeated]
