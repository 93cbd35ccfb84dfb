"""Which tools does the airline's agent have? Twelve, as an app would describe them to a model."""

from collections.abc import Mapping
from typing import Any

__all__ = ["EXTRA_TOOLS", "TOOLS"]

_USER = ("user_id", "string", "The id of the user who owns the reservation, such as 'sara_doe_496'.")
_RESERVATION = ("reservation_id", "string", "The reservation id, six letters and digits, such as '8JX2WO'.")
_CABIN = ("cabin", "string", "Cabin class for the whole reservation: basic_economy, economy or business.")
_FLIGHTS = ("flights", "array", "Every flight segment of the reservation, also those that do not change.")
_PAYMENT = ("payment_id", "string", "Payment id stored in the user profile, such as 'credit_card_7815826'.")
_ORIGIN = ("origin", "string", "The origin city airport in three letters, such as 'JFK'.")
_DESTINATION = ("destination", "string", "The destination city airport in three letters, such as 'LAX'.")
_DAY = ("date", "string", "The date of the flight in the format 'YYYY-MM-DD', such as '2024-05-01'.")


def _tool(name: str, description: str, *fields: tuple[str, str, str]) -> Mapping[str, Any]:
    """A tool in no provider's form: name, description, parameters."""
    properties = {field: _property(kind, text) for field, kind, text in fields}
    parameters = {"type": "object", "properties": properties, "required": [field[0] for field in fields]}
    return {"name": name, "description": description, "parameters": parameters}


def _property(kind: str, text: str) -> Mapping[str, Any]:
    if kind != "array":
        return {"type": kind, "description": text}
    leg = {"flight_number": {"type": "string"}, "date": {"type": "string"}}
    return {"type": kind, "description": text, "items": {"type": "object", "properties": leg}}


TOOLS: tuple[Mapping[str, Any], ...] = (
    _tool(
        "get_user_details",
        "Get the details of a user: name, address, payment methods, membership and reservations. "
        "Call it once the user has given an id, before any other step.",
        _USER,
    ),
    _tool(
        "get_reservation_details",
        "Get the details of a reservation: flights, passengers, payment history, baggage and insurance.",
        _RESERVATION,
    ),
    _tool(
        "search_direct_flight",
        "Search direct flights between two cities on a given date. Times are in EST, prices in dollars.",
        _ORIGIN,
        _DESTINATION,
        _DAY,
    ),
    _tool(
        "search_onestop_flight",
        "Search flights with one stop between two cities on a given date; both legs are given with seats.",
        _ORIGIN,
        _DESTINATION,
        _DAY,
    ),
    _tool(
        "book_reservation",
        "Book a reservation for a user. The user must have confirmed all details explicitly.",
        _USER,
        _ORIGIN,
        _DESTINATION,
        ("flight_type", "string", "Either 'one_way' or 'round_trip'."),
        _CABIN,
        _FLIGHTS,
        ("passengers", "array", "First name, last name and date of birth of each passenger."),
        ("payment_methods", "array", "Payment ids and amounts, which add up to the total price."),
        ("total_baggages", "integer", "The total number of baggage items to book."),
    ),
    _tool(
        "update_reservation_flights",
        "Update the flights of a reservation, or its cabin class. Basic economy cannot be modified.",
        _RESERVATION,
        _CABIN,
        _FLIGHTS,
        _PAYMENT,
    ),
    _tool(
        "update_reservation_baggages",
        "Update the baggage of a reservation. Items can be added and not removed.",
        _RESERVATION,
        ("total_baggages", "integer", "The new total number of baggage items."),
        ("nonfree_baggages", "integer", "The new number of baggage items that are paid for."),
        _PAYMENT,
    ),
    _tool(
        "update_reservation_passengers",
        "Update the passengers of a reservation. Their number cannot change, not even by a human agent.",
        _RESERVATION,
        ("passengers", "array", "First name, last name and date of birth of each passenger."),
    ),
    _tool(
        "cancel_reservation",
        "Cancel the whole reservation. Refunds go to the original payment methods in 5 to 7 days.",
        _RESERVATION,
    ),
    _tool(
        "send_certificate",
        "Send a travel certificate to a user. Use it with care, and only where the policy allows it.",
        _USER,
        ("amount", "number", "Certificate amount to send, in dollars."),
    ),
    _tool(
        "calculate",
        "Calculate the result of a mathematical expression, such as a difference of fares.",
        ("expression", "string", "Digits, + - * / and parentheses, such as '2 * (158 + 51)'."),
    ),
    _tool(
        "transfer_to_human_agents",
        "Transfer the user to a human agent, with a summary of the issue. Only if the user asks for it "
        "explicitly, or if the issue cannot be solved with the tools at hand.",
        ("summary", "string", "A summary of the user's issue."),
    ),
)
EXTRA_TOOLS: tuple[Mapping[str, Any], ...] = (
    _tool("list_all_airports", "List all airports with their cities, as a map from code to city."),
    _tool(
        "think",
        "Use this tool to think about something. It obtains no new information and changes nothing.",
        ("thought", "string", "A thought to think about."),
    ),
    _tool(
        "lookup_weather",
        "Look up the weather at an airport on a day, to tell whether delays are to be expected.",
        _ORIGIN,
        _DAY,
    ),
    _tool("get_loyalty_points", "Get the loyalty points of a member and the level they give.", _USER),
)
