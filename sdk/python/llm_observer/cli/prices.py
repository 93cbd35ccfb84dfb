"""`llm-observer prices`: what does a model cost, as calls to it are priced?"""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import click

from llm_observer.cli._price_list import Line, Priced, PriceList
from llm_observer.cli._terminal import has_color, width
from llm_observer.config import Config, load
from llm_observer.enrichers.price_cache import price_data_age
from llm_observer.money import decimal_text
from llm_observer.report.table import Lines, Table, draw

__all__ = ["prices"]

_UNKNOWN = 1
_LEAST_PLACES = 2


@click.command()
@click.argument("model")
@click.option(
    "--provider", metavar="NAME", help="Who is called, as events name it; the model's own vendor by default."
)
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="DAY",
    help="Prices of this day, 2026-01-31; today by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object.")
@click.pass_context
def prices(
    ctx: click.Context, model: str, *, provider: str | None, at: datetime | None, as_json: bool
) -> None:
    """Show what MODEL, or `provider/model`, costs in US dollars per million tokens.

    The figures are those that calls are priced with, your private prices and discounts included: by tier, by
    size of the prompt, by lifetime of cache writes. Exit code: 0 done, 1 the price is unknown, 2 wrong usage.
    """
    config = load({})
    listed = PriceList(config)
    found = listed.find(model, provider, datetime.now(UTC) if at is None else at.replace(tzinfo=UTC))
    close = [] if found is not None else listed.close_to(model)
    if as_json:
        click.echo(json.dumps(_plain(model, found, close, config), indent=2))
    elif found is None:
        _tell_unknown(model, provider, close)
    else:
        click.echo(draw(list(_blocks(found, config)), width=width(), color=has_color()))
    ctx.exit(0 if found else _UNKNOWN)


def _tell_unknown(model: str, provider: str | None, close: list[str]) -> None:
    at = f" at {provider}" if provider else ""
    click.echo(
        f"No price is known for {model}{at}: calls to it have the cost status unknown_model.", err=True
    )
    if close:
        click.echo(f"Close names: {', '.join(close)}", err=True)
    click.echo(
        "Set one: patch(prices={…}) or [prices] in the configuration file, docs/cost.md; "
        "pip install -U genai-prices has newer models.",
        err=True,
    )


def _blocks(found: Priced, config: Config) -> Iterator[Lines | Table]:
    yield Lines((found.price_id,), "bold")
    kinds = list(dict.fromkeys(kind for line in found.lines for kind in line.usd))
    yield Table(
        headers=("US dollars per million tokens", *(kind.replace("_", " ") for kind in kinds)),
        rows=tuple((_title(line), *(_amount(line.usd.get(kind)) for kind in kinds)) for line in found.lines),
        labels=1,
    )
    yield Lines(tuple(_notes(found, config)))


def _title(line: Line) -> str:
    return f"{line.tier}, prompts over {line.over_tokens:,}" if line.over_tokens else line.tier


def _amount(usd: Decimal | None) -> str:
    """`$1.25`, `$0.125`: all digits, as a price is no sum."""
    if usd is None:
        return "-"
    whole, _, places = decimal_text(usd).partition(".")
    return f"${int(whole):,}.{places.ljust(_LEAST_PLACES, '0')}"


def _notes(found: Priced, config: Config) -> Iterator[str]:
    if found.web_search_usd is not None:
        yield f"Web search: {_amount(found.web_search_usd)} per 1,000"
    yield from dict.fromkeys(f"{line.tier}: {doubt}" for line in found.lines for doubt in line.doubts)
    borrowed = dict.fromkeys(kind for line in found.lines for kind in line.borrowed)
    if borrowed:
        yield f"At the rate of input, as the list has no other: {', '.join(borrowed).replace('_', ' ')}"
    yield from (f"{tier}: {reason}" for tier, reason in found.unpriced.items())
    if found.discount is not None:
        yield f"Your discount of {decimal_text(found.discount * 100)} % is taken off"
    yield f"Source: {_source(found, config)}"


def _source(found: Priced, config: Config) -> str:
    if found.source == "override":
        return f"your own price, set by {config.sources['prices']}"
    version, newest = price_data_age(config.state_dir)
    return f"genai-prices {version}, newest price {_age(newest)}"


def _age(newest: date | None) -> str:
    if newest is None:
        return "of an unknown day"
    days = (datetime.now(UTC).date() - newest).days
    return f"of {newest} ({days} {'day' if days == 1 else 'days'} ago)"


def _plain(model: str, found: Priced | None, close: list[str], config: Config) -> dict[str, Any]:
    version, newest = price_data_age(config.state_dir)
    data = {"source": "genai-prices", "version": version, "newest": None if newest is None else str(newest)}
    common = {"model": model, "is_known": found is not None, "close": close, "price_data": data}
    if found is None:
        return common
    return {
        **common,
        "provider": found.provider,
        "price_id": found.price_id,
        "source": found.source,
        "discount": None if found.discount is None else decimal_text(found.discount),
        "web_search_usd_per_1000": None
        if found.web_search_usd is None
        else decimal_text(found.web_search_usd),
        "usd_per_million": [_plain_line(line) for line in found.lines],
        "unpriced_tiers": found.unpriced,
    }


def _plain_line(line: Line) -> dict[str, Any]:
    return {
        "tier": line.tier,
        "over_tokens": line.over_tokens,
        **{kind: decimal_text(usd) for kind, usd in line.usd.items()},
        "at_rate_of_input": list(line.borrowed),
        "doubts": list(line.doubts),
    }
