"""What could a prompt have read from the provider's cache, given all that was written? A simulation."""

from collections.abc import Collection
from typing import NamedTuple

from llm_observer.cache.breakpoints import ANSWER, Split, lookups, split, writes
from llm_observer.cache.entries import Entries, Entry, slot_of
from llm_observer.cache.index import PrefixIndex
from llm_observer.cache.prompt import Marker, Prompt
from llm_observer.cache.read_place import Use, is_near, read_up_to, sole_place
from llm_observer.cache.rules import Rule

__all__ = ["PREFIX_RULES", "RELAXABLE", "CacheState", "Reading", "Split"]

RELAXABLE = frozenset({"ttl", "ttl_change", "look_back", "concurrent", "minimum", "markers"})
"""Obstacles that a reading can leave out. ttl: lifetimes are over. ttl_change: an entry has another lifetime
than the breakpoint that looks. look_back: entries lie too far back. concurrent: the writer had not begun to
answer. minimum: too few tokens. markers: earlier prompts and this one had no breakpoint there."""
PREFIX_RULES = frozenset({"openai_increments", "prefix"})
INDEX_KEY_BYTES = 150
FRESH_BYTES = 110
FRESH_KEYS = 4096
"""Bytes as measured with CPython 3.11, rounded up."""


class Reading(NamedTuple):
    """What could be read.

    tokens: 0 if nothing. position: index of the last piece read whole, -1 if none.
    is_exact: tokens is the provider's own count, from a write or read that it reported.
    written_s: when the entry was last written or used. by: tag of the prompt that wrote it, where known.
    """

    tokens: int = 0
    position: int = -1
    is_exact: bool = False
    written_s: float | None = None
    by: int | None = None


NOTHING = Reading()


class CacheState:
    """All that one process knows of the providers' caches. Keys tell providers, models and accounts apart.

    max_bytes: bound for all that is kept. index: prefixes seen, if the caller has one to share; the bound
    then leaves it out. For one thread.
    """

    def __init__(self, *, max_bytes: int = 8 << 20, index: PrefixIndex | None = None) -> None:
        budget = max_bytes - FRESH_BYTES * FRESH_KEYS
        entries_bytes = budget // 4 if index is None else budget
        keys = max(64, (budget - entries_bytes) // INDEX_KEY_BYTES)
        self._index = PrefixIndex(max_keys=keys) if index is None else index
        self._owns_index = index is None
        self._entries = Entries(entries_bytes)
        self._fresh: dict[int, float] = {}
        """Newest keys, and when they could first be read."""

    @property
    def nbytes(self) -> int:
        """Bytes of memory that the state holds, about."""
        own = self._entries.nbytes + FRESH_BYTES * len(self._fresh)
        return own + (self._index.nbytes if self._owns_index else 0)

    def read(self, prompt: Prompt, rule: Rule, *, relax: Collection[str] = (), partial: int = 0) -> Reading:
        """What *prompt* could read now. Changes nothing.

        relax: obstacles to leave out (RELAXABLE). partial: tokens of the first piece that differs which are
        shared as well; rules that end at a breakpoint don't count them.
        """
        if not prompt.keys:
            return NOTHING
        if rule.id in PREFIX_RULES:
            return self._read_prefix(prompt, rule, relax, partial)
        found = self._read_units(prompt, rule, relax) if rule.id == "deepseek_units" else None
        if found is None:
            found = self._read_entries(prompt, rule, relax)
        if "markers" not in relax:
            return found
        return max(found, self._read_pieces(prompt, rule, relax), key=lambda reading: reading.tokens)

    def write(
        self,
        prompt: Prompt,
        rule: Rule,
        *,
        tag: int,
        read_tokens: int | None,
        written_tokens: int | None,
        long_tokens: int | None = None,
    ) -> None:
        """Take in what the answered *prompt* left in the cache; nothing if no answer began.

        Counts are the provider's, None where it gave none. long_tokens: the part of *written_tokens* with a
        lifetime above the default. tag: the caller's number for the prompt.
        """
        if prompt.first_byte_s is None or not prompt.keys:
            return
        use = Use(tag, read_tokens, written_tokens, long_tokens)
        if rule.id not in PREFIX_RULES:
            self._write_entries(prompt, rule, use, self._refresh(prompt, rule, use))
        elif rule.keeps_answers:
            self._put(prompt, rule, _end_of(prompt, rule), use, None)
        self._note_keys(prompt, prompt.first_byte_s)

    def writes(self, prompt: Prompt, rule: Rule) -> tuple[Marker, ...]:
        """Breakpoints that the request really has, ascending, each with its lifetime in seconds."""
        return writes(prompt, rule)

    def split(self, prompt: Prompt, rule: Rule, read: Reading) -> Split:
        """What the request writes after *read*, by lifetime."""
        return split(prompt, rule, read.position, read.tokens)

    def _read_entries(self, prompt: Prompt, rule: Rule, relax: Collection[str]) -> Reading:
        """The highest entry that any breakpoint finds."""
        best = NOTHING
        for place in lookups(prompt, rule, everywhere="look_back" in relax):
            if place.position <= best.position:
                continue
            entry = self._entries.find(prompt, rule, place, relax)
            if entry is not None:
                best = Reading(entry.tokens, place.position, entry.is_exact, entry.used_s, entry.tag)
        return best

    def _read_units(self, prompt: Prompt, rule: Rule, relax: Collection[str]) -> Reading:
        """The longest whole unit; one that ends with a request goes on to the end of its answer."""
        best = NOTHING
        for at in range(self._known(prompt, None, relax) - 1, -1, -1):
            entry = self._entries.find(prompt, rule, Marker(at), relax)
            if entry is None:
                continue
            position = _answer_end(prompt, at) if entry.is_end else at
            if position > best.position:
                tokens = _rounded(prompt.ends[position], rule, relax)
                best = Reading(tokens, position, is_exact=False, written_s=entry.used_s, by=entry.tag)
        return best

    def _read_prefix(self, prompt: Prompt, rule: Rule, relax: Collection[str], partial: int) -> Reading:
        """All tokens shared with any earlier prompt, in whole steps; the last one is always computed anew."""
        known = self._known(prompt, rule.live_s(prompt.ttl_s), relax)
        shared = (prompt.ends[known - 1] if known else 0) + partial
        if known and rule.keeps_answers and self._ended(prompt, rule, known - 1, relax):
            shared = max(shared, prompt.ends[_answer_end(prompt, known - 1)])
        tokens = _rounded(min(shared, prompt.ends[-1] - 1), rule, relax)
        if tokens <= 0:
            return NOTHING
        used = self._index.last_use(prompt.keys[known - 1]) if known else None
        return Reading(tokens, known - 1, written_s=used)

    def _ended(self, prompt: Prompt, rule: Rule, at: int, relax: Collection[str]) -> bool:
        """Whether an earlier request ended with the piece *at*: what follows here is its answer."""
        entry = self._entries.find(prompt, rule, _end_of(prompt, rule)._replace(position=at), relax)
        return entry is not None and entry.is_end

    def _read_pieces(self, prompt: Prompt, rule: Rule, relax: Collection[str]) -> Reading:
        """What a rule with breakpoints could read if there were one behind every piece."""
        ttl_s = max((marker.ttl_s or 0 for marker in writes(prompt, rule)), default=int(rule.ttl_s))
        position = self._known(prompt, ttl_s, relax) - 1
        if position < 0:
            return NOTHING
        entry = self._entries.at(slot_of(prompt.keys[position], rule, ttl_s))
        is_exact = entry is not None and entry.is_exact
        tokens = entry.tokens if entry is not None and is_exact else prompt.ends[position]
        used = self._index.last_use(prompt.keys[position])
        tag = None if entry is None else entry.tag
        return Reading(_rounded(tokens, rule, relax), position, is_exact, used, tag)

    def _known(self, prompt: Prompt, ttl_s: float | None, relax: Collection[str]) -> int:
        """How many leading pieces were seen before, are live and could be read when *prompt* started."""
        live_s = None if "ttl" in relax else ttl_s
        keys = prompt.keys
        if min(keys) < 0:  # numbers that stand for a prefix which nobody ever had
            keys = keys[: next(at for at, key in enumerate(keys) if key < 0)]
        known = self._index.match(keys, prompt.started_s, live_s)
        if "concurrent" in relax:
            return known
        while known and self._fresh.get(keys[known - 1], prompt.started_s) > prompt.started_s:
            known -= 1
        return known

    def _refresh(self, prompt: Prompt, rule: Rule, use: Use) -> int | None:
        """Start anew the lifetime of all that was read. The last piece of it that the counts tell, if any."""
        found = self.read(prompt, rule)
        place = self._place_read(prompt, rule, found, use)
        if place is not None and place >= 0 and use.read:
            self._entries.recount(prompt.keys[place], rule, use.read)
        if rule.refreshes:
            last = read_up_to(prompt, found.position, found.tokens, use.read) if place is None else place
            self._entries.use(prompt.keys[: last + 1], rule, prompt.started_s)
        return place

    def _place_read(self, prompt: Prompt, rule: Rule, found: Reading, use: Use) -> int | None:
        """The last piece that was read, -1 for none; None if the count may be that of several places."""
        if use.read == 0:
            return -1
        if use.read is None or rule.step > 1:
            return None
        if found.position >= 0 and is_near(found.tokens, use.read):
            return found.position
        return sole_place(prompt, rule, self._entries, use, self._known(prompt, None, RELAXABLE))

    def _write_entries(self, prompt: Prompt, rule: Rule, use: Use, place: int | None) -> None:
        markers = writes(prompt, rule)
        if rule.id == "deepseek_units" and (known := self._known(prompt, None, ())):
            markers = (Marker(known - 1), *markers)  # where two requests were seen to part
        exact = _exact_ends(markers, rule, use, place)
        for marker in markers:
            is_new = place is not None and marker.position > place
            self._put(prompt, rule, marker, use, exact.get(marker.position), is_new=is_new)

    def _put(
        self,
        prompt: Prompt,
        rule: Rule,
        marker: Marker,
        use: Use,
        exact: int | None,
        *,
        is_new: bool = False,
    ) -> None:
        exact = self._entries.size_of(prompt.keys[marker.position], rule) if exact is None else exact
        tokens = prompt.ends[marker.position] if exact is None else exact
        entry = Entry(
            used_s=prompt.started_s,
            visible_s=prompt.started_s if prompt.first_byte_s is None else prompt.first_byte_s,
            ttl_s=float(marker.ttl_s or rule.ttl_s),
            tokens=tokens,
            is_exact=exact is not None,
            is_short=tokens < rule.minimum or (use.read == 0 and use.written == 0),
            is_end=marker.position == len(prompt.keys) - 1,
            is_new=is_new,
            tag=use.tag,
        )
        self._entries.put(slot_of(prompt.keys[marker.position], rule, marker.ttl_s or 0), entry)

    def _note_keys(self, prompt: Prompt, visible_s: float) -> None:
        known = self._index.match(prompt.keys, prompt.started_s, None)
        self._fresh.update(dict.fromkeys(prompt.keys[known:], visible_s))
        self._index.touch(prompt.keys, prompt.started_s)
        for _ in range(len(self._fresh) - FRESH_KEYS):
            del self._fresh[next(iter(self._fresh))]


def _rounded(tokens: int, rule: Rule, relax: Collection[str]) -> int:
    whole = tokens - tokens % rule.step
    return whole if whole >= rule.minimum or "minimum" in relax else 0


def _end_of(prompt: Prompt, rule: Rule) -> Marker:
    return Marker(len(prompt.keys) - 1, int(rule.live_s(prompt.ttl_s)))


def _answer_end(prompt: Prompt, at: int) -> int:
    """The last piece of the answer that follows the piece *at*; *at* itself if none does."""
    while at + 1 < len(prompt.kinds) and prompt.kinds[at + 1] in ANSWER:
        at += 1
    return at


def _exact_ends(markers: tuple[Marker, ...], rule: Rule, use: Use, place: int | None) -> dict[int, int]:
    """Tokens up to breakpoints as the provider's own counts give them. place: where its read ended, if known.

    What was read and written ends at the last breakpoint; what was written for longer, at the last one of
    that lifetime. Below the minimum the counts say nothing (recorded from Bedrock: 115 sent, 27 written).
    """
    if not markers or use.read is None or use.written is None or rule.step > 1:
        return {}
    if use.read + use.written < rule.minimum:
        return {}
    exact = {} if place is None else {place: use.read}
    exact[markers[-1].position] = use.read + use.written
    long = [marker.position for marker in markers if (marker.ttl_s or 0) > rule.ttl_s]
    if long and use.long and long[-1] not in exact:
        exact[long[-1]] = use.read + use.long
    return exact
