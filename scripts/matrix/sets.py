"""Which packages are tested together, and with which tests? Data: one environment per set."""

import re
from typing import NamedTuple

__all__ = ["CORE", "KINDS", "SDK_FREE", "SETS", "Set"]

SDK_FREE = (
    "chaos",
    "delivery",
    "delivery_life",
    "evaluation",
    "exit_deadline",
    "otlp",
    "privacy_delivery",
    "process_models",
    "report_browser",
    "run",
    "soak",
    "spool_crash",
    "typing",
)
"""Tests of what happens to an event after it was made: no version of an SDK makes a difference there."""
_REPLAYED = "test_replay.py::test_each_exchange_in_the_repository_is_exact_in_every_way"
CORE = (
    "test_binding.py",
    "test_restore.py",
    "test_stream_endings.py",
    "test_surfaces.py",
    "test_transparency.py",
    f"{_REPLAYED}[anthropics-anthropic-sdk-python.jsonl]",
    f"{_REPLAYED}[datadog-dd-trace-py.jsonl]",
)
"""Tests of what an SDK can change, a minute for each set. The floor has all, as the plain test run has."""
_FOLDER = "tests/integration"
_ON_TOP = ("frameworks", "vendors")
KINDS = {
    "sdk": "Versions of the SDKs",
    "framework": "Frameworks on top of them",
    "vendor": "Vendors' own SDKs",
}


class Set(NamedTuple):
    """kind: heading of its table. named: packages whose versions tell the sets of a kind apart.

    is_whole: all tests, not only `CORE`. word: in the names of its tests, where a file has other sets' too.
    """

    kind: str
    requirements: tuple[str, ...]
    named: tuple[str, ...]
    is_whole: bool = False
    word: str | None = None

    def tests(self) -> list[str]:
        """What pytest is given."""
        if self.kind != "sdk":
            return [f"{_FOLDER}/test_{self.kind}s.py", *(("-k", self.word) if self.word else ())]
        if not self.is_whole:
            return [f"{_FOLDER}/{test}" for test in CORE]
        return [_FOLDER, *(f"--ignore={_FOLDER}/test_{name}.py" for name in (*SDK_FREE, *_ON_TOP))]


def _sdks(openai: str, anthropic: str, *more: str, is_whole: bool = False) -> Set:
    requirements = (f"openai{openai}", f"anthropic[bedrock,vertex]{anthropic}", *(more or ("httpx",)))
    return Set("sdk", requirements, ("openai", "anthropic", "httpx", "httpx2", "pydantic"), is_whole)


def _framework(word: str, *requirements: str) -> Set:
    names = tuple(re.split(r"[\[<]", requirement)[0] for requirement in requirements)
    return Set("framework", requirements, tuple(dict.fromkeys((*names, "openai", "anthropic"))), word=word)


_VENDORS = {
    "groq": "0.13.0",
    "together": "2.0.0",
    "cerebras-cloud-sdk": "1.12.1",
    "fireworks-ai": "1.2.0",
    "writer-sdk": "2.0.0",
    "sambanova": "1.1.0",
    "perplexityai": "0.20.1",
    "portkey-ai": "1.15.1",
}
"""Distribution to the oldest version that capture/targets.py names."""

SETS: dict[str, Set] = {
    # The oldest versions that README.md and capture/targets.py name. anthropic 0.40.0 passes `proxies` on to
    # httpx (anthropic/_base_client.py), which took it until 0.27 (encode/httpx, CHANGELOG, 2024-11-28).
    "floor": _sdks("==1.66.0", "==0.40.0", "httpx<0.28", is_whole=True),
    "1.75": _sdks("==1.75.0", "==0.50.0"),
    "1.90": _sdks("==1.90.0", "==0.60.0"),
    "1.109": _sdks("==1.109.1", "==0.71.0"),
    "2.0": _sdks("==2.0.0", "==0.100.0"),
    "2.20": _sdks("==2.20.0", "==0.125.0"),
    "2.54": _sdks("==2.54.0", "==1.0.0"),  # anthropic on httpx2
    "3.0": _sdks("==3.0.0", "==1.17.0"),  # openai on httpx2
    "3.30": _sdks("==3.30.0", "==2.0.0"),
    "newest": _sdks("", ""),
    "langchain": _framework("langchain", "langchain-openai", "langchain-anthropic"),
    # llama-index-llms-anthropic 0.12.3 asks for any anthropic, and fails on 1.0 (`temperature` is gone).
    "llama-index": _framework(
        "llama-index", "llama-index-llms-openai", "llama-index-llms-anthropic", "anthropic<1"
    ),
    "litellm": _framework("litellm", "litellm"),
    "pydantic-ai": _framework("pydantic-ai", "pydantic-ai-slim[openai,anthropic]"),
    "instructor": _framework("instructor", "instructor[anthropic]"),
    "vendors-floor": Set("vendor", tuple(f"{n}=={v}" for n, v in _VENDORS.items()), tuple(_VENDORS)),
    "vendors": Set("vendor", tuple(_VENDORS), tuple(_VENDORS)),
}
