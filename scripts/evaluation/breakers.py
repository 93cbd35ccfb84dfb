"""Which exchanges has an app with known cache breakers? Seeded, with the truth of each beside it.

python scripts/evaluation/breakers.py --seed 1 --traces DIR --cassettes DIR --out DIR [--scenes N] [--clean N]

Writes exchanges.jsonl, which `llm-observer analyze` reads, and truth.jsonl, a line for each exchange.
Another seed gives other conversations, values, formats and places.
"""

import argparse
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

import cache_breakers
import history_breakers
import setting_breakers
import text_breakers
import tool_breakers
import volatile
from clean import clean_account
from dice import chance, dice
from hosts import Host, Hosts, Talk, load_hosts
from models import MODELS
from providers import simulate
from scenes import Breaker, Scene, call_of

from exchanges import exchange_of

__all__ = ["KINDS", "Record", "broken_scene", "generate", "main"]

_MAKERS = {
    **text_breakers.MAKERS,
    **tool_breakers.MAKERS,
    **history_breakers.MAKERS,
    **setting_breakers.MAKERS,
    **cache_breakers.MAKERS,
}
KINDS = tuple(_MAKERS)
_WIRES = {"anthropic": ("anthropic",), "old": ("chat", "responses"), "new": ("chat", "responses")}
_MARKINGS = {"anthropic": ("both", "both", "last", "automatic"), "old": ("implicit",), "new": ("implicit",)}
_NEEDS_LARGE = {"below_minimum"}
_ON_TRACES_ONLY = {
    "compaction", "history_truncated", "tool_result_trimmed", "message_lengthened", "too_many_breakpoints",
    "below_minimum", "look_back_exceeded", "unread_writes", "parallel_calls", "few_shot_order",
    "history_edited", "first_message_edited",
}  # fmt: skip
_DOUBLES = (*volatile.KINDS, "whitespace", "system_changed", "tool_edited")
_FAMILIES: Mapping[str, tuple[str, ...]] = {
    "message_lengthened": ("anthropic", "new"),
    "effort_changed": ("anthropic", "old", "new"),
    "verbosity_changed": ("old", "new"),
    "output_schema_changed": ("old", "new"),
    "tool_choice_changed": ("anthropic",),
    "thinking_changed": ("anthropic",),
    "beta_headers_changed": ("anthropic",),
    "service_tier_changed": ("old", "new"),
    "cache_key_changed": ("old", "new"),
    "breakpoint_missing": ("anthropic",),
    "breakpoint_moved": ("anthropic",),
    "too_many_breakpoints": ("anthropic",),
    "explicit_without_breakpoint": ("new",),
    "look_back_exceeded": ("anthropic",),
    "ttl_changed": ("anthropic",),
    "unread_writes": ("anthropic", "new"),
}
"""The caching rules under which a kind can be; all where it is not named."""
_MODEL_PREFIX: Mapping[str, tuple[str, ...]] = {
    "effort_changed": ("gpt-5", "gpt-6", "claude-opus"),
    "verbosity_changed": ("gpt-5", "gpt-6"),
}
"""The models that have the setting; all where it is not named."""
_START = 1_793_620_800.0  # 2 November 2026, 12:00 UTC: the prices of the oracles are of that month
_SPACING_S = 37.0


class Record(NamedTuple):
    """One exchange, and what is true of it."""

    started: float
    exchange: Mapping[str, Any]
    truth: Mapping[str, Any]


def generate(hosts: Hosts, seed: int, scenes: int, clean: int) -> list[Record]:
    """*scenes* conversations of each kind and clean ones of *clean* transitions, in order of time."""
    rng = dice("breakers", seed)
    records: list[Record] = []
    accounts = 0
    for kind in [kind for kind in KINDS for _ in range(scenes)]:
        records += _written(broken_scene(hosts, rng, kind, _start(accounts)), f"broken-{accounts}")
        accounts += 1
    done = 0
    while done < clean:
        found = list(_clean_records(hosts, rng, accounts))
        done += sum(not record.truth["is_first"] for record in found)
        records += found
        accounts += 1
    return sorted(records, key=lambda record: record.started)


def _start(account: int) -> float:
    return _START + _SPACING_S * account


def broken_scene(hosts: Hosts, rng: Random, kind: str, start: float) -> Scene:
    """A scene with a breaker of *kind*, and now and then another."""
    while True:
        scene = _scene(hosts, rng, kind, start)
        breaker = _MAKERS[kind](scene)
        if breaker is None:
            continue
        scene.breakers.append(breaker)
        if kind in _DOUBLES and chance(rng, 0.15):
            _add_second(scene, rng.choice([other for other in _DOUBLES if other != kind]))
        return scene


def _add_second(scene: Scene, kind: str) -> None:
    """Another breaker, unless it would stand in the same text."""
    second = _MAKERS[kind](scene)
    if second is None:
        return
    last = len(scene.calls) - 1
    places = [_place(scene, breaker, last) for breaker in (*scene.breakers, second)]
    if len(set(places)) == len(places):
        scene.breakers.append(second)


def _place(scene: Scene, breaker: Breaker, call: int) -> object:
    """Where it stands; all tools are one place."""
    spot = breaker.apply(scene.base(call), breaker.versions[call])
    place = None if spot is None else spot.place or spot.path
    return "tools" if "tool" in str(place) else place


def _scene(hosts: Hosts, rng: Random, kind: str, start: float) -> Scene:
    """A conversation for *kind*: its host, its provider, and four to ten calls of it."""
    families = _FAMILIES.get(kind, ("anthropic", "old", "new"))
    prefixes = _MODEL_PREFIX.get(kind, ("",))
    use_cassettes = kind not in _ON_TRACES_ONLY and chance(rng, 0.3)
    family = rng.choice(families)
    host = rng.choice(
        [one for one in (hosts.cassettes if use_cassettes else hosts.traces) if _fits(one, family)]
    )
    wire = host.wire or rng.choice(_WIRES[family])
    models = [name for name, model in MODELS.items() if model.family == family and name.startswith(prefixes)]
    models = ["claude-haiku-4-5"] if kind in _NEEDS_LARGE and family == "anthropic" else models
    return _built(hosts, rng, host, wire, rng.choice(models), start)


def _fits(host: Host, family: str) -> bool:
    return host.wire is None or host.wire in _WIRES[family]


def _built(hosts: Hosts, rng: Random, host: Host, wire: str, model: str, start: float) -> Scene:
    family, minimum = MODELS[model].family, MODELS[model].minimum
    talk = hosts.talk(host, rng, minimum)
    marking = rng.choice(_MARKINGS[family])
    ttl = rng.choice((None, None, "5m", "1h")) if family == "anthropic" else None
    scene = Scene(rng, wire, model, talk, marking, _window(talk, rng), hosts.lines, ttl)
    scene.is_system_blocks = chance(rng, 0.3)
    scene.set_clock(start + rng.uniform(0, _SPACING_S))
    return scene


def _window(talk: Talk, rng: Random) -> list[int]:
    """Some calls in a row; a conversation is not always seen from its start."""
    number = min(len(talk.counts), rng.randrange(4, 11))
    first = rng.randrange(len(talk.counts) - number + 1) if chance(rng, 0.4) else 0
    return talk.counts[first : first + number]


def _written(scene: Scene, account: str) -> Iterator[Record]:
    """The scene's exchanges with the usage that its provider's oracle gives."""
    drafts = [draft for draft, _ in scene.sent()]
    readings = simulate([call_of(draft) for draft in drafts])
    truths = scene.truth()
    for draft, reading, truth in zip(drafts, readings, truths, strict=True):
        facts = {"account": account, "host": scene.talk.name, "is_clean": False, "is_side": False}
        facts["is_first"] = truth["call"] == 0
        exchange = exchange_of(scene.rng, draft, reading, account)
        yield Record(draft.started, exchange, {**facts, "wire": draft.wire, "model": draft.model, **truth})


def _clean_records(hosts: Hosts, rng: Random, number: int) -> Iterator[Record]:
    """An account in which nothing breaks."""
    account = f"clean-{number}"
    calls = clean_account(_clean_scenes(hosts, rng, _start(number)))
    readings = simulate([call_of(call.draft) for call in calls])
    for at, (call, reading) in enumerate(zip(calls, readings, strict=True)):
        draft = call.draft
        truth = {
            "account": account, "host": "clean", "is_clean": True, "is_side": call.is_side,
            "is_first": call.is_first, "wire": draft.wire, "model": draft.model, "call": at,
            "total": reading.total, "actual": reading.read, "ideal": reading.read, "breakers": [],
        }  # fmt: skip
        yield Record(draft.started, exchange_of(rng, draft, reading, account), truth)


def _clean_scenes(hosts: Hosts, rng: Random, start: float) -> list[Scene]:
    """One conversation, or two or three with the same system prompt and tools."""
    family = rng.choice(("anthropic", "old", "new"))
    is_parallel = family != "new" and chance(rng, 0.3)
    host = rng.choice([one for one in hosts.cassettes if _fits(one, family)])
    host = rng.choice(hosts.traces) if is_parallel or chance(rng, 0.8) else host
    model = rng.choice([name for name, model in MODELS.items() if model.family == family])
    first = _built(hosts, rng, host, host.wire or rng.choice(_WIRES[family]), model, start)
    if not is_parallel:
        return [first]
    first.marking = "both" if family == "anthropic" else first.marking
    return [first, *(_sibling(hosts, rng, first) for _ in range(rng.randrange(1, 3)))]


def _sibling(hosts: Hosts, rng: Random, first: Scene) -> Scene:
    scene = _built(hosts, rng, rng.choice(hosts.traces), first.wire, first.model, first.times[0][0])
    scene.talk.system, scene.talk.tools = first.talk.system, first.talk.tools
    scene.marking, scene.ttl, scene.is_system_blocks = first.marking, first.ttl, first.is_system_blocks
    return scene


def main(arguments: Sequence[str] | None = None, say: Callable[[str], None] = print) -> None:
    """Writes both files."""
    parser = argparse.ArgumentParser(
        description="Exchanges with seeded cache breakers, and the truth about them."
    )
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--traces", type=Path, required=True)
    parser.add_argument("--cassettes", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=8, help="conversations of each kind")
    parser.add_argument("--clean", type=int, default=1000, help="clean transitions at least")
    options = parser.parse_args(arguments)
    records = generate(
        load_hosts(options.traces, options.cassettes), options.seed, options.scenes, options.clean
    )
    options.out.mkdir(parents=True, exist_ok=True)
    with (
        (options.out / "exchanges.jsonl").open("w", encoding="utf-8") as exchanges,
        (options.out / "truth.jsonl").open("w", encoding="utf-8") as truths,
    ):
        for index, record in enumerate(records):
            exchanges.write(json.dumps(record.exchange, ensure_ascii=False) + "\n")
            truths.write(json.dumps({"index": index, **record.truth}, ensure_ascii=False) + "\n")
    say(f"{len(records)} exchanges in {options.out}")


if __name__ == "__main__":
    main()
