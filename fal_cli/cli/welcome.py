"""What `fal` shows a person who typed nothing after it: the commands, and whose key calls would use."""

from collections.abc import Iterator

from fal_cli.auth import profiles
from fal_cli.cli import help_page, help_request
from fal_cli.context import Context
from fal_cli.errors import CliError
from fal_cli.terminal.output import Screen
from fal_cli.terminal.sanitize import visible
from fal_cli.terminal.styles import paint
from fal_cli.terminal.wrapping import code, wrapped

_IN_SANDBOX = (
    "FAL_SANDBOX is set: every command uses the sandbox, a private fal on this machine. It needs no key "
    "and no network, and costs nothing."
)
_INDENT, _WIDE = 2, 8


def welcome(context: Context) -> None:
    """Prints the screen. It makes no call."""
    screen = Screen(context.output)
    width = help_request.columns(context.env)
    screen.write(help_page.lines("", width, program=context.program, color=screen.color))
    screen.write(["", *_about_the_key(context, min(width, help_page.WIDEST))])


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
        yield from wrapped(f"You are logged in with the key of {visible(source)}.", width)
        return
    yield from wrapped("You are not logged in yet. Get a key at https://fal.ai/dashboard/keys", width)
    yield from _commands(context, width, (("Log in", "auth login"),))
    yield from wrapped("Or try it in the sandbox: no key, no network, no cost", width)
    yield from _commands(context, width, (("Try it", '--sandbox run fal-ai/flux/dev prompt="a cat"'),))


def _where_the_key_is(context: Context) -> str:
    """What names the key; "" if there is none. A keyring, which may ask or be slow, is not opened."""
    try:
        ours = profiles.of(context.env, in_sandbox=context.in_sandbox)
        name = profiles.named(context.env, ours, context.flags.profile)
        return f"profile {name}" if ours.get(name).in_keyring else context.accounts.credential.source
    except CliError:
        return ""
