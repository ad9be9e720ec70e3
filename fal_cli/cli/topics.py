"""The topics of `fal help`: what no single command's help can tell. Made of the same tables as the code, where there
are tables.
"""

from fal_cli.cli.pages import Block, blank, page, prose, shell, table
from fal_cli.errors import EXIT_CODES
from fal_cli.terminal.wrapping import wrapped

WIDTH = 79
"""Cells of a line where there is room, and in a pipe."""

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
    ("FAL_BUDGET", "what calls may cost, e.g. 5/day; --budget and a profile's own hold beside it"),
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


def text(name: str, width: int = WIDTH) -> str:
    """A topic as lines of at most `width` cells, but for words that are longer. `name` is one of `SUMMARIES`."""
    return page(_TEXTS[name], min(width, WIDTH))


def _exit_codes(width: int) -> list[str]:
    wide = max(len(code) for code, _, _ in EXIT_CODES)
    lines = []
    for code, meaning, again in EXIT_CODES:
        first = f"  {code.ljust(wide)}  "
        lines += wrapped(meaning, width, first=first)
        lines += wrapped(f"again? {again}", width, first=" " * (len(first) + 2)) if again else []
    return lines


_EXIT_CODES = (prose("May I run it again? The same codes for every command."), blank, _exit_codes)

_ENVIRONMENT = (
    prose("Variables"),
    table(ENVIRONMENT),
    blank,
    prose("""
The key is looked for in this order
  --profile NAME, FAL_KEY, FAL_KEY_ID with FAL_KEY_SECRET, FAL_PROFILE,
  the active profile (fal auth switch), the vendor's active profile, the
  vendor's login while it is fresh. 'fal auth status' says which it is.

Files
"""),
    table((
        ("config", "profiles.toml (keys, for your eyes alone) and config.toml"),
        ("state", "ledger.db, every call of this machine; sandbox/, its own"),
        ("cache", "models and schemas, for a week"),
    )),
    prose("  'fal doctor' says where they are. The vendor's ~/.fal is read, never written."),
)  # fmt: skip

_INPUTS = (
    table((("fal run ENDPOINT [INPUT]…", "each INPUT as a word of its own, or behind -i"),), indent=0, first=27),
    blank,
    table((
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
    ), first=20),
    blank,
    prose("Later ones win: stdin, then files and '{…}', then items, then -t."),
    prose("An item is split at its first operator only: prompt=a=b is the text 'a=b'."),
    prose("stdin is read when no other input is given, or when -, @- or {{…}} asks for it."),
    prose("An empty pipe is an error then; with /dev/null there is no input."),
    blank,
    table((
        ("What an endpoint takes", "fal schema ENDPOINT, or fal run ENDPOINT --help"),
        ("What would be sent", "fal run ENDPOINT … --dry-run   (checked, free)"),
    ), indent=0, first=26),
    prose("""
Inputs that the endpoint would refuse, misspelt ones and local paths without @
are refused before anything is sent (code 4), and so is a misspelt endpoint
(code 5); --no-validate sends them.
"""),
)  # fmt: skip

_OUTPUT = (
    prose("""
stdout carries data and nothing else. Progress, logs, hints and errors go to
stderr. A command that failed leaves stdout empty.

--print WHAT
"""),
    table((
        ("result", "the endpoint's JSON, byte for byte in a pipe: the default"),
        ("envelope", "request_id, endpoint, data, files, metrics, billable_units"),
        ("urls", "the URLs of its files, one a line"),
        ("files", "the paths of its files, saved here"),
        ("text", "its text alone, of endpoints that write"),
        ("id, url", "the request's id, or its URL in the queue"),
        ("none", "nothing"),
    ), first=12),
    blank,
    table((
        ("--query EXPR", "pick from it (JMESPath): --query 'images[0].url'"),
        ("--json", "for programs: stdout as in a pipe, stderr as JSON lines"),
        ("-q", "only errors and request ids on stderr"),
        ("-v, -vv", "what is decided; HTTP exchanges, without the key"),
        ("--no-color", "no colour; so do NO_COLOR and TERM=dumb"),
    ), indent=0, first=14),
    blank,
    prose("""
On a terminal JSON is laid out and coloured, and lists are tables; in a pipe
they are JSON, one object a line. Where stderr is no terminal, there is no live
display but one plain line a change.
"""),
)  # fmt: skip

_FILES = (
    prose("Saving what was made, with run, resume, rerun and result"),
    table((
        ("-o cat.png", "its picture (or any media); -o result.json the result itself"),
        ("-d out/", "every file, as {endpoint}-{id}-{index}.{ext}"),
        ("-d 'TEMPLATE'", "named by {endpoint} {id} {index} {name} {ext} {seed} {date} {input.KEY}"),
        ("-d -", "their bytes to stdout"),
        ("--overwrite", "replace what is there; else a number is added"),
        ("--print files", "save them, and print their paths"),
    ), first=14),
    blank,
    prose("Sending"),
    table((
        ("image_url=@photo.jpg", "uploads it on the way; the same file named twice goes once"),
        ("--inline", "puts files into the request itself instead"),
        ("fal upload FILE…", "uploads alone; prints a URL a line, - is stdin"),
    ), first=22),
    blank,
    prose("Looking at them"),
    table((
        ("fal show REF", "in the terminal; sizes and types as JSON in a pipe"),
        ("fal gallery --open", "a page of all that was made, in the browser"),
    ), first=22),
    blank,
    prose("""
A file appears whole or not at all. A download that is cut is resumed; one that
fails ends with code 11, the result printed: fal result ID -d DIR tries again.
Whoever has an uploaded file's URL can read it: see --expires and --acl.
"""),
)  # fmt: skip

_REFS = (
    prose("A request is named by"),
    table((
        ("6f0c2e0e-6d0b-…", "the id that submit and run print"),
        ("6f0c2e0e", "a beginning of it, if no other begins so"),
        ("last, last:2", "the newest of this machine, the one before it"),
        ("@12", "row 12 of the ledger: for calls that have no id"),
        ("https://queue.fal.run/…", "its URL in the queue"),
        ("ENDPOINT ID", "in either order, for a request that another machine made"),
    )),
    blank,
    prose("and what can be done with it"),
    table((
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
    )),
    blank,
    prose("Commands that take one take many. A REF uses the profile that made the request."),
)  # fmt: skip

_SCRIPTING = (
    prose("Submit now, fetch later"),
    shell("""
  id=$(fal submit fal-ai/flux/dev prompt="a cat")
  fal wait "$id" && fal result "$id" -d out/
"""),
    blank,
    prose("One call for each line of a file; -t keeps strangers' words plain"),
    shell("""
  while IFS= read -r line; do
    fal submit fal-ai/flux/dev -t prompt="$line"
  done < prompts.txt | xargs fal wait
"""),
    blank,
    prose("One result into the next call"),
    shell("""
  fal run fal-ai/flux/dev prompt="a cat" |
    fal run fal-ai/esrgan image_url='{{images[0].url}}' -o big.png
"""),
    blank,
    prose("Never pay twice: look at the code before you run it again"),
    shell("""
  fal run fal-ai/flux/dev prompt="a cat" > cat.json
  case $? in
    0) ;;                             # done
    2|4) exit 1 ;;                    # fix the call; nothing was sent
    6|9) exit 75 ;;                   # try later; nothing was accepted
    7|10|130) fal resume ;;           # it may be running: never just run again
  esac
"""),
    blank,
    table((
        ("Limits", "--timeout 10m stops waiting, not the request (code 7)"),
        ("Interrupted", "Ctrl-C leaves the request running; --on-interrupt cancel stops it"),
        ("Once", "--once gives what the same call made, and joins it while it runs"),
        ("Budget", "--budget 5/day, --max-cost 0.50, FAL_BUDGET: code 12, and nothing was sent"),
        ("Tests", "FAL_SANDBOX=1 ./script.sh runs it whole, with no key and no cost; "
         "FAL_SANDBOX_FAULT='submit=429:retry-after=1*2' makes it fail"),
        ("Unattended", "-q; a key in FAL_KEY; --json for stderr that a program reads"),
    ), indent=0, first=11),
    blank,
    prose("See also: fal help exit-codes, fal help json"),
)  # fmt: skip

_JSON = (
    table((
        ("results", "as the endpoint sent them; --print envelope adds the id, files and metrics"),
        ("lists", "history, show, models, schema, auth list, config list, doctor: an object a line in a pipe"),
        ("--json", "stderr as lines {\"event\": …}: note, warning, request, queued, inprogress, completed, finished … "
         "and last {\"event\": \"error\", \"code\", \"message\", \"hint\", \"request_id\", …}"),
        ("fal --help --json", "every command, argument and option, exit codes and topics"),
    ), indent=0, first=18),
    blank,
    prose("fal --help --json"),
    table((
        ("(whole)", "format, program, version, help, usage, options, examples, commands, exit_codes, topics"),
        ("command", "path, name, summary, help, usage, hidden, arguments, options, examples, commands"),
        ("argument", "name, metavar, type, value, takes_value, required, repeatable, default, choices, help"),
        ("option", "the same with names, negations, environment"),
        ("type", "string, integer, number, boolean, count, choice, path"),
        ("value", "what a text stands for: endpoint, request, input, file, duration …, or ''"),
    ), first=10),
    blank,
    prose("""
'fal run --help --json' prints one command. The options of the whole tree work
with every command. Names are added over time; one that changes its meaning or
goes makes 'format' grow. It is 1 now.
"""),
)  # fmt: skip

_TEXTS: dict[str, tuple[Block, ...]] = {
    "inputs": _INPUTS,
    "output": _OUTPUT,
    "files": _FILES,
    "refs": _REFS,
    "environment": _ENVIRONMENT,
    "exit-codes": _EXIT_CODES,
    "scripting": _SCRIPTING,
    "json": _JSON,
}
