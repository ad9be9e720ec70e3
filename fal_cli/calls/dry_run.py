"""`--dry-run`: the call as it would be sent, checked, and what it costs; nothing is sent or uploaded."""

from typing import Any

from fal_cli.api import platform
from fal_cli.api.deadline import Deadline
from fal_cli.api.errors import ApiError
from fal_cli.api.platform import Price
from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.files.attachment import Attachment

PATIENCE_SECONDS = 3.0


def show(context: Context, call: Call) -> None:
    """Prints the final input; on stderr where it would go, and the unit price. A file stands in it as `@PATH`."""
    if context.output.machine:
        context.output.json(_facts(context, call))
        return
    context.output.json(_written(dict(call.input_json)))
    options = ", ".join(f"{name} {value}" for name, value in call.options.as_kept().items())
    context.notify.note(f"would be sent to {call.endpoint}" + (f" ({options})" if options else ""))
    if not call.is_local:
        context.notify.note(_price(context, str(call.endpoint)))


def _facts(context: Context, call: Call) -> dict[str, Any]:
    """The same for a program, in one object."""
    found = None if call.is_local else _asked(context, str(call.endpoint))
    price = None
    if isinstance(found, Price):
        price = {"unit_price": f"{found.amount:f}", "unit": found.unit, "currency": found.currency}
    return {
        "endpoint": str(call.endpoint),
        "input": _written(dict(call.input_json)),
        "options": call.options.as_kept(),
        "price": price,
    }


def _price(context: Context, endpoint: str) -> str:
    found = _asked(context, endpoint)
    if not isinstance(found, Price):
        return f"its unit price is not known{found}"
    return f"price: {found.amount} {found.currency} per {found.unit}".replace("  ", " ")


def _asked(context: Context, endpoint: str) -> Price | str:
    """The price of an endpoint, or why it is not known."""
    try:
        prices = platform.prices(context.wire(), [endpoint], deadline=Deadline(PATIENCE_SECONDS))
    except (ApiError, CliError) as error:
        return f" ({error.message})"
    return prices.get(endpoint, "")


def _written(value: Any) -> Any:
    if isinstance(value, Attachment):
        return f"@{value.path}"
    if isinstance(value, dict):
        return {key: _written(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_written(inner) for inner in value]
    return value
