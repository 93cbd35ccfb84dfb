"""What do images, videos and searches cost that genai-prices has no rate for? Data, each with its source.

Rates are US dollars per image or second. All of these models are retired, so their last price is final;
recordings of them, and what an older process sent, still have it.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING

from llm_observer.enrichers.price_source import FROM_THE_START

if TYPE_CHECKING:
    from collections.abc import Mapping

    from llm_observer.enrichers.price_source import Rate

__all__ = ["DEFAULT_IMAGE_MODEL", "FREE_CONTENT_PREVIEW", "IMAGE", "VIDEO", "XAI_SEARCH", "built_in"]

IMAGE = "image"
"""Starts the keys of rates per image: `image/<quality>/<size>`, and `image` where that does not matter."""

VIDEO = "video_second"
"""Starts the keys of rates per second of video: `video_second/<size>`."""

DEFAULT_IMAGE_MODEL = "dall-e-2"
"""What OpenAI's image endpoints used where no model was named; only these models send no usage.

openai 1.66.0, types/image_edit_params.py and image_create_variation_params.py: "Only `dall-e-2` is
supported at this time" (2025-03-12); generations the same until the models were retired on 2026-05-12.
"""


def _rates(amounts: Mapping[str, str]) -> dict[str, Rate]:
    return {key: ((FROM_THE_START, Decimal(amount)),) for key, amount in amounts.items()}


# https://openai.com/api/pricing, as kept by kevinhermawan/Canvas (model-info.json, 2023-12-25), unchanged
# until the models were retired: https://developers.openai.com/api/docs/models/dall-e-3 (2026-11-21).
_DALL_E_2 = _rates(
    {
        "image/standard/256x256": "0.016",
        "image/standard/512x512": "0.018",
        "image/standard/1024x1024": "0.02",
    }
)
_DALL_E_3 = _rates(
    {
        "image/standard/1024x1024": "0.04",
        "image/standard/1024x1792": "0.08",
        "image/standard/1792x1024": "0.08",
        "image/hd/1024x1024": "0.08",
        "image/hd/1024x1792": "0.12",
        "image/hd/1792x1024": "0.12",
    }
)
# https://developers.openai.com/api/docs/models/sora-2 (2026-11-21: "$0.10" and Pro "$0.30" for 720x1280 and
# 1280x720; the API was shut down on 2026-09-24); 1024x1792: https://developers.openai.com/api/docs/pricing,
# as read in August 2026.
_SORA_2 = _rates({"video_second/720x1280": "0.1", "video_second/1280x720": "0.1"})
_SORA_2_PRO = _rates(
    {
        "video_second/720x1280": "0.3",
        "video_second/1280x720": "0.3",
        "video_second/1024x1792": "0.5",
        "video_second/1792x1024": "0.5",
    }
)
_MODELS = {
    ("openai", "dall-e-2"): _DALL_E_2,
    ("openai", "dall-e-3"): _DALL_E_3,
    ("openai", "sora-2"): _SORA_2,
    ("openai", "sora-2-pro"): _SORA_2_PRO,
}
_SNAPSHOT = re.compile(r"-20\d{2}-\d{2}-\d{2}$")

FREE_CONTENT_PREVIEW = Decimal(25)
"""US dollars per 1,000 searches of the `web_search_preview` tool on models that do not reason.

"$25.00 / 1k calls, search content tokens are free" instead of "$10.00 / 1k calls, search content tokens
billed at model rates": https://developers.openai.com/api/docs/pricing#built-in-tools (2026-09-30).
"""

XAI_SEARCH = Decimal(5)
"""US dollars per 1,000 web searches at xAI: https://docs.x.ai/developers/pricing (2026-10-10).

What xAI itself stated for two searches of grok-4.3 is the tokens at the list's rates and $0.01.
"""


def built_in(vendor: str, model: str) -> tuple[str, Mapping[str, Rate]] | None:
    """Name and rates of *model* at *vendor*; None for any other."""
    name = _SNAPSHOT.sub("", model.lower())
    rates = _MODELS.get((vendor, name))
    return None if rates is None else (f"{vendor}/{name}", rates)
