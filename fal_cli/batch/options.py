"""What may be said of a batch on the command line, beside what is said of a call."""

from typing import Annotated, Literal

import typer

from fal_cli.batch.formats import FORMATS
from fal_cli.durations import DURATION_HELP, seconds
from fal_cli.fields import Fields

Format = Literal["csv", "tsv", "jsonl", "json", "txt"]
assert Format.__args__ == FORMATS  # type: ignore[attr-defined]  # what a Literal holds


class RowFlags(Fields):
    """Which calls there are."""

    items: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE] [KEY=VALUE]…",
            help="A list (csv, tsv, jsonl, json, txt, a folder, a 'pattern', a manifest, -), and inputs: constants, or "
            "texts with {{column}}.",
        ),
    ] = None
    rows: Annotated[str, typer.Option("--rows", metavar="SOURCE", help="The list, if its path contains = or @.")] = ""
    format: Annotated[
        Format | None, typer.Option("--format", help="The format of the list, if its name does not show it.")
    ] = None
    input: Annotated[
        list[str] | None, typer.Option("-i", "--input", metavar="INPUT", help="An input, as an option.")
    ] = None
    text: Annotated[
        list[str] | None,
        typer.Option("-t", "--text", metavar="KEY=TEXT", help="Raw text: no file, number, JSON or {{column}}."),
    ] = None
    vary: Annotated[
        list[str] | None,
        typer.Option(
            "--vary", metavar="KEY=V1,V2", help="Send every row with each value; KEY=A..B[..STEP] is a range."
        ),
    ] = None
    repeat: Annotated[int, typer.Option("--repeat", metavar="N", min=1, help="Send every row N times.")] = 1
    limit: Annotated[
        int | None, typer.Option("--limit", metavar="N", min=1, help="Only the first N rows of the list.")
    ] = None
    shard: Annotated[
        str, typer.Option("--shard", metavar="I/N", help="Only this machine's share, such as 1/10 of ten.")
    ] = ""
    name: Annotated[
        str, typer.Option("--name", metavar="NAME", help="The name of the batch, if not that of its list.")
    ] = ""


class RunFlags(Fields):
    """How a batch is run."""

    concurrency: Annotated[
        str, typer.Option("--concurrency", metavar="auto|N", help="How many requests at once; auto finds the limit.")
    ] = "auto"
    timeout: Annotated[
        float | None,
        typer.Option("--timeout", parser=seconds, metavar="TIME", help=f"Stop after TIME, {DURATION_HELP}."),
    ] = None
    max_failures: Annotated[
        str,
        typer.Option("--max-failures", metavar="N|P%", help="Stop when more fail (default: 20% of the last 50 rows)."),
    ] = ""
    on_locked: Annotated[
        Literal["wait", "stop"], typer.Option("--on-locked", help="What to do while the account is locked.")
    ] = "wait"
    budget: Annotated[
        str,
        typer.Option("--budget", metavar="DOLLARS", help="What the batch may cost; 5/day for all calls of a day."),
    ] = ""
    allow_unknown_cost: Annotated[
        bool, typer.Option("--allow-unknown-cost", help="Send calls of unknown cost in spite of a budget.")
    ] = False
    yes: Annotated[bool, typer.Option("--yes", help="Send without asking.")] = False
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files.")] = False
    print_: Annotated[
        Literal["rows", "files", "urls", "none"] | None,
        typer.Option("--print", help="What to print of each row.  [default: rows in a pipe, else none]"),
    ] = None


Attach = Annotated[
    bool, typer.Option("--attach", help="Watch the process that runs the batch; send nothing. Ctrl-C stops watching.")
]
