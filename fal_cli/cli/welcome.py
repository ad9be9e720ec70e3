"""What `fal` says where nothing was typed after it: what it is, what to type first, and how to log in."""

from collections.abc import Iterator

from fal_cli.auth import profiles
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.terminal.output import Screen
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint
from fal_cli.terminal.wrapping import code, wrapped

_STEPS = (
    ("Find a model", "models flux"),
    ("See what it takes", "schema fal-ai/flux/dev"),
    ("Call it", 'run fal-ai/flux/dev prompt="a cat"'),
)
_REST = (
    ("Everything else", "help"),
    ("What is set up", "doctor"),
)
_INTRO = "is the command line for fal.ai's models: call one, follow it through the queue, keep its result."
_IN_SANDBOX = (
    "FAL_SANDBOX is set: every command uses the sandbox, a private fal on this machine that needs neither key nor "
    "network and costs nothing."
)
_INDENT, _WIDE = 2, 19
_WIDEST = 80


def welcome(context: Context) -> None:
    """Prints the screen. It makes no call."""
    screen = Screen(context.output)
    width = min(screen.width, _WIDEST)
    intro, *others = wrapped(f"{context.program} {_INTRO}", width)
    name = paint(context.program, "cyan" if screen.color else "")
    lines = [
        name + intro.removeprefix(context.program),
        *others,
        "",
        *_commands(context, width, _STEPS),
        "",
        *_about_the_key(context, width),
        "",
        *_commands(context, width, _REST),
    ]
    screen.write(lines)


def _commands(context: Context, width: int, titles: tuple[tuple[str, str], ...]) -> Iterator[str]:
    """What can be done, each with how, which stands below it where there is no room beside it."""
    style = "bold" if context.output.color else ""
    for title, words in titles:
        call = f"{context.program} {words}"
        if _INDENT + _WIDE + len(call) <= width:
            yield f"  {title.ljust(_WIDE)}{paint(call, style)}"
        else:
            yield f"  {title}"
            yield from (paint(line, style) for line in code(f"    {call}", width))


def _about_the_key(context: Context, width: int) -> Iterator[str]:
    if context.in_sandbox:
        yield from wrapped(_IN_SANDBOX, width)
        return
    source = _where_the_key_is(context)
    if source:
        yield from wrapped(f"You are logged in: the key is that of {visible(source)}.", width)
        return
    yield from wrapped("You are not logged in yet. A key is made at https://fal.ai/dashboard/keys", width)
    yield from _commands(context, width, (("Log in", "auth login"),))
    yield from wrapped("or try it first in the sandbox, with no key, no network and no cost", width)
    yield from _commands(context, width, (("Try it", '--sandbox run fal-ai/flux/dev prompt="a cat"'),))


def _where_the_key_is(context: Context) -> str:
    """What names the key; "" if there is none. A keyring, which may ask or be slow, is not opened."""
    try:
        ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
        name = profiles.named(context.env, ours, context.flags.profile)
        return f"profile {name}" if ours.get(name).in_keyring else context.accounts.credential.source
    except CliError:
        return ""
