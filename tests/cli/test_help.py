"""What the program tells about itself: help, topics, suggestions, the tree as data, man pages, the welcome."""

import io
import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from fal_cli import app
from fal_cli.cli import help_page, manpages, option_groups, pages, programs, registry, suggestions, topics, tree
from fal_cli.cli.completion.table import TABLE
from fal_cli.cli.completion.walk import place
from fal_cli.cli.help_table import HELP
from fal_cli.cli.registry import VERBS
from fal_cli.context import Context
from fal_cli.errors import EXIT_CODES
from fal_cli.terminal.terminal import Streams
from tests.conftest import Program
from tests.support.pseudo_terminal import Screen

SOURCE = Path(tree.__file__).parent
PATHS = [command.path for command in tree.tree().walk() if command.path]
_CALL = re.compile(r"(?:^|[|($;&] *|do +|then +|exec +)fal ((?:[^|;&)#\"']|\"[^\"]*\"|'[^']*')+)")


def calls(text: str) -> Iterator[list[str]]:
    """The words of each `fal …` in a line of a shell."""
    for found in _CALL.finditer(text):
        yield shlex.split(found[1].replace("<", " ").replace(">", " "), comments=True)


def check(words: list[str]) -> None:
    """That a call names a command and options that there are."""
    here = place(words)
    assert here.path or words[0].startswith("-"), words
    for name in here.options:
        assert here.option(name), (words, name)
    if here.arguments and "help" not in here.path:
        assert here.words or here.path in ("resume", "models", "completion install") or "history" in here.path, words


def _streams(stderr: io.StringIO) -> Streams:
    return Streams(None, io.BytesIO(), stderr, False, False, False)


def complaint(fal: Program, *words: str) -> tuple[int, str]:
    """The code and stderr of a command line that cannot be parsed, in this process."""
    stderr = io.StringIO()
    return app.main(words, Context(_streams(stderr), fal.env)), stderr.getvalue()


class TestHelp:
    @pytest.mark.parametrize("path", PATHS)
    def test_every_command_has_examples_that_are_calls_of_it(self, path: str) -> None:
        (command,) = [one for one in tree.tree([path.split()[0]]).walk() if one.path == path]
        found = [words for example in command.examples for words in calls(example)]
        assert found, f"fal {path} has no example"
        for words in found:
            check(words)
        own = path.replace("subscribe", "run")
        assert any(place(words).path.startswith(own) for words in found)

    def test_every_command_stands_in_one_group(self) -> None:
        listed = [name for names in registry.GROUPS.values() for name in names]
        assert sorted(listed) == sorted(name for name, verb in VERBS.items() if not verb.hidden)

    def test_there_is_one_list_of_it_all(self, fal: Program) -> None:
        text = fal("--help").text
        assert fal("help").text == fal().text == fal("-h").text == text
        assert all(len(line) <= 80 for line in text.splitlines())
        heads = [text.index(f"\n{title}:\n") for title in registry.GROUPS]
        assert heads == sorted(heads)
        for name, verb in VERBS.items():
            assert verb.hidden or re.search(rf"^  {name} +{re.escape(verb.help.rstrip('.'))}$", text, re.MULTILINE)
        assert all(re.search(rf"\b{name}\b", text) for name in topics.SUMMARIES)

    @pytest.mark.parametrize("group", ["auth", "config", "sandbox", "webhook", "completion"])
    def test_a_group_alone_shows_its_help(self, fal: Program, group: str) -> None:
        assert fal(group).text == fal(group, "--help").text == fal("--no-color", group).text

    def test_options_stand_in_groups_the_common_ones_first(self, fal: Program) -> None:
        titles = [title for title, _ in HELP["run"]["options"]]
        assert titles == ["Input", "Money", "Queue", "Waiting", "Result", "Output"]
        for path in ("run", "submit", "stream", "rerun"):
            assert "Options" not in [title for title, _ in HELP[path]["options"]]
        assert [title for title, _ in HELP["gallery"]["options"]] == ["Options"]
        known = {option.names[0] for command in tree.tree().walk() for option in command.options}
        assert all(name in known for names in option_groups.GROUPS.values() for name in names)

    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(("run", "--", "--help"), id="a word"),
            pytest.param(("run", "-t", "--help"), id="a value"),
            pytest.param(("run", "-th"), id="a value beside its option"),
            pytest.param(("rnu", "--help"), id="no command"),
            pytest.param(("auth", "logn", "--help"), id="no command of a group"),
        ],
    )
    def test_what_asks_for_no_help_gets_none(self, fal: Program, words: tuple[str, ...]) -> None:
        assert fal(*words, code=2).text == ""

    def test_in_a_terminal_heads_are_bold_and_placeholders_dim(self, fal: Program) -> None:
        for words, env, is_plain in (
            (["run", "-h"], {}, False),
            (["run", "-h", "--no-color"], {}, True),
            (["run", "-h"], {"NO_COLOR": "1"}, True),
        ):
            screen = Screen([*fal.argv, *words], fal.env | env, columns=60)
            assert screen.finish() == 0
            assert (b"\x1b[1mWaiting:\x1b[0m" in screen.raw) == (b"--timeout \x1b[2mTIME\x1b[0m" in screen.raw)
            assert (b"\x1b[" not in screen.raw) == is_plain

    def test_nobody_who_reads_it_is_no_trouble(self, fal: Program) -> None:
        assert subprocess.run(
            f"{shlex.join(fal.argv)} --help | true; exit ${{PIPESTATUS[0]}}", shell=True, executable="/bin/bash",
            env=fal.env, check=False,
        ).returncode == 0  # fmt: skip

    def test_of_a_command(self, fal: Program) -> None:
        assert fal("help", "run").text == fal("run", "--help").text
        assert fal("help", "auth", "login").text == fal("auth", "login", "--help").text
        assert fal("status", "-qfh").text == fal("-h", "status").text == fal("status", "x", "-h").text

    @pytest.mark.parametrize("verb", ["run", "submit", "stream", "realtime"])
    def test_of_a_call_shows_what_its_endpoint_takes(self, served: Program, verb: str) -> None:
        text = served(verb, "fal-ai/flux/dev", "prompt=x", "--help").text
        assert all(len(line) <= 80 for line in text.partition("Inputs of fal-ai/flux/dev")[2].splitlines()[:30])
        options, inputs, examples = (
            text.index(part) for part in ("Arguments:", "Inputs of fal-ai/flux/dev", "Examples:")
        )
        assert options < inputs < text.index("* prompt") < text.index("num_inference_steps") < examples

    @pytest.mark.parametrize(
        "words",
        [
            pytest.param(("run", "no/such", "--help"), id="unknown"),
            pytest.param(("run", "--help"), id="none"),
            pytest.param(("run", "x=a/b", "--help"), id="an input"),
            pytest.param(("upload", "fal-ai/flux/dev", "--help"), id="no call"),
        ],
    )
    def test_without_an_endpoint_that_is_known_it_is_the_usual_help(
        self, served: Program, words: tuple[str, ...]
    ) -> None:
        assert served(*words).text == served(words[0], "--help").text

    def test_an_options_value_is_no_endpoint(self, served: Program) -> None:
        words = ("--path", "a/b", "-o", "private/customer.json", "--webhook", "http://127.0.0.1:9/x")
        assert "Inputs of fal-ai/flux/dev" in served("run", *words, "fal-ai/flux/dev", "--help").text
        assert served("run", *words, "--help").text == served("run", "--help").text

    @pytest.mark.parametrize("columns", ["1", "3", "40"])
    def test_in_the_narrowest_window(self, served: Program, columns: str) -> None:
        assert "Inputs of" in served("run", "fal-ai/flux/dev", "--help", env={"COLUMNS": columns}).text

    def test_no_service_and_no_such_profile_are_no_trouble_for_help(self, fal: Program) -> None:
        usual = fal("run", "--help").text
        assert fal("run", "a/b", "--help", env={"FAL_API_HOST": "http://127.0.0.1:9", "FAL_KEY": "a:b"}).text == usual
        assert fal("run", "a/b", "--help", "--profile", "nobody").text == usual


def fal_help(path: str) -> list[str]:
    """The help of a command, where nothing has to be wrapped but between words."""
    return [" ".join(" ".join(help_page.lines(path, 100, program="fal", color=False)).split())]


def in_window(fal: Program, capsysbinary: pytest.CaptureFixture[bytes], columns: int, *words: str) -> list[str]:
    """The lines of help in a window, told in this process."""
    streams = Streams(None, sys.stdout.buffer, io.StringIO(), False, True, False)
    assert app.main(words, Context(streams, fal.env | {"NO_COLOR": "1", "COLUMNS": str(columns)})) == 0
    lines = capsysbinary.readouterr().out.decode().splitlines()
    assert all(len(line) <= columns or len(shlex.split(line.rstrip("\\"))) == 1 for line in lines), (words, lines)
    return lines


def words_of(lines: Iterable[str]) -> list[str]:
    """The words of a text, wherever they stand: not the marks that lines put in, and the bars of choices apart."""
    return sorted(re.findall(r"[^\s|#\\<>]+", " ".join(lines)))


@pytest.mark.parametrize("columns", [80, 60, 40])
class TestInAWindow:
    """Nothing is broken in the middle of a word, nothing is lost, and in a pipe nothing is laid out for a window."""

    @pytest.mark.parametrize("path", ["", *PATHS])
    def test_help(self, fal: Program, columns: int, path: str, capsysbinary: pytest.CaptureFixture[bytes]) -> None:
        shown = in_window(fal, capsysbinary, columns, *path.split(), "--help")
        assert words_of(shown) == words_of(in_window(fal, capsysbinary, 200, *path.split(), "--help"))

    @pytest.mark.parametrize("words", [("help",), *(("help", name) for name in topics.SUMMARIES), ()], ids=" ".join)
    def test_topics(
        self, fal: Program, columns: int, words: tuple[str, ...], capsysbinary: pytest.CaptureFixture[bytes]
    ) -> None:
        shown = in_window(fal, capsysbinary, columns, *words)
        wide = in_window(fal, capsysbinary, 200, *words)
        assert set(words_of(shown)) == set(words_of(wide))  # in a narrow one a table's titles stand in each row


class TestTopics:
    @pytest.mark.parametrize("name", topics.SUMMARIES)
    def test_fits_and_is_true_of_the_commands(self, fal: Program, name: str) -> None:
        text = fal("help", name).text
        assert all(len(line) <= pages.WIDEST for line in text.splitlines()), text
        known = {option for node in TABLE.values() for option in (*node[1], *node[2])}
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]+", text):
            assert option in known, option
        typed = "\n".join(re.findall(r"`[^`]+`|^```.*?^```", topics.markdown(name), re.MULTILINE | re.DOTALL))
        for verb in re.findall(r"(?<![./#])(?<!run )\bfal ([a-z]+)\b", re.sub("#.*", "", typed)):
            assert verb in VERBS or verb in suggestions._VENDORS, verb

    def test_every_exit_code_is_told(self, fal: Program) -> None:
        text = " ".join(fal("help", "exit-codes").text.split())
        for code, meaning, again in EXIT_CODES:
            assert f"{code} {meaning}" in text
            assert again in text

    def test_every_variable_of_ours_is_told(self) -> None:
        used = {
            name for path in SOURCE.rglob("*.py") for name in re.findall(r"\bFAL_[A-Z_]+\b", path.read_text("utf-8"))
        }
        told = set(re.findall(r"\b[A-Z_]+\b", " ".join(names for names, _ in topics.ENVIRONMENT)))
        assert used <= told, used - told

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("exit", "codes"), "May I run it again?"),
            (("EXIT-CODES",), "May I run it again?"),
            (("refs",), "last, last:2"),
            (("requests",), "last, last:2"),
            (("Other FAL",), "pipx run fal deploy"),
        ],
    )
    def test_are_found_as_they_are_typed(self, fal: Program, words: tuple[str, ...], told: str) -> None:
        assert told in fal("help", *words).text

    def test_a_mistyped_one(self, fal: Program) -> None:
        done = fal("help", "exit-code", code=2)
        assert "did you mean exit-codes?" in done.stderr
        assert "fal help" in fal("help", "xyzzy", code=2).stderr


class TestWelcome:
    def shown(self, fal: Program, **env: str) -> str:
        screen = Screen(fal.argv, fal.env | env, columns=80)
        assert screen.finish() == 0
        assert all(len(line) <= 80 for line in screen.lines)
        return screen.text

    def test_a_new_user_sees_what_to_do(self, fal: Program) -> None:
        text = self.shown(fal)
        for words in ("models flux", "run fal-ai/flux/dev", "auth login", "--sandbox run", "help TOPIC"):
            assert f"fal {words}" in text
        assert "https://fal.ai/dashboard/keys" in text

    def test_who_is_logged_in_sees_so_and_no_key(self, fal: Program) -> None:
        text = self.shown(fal, FAL_KEY="an-id:a-secret")
        assert "with the key of FAL_KEY" in text
        assert "auth login" not in text
        assert "a-secret" not in text

    def test_in_the_sandbox(self, fal: Program) -> None:
        assert "every command uses the sandbox" in self.shown(fal, FAL_SANDBOX="1")


class TestSuggestions:
    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("rnu x/y prompt=x", ["did you mean run?", "fal run x/y prompt=x"]),
            ("sattus $id", ["did you mean status?"]),
            ("auth logn", ["of 'fal auth'", "fal auth login"]),
            ("login", ["Use: fal auth login"]),
            ("auth whoami", ["Use: fal auth status"]),
            ("exit-codes", ["it is a topic", "fal help exit-codes"]),
            ("xyzzy", ["no such command 'xyzzy'", "fal help"]),
            ("6f0c2e0e", ["it names a request", "fal status 6f0c2e0e", "fal result 6f0c2e0e"]),
            ("last", ["fal status last"]),
            ("@12", ["fal result @12"]),
            ("https://queue.fal.run/a/b/requests/6f", ["it names a request"]),
            ("fal-ai/flux/dev 'prompt=a cat'", ["it is an endpoint", "fal run fal-ai/flux/dev 'prompt=a cat'"]),
            ("--sandbox fal-ai/flux/dev a=1", ["fal --sandbox run fal-ai/flux/dev a=1"]),
            ("http://localhost:8080 a=1", ["fal run http://localhost:8080 a=1"]),
            ("prompt=x", ["it is an input", "fal run ENDPOINT prompt=x"]),
            ("run x/y --prompt 'a cat'", ["no such option: --prompt", "inputs are written prompt='a cat'"]),
            ("run x/y -prompt x", ["inputs are written prompt=x"]),
            ("run x/y '--seed 7'", ["inputs are written seed=7"]),
            ("run x/y '-5 degrees'", ["begins with a dash", "'prompt=-5 degrees'"]),
            ("run x/y '--- a line of dashes'", ["'prompt=--- a line of dashes'"]),
            ("run x/y --num-images=4", ["inputs are written num_images=4"]),
            ("rerun last --seed 2", ["inputs are written seed=2"]),
            ("run x/y --timeot 5", ["did you mean --timeout?"]),
            ("status x --folow", ["did you mean --follow?"]),
            ("history --stat x", ["did you mean --state?"]),
            ("completion install bsh", ["did you mean bash?"]),
            ("run", ["missing argument", "fal models QUERY"]),
            ("run prompt=x", ["The endpoint comes before its inputs"]),
            ("run app.py::App", ["own CLI", "pipx run fal run app.py::App", "http://localhost:8080"]),
            ("run ./apps/mine.py", ["pipx run fal run ./apps/mine.py"]),
            ("app.py", ["pipx run fal run app.py"]),
            ("deploy app.py --auth public", ["fal.ai's own CLI", "pipx run fal deploy app.py --auth public"]),
            ("keys list", ["pipx run fal keys list", "fal auth login"]),
            ("secrets set A=b", ["pipx run fal secrets set A=b"]),
            ("runners list", ["pipx run fal runners list"]),
            ("apps list", ["pipx run fal apps list"]),
            ("profile list", ["pipx run fal profile list", "fal auth list"]),
        ],
    )
    def test_the_right_thing_is_named(self, fal: Program, line: str, told: list[str]) -> None:
        code, stderr = complaint(fal, *shlex.split(line))
        assert code == 2
        for part in told:
            assert part in stderr

    def test_as_json(self, fal: Program) -> None:
        error = json.loads(fal("rnu", "--json", code=2).stderr)
        assert error["code"] == 2
        assert "did you mean run?" in error["message"]

    def test_every_other_name_leads_to_a_command(self) -> None:
        for names in suggestions._OTHER_NAMES.values():
            for meant in names.values():
                check([*meant.split(), *([] if "--search" not in meant else ["x"]), "a/b"])

    def test_the_vendors_program_is_called_where_it_is(self, fal: Program, tmp_path: Path) -> None:
        theirs = tmp_path / "theirs"
        theirs.mkdir()
        launcher = theirs / "fal"
        launcher.write_text("#!/usr/bin/python3\nfrom fal.cli import main\nmain()\n")
        launcher.chmod(0o755)
        assert programs.owner_of(str(launcher)) == "vendor"
        done = fal("deploy", env={"PATH": f"{theirs}:{fal.env['PATH']}"}, code=2)
        assert f"{launcher} deploy" in done.stderr


class TestTree:
    def test_is_the_whole_of_it(self, fal: Program) -> None:
        found = json.loads(fal("--help", "--json").stdout)
        assert found == tree.facts()
        assert (found["format"], found["program"]) == (2, "fal")
        assert {entry["code"] for entry in found["exit_codes"]} == {code for code, _, _ in EXIT_CODES}
        assert {entry["name"] for entry in found["topics"]} == set(topics.SUMMARIES)
        assert sorted(command["name"] for command in found["commands"]) == sorted(VERBS)

    @pytest.mark.parametrize("path", PATHS)
    def test_says_what_help_says(self, fal: Program, path: str) -> None:
        command = next(one for one in tree.tree([path.split()[0]]).walk() if one.path == path)
        text = " ".join(fal_help(path))
        for option in command.options:
            for name in (*option.names, *option.negations) if option.takes.name != "--help" else ():
                assert name in text
            assert option.takes.help.rstrip(".") in text or option.takes.name == "--help"
        for argument in command.arguments:
            assert argument.takes.help.rstrip(".") in text
        rows = [name for _, group in HELP[path]["options"] for name, _, _ in group]
        assert len(rows) == len(set(rows)) == len(command.options) - 1  # not --help itself

    def test_of_one_command(self, fal: Program) -> None:
        found = json.loads(fal("history", "show", "--help", "--json").stdout)
        assert found["path"] == "history show"
        assert found["arguments"][0]["value"] == "call"
        assert fal("help", "history", "show", "--json").stdout == fal("--json", "history", "show", "-h").stdout

    def test_its_shape(self) -> None:
        found = tree.facts()
        for command in _all(found["commands"]):
            assert set(command) == {
                "path", "name", "summary", "help", "usage", "hidden", "arguments", "options", "examples", "commands",
                "runs", "effects", "stdout", "conflicts", "requires",
            }  # fmt: skip
            for one in (*command["arguments"], *command["options"]):
                assert one["type"] in ("string", "integer", "number", "boolean", "count", "choice", "path")
                assert isinstance(one["help"], str)
                assert one["help"], (command["path"], one["name"])
                assert (one["type"] == "choice") == bool(one["choices"])

    def test_a_choice_a_default_and_a_repeatable_one(self) -> None:
        run = next(command for command in tree.facts()["commands"] if command["name"] == "run")
        options = {option["name"]: option for option in run["options"]}
        assert options["--on-timeout"]["choices"] == ["detach", "cancel"]
        assert options["--on-timeout"]["default"] == "detach"
        assert options["--tag"]["repeatable"]
        assert options["--timeout"]["value"] == "duration"
        assert options["--output"]["names"] == ["-o", "--output"]
        assert [argument["value"] for argument in run["arguments"]] == ["endpoint", "input"]

    def test_help_with_an_input_is_that_of_its_command(self, fal: Program) -> None:
        assert json.loads(fal("run", "x/y", "-o", "a.png", "--help", "--json").stdout)["path"] == "run"


def _all(commands: list[dict[str, object]]) -> Iterator[dict[str, object]]:
    for command in commands:
        yield command
        inner = command["commands"]
        assert isinstance(inner, list)
        yield from _all(inner)


class TestManPages:
    def test_there_is_one_for_each_command_and_topic(self, tmp_path: Path) -> None:
        written = {path.name for path in manpages.write(tmp_path / "man")}
        commands = {f"fal-{name}.1" for name, verb in VERBS.items() if not verb.hidden}
        assert written == commands | {"fal.1", "fal-cli.1"} | {f"fal-{name}.7" for name in topics.SUMMARIES}

    def test_every_option_is_in_them(self) -> None:
        pages = manpages.pages()
        for command in tree.tree().walk():
            page = pages[f"fal-{command.path.split()[0]}.1" if command.path and not command.is_hidden else "fal.1"]
            for option in () if command.is_hidden else command.options:
                if option.takes.name != "--help":
                    assert option.takes.name.replace("-", "\\-") in page, (command.path, option.takes.name)

    @pytest.mark.skipif(shutil.which("groff") is None, reason="groff is not installed")
    def test_they_are_what_groff_takes_without_a_warning(self, tmp_path: Path) -> None:
        folder = tmp_path / "man1"
        paths = manpages.write(folder)
        done = subprocess.run(
            ["groff", "-man", "-ww", "-K", "utf8", "-T", "utf8", "-I", str(tmp_path), *map(str, paths)],
            cwd=tmp_path, capture_output=True, check=True,
        )  # fmt: skip
        assert done.stderr == b""
        shown = re.sub(r"\x1b\[[0-9;]*m|.\x08", "", done.stdout.decode())
        assert 'fal run fal-ai/flux/dev prompt="a cat"' in shown
        assert "key=\\@…" in shown
