"""`--dry-run`: the call as it would be sent, checked, and what it costs; nothing is sent or uploaded."""

from typing import Any

from fal_cli.calls.model import Call
from fal_cli.context import Context
from fal_cli.files.attachment import written


def show(context: Context, call: Call) -> None:
    """Prints the final input; on stderr where it would go, and what it will cost. A file stands in it as `@PATH`."""
    if context.output.machine:
        context.output.json(_facts(context, call))
        return
    context.output.json(written(dict(call.input_json)))
    options = ", ".join(f"{name} {value}" for name, value in call.options.as_kept().items())
    context.notify.note(f"would be sent to {call.endpoint}" + (f" ({options})" if options else ""))
    if not call.is_local:
        from fal_cli.calls import price

        expected = price.estimate(context, call)
        if expected.price is not None and expected.price.amount is not None:
            context.notify.note(f"price: {price.unit_text(expected.price)}")
        context.notify.note(f"this call: {expected.text}")


def _facts(context: Context, call: Call) -> dict[str, Any]:
    """The same for a program, in one object."""
    from fal_cli.calls import price

    expected = price.estimate(context, call)
    known = expected.price
    unit = None
    if known is not None and known.amount is not None:
        unit = {"unit_price": f"{known.amount:f}", "unit": known.unit, "currency": known.currency}
    return {
        "endpoint": str(call.endpoint),
        "input": written(dict(call.input_json)),
        "options": call.options.as_kept(),
        "price": unit,
        "estimate": expected.facts,
    }
