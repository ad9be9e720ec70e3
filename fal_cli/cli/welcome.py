"""What `fal` says where nothing was typed after it: what it is, what to type first, and how to log in."""

from collections.abc import Iterator

from fal_cli.auth import profiles
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.table import paint

_STEPS = (
    ("Find a model", "models flux"),
    ("See what it takes", "schema fal-ai/flux/dev"),
    ("Call it", 'run fal-ai/flux/dev prompt="a cat"'),
)
_REST = (
    ("Everything else", "help"),
    ("What is set up", "doctor"),
)
_WIDE = 19


def welcome(context: Context) -> None:
    """Prints the screen. It fits 80 columns and makes no call."""
    color = context.output.color
    name = paint(context.program, "cyan" if color else "")
    lines = [
        f"{name} is the command line for fal.ai's models: call one, follow it through the",
        "queue, keep its result.",
        "",
        *_commands(context, _STEPS),
        "",
        *_about_the_key(context),
        "",
        *_commands(context, _REST),
    ]
    context.output.data("".join(f"{line}\n" for line in lines).encode())


def _commands(context: Context, titles: tuple[tuple[str, str], ...]) -> Iterator[str]:
    for title, words in titles:
        yield f"  {title.ljust(_WIDE)}{_command(context, words)}"


def _command(context: Context, words: str) -> str:
    return paint(f"{context.program} {words}", "bold" if context.output.color else "")


def _about_the_key(context: Context) -> Iterator[str]:
    if context.in_sandbox:
        yield "FAL_SANDBOX is set: every command uses the sandbox, a private fal on this"
        yield "machine that needs neither key nor network and costs nothing."
        return
    source = _where_the_key_is(context)
    if source:
        yield f"You are logged in: the key is that of {visible(source)}."
        return
    yield "You are not logged in yet. A key is made at https://fal.ai/dashboard/keys"
    yield from _commands(context, (("Log in", "auth login"),))
    yield "or try it first in the sandbox, with no key, no network and no cost"
    yield from _commands(context, (("Try it", '--sandbox run fal-ai/flux/dev prompt="a cat"'),))


def _where_the_key_is(context: Context) -> str:
    """What names the key; "" if there is none. A keyring, which may ask or be slow, is not opened."""
    try:
        ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
        name = profiles.named(context.env, ours, context.flags.profile)
        return f"profile {name}" if ours.get(name).in_keyring else context.accounts.credential.source
    except CliError:
        return ""
