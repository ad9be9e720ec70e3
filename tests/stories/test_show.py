"""`fal show`: what earlier requests made, in a terminal and in a pipe."""

import base64
import io
import json
import os
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from fal_cli.ledger.rows import State
from tests.conftest import Program, Service
from tests.support.desk import NOW, Desk
from tests.support.faulty_server import Server, answer, read_request
from tests.support.media_files import mp4, picture
from tests.support.past_requests import Past, uuid
from tests.support.pseudo_terminal import Screen
from tests.support.sixel import decoded

PNG = picture("PNG", 30, 20)
HALF_BLOCK = "▀"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    made.mkdir()
    return made


@pytest.fixture
def desk(served: Program, folder: Path) -> Desk:
    return Desk(served, folder)


@pytest.fixture
def offline(fal: Program, folder: Path) -> Desk:
    return Desk(fal, folder)


@pytest.fixture
def past(home: Path) -> Past:
    return Past(home)


def lines(desk: Desk, *words: str, code: int = 0) -> list[dict[str, Any]]:
    return [json.loads(line) for line in desk("show", *words, code=code).text.splitlines()]


def screen(desk: Desk, *words: str, columns: int = 100, code: int = 0, **env: str) -> Screen:
    """The program at its end, in a terminal."""
    found = Screen([*desk.program.argv, *words], desk.program.env | env, columns=columns, cwd=desk.folder)
    assert found.finish() == code, found.text
    return found


def saved(desk: Desk, past: Past, name: str, data: bytes, **facts: Any) -> Path:
    """A file that a request of the past made."""
    path = desk.folder / name
    path.write_bytes(data)
    os.utime(path, (0, 0))
    result = {"files": [{"url": "https://x.test/a"}], "seed": 7}
    past.add(uuid(1), result=result, files=[str(path)], **facts)
    return path


class TestPipe:
    def test_a_line_for_each_file_with_all_that_is_known(self, desk: Desk) -> None:
        request_id = desk.draw("a cat", "num_images=2", "-d", "out/")
        first, second = lines(desk, "last")
        assert first == {
            "path": desk.rows[0].files[0], "url": first["url"], "content_type": "image/png", "width": 32, "height": 24,
            "seconds": None, "bytes": Path(desk.rows[0].files[0]).stat().st_size, "seed": first["seed"],
            "request_id": request_id, "endpoint": "fal-ai/flux/dev",
        }  # fmt: skip
        assert second["path"] == desk.rows[0].files[1]
        assert isinstance(first["seed"], int)

    def test_what_was_not_saved_is_looked_at_where_it_is(self, desk: Desk) -> None:
        desk.draw("a cat", "seed=7")
        (found,) = lines(desk, "last")
        assert (found["path"], found["width"], found["height"], found["seed"]) == (None, 32, 24, 7)
        assert found["url"].startswith("http://127.0.0.1:")
        assert found["bytes"] > 100

    def test_a_film_that_was_saved(self, offline: Desk, past: Past) -> None:
        path = saved(offline, past, "a.mp4", mp4(5))
        (found,) = lines(offline, uuid(1))
        assert (found["path"], found["content_type"], found["seconds"]) == (str(path), "video/mp4", 5.0)

    def test_a_text(self, desk: Desk) -> None:
        desk("run", "fal-ai/any-llm", "prompt=tell me", *NOW)
        (found,) = lines(desk, "last")
        assert found["content_type"] == "text/plain"
        assert found["text"].startswith("This is the sandbox")

    def test_a_file_within_the_result(self, desk: Desk) -> None:
        desk.echo(f"images:={json.dumps([{'url': 'data:image/png;base64,' + base64.b64encode(PNG).decode()}])}")
        (found,) = lines(desk, "last")
        assert (found["url"], found["width"], found["bytes"]) == (None, 30, len(PNG))

    def test_many_in_their_order(self, desk: Desk) -> None:
        first, second = desk.draw("a cat"), desk.draw("a dog")
        assert [line["request_id"] for line in lines(desk, "last", first, second)] == [second, first, second]

    def test_a_request_of_another_machine(self, desk: Desk, service: Service, tmp_path: Path) -> None:
        other = Desk(Program(tmp_path, service.env), desk.folder)
        request_id = other.draw("a cat")
        (found,) = lines(desk, "fal-ai/flux/dev", request_id)
        assert (found["request_id"], found["endpoint"], found["width"]) == (request_id, "fal-ai/flux/dev", 32)


class TestFailures:
    def test_one_file_that_is_gone_keeps_no_other_from_being_shown(self, desk: Desk) -> None:
        with Server([read_request, answer(404, {"detail": "gone"})]) as gone:
            uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
            desk.echo(f"images:={json.dumps([{'url': f'{gone.url}/a.png'}, {'url': uri}])}")
            done = desk("show", "last", code=11)
        assert [json.loads(line)["width"] for line in done.text.splitlines()] == [30]
        assert "file 0 of" in done.stderr
        assert "cannot be fetched: no longer there" in done.stderr

    def test_one_request_that_fails_keeps_no_other_from_its_turn(self, desk: Desk) -> None:
        desk("submit", "sandbox/echo", "a=1", "sandbox.run=600")
        desk.draw("a cat")
        done = desk("show", "last:2", "last", code=8)
        assert len(done.text.splitlines()) == 1

    def test_what_has_not_ended(self, desk: Desk) -> None:
        desk("submit", "sandbox/echo", "a=1", "sandbox.run=600")
        assert desk("show", "last", code=8).text == ""

    def test_what_nobody_has(self, offline: Desk, past: Past) -> None:
        past.add(uuid(1), mode="direct", state=State.COMPLETED)
        assert "no result of" in offline("show", uuid(1), code=5).stderr
        assert offline("show", uuid(2), code=5).text == ""


class TestTerminal:
    @pytest.mark.parametrize("columns", [100, 60])
    def test_a_picture_and_a_line_under_it(self, offline: Desk, past: Past, columns: int) -> None:
        saved(offline, past, "cat.png", PNG, units="0")
        shown = screen(offline, "show", uuid(1), columns=columns)
        assert HALF_BLOCK in shown.text
        assert "Traceback" not in shown.text  # of the package that draws, where a terminal does not answer it
        assert shown.text.splitlines()[-1] == f"✓ cat.png  30×20  {len(PNG)} B · 2.5 s · $0.00 · seed 7"
        assert all(len(line) <= columns for line in shown.lines)

    def test_where_no_picture_can_be_drawn_the_line_is_there(self, offline: Desk, past: Past) -> None:
        saved(offline, past, "cat.png", PNG)
        shown = screen(offline, "show", uuid(1), TERM="dumb")
        assert shown.text == f"✓ cat.png  30×20  {len(PNG)} B · 2.5 s · seed 7"

    def test_the_name_is_a_link_where_the_terminal_knows_them(self, offline: Desk, past: Past) -> None:
        path = saved(offline, past, "cat.png", PNG)
        shown = screen(offline, "show", uuid(1), FORCE_HYPERLINK="1")
        assert f"\x1b]8;;{path.as_uri()}\x1b\\cat.png\x1b]8;;\x1b\\".encode() in shown.raw

    def test_forty_columns_break_the_line_between_its_pieces(self, offline: Desk, past: Past) -> None:
        saved(offline, past, "a-long-name-of-a-film-that-was-made.mp4", mp4(5))
        assert screen(offline, "show", uuid(1), columns=40).text.splitlines() == [
            "✓ …long-name-of-a-film-that-was-made.mp4",
            "  640×360  0:05  1 kB · 2.5 s · seed 7",
        ]

    def test_what_was_not_saved_is_fetched_and_drawn(self, desk: Desk) -> None:
        desk.draw("a cat", "seed=7")
        shown = screen(desk, "show", "last")
        assert HALF_BLOCK in shown.text
        assert "  32×24  " in shown.text.splitlines()[-1]

    def test_what_cannot_be_drawn_is_told_and_the_line_is_there(self, offline: Desk, past: Past) -> None:
        saved(offline, past, "cat.png", PNG[:40])
        shown = screen(offline, "show", uuid(1))
        assert "no picture: the file cannot be drawn" in shown.text
        assert shown.text.splitlines()[-1].startswith("✓ cat.png  ")

    def test_a_text_is_shown_with_its_line(self, desk: Desk) -> None:
        desk.echo("text=\x1b[2Jhello")
        text = screen(desk, "show", "last").text
        assert text.splitlines()[-2:] == ["␛[2Jhello", "✓ text  9 B · 0.0 s · $0.001"]

    def test_strangers_names_are_shown_and_not_obeyed(self, desk: Desk) -> None:
        name = "a\x1b]0;owned\x07\u202egnp.png"
        uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
        desk.echo(f"images:={json.dumps([{'url': uri, 'file_name': name}])}")
        shown = screen(desk, "show", "last", TERM="dumb")
        assert b"\x1b]0;" not in shown.raw
        assert "\u202e" not in shown.raw.decode()


class TestPictures:
    """What terminals with pictures are sent, and who is asked whether this is one."""

    def sixel(self, desk: Desk, **how: Any) -> Image.Image:
        """The picture that a terminal with sixel draws."""
        found = Screen(
            [*desk.program.argv, "show", uuid(1)], desk.program.env, columns=60, cwd=desk.folder, cell=(10, 20),
            answers={b"\x1b[c": b"\x1b[?62;4;22c"}, **how,
        )  # fmt: skip
        assert found.finish() == 0, found.text
        return decoded(found.raw)

    def test_a_sky_has_no_bands(self, offline: Desk, past: Past) -> None:
        """Sixel has few colours: seen from afar each place has its own all the same, and not the nearest of them."""
        sky = sky_of(300, 200)
        saved(offline, past, "sky.png", png(sky))
        drawn = self.sixel(offline)
        assert drawn.size == (600, 400)
        afar, wanted = ((one.reduce(20).tobytes()) for one in (drawn, sky.resize(drawn.size)))
        far_off = [abs(one - other) for one, other in zip(afar, wanted, strict=True)]
        assert max(far_off) <= 12
        assert sum(far_off) / len(far_off) <= 2

    def test_what_is_transparent_is_black(self, offline: Desk, past: Past) -> None:
        saved(offline, past, "half.png", picture("PNG", 30, 20, mode="RGBA"))
        assert self.sixel(offline).getpixel((5, 5)) == (128, 0, 0)

    def test_it_stands_as_it_was_taken(self, offline: Desk, past: Past) -> None:
        saved(offline, past, "tall.jpg", picture("JPEG", 300, 200, orientation=6))
        drawn = self.sixel(offline)
        assert drawn.width < drawn.height

    def test_the_terminal_is_asked_where_stdin_is_not_one(self, offline: Desk, past: Past) -> None:
        saved(offline, past, "cat.png", PNG)
        with Path(os.devnull).open() as nothing:
            assert self.sixel(offline, stdin=nothing.fileno()).getpixel((5, 5)) == (255, 0, 0)

    def test_nobody_is_asked_from_the_background(self, offline: Desk, past: Past) -> None:
        """A program that changes the terminal from there would be stopped."""
        saved(offline, past, "cat.png", PNG)
        show = shlex.join([*offline.program.argv, "show", uuid(1)])
        screen = Screen(
            ["/bin/bash", "-ic", f"set -m; {show} & wait $!; echo code $?"], offline.program.env, columns=60,
            cwd=offline.folder,
        )  # fmt: skip
        assert "code 0" in screen.until(lambda text: "code " in text)
        assert HALF_BLOCK in screen.text
        screen.end()


def png(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def sky_of(width: int, height: int) -> Image.Image:
    """Soft changes of colour in all directions."""
    red, green = Image.linear_gradient("L"), Image.radial_gradient("L")
    return Image.merge("RGB", [red, green, red.rotate(90)]).resize((width, height))


def test_a_private_sandbox_shows_what_an_earlier_one_made(offline: Desk) -> None:
    offline.draw("a cat", "--sandbox")
    (found,) = lines(offline, "--sandbox", "last")
    assert (found["width"], found["height"]) == (32, 24)
