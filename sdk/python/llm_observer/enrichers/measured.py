"""What do images, audio by the minute, characters and seconds of video cost?"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, NamedTuple

from llm_observer.enrichers.bill import EXACT, Bill, Doubt, Rates
from llm_observer.enrichers.unit_prices import IMAGE, VIDEO

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from llm_observer.decoded import Measures
    from llm_observer.enrichers.price_source import Rate

__all__ = ["is_priced_by", "measured"]

SECONDS_PER_HOUR = 3600
AUDIO = ("input_audio_hours", "audio_hours")
CHARACTERS = ("input_mchars",)
GROQ_LEAST_SECONDS = 10
"""Groq bills no audio as shorter: https://console.groq.com/docs/speech-to-text (2026-11-21)."""
LEAST = Decimal("1e-15")
"""US dollars that a third of a cent, or of an hour, is rounded to."""
LONGEST_CLIP_S = 12
"""Longest video that is made in one go (openai 3.52.0, types/video_seconds.py)."""


class _Part(NamedTuple):
    """*units* at *rate*, which is for *per* of them."""

    part: str
    units: Decimal
    rate: Decimal
    per: int = 1
    doubts: tuple[Doubt, ...] = ()


def is_priced_by(measures: Measures | None, rates: Mapping[str, Rate]) -> bool:
    """Whether *rates* have a price for any of *measures*, and none for tokens."""
    if measures is None or "input_mtok" in rates or "output_mtok" in rates:
        return False
    return _part(measures, rates, "") is not None


def measured(measures: Measures, rates: Mapping[str, Rate], vendor: str) -> Bill | None:
    """The bill of *measures* at *rates*; None where none of them has a price."""
    with localcontext(EXACT):
        part = _part(measures, rates, vendor)
        if part is None:
            return None
        parts = {part.part: (part.units * part.rate / part.per).quantize(LEAST)}
    return Bill(parts, part.doubts)


def _part(measures: Measures, rates: Mapping[str, Rate], vendor: str) -> _Part | None:
    found = (find(measures, rates, vendor) for find in _KINDS)
    return next((part for part in found if part is not None), None)


def _first(rates: Mapping[str, Rate], *keys: str) -> Decimal | None:
    return Rates(rates, 0, factor=Decimal(1), is_claude=False).plain(*keys)


def _images(measures: Measures, rates: Mapping[str, Rate], _: str) -> _Part | None:
    if measures.images is None or not any(key.startswith(IMAGE) for key in rates):
        return None
    count = Decimal(measures.images)
    exact = _first(rates, f"{IMAGE}/{measures.quality}/{measures.size}", IMAGE)
    if exact is not None:
        return _Part("output", count, exact)
    if measures.size is not None:
        return None  # a size that was never sold
    least = min(steps[0][1] for key, steps in rates.items() if key.startswith(IMAGE))
    doubt = Doubt("bound", "at least this much: the size of the images is unknown")
    return _Part("output", count, least, doubts=(doubt,))


def _audio(measures: Measures, rates: Mapping[str, Rate], vendor: str) -> _Part | None:
    rate = _first(rates, *AUDIO)
    if measures.audio_seconds is None or rate is None:
        return None
    seconds = Decimal(str(measures.audio_seconds))
    if vendor == "groq" and seconds:
        seconds = max(seconds, Decimal(GROQ_LEAST_SECONDS))
    doubt = Doubt("estimated", "the length of the audio, which may be rounded before it is billed")
    doubts = () if measures.is_stated else (doubt,)
    return _Part("input", seconds, rate, SECONDS_PER_HOUR, doubts)


def _characters(measures: Measures, rates: Mapping[str, Rate], _: str) -> _Part | None:
    """tts-1 bills ASCII by the character: 4,095 of them were charged $0.061425.

    https://www.s-anand.net/blog/openai-tts-cost (2025-11-02). Of other text nobody says how it is counted.
    """
    rate = _first(rates, *CHARACTERS)
    if measures.characters is None or rate is None:
        return None
    doubt = Doubt("estimated", "characters counted as Unicode code points")
    doubts = () if measures.is_ascii else (doubt,)
    return _Part("input", Decimal(measures.characters), rate, 1_000_000, doubts)


def _video(measures: Measures, rates: Mapping[str, Rate], _: str) -> _Part | None:
    rate = _first(rates, f"{VIDEO}/{measures.size}", VIDEO)
    if measures.video_seconds is None or rate is None:
        return None
    doubt = Doubt("estimated", "an extended video: its seconds hold those of the first one")
    doubts = (doubt,) if measures.video_seconds > LONGEST_CLIP_S else ()
    return _Part("output", Decimal(str(measures.video_seconds)), rate, doubts=doubts)


_KINDS: tuple[Callable[[Measures, Mapping[str, Rate], str], _Part | None], ...] = (
    _images,
    _audio,
    _characters,
    _video,
)
