"""`--dry-run`: the call as it would be sent, checked, and what it costs; nothing is sent or uploaded."""

from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.files.attachment import written

PATIENCE_SECONDS = 3.0


def show(context: Context, call: Call) -> None:
    """Prints the final input; on stderr where it would go, and the unit price. A file stands in it as `@PATH`."""
    context.output.json(written(dict(call.input_json)))
    options = ", ".join(f"{name} {value}" for name, value in call.options.as_kept().items())
    context.notify.note(f"would be sent to {call.endpoint}" + (f" ({options})" if options else ""))
    if not call.is_local:
        context.notify.note(_price(context, str(call.endpoint)))


def _price(context: Context, endpoint: str) -> str:
    from fal_cli.api import platform
    from fal_cli.api.deadline import Deadline
    from fal_cli.api.errors import ApiError

    try:
        found = platform.prices(context.wire(), [endpoint], deadline=Deadline(PATIENCE_SECONDS)).get(endpoint)
    except (ApiError, CliError) as error:
        return f"its unit price is not known ({error.message})"
    if found is None:
        return "its unit price is not known"
    return f"price: {found.amount} {found.currency} per {found.unit}".replace("  ", " ")
