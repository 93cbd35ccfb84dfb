"""Decide what a call cost. Prices are data; unknown stays unknown, and is never zero."""

from __future__ import annotations

import os
from decimal import Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING

from msgspec.structs import replace

from llm_observer.call import Cost, LLMCall
from llm_observer.decoded import Decoded
from llm_observer.enrichers.bill import PRECISION, Bill, Doubt, Rates, bill, input_total, money
from llm_observer.enrichers.billable import why_not_billed, why_no_usage
from llm_observer.enrichers.price_source import Rate
from llm_observer.enrichers.pricing import Price, Unpriced, prices_of
from llm_observer.enrichers.private_prices import (
    Patterns,
    deployments_of,
    discounts_of,
    private_prices_of,
)
from llm_observer.enrichers.tiers import OTHER_TTL
from llm_observer.wire import Exchange
