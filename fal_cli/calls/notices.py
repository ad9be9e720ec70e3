"""What is said of a request when its command ends before it."""

from fal_cli.context import Context


def direct_call_sent() -> tuple[str, ...]:
    return ("The call was sent: it may run and be billed, and a direct call's result cannot be fetched later.",)


def direct_call_done() -> tuple[str, ...]:
    return ("The call finished and is billed; its result cannot be fetched again.",)


def nothing_sent() -> tuple[str, ...]:
    """What an interruption before the submit leaves behind."""
    return ("Nothing was submitted.",)


def goes_on(context: Context, request_id: str) -> tuple[str, str]:
    """What is said of an accepted request when its command ends before it."""
    context.standing.going_on = (request_id,)
    return (
        f"The request goes on. To pick it up: {context.command('resume', request_id)}",
        f"To cancel it: {context.tool} cancel {request_id}",
    )
