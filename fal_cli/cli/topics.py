"""The topics of `fal help`: what no single command's help can tell. Made of the same tables as the code, where there
are tables.
"""

import textwrap
from collections.abc import Callable, Iterable

from fal_cli.errors import EXIT_CODES

WIDTH = 79
_GAP = "  "

SUMMARIES: dict[str, str] = {
    "inputs": "how inputs are written: key=value, files, JSON, stdin",
    "output": "what goes to stdout and what to stderr, and how to choose",
    "files": "uploading files, and saving those of a result",
    "refs": "how a request is named: its id, 'last', a URL",
    "environment": "the variables that are read, and where files are kept",
    "exit-codes": "what each exit code means: may I run it again?",
    "scripting": "loops, pipes, waiting, and money in scripts",
    "json": "what programs can read: results, events, the command tree",
}
"""The topics in the order in which they are listed."""

ENVIRONMENT: tuple[tuple[str, str], ...] = (
    ("FAL_KEY", "the key, from https://fal.ai/dashboard/keys; wins over what is stored"),
    ("FAL_KEY_ID, FAL_KEY_SECRET", "the same in two parts"),
    ("FAL_PROFILE", "the profile to use, as --profile"),
    ("FAL_FORCE_AUTH_BY_USER", "1: only --profile or the vendor's login, no key of the environment"),
    ("FAL_SANDBOX", "1: every command as with --sandbox"),
    ("FAL_SANDBOX_FAULT", "failures that the sandbox is to make, e.g. submit=429*2"),
    ("FAL_SANDBOX_SETTINGS", "what its account is like, e.g. concurrency=2"),
    ("FAL_PRIVATE", "1: every call as with --private"),
    ("FAL_ON_INTERRUPT", "detach or cancel: what Ctrl-C does to a request"),
    ("FAL_RUN_HOST, FAL_QUEUE_RUN_HOST, FAL_REST_HOST, FAL_CDN_HOST, FAL_API_HOST", "the hosts to call; http:// only "
     "for this machine"),
    ("FAL_CLI_HOME", "one folder for config, state and cache"),
    ("FAL_CONFIG_PATH, FAL_HOME_DIR", "where the vendor's own files are, if not in ~/.fal"),
    ("FAL_DEBUG", "1: show where an unexpected failure happened"),
    ("NO_COLOR", "no colour; so does TERM=dumb"),
    ("HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "the proxy; never used for this machine"),
    ("REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE, SSL_CERT_FILE", "the certificates to trust; the first that is set"),
)  # fmt: skip
"""Variables and what they do."""


def text(name: str) -> str:
    """A topic as lines of at most 79 characters. `name` is one of `SUMMARIES`."""
    return _TEXTS[name]().strip("\n")


def rows(table: Iterable[tuple[str, str]], *, indent: int = 2, first: int = 24) -> str:
    """A table of two columns; a left cell that is too wide for its column stands on a line of its own."""
    lines: list[str] = []
    margin, room = " " * indent, WIDTH - indent - first - len(_GAP)
    for left, right in table:
        wrapped = textwrap.wrap(right, room) or [""]
        names = _names(left, WIDTH - indent)
        if len(names[-1]) > first or len(names) > 1:
            lines += [margin + name for name in names]
            beside = ""
        else:
            beside = names[-1]
        for line in wrapped:
            lines.append(f"{margin}{beside.ljust(first)}{_GAP}{line}".rstrip())
            beside = ""
    return "\n".join(lines)


def _names(left: str, width: int) -> list[str]:
    return textwrap.wrap(left, width, break_long_words=False, break_on_hyphens=False) or [""]


def _exit_codes() -> str:
    lines = ["May I run it again? The same codes for every command.", ""]
    wide = max(len(code) for code, _, _ in EXIT_CODES)
    below = " " * (wide + 4)
    for code, meaning, again in EXIT_CODES:
        first, *others = textwrap.wrap(meaning, WIDTH - len(below))
        lines += [f"  {code.ljust(wide)}  {first}", *(below + line for line in others)]
        lines += [f"{below}  again? {again}"] if again else []
    return "\n".join(lines)


def _environment() -> str:
    return f"""
Variables
{rows(ENVIRONMENT)}

The key is looked for in this order
  --profile NAME, FAL_KEY, FAL_KEY_ID with FAL_KEY_SECRET, FAL_PROFILE,
  the active profile (fal auth switch), the vendor's active profile, the
  vendor's login while it is fresh. 'fal auth status' says which it is.

Files
{
        rows(
            (
                ("config", "profiles.toml (keys, for your eyes alone) and config.toml"),
                ("state", "ledger.db, every call of this machine; sandbox/, its own"),
                ("cache", "models and schemas, for a week"),
            )
        )
    }
  'fal doctor' says where they are. The vendor's ~/.fal is read, never written.
"""


def _inputs() -> str:
    forms = (
        ("key=value", "typed as the endpoint's schema has it; without one, plain numbers, true, false and null are "
         "JSON and all else is text. prompt, *_prompt, text and script are never guessed"),
        ("key:=json", "JSON as it is: image_size:='{\"width\":640,\"height\":480}'"),
        ("key=@path", "the file's text where the schema wants plain text, else its upload's URL; without a schema the "
         "names above take text"),
        ("key@path", "always uploads"),
        ("key:=@path", "the JSON in the file"),
        ("key=@-", "what comes on stdin, the same way"),
        ("@file.json  '{…}'  -", "whole objects, merged: a file's, inline, stdin's"),
        ("a.b=…  list.0.x=…", "into objects and lists; list[]=… appends, \\. is a plain dot"),
        ("key={{expr}}", "from the JSON on stdin, or of --from REF: image_url='{{images[0].url}}', {{media[0]}} is "
         "the first file of any result"),
        ("-t key=text", "raw text: no @, no {{}}, no number. For strangers' words"),
        ("key=\\@…  key=\\{{…", "a plain @, plain braces"),
    )  # fmt: skip
    return f"""
fal run ENDPOINT [INPUT]…    each INPUT as a word of its own, or behind -i

{rows(forms, first=20)}

Later ones win: stdin, then files and '{{…}}', then items, then -t.
An item is split at its first operator only: prompt=a=b is the text 'a=b'.
stdin is read when no other input is given, or when -, @- or {{{{…}}}} asks for it.
An empty pipe is an error then; with /dev/null there is no input.

What an endpoint takes      fal schema ENDPOINT, or fal run ENDPOINT --help
What would be sent          fal run ENDPOINT … --dry-run   (checked, free)
Inputs that the endpoint would refuse, misspelt ones and local paths without @
are refused before anything is sent (code 4), and so is a misspelt endpoint
(code 5); --no-validate sends them.
"""


def _output() -> str:
    prints = (
        ("result", "the endpoint's JSON, byte for byte in a pipe: the default"),
        ("envelope", "request_id, endpoint, data, files, metrics, billable_units"),
        ("urls", "the URLs of its files, one a line"),
        ("files", "the paths of its files, saved here"),
        ("text", "its text alone, of endpoints that write"),
        ("id, url", "the request's id, or its URL in the queue"),
        ("none", "nothing"),
    )
    options = (
        ("--query EXPR", "pick from it (JMESPath): --query 'images[0].url'"),
        ("--json", "for programs: stdout as in a pipe, stderr as JSON lines"),
        ("-q", "only errors and request ids on stderr"),
        ("-v, -vv", "what is decided; HTTP exchanges, without the key"),
        ("--no-color", "no colour; so do NO_COLOR and TERM=dumb"),
    )
    return f"""
stdout carries data and nothing else. Progress, logs, hints and errors go to
stderr. A command that failed leaves stdout empty.

--print WHAT
{rows(prints, first=12)}

{rows(options, indent=0, first=14)}

On a terminal JSON is laid out and coloured, and lists are tables; in a pipe
they are JSON, one object a line. Where stderr is no terminal, there is no live
display but one plain line a change.
"""


def _files() -> str:
    saving = (
        ("-o cat.png", "its picture (or any media); -o result.json the result itself"),
        ("-d out/", "every file, as {endpoint}-{id}-{index}.{ext}"),
        ("-d 'TEMPLATE'", "named by {endpoint} {id} {index} {name} {ext} {seed} {date} {input.KEY}"),
        ("-d -", "their bytes to stdout"),
        ("--overwrite", "replace what is there; else a number is added"),
        ("--print files", "save them, and print their paths"),
    )
    sending = (
        ("image_url=@photo.jpg", "uploads it on the way; the same file named twice goes once"),
        ("--inline", "puts files into the request itself instead"),
        ("fal upload FILE…", "uploads alone; prints a URL a line, - is stdin"),
    )
    looking = (
        ("fal show REF", "in the terminal; sizes and types as JSON in a pipe"),
        ("fal gallery --open", "a page of all that was made, in the browser"),
    )
    return f"""
Saving what was made, with run, resume, rerun and result
{rows(saving, first=14)}

Sending
{rows(sending, first=22)}

Looking at them
{rows(looking, first=22)}

A file appears whole or not at all. A download that is cut is resumed; one that
fails ends with code 11, the result printed: fal result ID -d DIR tries again.
Whoever has an uploaded file's URL can read it: see --expires and --acl.
"""


def _refs() -> str:
    forms = (
        ("6f0c2e0e-6d0b-…", "the id that submit and run print"),
        ("6f0c2e0e", "a beginning of it, if no other begins so"),
        ("last, last:2", "the newest of this machine, the one before it"),
        ("@12", "row 12 of the ledger: for calls that have no id"),
        ("https://queue.fal.run/…", "its URL in the queue"),
        ("ENDPOINT ID", "in either order, for a request that another machine made"),
    )
    verbs = (
        ("fal status REF", "where it stands; -f follows it"),
        ("fal result REF", "what it answered, if it is there; --wait"),
        ("fal resume [REF…]", "follow it as if run had never stopped; alone: all unfinished"),
        ("fal wait REF…", "a line as each ends"),
        ("fal logs REF", "its log; -f as it comes"),
        ("fal cancel REF…", "stop it"),
        ("fal rerun REF k=v", "the same call again, changed"),
        ("fal show REF", "draw its files in the terminal"),
        ("fal open REF", "its first file in the browser"),
        ("fal history show REF", "all that is known of it here"),
    )
    return f"""
A request is named by
{rows(forms)}

and what can be done with it
{rows(verbs)}

Commands that take one take many. A REF uses the profile that made the request.
"""


def _scripting() -> str:
    return r"""
Submit now, fetch later
  id=$(fal submit fal-ai/flux/dev prompt="a cat")
  fal wait "$id" && fal result "$id" -d out/

One call for each line of a file; -t keeps strangers' words plain
  while IFS= read -r line; do
    fal submit fal-ai/flux/dev -t prompt="$line"
  done < prompts.txt | xargs fal wait

One result into the next call
  fal run fal-ai/flux/dev prompt="a cat" |
    fal run fal-ai/esrgan image_url='{{images[0].url}}' -o big.png

Never pay twice: look at the code before you run it again
  fal run fal-ai/flux/dev prompt="a cat" > cat.json
  case $? in
    0) ;;                             # done
    2|4) exit 1 ;;                    # mend the call; nothing was sent
    6|9) exit 75 ;;                   # try later; nothing was accepted
    7|10|130) fal resume ;;           # it may be running: never just run again
  esac

Limits       --timeout 10m stops waiting, not the request (code 7)
Interrupted  Ctrl-C leaves the request running; --on-interrupt cancel stops it
Tests        FAL_SANDBOX=1 ./script.sh runs it whole, with no key and no cost;
             FAL_SANDBOX_FAULT='submit=429:retry-after=1*2' makes it fail
Unattended   -q; a key in FAL_KEY; --json for stderr that a program reads

See also: fal help exit-codes, fal help json
"""


def _json() -> str:
    shapes = (
        ("results", "as the endpoint sent them; --print envelope adds the id, files and metrics"),
        ("lists", "history, show, models, schema, auth list, config list, doctor: an object a line in a pipe"),
        ("--json", "stderr as lines {\"event\": …}: note, warning, request, queued, inprogress, completed, finished … "
         "and last {\"event\": \"error\", \"code\", \"message\", \"hint\", \"request_id\", …}"),
        ("fal --help --json", "every command, argument and option, exit codes and topics"),
    )  # fmt: skip
    tree = (
        ("(whole)", "format, program, version, help, usage, options, examples, commands, exit_codes, topics"),
        ("command", "path, name, summary, help, usage, hidden, arguments, options, examples, commands"),
        ("argument", "name, metavar, type, value, takes_value, required, repeatable, default, choices, help"),
        ("option", "the same with names, negations, environment"),
        ("type", "string, integer, number, boolean, count, choice, path"),
        ("value", "what a text stands for: endpoint, request, input, file, duration …, or ''"),
    )
    return f"""
{rows(shapes, indent=0, first=18)}

fal --help --json
{rows(tree, first=10)}

'fal run --help --json' prints one command. The options of the whole tree work
with every command. Names are added over time; one that changes its meaning or
goes makes 'format' grow. It is 1 now.
"""


_TEXTS: dict[str, Callable[[], str]] = {
    "inputs": _inputs,
    "output": _output,
    "files": _files,
    "refs": _refs,
    "environment": _environment,
    "exit-codes": _exit_codes,
    "scripting": _scripting,
    "json": _json,
}
