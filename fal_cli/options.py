"""Option types that several verbs share, and groups of them: `Fields` whose annotations are Typer options."""

from typing import Annotated, Literal

import typer

from fal_cli.durations import DURATION_HELP, age, seconds
from fal_cli.fields import Fields

Language = Literal["curl", "python", "js", "shell"]
PrintWhat = Literal["result", "envelope", "urls", "files", "text", "id", "url", "none"]


def _kept_on_interrupt(ctx: typer.Context, value: str) -> str:
    """The value stored by `fal config`, used if neither the option nor its variable is set."""
    source = ctx.get_parameter_source("on_interrupt")
    if source is None or source.name != "DEFAULT":
        return value
    from fal_cli.config import settings

    return settings.on_interrupt(ctx.obj.env)


Endpoint = Annotated[str, typer.Argument(metavar="ENDPOINT", show_default=False, help="Such as fal-ai/flux/dev.")]
Refs = Annotated[
    list[str],
    typer.Argument(metavar="[ENDPOINT] REF…", help="Request ids, their unique beginnings, 'last', 'last:2', or URLs."),
]
AnyRefs = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[ENDPOINT] REF…", help="Request ids, their beginnings, 'last', 'last:2', URLs, or saved files."
    ),
]
Files = Annotated[
    list[str] | None,
    typer.Option("--file", metavar="FILE", help="The request that made this saved file, found by its content."),
]
Timeout = Annotated[
    float | None,
    typer.Option("--timeout", parser=seconds, metavar="TIME", help=f"Stop waiting after TIME, {DURATION_HELP}."),
]
OnTimeout = Annotated[
    Literal["detach", "cancel"], typer.Option("--on-timeout", help="What happens to the request after --timeout.")
]
OnInterrupt = Annotated[
    Literal["detach", "cancel"],
    typer.Option(
        "--on-interrupt",
        envvar="FAL_ON_INTERRUPT",
        callback=_kept_on_interrupt,
        help="What happens to the request on Ctrl-C.",
    ),
]
As = Annotated[
    Language | None,
    typer.Option("--as", help="Print the call as a script instead of making it."),
]
Logs = Annotated[bool, typer.Option("--logs", help="Show the model's log lines (run always does on a terminal).")]


class GlobalFlags(Fields):
    """Options that work on either side of the verb."""

    sandbox: Annotated[
        bool, typer.Option("--sandbox", help="Use a private local fal: no key, no network, no cost.")
    ] = False
    profile: Annotated[
        str,
        typer.Option("--profile", metavar="NAME", help="Use the key and hosts of this profile."),
    ] = ""
    json: Annotated[
        bool, typer.Option("--json", help="For programs: one JSON value a line on stdout, JSON lines on stderr.")
    ] = False
    quiet: Annotated[bool, typer.Option("-q", "--quiet", help="Print only errors and request ids on stderr.")] = False
    verbose: Annotated[
        int,
        typer.Option(
            "-v", "--verbose", count=True, show_default=False, help="Print decisions; -vv prints HTTP exchanges."
        ),
    ] = 0
    literal: Annotated[
        bool, typer.Option("--literal", help="Take inputs as plain text or JSON: no @, no {{, no guess.")
    ] = False
    files_: Annotated[
        str, typer.Option("--files", metavar="DIR", help="Allow inputs to name only files in this folder.")
    ] = ""
    require_ledger: Annotated[
        bool, typer.Option("--require-ledger", help="Refuse a paid call that cannot be recorded first.")
    ] = False
    no_color: Annotated[bool, typer.Option("--no-color", help="No colour, as with NO_COLOR or TERM=dumb.")] = False

    def merged(self, other: "GlobalFlags") -> "GlobalFlags":
        """These flags and those of the verb's other side; a value given there wins."""
        return GlobalFlags(
            sandbox=self.sandbox or other.sandbox,
            profile=other.profile or self.profile,
            json=self.json or other.json,
            quiet=self.quiet or other.quiet,
            verbose=self.verbose + other.verbose,
            literal=self.literal or other.literal,
            files_=other.files_ or self.files_,
            require_ledger=self.require_ledger or other.require_ledger,
            no_color=self.no_color or other.no_color,
        )


class InputWords(Fields):
    """Everything that makes up the input."""

    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]…",
            help="Inputs: key=value, key:=json, key=@file, key@file (upload), @file.json, '{…}' or - (stdin); "
            "a bare text is the prompt.",
        ),
    ] = None
    input: Annotated[
        list[str] | None, typer.Option("-i", "--input", metavar="INPUT", help="The same forms, as an option.")
    ] = None
    text: Annotated[
        list[str] | None,
        typer.Option("-t", "--text", metavar="KEY=TEXT", help="Raw text: never read as a file, number or JSON."),
    ] = None

    inline: Annotated[bool, typer.Option("--inline", help="Embed files as data: URIs instead of uploading them.")] = (
        False
    )
    from_: Annotated[
        str,
        typer.Option("--from", metavar="REF", help="Take key={{expression}} from the result of REF, not from stdin."),
    ] = ""

    takes_bare_text = True
    """Whether one of the items may be a bare text: the prompt."""

    @property
    def words(self) -> list[str]:
        return [*(self.input or ()), *(self.items or ())]

    @property
    def texts(self) -> list[str]:
        return list(self.text or ())


class StreamWords(InputWords):
    """The same where `--text` says how to print: raw text keeps its short name."""

    text: Annotated[
        list[str] | None,
        typer.Option("-t", "--raw-text", metavar="KEY=TEXT", help="Raw text: never read as a file, number or JSON."),
    ] = None


class CallFlags(Fields):
    """Everything about a call except its input."""

    path: Annotated[str, typer.Option("--path", metavar="PATH", help="Append a path to the endpoint.")] = ""
    method: Annotated[
        str,
        typer.Option("--method", metavar="METHOD", help="HTTP method; with get the input is the query string."),
    ] = "post"
    priority: Annotated[Literal["normal", "low"] | None, typer.Option("--priority", help="Priority in the queue.")] = (
        None
    )
    hint: Annotated[str, typer.Option("--hint", metavar="TEXT", help="Prefer a runner with this hint.")] = ""
    start_timeout: Annotated[
        float | None,
        typer.Option(
            "--start-timeout",
            parser=seconds,
            metavar="TIME",
            help="Fail if the request has not started after TIME (over 1s).",
        ),
    ] = None
    webhook: Annotated[str, typer.Option("--webhook", metavar="URL", help="POST the result to this URL.")] = ""
    max_queue: Annotated[
        int | None, typer.Option("--max-queue", metavar="N", help="Fail if more than N requests are queued.")
    ] = None
    no_server_retry: Annotated[
        bool,
        typer.Option("--no-server-retry", help="Stop the service from retrying after its own failures."),
    ] = False
    tag: Annotated[
        list[str] | None, typer.Option("--tag", metavar="KEY=VALUE", help="Label the request; up to ten.")
    ] = None
    no_store: Annotated[bool, typer.Option("--no-store", help="Ask the service to store neither input nor result.")] = (
        False
    )
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Print the checked request and its price; send nothing.")
    ] = False
    no_validate: Annotated[bool, typer.Option("--no-validate", help="Send the input unchecked.")] = False
    private: Annotated[
        bool,
        typer.Option("--private", help="Store neither input nor result, here or at the service."),
    ] = False
    header: Annotated[
        list[str] | None,
        typer.Option("-H", "--header", metavar="'NAME: VALUE'", help="Add a request header."),
    ] = None
    expires: Annotated[
        str,
        typer.Option(
            "--expires",
            metavar="TIME",
            help="When result files expire: 1h, 1d, 7d, 30d, 1y, never, immediate or seconds.",
        ),
    ] = ""

    @property
    def of_the_queue(self) -> tuple[str, ...]:
        """The options that were given and that only the queue understands."""
        given = {"--webhook": self.webhook, "--max-queue": self.max_queue is not None, "--priority": self.priority}
        return tuple(option for option, value in given.items() if value)


class SpendFlags(Fields):
    """What a call may cost."""

    max_cost: Annotated[
        str, typer.Option("--max-cost", metavar="DOLLARS", help="Refuse the call if it may cost more.")
    ] = ""
    budget: Annotated[
        str,
        typer.Option(
            "--budget",
            metavar="DOLLARS/PERIOD",
            help="Refuse calls beyond it, e.g. 5/day. FAL_BUDGET and the profile's budget apply too.",
        ),
    ] = ""
    allow_unknown_cost: Annotated[
        bool, typer.Option("--allow-unknown-cost", help="Send calls of unknown price in spite of a budget.")
    ] = False


class OnceFlags(Fields):
    """Whether an earlier, paid result may be used."""

    once: Annotated[
        float | None,
        typer.Option(
            "--once",
            parser=age,
            metavar="[=AGE]",
            help="Never pay twice: use the result of the same call, or join it. --once=7d: if at most 7 days old.",
        ),
    ] = None
    again: Annotated[
        Literal["expired", "failed"] | None,
        typer.Option("--again", help="With --once: resend a call whose result is gone, or that failed for good."),
    ] = None


class PrintFlags(Fields):
    """What to print on stdout."""

    print_: Annotated[PrintWhat | None, typer.Option("--print", help="What to print on stdout.")] = None
    query: Annotated[
        str,
        typer.Option("--query", metavar="EXPR", help="Print one value by a JMESPath expression; text without quotes."),
    ] = ""


class StreamSaveFlags(Fields):
    """Where a result and its files are saved."""

    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE", help="Save the result (FILE.json) or its media to a file."),
    ] = ""
    directory: Annotated[
        str,
        typer.Option(
            "-d",
            "--directory",
            metavar="DIR|TEMPLATE|-",
            help="Save every file: out/, out/{seed}.{ext}, - is stdout.",
        ),
    ] = ""
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False
    preview: Annotated[bool, typer.Option("--preview", help="Draw the result's pictures in the terminal.")] = False


class SaveFlags(StreamSaveFlags):
    """The same for a result that is complete."""

    open: Annotated[bool, typer.Option("--open", help="Open the first file that was made.")] = False
    sidecar: Annotated[
        bool, typer.Option("--sidecar", help="Save beside each file FILE.json, from which rerun makes it again.")
    ] = False


class SubmitPrintFlags(Fields):
    """What to print of a request that is only submitted."""

    print_: Annotated[
        Literal["id", "url", "none"] | None,
        typer.Option("--print", help="What to print on stdout (default: id; with --json an object with both)."),
    ] = None


def words_of(flags: Fields) -> tuple[str, ...]:
    """Flags as they are typed, those that are set: `-o`, `cat.png`."""
    words: list[str] = []
    for name, annotation in flags.annotations().items():
        # Typer keeps the first name of an annotated option as its default.
        value, option = getattr(flags, name), annotation.__metadata__[0].default
        if value:
            words += [option] if value is True else [option, str(value)]
    return tuple(words)
