"""TAB at a real prompt, at many places: python -m tests.cli.completion.tour [SHELL…] shows what a person sees."""

import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from tests.support import filled_home as home
from tests.support.pseudo_terminal import ROWS, Screen

COMPLETIONS = Path(__file__).parents[3] / "completions"
COLUMNS = 100


class Place(NamedTuple):
    """What is typed before TAB, what is seen then, and the words that the program gets if Enter follows."""

    typed: str
    seen: tuple[str, ...]
    words: tuple[str, ...] = ()


E = "fal-ai/flux/dev"
PLACES = (
    Place("fal ru", ("fal run ",), ("run",)),
    Place("fal history sh", ("fal history show ",), ("history", "show")),
    Place("fal run fal-ai/flux/d", (f"fal run {E} ",), ("run", E)),
    Place("fal run fal-ai/flux/", ("FLUX.1 [dev], text-to-image", "FLUX.1 [schnell], text-to-image")),
    Place(
        f"fal batch {E},fal-ai/flux/s", (f"fal batch {E},fal-ai/flux/schnell ",), ("batch", f"{E},fal-ai/flux/schnell")
    ),
    Place(f"fal run {E} ", ("prompt=", "required: What the picture shows.", "num_images=", "How many pictures")),
    Place(f"fal run {E} pro", (f"fal run {E} prompt=",), ("run", E, "prompt=")),
    Place(f"fal run {E} output_format=p", ("output_format=png ",), ("run", E, "output_format=png")),
    Place(f"fal run {E} image_size=", ("square_hd", "portrait_16_9", "the default")),
    Place(f"fal run {E} image_url=@my", (r"image_url=@my\ photo.jpg ",), ("run", E, "image_url=@my photo.jpg")),
    Place(f"fal run {E} image_url=@c", (r"image_url=@c:\ d=e.png ",), ("run", E, "image_url=@c: d=e.png")),
    Place("fal upload it", (r"it\'s\ \$5.png ",), ("upload", "it's $5.png")),
    Place('fal upload "my', ('"my photo.jpg"',), ("upload", "my photo.jpg")),
    Place("fal upload fol", (r"folder\ of\ files/",), ("upload", "folder of files/")),
    Place("fal status ", ("last", home.FIRST, "fal-ai/flux/dev: a cat", "still running", 'a "dog" ␛[31m%s: new: line')),
    Place("fal result 0f", (f"fal result {home.FIRST} ",), ("result", home.FIRST)),
    Place(f"fal run {E} --on-timeout=c", ("--on-timeout=cancel ",), ("run", E, "--on-timeout=cancel")),
    Place(f"fal run {E} --on-ti", ("--on-timeout ",), ("run", E, "--on-timeout")),
    Place("fal --profile w", ("fal --profile work ",), ("--profile", "work")),
    Place("fal help exit", ("fal help exit-codes ",), ("help", "exit-codes")),
    Place("fal config set hosts.q", ("fal config set hosts.queue ",), ("config", "set", "hosts.queue")),
)
# With bash a second TAB lists, and one in an open quote has no space behind it.
_START = {
    "bash": (["--norc", "--noprofile", "-i"], "source {folder}/fal.bash; PS1='ready'' > ' PS2='more > '"),
    "zsh": (
        ["-f", "-i"],
        "fpath=({folder} $fpath); autoload -U compinit; compinit -D -u; PS1='ready'' > ' PS2='more > '",
    ),
    "fish": (["--no-config", "-i"], "source {folder}/fal.fish; function fish_prompt; echo 'ready'' > '; end"),
}
_LAUNCHER = """#!/bin/sh
case "$1" in
    __complete) exec {python} -m fal_cli "$@" ;;
esac
printf '%s\\0' "$@" > {words}.new && mv {words}.new {words}
for word in "$@"; do printf '<%s>' "$word"; done
printf '\\n'
"""


class Prompt:
    """An interactive shell in which `fal` is completed, and otherwise prints the words that it gets.

    It works in a folder of its own, `files`. `setting` is a line that the shell is told first.
    """

    def __init__(self, shell: str, env: Mapping[str, str], folder: Path, *, setting: str = "") -> None:
        flags, setup = _START[shell]
        self._shell = shell
        self._words = folder / "words"
        found = shutil.which(shell)
        assert found
        bin_folder = folder / "bin"
        bin_folder.mkdir()
        launcher = bin_folder / "fal"
        launcher.write_text(_LAUNCHER.format(python=sys.executable, words=self._words))
        launcher.chmod(0o755)
        self.files = folder / "files"
        self.files.mkdir()
        home.make_files(self.files)
        path = f"{bin_folder}{os.pathsep}{os.environ['PATH']}"
        given = {"PATH": path, "HOME": str(folder), "LC_ALL": "C.UTF-8"} | dict(env)
        self.screen = Screen([found, *flags], given, columns=COLUMNS, cwd=self.files)
        self.screen.press(f"{setup.format(folder=COMPLETIONS)}{setting and f'; {setting}'}\r".encode())
        self.screen.until(lambda text: "ready >" in text)

    def tab(self, place: Place) -> str:
        """Types, presses TAB (twice where bash is to list), and returns what is on the screen."""
        self._clear()
        is_list = not place.words
        self.screen.press(f"{place.typed}\t{chr(9) if is_list and self._shell == 'bash' else ''}".encode())
        self.screen.until(lambda text: all(part in self.shown for part in place.seen))
        return self.shown

    def enter(self, place: Place) -> str:
        """What the program got as its words."""
        wanted = "".join(f"<{word}>" for word in place.words)
        self.screen.press(b"\r")
        self.screen.until(lambda text: f"\n{wanted}" in text and text.endswith("ready >"))
        return wanted

    def words(self, keys: str, quote: str = "") -> list[str]:
        """The words that the program gets where these keys are pressed, Enter as the last.

        `quote` is closed where it is still open then.
        """
        self._words.unlink(missing_ok=True)
        self.screen.press(keys.encode())
        self.screen.until(lambda text: self._has_run(text) or text.endswith("\nmore >"))
        if not self._words.exists():
            self.screen.press(f"{quote}\r".encode())
            self.screen.until(self._has_run)
        return self._words.read_bytes().decode("utf-8", "surrogateescape").split("\0")[:-1]

    def _has_run(self, text: str) -> bool:
        return self._words.exists() and text.endswith("ready >")

    def left(self, line: str) -> str:
        """The line as it is after a TAB, where it runs nothing."""
        self._clear()
        self.screen.press(f"{line}\t".encode())
        self.screen.press(b"\x01: \x05\x0b")  # Ctrl-A, Ctrl-E, Ctrl-K: the TAB has been answered when they are
        self.screen.until(lambda text: self.shown.startswith(": "))
        shown = self.shown
        self._clear()
        return shown.removeprefix(": ").rstrip()

    @property
    def shown(self) -> str:
        """The screen, which was cleared, from the prompt on; the typed line may end with a space."""
        lines = "\n".join(f"{line} " for line in self.screen.lines[-ROWS:])
        return lines.partition("ready > ")[2].rstrip() + " "

    def end(self) -> None:
        self.screen.end()

    def _clear(self) -> None:
        """Leaves the line that was typed, and the screen empty but for a prompt."""
        self.screen.press(b"\x15clear\r")  # not Ctrl-C, which bash forgets while it is still completing
        self.screen.until(lambda text: not self.shown.strip() and "ready >" in text)


def main(shells: Sequence[str]) -> None:
    """Shows every place in every shell."""
    for shell in shells or tuple(_START):
        with tempfile.TemporaryDirectory() as name:
            prompt = Prompt(shell, home.fill(Path(name) / "fal"), Path(name))
            for place in PLACES:
                print(f"--- {shell}: {place.typed}⇥\n$ {prompt.tab(place)}")
            prompt.end()


if __name__ == "__main__":
    main(sys.argv[1:])
