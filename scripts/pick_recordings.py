"""Which recorded exchanges lie in `tests/data/cassettes`? The smallest few that show each trait of them all.

python scripts/pick_recordings.py /path/to/cassettes

The folder given holds the whole set; what is chosen depends on it alone. A trait is anything that could
be decoded wrongly: a wire, an operation, a vendor, a kind of token, an oddity that its README names.
Exit code: 0 the recordings are written anew, 1 a licence line or a notice is missing.
"""

import argparse
import json
import re
import sys
from base64 import b64decode
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

TARGET = Path(__file__).parents[1] / "tests/data/cassettes"
NOTICES = "## NOTICE files"
"""Start of the part of LICENCES.md that is written by hand: notices and full texts."""
_ID = re.compile(r"`([0-9a-f]{16})`")
LARGEST = 250_000
"""Characters of the largest exchange that a repository should hold."""
_MANY = 2
_HEAD = """# Licences of the recorded exchanges

`open/` holds requests and answers that public projects recorded for their own tests. Each line names its
repository, path, commit and licence. What the bodies say is test input of those projects and output of the
providers.

| repository | licence | copyright line | licence files | commit | exchanges |
| --- | --- | --- | --- | --- | --- |
"""


class Recorded(NamedTuple):
    """One exchange: the line that holds it, what it is and what is true of it."""

    line: str
    exchange: dict[str, Any]
    truth: dict[str, Any]

    @property
    def id(self) -> str:
        """The exchange's id."""
        return str(self.truth["id"])

    def body(self, side: str) -> bytes:
        """The body of the `request` or the `response`."""
        message = self.exchange[side]
        return b64decode(message.get("body_b64", "")) or (message.get("body_text") or "").encode()

    def header(self, side: str, name: str) -> str:
        """The first header of that *name*, empty where there is none."""
        return next((value for key, value in self.exchange[side]["headers"] if key.lower() == name), "")


def main() -> int:
    """Choose, and write the choice."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "folder", type=Path, help="folder with open/, ground_truth.jsonl, LICENCES.md, README.md"
    )
    folder = parser.parse_args().folder
    by_hand = NOTICES + (TARGET / "LICENCES.md").read_text("utf-8").partition(NOTICES)[2]
    rows = licence_rows(folder)
    known = [one for one in recordings(folder) if _is_free(_repository(one), rows, by_hand)]
    known = [one for one in known if len(one.line) <= LARGEST]
    chosen = choice(known, oddities(folder))
    if not chosen:
        sys.stderr.write("nothing to choose from: no licence line, or no notice in LICENCES.md\n")
        return 1
    write(chosen)
    (TARGET / "LICENCES.md").write_text(_HEAD + table(chosen, rows) + "\n" + by_hand, "utf-8")
    print(f"{len(chosen)} of {len(known)} exchanges, {sum(len(one.line) for one in chosen):,} characters")
    return 0


def recordings(folder: Path) -> Iterator[Recorded]:
    """The exchanges in *folder* that one of the SDKs can send."""
    lines = (folder / "ground_truth.jsonl").read_text("utf-8").splitlines()
    truths = {truth["id"]: truth for truth in map(json.loads, lines)}
    for path in sorted((folder / "open").glob("*.jsonl")):
        for line in path.read_text("utf-8").split("\n"):
            if line:
                exchange = json.loads(line)
                one = Recorded(line, exchange, truths[exchange["id"]])
                if _is_for_sdks(one.truth):
                    yield one


def _is_for_sdks(truth: dict[str, Any]) -> bool:
    if truth["wire"] == "bedrock_invoke":  # other families than Claude go through AWS' own SDK
        return "anthropic." in (truth["model_requested"] or "")
    return truth["wire"] in {"openai", "anthropic"}


def oddities(folder: Path) -> set[str]:
    """Ids that the README of *folder* gives as examples."""
    return set(_ID.findall((folder / "README.md").read_text("utf-8")))


def choice(known: list[Recorded], named: set[str]) -> list[Recorded]:
    """The smallest exchange for each trait, the rarest first; none where a chosen one has it already."""
    ordered = sorted(known, key=lambda one: (len(one.line), one.id))
    traits = {one.id: frozenset(traits_of(one, named)) for one in ordered}
    counts = Counter(trait for found in traits.values() for trait in found)
    chosen: list[Recorded] = []
    covered: set[str] = set()
    for trait in sorted(counts, key=lambda trait: (counts[trait], trait)):
        if trait not in covered:
            one = next(one for one in ordered if trait in traits[one.id])
            chosen.append(one)
            covered |= traits[one.id]
    return _needed(chosen, traits)


def _needed(chosen: list[Recorded], traits: dict[str, frozenset[str]]) -> list[Recorded]:
    """*chosen* without those, largest first, all of whose traits others show as well."""
    counts = Counter(trait for one in chosen for trait in traits[one.id])
    kept = []
    for one in sorted(chosen, key=lambda one: (-len(one.line), one.id)):
        if all(counts[trait] > 1 for trait in traits[one.id]):
            counts.subtract(traits[one.id])
        else:
            kept.append(one)
    return kept


Rule = Callable[[Recorded], Iterator[object]]


def traits_of(one: Recorded, named: set[str]) -> Iterator[str]:
    """What *one* shows, each as a short text."""
    if one.id in named:
        yield f"named {one.id}"
    for rule in RULES:
        for trait in rule(one):
            yield f"{rule.__name__} {trait}"


def _kind(one: Recorded) -> Iterator[object]:
    truth = one.truth
    how = "stream" if truth["is_stream"] else "whole"
    yield truth["operation"]
    yield truth["provider"]
    yield truth["wire"], how, truth["status"] // 100 if truth["status"] else None, bool(truth["error"])
    yield truth["operation"], how
    yield truth["stream_requested"], truth["is_stream"], truth["wire"]


def _answer(one: Recorded) -> Iterator[object]:
    truth = one.truth
    yield from ((truth["wire"], "finish", reason) for reason in truth["finish_reasons"])
    yield from (name for name in truth["other_tools"])
    yield "tools", truth["wire"], truth["is_stream"], bool(truth["tool_calls"])
    yield "tools", truth["wire"], min(len(truth["tool_calls"]), _MANY)
    yield "choices", min(len(truth["finish_reasons"]), _MANY), truth["is_stream"]
    yield "tier", truth["service_tier"]


def _tokens(one: Recorded) -> Iterator[object]:
    truth = one.truth
    tokens = truth["tokens"] or {}
    for kind, count in tokens.items():
        if count:
            yield truth["wire"], kind, truth["is_stream"]
    if tokens.get("input_uncached") is None and tokens.get("cache_read"):
        yield "parts above the total"
    yield from _names_of_counts(truth["usage"])


def _names_of_counts(usage: object) -> Iterator[str]:
    """Where tokens and uses of tools are counted; prices, times and durations are left out."""
    for name, value in usage.items() if isinstance(usage, dict) else ():
        if isinstance(value, dict):
            yield from (f"{name}.{inner}" for inner in _names_of_counts(value))
        elif "token" in name and "cost" not in name:
            yield name


def _error(one: Recorded) -> Iterator[object]:
    error = one.truth["error"]
    if error:
        yield one.truth["wire"], one.truth["status"] // 100
        yield [type(error[name]).__name__ for name in ("type", "code")], error["message_present"]


def _stream(one: Recorded) -> Iterator[object]:
    stream = one.truth["stream"]
    if stream is None:
        return
    yield one.truth["wire"], stream["ended"], stream["done_marker"]
    yield from (name for name in ("pings", "not_json", "last_event_undelimited") if stream[name])


def _request(one: Recorded) -> Iterator[object]:
    url = one.exchange["request"]["url"]
    parts, body = urlsplit(url), one.body("request")
    yield one.exchange["request"]["method"]
    yield "query", [part.partition("=")[0] for part in parts.query.split("&")]
    yield from (mark for mark in ("//", "%", "<", "-XXX") if mark in parts.path + parts.netloc)
    yield "form", body.startswith(b"--"), "multipart/" in one.header("request", "content-type")
    yield from (mark for mark in _IN_REQUESTS if f'"{mark}":' in body.decode("utf-8", "replace"))


_IN_REQUESTS = (
    "functions",
    "cache_control",
    "ttl",
    "prompt_cache_key",
    "instructions",
    "previous_response_id",
    "background",
    "include_usage",
    "image_url",
    "input_audio",
    "thinking",
    "n",
    "logprobs",
)


def _bytes(one: Recorded) -> Iterator[object]:
    body, response = one.body("response"), one.exchange["response"]
    yield one.header("response", "content-type").partition(";")[0].lower()
    yield from (name for name in ("content_decoded", "body_rebuilt", "body_b64") if response.get(name))
    yield "empty", not body
    yield "headers", bool(response["headers"])
    yield "blanks first", body[:1].isspace()
    if one.truth["is_stream"]:
        yield "CRLF", b"\r\n" in body[:999]
        yield "comments", body.startswith(b":") or b"\n:" in body
        yield "no space", b"data:{" in body


RULES: tuple[Rule, ...] = (_kind, _answer, _tokens, _error, _stream, _request, _bytes)


def write(chosen: list[Recorded]) -> None:
    """The chosen exchanges by source file, and what is true of them, byte for byte as they were."""
    for path in (TARGET / "open").glob("*.jsonl"):
        path.unlink()
    (TARGET / "open").mkdir(parents=True, exist_ok=True)
    for name, group in _groups(chosen, lambda one: str(one.truth["file"])):
        _write_lines(TARGET / "open" / name, [one.line for one in group])
    truths = [json.dumps(one.truth, ensure_ascii=False, separators=(",", ":")) for one in _sorted(chosen)]
    _write_lines(TARGET / "ground_truth.jsonl", truths)


def _sorted(chosen: list[Recorded]) -> list[Recorded]:
    return sorted(chosen, key=lambda one: (one.truth["file"], one.id))


def _groups(chosen: list[Recorded], key: Callable[[Recorded], str]) -> Iterator[tuple[str, list[Recorded]]]:
    for name in sorted({key(one) for one in chosen}, key=str.lower):
        yield name, [one for one in _sorted(chosen) if key(one) == name]


def _write_lines(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), "utf-8", newline="\n")


def licence_rows(folder: Path) -> dict[str, list[str]]:
    """The cells of each repository's line in LICENCES.md: licence, copyright, files, commit."""
    lines = (folder / "LICENCES.md").read_text("utf-8").splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("| ")]
    return {name: rest for name, *rest in cells if "/" in name}


def _repository(one: Recorded) -> str:
    return str(one.exchange["source"]["repo"])


def _is_free(repository: str, rows: dict[str, list[str]], by_hand: str) -> bool:
    """Its licence is known, and if it has a NOTICE file, the text of that is here under its name."""
    return repository in rows and ("NOTICE" not in rows[repository][2] or f"{repository}:" in by_hand)


def table(chosen: list[Recorded], rows: dict[str, list[str]]) -> str:
    """One line for each repository that something was chosen from."""
    lines = [
        " | ".join(["", name, *rows[name], str(len(group)), ""]).strip()
        for name, group in _groups(chosen, _repository)
    ]
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    raise SystemExit(main())
