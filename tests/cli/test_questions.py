"""Ten questions of a newcomer: the README or a page of the manual answers each on one line, with a command."""

import re
from pathlib import Path

import pytest

from fal_cli.cli import topics
from fal_cli.cli.help_table import HELP

_COMMAND = re.compile(r"(?<![\w.])fal ([a-z][^`]*)")
README = Path(__file__).parents[2] / "README.md"
ANSWERS = [
    pytest.param("README", 'fal run fal-ai/flux/dev "a cat" -o cat.png', id="save a picture as PNG?"),
    pytest.param("README", "fal run fal-ai/esrgan image_url=@photo.jpg -o big.png", id="use my file?"),
    pytest.param("README", "fal batch fal-ai/flux/dev prompts.txt -d out/ --yes", id="run for each line?"),
    pytest.param("README", "fal cost --since 7d --by endpoint", id="what did it cost?"),
    pytest.param("README", "fal run … --timeout 1m", id="stop after a minute?"),
    pytest.param("README", 'fal result "$id" --print urls', id="get only the URL?"),
    pytest.param("scripting", "| CI | the key in `FAL_KEY`, and `-q` |", id="use it in CI?"),
    pytest.param("README", "fal auth login --profile work", id="two accounts?"),
    pytest.param("README", "FAL_SANDBOX=1 ./my-script.sh", id="offline?"),
    pytest.param("README", "nothing: `fal resume` picks up unfinished requests.", id="what if the network drops?"),
]


@pytest.mark.parametrize(("page", "answer"), ANSWERS)
def test_a_question_of_a_newcomer_is_answered_on_one_line(page: str, answer: str) -> None:
    text = README.read_text("utf-8") if page == "README" else topics.markdown(page)
    assert any(answer in line for line in text.splitlines())


@pytest.mark.parametrize("command", [found[1] for one in ANSWERS if (found := _COMMAND.search(str(one.values[1])))])
def test_the_answer_is_a_command_that_exists(command: str) -> None:
    words = command.split()
    path = " ".join(words[:2]) if " ".join(words[:2]) in HELP else words[0]
    options = [option for _, group in HELP[path]["options"] for option in group]
    names = {name for written, _, _ in options for name in re.findall(r"--?[\w-]+", written)}
    used = {word for word in words if word.startswith("-")}
    assert used <= names | {"--profile"}  # which every command has
