"""Log lines: progress bars of several shapes, an app's traceback envelope, and bytes that break nothing."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fal_cli.terminal.logs import Progress, display_lines, progress, unwrapped

BAR = "13/28 [00:01<00:01,  9.87it/s]"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(f" 46%|████▋     | {BAR}", Progress(13 / 28, 13, 28, "9.87it/s"), id="tqdm"),
        pytest.param(f" 46%|####6     | {BAR}", Progress(13 / 28, 13, 28, "9.87it/s"), id="ASCII bar"),
        pytest.param(f"Sampling:  46%|████▋     | {BAR}", Progress(13 / 28, 13, 28, "9.87it/s"), id="description"),
        pytest.param(f"Sampling:46%|████▋     | {BAR}", Progress(13 / 28, 13, 28, "9.87it/s"), id="no space"),
        pytest.param(
            f"2024-01-01 INFO step 46%|██| {BAR}", Progress(13 / 28, 13, 28, "9.87it/s"), id="a logger before"
        ),
        pytest.param("  0%|          | 0/28 [00:00<?, ?it/s]", Progress(0.0, 0, 28), id="the beginning"),
        pytest.param("100%|██████████| 28/28 [00:02<00:00, 10.1it/s]", Progress(1.0, 28, 28, "10.1it/s"), id="the end"),
        pytest.param(" 50%|█████     | 1/2 [00:03<00:03,  3.21s/it]", Progress(0.5, 1, 2, "3.21s/it"), id="slow"),
        pytest.param(
            " 50%|█████     | 1/2 [00:03<00:03, 5.1 MB/s]", Progress(0.5, 1, 2, "5.1MB/s"), id="a space in it"
        ),
        pytest.param(" 50%|█████     | 1/2 [00:03<00:03,  1.00frame/s]", Progress(0.5, 1, 2), id="another unit"),
        pytest.param(" 50%|█████     | 1/2", Progress(0.5, 1, 2), id="no brackets"),
        pytest.param("150%|██████████| 42/28 [00:01<00:00]", Progress(1.0, 42, 28), id="beyond the end"),
        pytest.param(
            " 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s, loss=0.1]",
            Progress(13 / 28, 13, 28, "9.87it/s"),
            id="more",
        ),
    ],
)
def test_progress(message: str, expected: Progress) -> None:
    assert progress(message) == expected


@pytest.mark.parametrize(
    "message",
    [
        pytest.param("loading weights", id="a sentence"),
        pytest.param("46% done", id="a percentage"),
        pytest.param("step 13/28", id="steps alone"),
        pytest.param("5it [00:01,  9.87it/s]", id="tqdm without a total"),
        pytest.param("  0%|          | 0/0 [00:00<?, ?it/s]", id="nothing to do"),
        pytest.param("x46%|████▋     | 13/28", id="glued to a word"),
        pytest.param("", id="nothing"),
    ],
)
def test_no_progress(message: str) -> None:
    assert progress(message) is None


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(
            "  0%|          | 0/28 [00:00<?, ?it/s]\r 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s]",
            id="the first without a rate",
        ),
        pytest.param(
            " 10%|█         | 3/28 [00:00<00:01,  9.00it/s]\r 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s]",
            id="each with a rate",
        ),
        pytest.param(
            "  4%|▍         | 1/28 [00:00<00:01,  9.00frame/s]\n 46%|████▋     | 13/28 [00:01<00:01,  9.87it/s]",
            id="in lines",
        ),
    ],
)
def test_the_last_of_several_states_counts(message: str) -> None:
    assert progress(message) == Progress(13 / 28, 13, 28, "9.87it/s")


def test_a_download_in_scaled_units() -> None:
    """What tqdm writes with `unit="B", unit_scale=True`, as every download of weights does."""
    found = progress("model.safetensors:  46%|████▋     | 1.20G/2.60G [00:10<00:12, 110MB/s]")
    assert found is not None
    assert found.fraction == pytest.approx(0.46, abs=0.01)
    assert found.rate == "110MB/s"


@pytest.mark.parametrize(
    "message",
    [
        pytest.param(f"1%|x| {'9' * 5000}/{'9' * 5000}", id="numbers too long to read"),
        pytest.param(f"1%|x| {'9' * 4000}/1", id="a fraction too large"),
        pytest.param(f"1%|x| 1/{'9' * 4000}", id="a fraction too small"),
    ],
)
def test_hostile_numbers_end_nothing(message: str) -> None:
    found = progress(message)
    assert found is None or 0 <= found.fraction <= 1


@settings(deadline=None)
@given(st.text() | st.text(st.sampled_from("0123456789%|/[]:, \r\nits.?kMB")))
def test_any_line_can_be_read(message: str) -> None:
    found = progress(message)
    assert found is None or 0 <= found.fraction <= 1


@settings(deadline=None)
@given(st.integers(0, 9999), st.integers(1, 9999), st.text(st.sampled_from("abc :"), max_size=8))
def test_any_bar_of_tqdm(step: int, total: int, description: str) -> None:
    message = f"{description}: {min(999, 100 * step // total):3d}%|{'█' * 5:10}| {step}/{total} [00:01<00:01, 12.3it/s]"
    assert progress(message) == Progress(min(1.0, step / total), step, total, "12.3it/s")


TRACEBACK = 'Traceback (most recent call last):\n  File "app.py", line 1\nValueError: bad'


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        pytest.param(json.dumps({"traceback": TRACEBACK}), TRACEBACK, id="envelope"),
        pytest.param("\n " + json.dumps({"traceback": TRACEBACK}), TRACEBACK, id="white space before"),
        pytest.param(json.dumps({"traceback": "x", "more": 1}), "x", id="more in it"),
        pytest.param('{"traceback": 7}', '{"traceback": 7}', id="no text"),
        pytest.param('{"traceback": "cut', '{"traceback": "cut', id="cut"),
        pytest.param('{"traceback": "x"} and more', '{"traceback": "x"} and more', id="more behind it"),
        pytest.param('{"message": "x"}', '{"message": "x"}', id="other JSON"),
        pytest.param('{"traceback": ' + "[" * 100_000, '{"traceback": ' + "[" * 100_000, id="nested deeply"),
        pytest.param("plain", "plain", id="plain"),
        pytest.param("", "", id="nothing"),
    ],
)
def test_unwrapped(message: str, expected: str) -> None:
    assert unwrapped(message) == expected


@pytest.mark.parametrize(
    ("message", "lines"),
    [
        pytest.param("one\n", ["one"], id="a line"),
        pytest.param("  one\n  two  \n\n", ["  one", "  two"], id="indentation stays"),
        pytest.param("one\n\n \ntwo", ["one", "two"], id="blank lines go"),
        pytest.param("one\rtwo", ["one", "two"], id="a carriage return overwrites nothing"),
        pytest.param("\x1b[2Jgone", ["␛[2Jgone"], id="control characters"),
        pytest.param("[red]x[/red]", ["[red]x[/red]"], id="markup"),
        pytest.param(json.dumps({"traceback": "a\n  b\x1b[0m\n"}), ["a", "  b␛[0m"], id="envelope"),
        pytest.param("", [""], id="nothing"),
        pytest.param("\n \n", [""], id="white space"),
    ],
)
def test_display_lines(message: str, lines: list[str]) -> None:
    assert display_lines(message) == lines
