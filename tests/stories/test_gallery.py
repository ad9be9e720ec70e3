"""`fal gallery`: a page of what was made, from the ledger, the disk and the service, by real processes."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pytest

from fal_cli.ledger.rows import State
from tests.bench.measure import measure
from tests.conftest import Program, Service
from tests.support.desk import NOW, Desk
from tests.support.faulty_server import Server, answer, read_request, refusing_port, send, stall
from tests.support.html_page import Element, Page, check
from tests.support.media_files import mp4, picture
from tests.support.past_requests import Past, uuid
from tests.support.waiting import until

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PNG = picture("PNG", 30, 20)
SECRET = "canary-0123456789abcdef-SECRET"


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
    """The program with nothing but its ledger: no key, no network."""
    return Desk(fal, folder)


@pytest.fixture
def past(home: Path) -> Past:
    return Past(home)


def page(desk: Desk, *words: str) -> Page:
    """The page that a command line makes, checked."""
    desk("gallery", *words, "-o", "page.html")
    found = Page((desk.folder / "page.html").read_text("utf-8"))
    check(found)
    return found


def prompts(found: Page) -> list[str]:
    return [one.text for one in found.all("p", "prompt")]


def bytes_of(element: Element) -> bytes:
    return base64.b64decode(element.attributes["src"].partition(",")[2])


def notes(found: Page | Element) -> list[str]:
    return [" ".join(note.text.split()) for note in found.all("p", "note")]


class TestResults:
    def test_pictures_that_were_saved_and_those_that_were_not(self, desk: Desk) -> None:
        desk.draw("a cat", "-d", "out/", "num_images=2")
        desk.draw("a dog", "seed=7")
        found = page(desk)
        dog, cat = found.all("figure")
        saved = [Path(path) for path in desk.rows[0].files]
        assert [bytes_of(one) for one in cat.all("img")] == [path.read_bytes() for path in saved]
        assert [one.attributes["data-href"] for one in cat.all("button", "look")] == [
            f"./out/{path.name}" for path in saved
        ]
        (drawn,) = dog.all("img")
        assert bytes_of(drawn).startswith(b"\x89PNG")
        assert (drawn.attributes["width"], drawn.attributes["height"]) == ("32", "24")
        assert drawn.attributes["alt"] == "a dog"
        assert dog.one("button", "look").attributes["data-href"] == ""
        assert [part.text for part in dog.one("p", "facts").children] == ["fal-ai/flux/dev", "seed 7", "0.0 s"]

    def test_stdout_is_the_path_and_stderr_one_line(self, desk: Desk) -> None:
        desk.draw("a cat")
        desk("run", "fal-ai/flux/dev", "prompt=hush", "--private", *NOW)
        desk("run", "sandbox/echo", "a=1", "sandbox.fail=500", *NOW, code=1)
        desk("submit", "sandbox/echo", "a=1", "sandbox.run=600")
        done = desk("gallery")
        assert done.text == "fal-gallery.html\n"
        assert re.fullmatch(r"1 result, \d+ kB; left out: 1 failed, 1 private, 1 not finished\n", done.stderr)
        found = Page((desk.folder / "fal-gallery.html").read_text())
        assert "hush" not in found.root.text
        assert "Left out: 1 failed, 1 private, 1 not finished." in found.all("footer")[0].text

    def test_what_was_left_is_fetched_and_stays_to_be_handed_over(self, desk: Desk) -> None:
        desk("submit", "sandbox/echo", "text=left behind", *NOW)
        assert page(desk).all("div", "words")[0].text == "left behind"
        (row,) = desk.rows
        assert (row.state, row.has_result, row.is_open) == (State.COMPLETED, True, True)

    def test_a_text_and_any_other_json(self, desk: Desk) -> None:
        desk("run", "fal-ai/any-llm", "prompt=tell me", *NOW)
        desk.echo("boxes:=[1,2]")
        code, words = page(desk).all("div", "words")
        assert words.text.startswith("This is the sandbox")
        assert code.classes == ["words", "code"]
        assert json.loads(code.text) == {"boxes": [1, 2]}

    def test_films_and_sound(self, offline: Desk, past: Past) -> None:
        film, sound = offline.folder / "a.mp4", offline.folder / "a.wav"
        film.write_bytes(mp4(5))
        sound.write_bytes(b"RIFF\x04\0\0\0WAVE")
        for number, path in enumerate((film, sound)):
            past.add(uuid(number), result={"x": {"url": f"https://x.test/{number}"}}, files=[str(path)])
            os.utime(path, (0, 0))
        found = page(offline)
        assert found.all("video")[0].attributes["src"].startswith("data:video/mp4;base64,")
        assert (found.all("video")[0].attributes["width"], found.all("video")[0].attributes["height"]) == ("640", "360")
        assert found.all("audio")[0].attributes["src"].startswith("data:audio/wav;base64,")

    def test_files_within_the_result_itself(self, desk: Desk) -> None:
        desk.echo(f"images:={json.dumps([{'url': 'data:image/png;base64,' + base64.b64encode(PNG).decode()}])}")
        assert bytes_of(page(desk).all("img")[0]) == PNG
        assert notes(page(desk, "--no-fetch")) == ["file 1.png it was not stored"]

    def test_the_newest_first_and_a_sheet_for_each_day(self, offline: Desk, past: Past) -> None:
        for number, ago in enumerate((3 * DAY, DAY, DAY)):
            past.add(uuid(number), ago=ago, result={"text": f"{number}"})
        sheets = page(offline).all("section", "sheet")
        assert [[one.text for one in sheet.all("div", "words")] for sheet in sheets] == [["2", "1"], ["0"]]

    def test_the_filters_of_history(self, offline: Desk, past: Past) -> None:
        past.add(uuid(1), ago=9 * DAY, result={"text": "old"})
        past.add(uuid(2), endpoint="a/b", input_json={"prompt": "100% cat"}, result={"text": "found"})
        past.add(uuid(3), endpoint="a/c", state=State.FAILED)

        def texts(*words: str) -> list[str]:
            return [one.text for one in page(offline, *words).all("div", "words")]

        assert texts("--since", "1d") == texts("--endpoint", "a/b") == texts("--search", "100% C") == ["found"]
        assert texts("--state", "completed", "--limit", "1") == ["found"]
        assert texts() == ["found", "old"]
        done = offline("gallery", "--limit", "2")
        assert done.stderr.endswith(" kB; left out: 1 failed; of the newest 2 requests; --limit 0 takes all\n")

    def test_beside_each_other(self, offline: Desk, past: Past) -> None:
        for number, endpoint in enumerate(("a/b", "a/c", "a/b", "a/c")):
            given = {"prompt": "a cat", "seed": number // 2}
            past.add(uuid(number), endpoint=endpoint, input_json=given, result={"text": f"{number}"})
        found = page(offline, "--columns", "endpoint")
        lines = found.all("tbody")[0].all("tr")
        assert [[cell.one("div", "words").text for cell in line.all("td")] for line in lines] == [
            ["0", "1"],
            ["2", "3"],
        ]
        done = offline("gallery", "--columns", "sede", code=2)
        assert "none of these requests has it" in done.stderr
        assert "Choose from: endpoint, prompt, seed" in done.stderr


class TestCommand:
    def test_it_makes_the_call_again(self, desk: Desk) -> None:
        hostile = 'it\'s "a" cat\n\u202e$(touch pwned) `x` <b> @home {{x}}'
        desk.draw(hostile)
        command = page(desk).all("code")[0].text
        seed = next(part.text for part in page(desk).all("p", "facts")[0].children if part.text.startswith("seed"))
        assert seed.removeprefix("seed ") in command
        wrapper = desk.folder / "fal"
        wrapper.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m fal_cli "$@"\n')
        wrapper.chmod(0o755)
        env = {**desk.program.env, "PATH": f"{desk.folder}:{os.environ['PATH']}"}
        subprocess.run(["sh", "-c", command], check=True, cwd=desk.folder, env=env, capture_output=True)
        first, second = desk.rows
        assert second.input_json == {**(first.input_json or {}), "seed": int(seed.removeprefix("seed "))}
        assert not (desk.folder / "pwned").exists()

    def test_there_is_none_for_an_input_that_was_not_kept(self, offline: Desk, past: Past) -> None:
        past.add(uuid(1), input_json={"prompt": "x" * 100_000}, result={"text": "a"})
        past.add(uuid(2), input_json={"image_url": f"data:image/png;base64,{'A' * 999}"}, result={"text": "b"})
        found = page(offline)
        assert found.all("code") == []
        assert [one.text for one in found.all("div", "words")] == ["b", "a"]


class TestWhatCannotBeHad:
    def test_each_file_is_told_in_its_place(self, desk: Desk) -> None:
        with Server([read_request, answer(404, {"detail": "gone"})]) as gone, refusing_port() as nobody:
            urls = [f"{gone.url}/a.png", f"http://127.0.0.1:{nobody}/b.png", f"http://127.0.0.1:{nobody}/c.png"]
            desk.draw("a cat")
            desk.echo(f"images:={json.dumps([{'url': url} for url in urls])}")
            done = desk("gallery")
        found = Page((desk.folder / "fal-gallery.html").read_text())
        first, second, third = notes(found)
        assert first == "a.png no longer there"
        assert second.startswith("b.png ")
        assert third == "c.png its host cannot be reached"  # and is not asked again
        assert len(found.all("img")) == 1
        assert re.fullmatch(r"2 results, \d+ kB; 3 files missing\n", done.stderr)

    @pytest.mark.parametrize(
        "url",
        [
            "https://[bad/a.png",
            "https://x.test:99999/a.png",
            "https:///a.png",
            "https://x\u2100.test/",
            "https://%/a b",
        ],
    )
    def test_an_address_that_is_none_is_told_and_ends_nothing(self, desk: Desk, url: str) -> None:
        uri = "data:image/png;base64," + base64.b64encode(PNG).decode()
        desk.echo(f"images:={json.dumps([{'url': url}, {'url': uri}])}")
        found = page(desk)
        assert bytes_of(found.all("img")[0]) == PNG
        assert len(notes(found)) == 1
        assert len(desk("show", "last", code=11).text.splitlines()) == 1

    def test_no_room_to_fetch_is_told_and_ends_nothing(self, desk: Desk, home: Path) -> None:
        desk.draw("a cat")
        full = "import tempfile\ndef full():\n    raise OSError(28, 'No space left')\ntempfile.TemporaryFile = full\n"
        (desk.folder / "sitecustomize.py").write_text(full)
        desk("gallery", "-o", "page.html", env={"PYTHONPATH": str(desk.folder)})
        assert notes(Page((desk.folder / "page.html").read_text()))[0].endswith("no room for it: No space left")

    def test_a_result_that_nobody_has_is_told_too(self, desk: Desk, home: Path) -> None:
        host = desk.program.env["FAL_QUEUE_RUN_HOST"]
        Past(home, in_sandbox=True).add(uuid(1), input_json={"prompt": "lost"}, state=State.ENDED, host=host)
        (card,) = page(desk).all("figure")
        assert card.one("p", "prompt").text == "lost"
        assert notes(card)[0].startswith("Its result cannot be fetched: ")

    def test_without_a_key_what_is_here_is_shown(self, offline: Desk, past: Past) -> None:
        path = offline.folder / "a.png"
        path.write_bytes(PNG)
        os.utime(path, (0, 0))
        past.add(uuid(1), result={"images": [{"url": "https://x.test/a.png"}]}, files=[str(path)])
        past.add(uuid(2), state=State.ACCEPTED)
        past.add(uuid(3), state=State.ENDED)
        found = page(offline)
        assert bytes_of(found.all("img")[0]) == PNG
        assert "no key" in notes(found)[0].lower() or "credentials" in notes(found)[0].lower()

    def test_no_fetch_asks_nobody(self, desk: Desk, service: Service) -> None:
        desk.draw("a cat")
        before = service.stats["requests"]
        assert notes(page(desk, "--no-fetch"))[0].endswith("not saved here, and not downloaded")
        assert service.stats["requests"] == before

    def test_a_file_that_another_call_overwrote_is_fetched(self, desk: Desk) -> None:
        desk.draw("a cat", "-o", "x.png", "--overwrite")
        first = (desk.folder / "x.png").read_bytes()
        desk.draw("a dog", "-o", "x.png", "--overwrite")
        second = (desk.folder / "x.png").read_bytes()
        assert first != second
        assert [bytes_of(one) for one in page(desk).all("img")] == [second, first]

    def test_a_file_that_was_changed_is_fetched_else_told(self, desk: Desk) -> None:
        desk.draw("a cat", "-o", "x.png")
        original = (desk.folder / "x.png").read_bytes()
        (desk.folder / "x.png").write_bytes(PNG)
        os.utime(desk.folder / "x.png", (time.time() + 60, time.time() + 60))
        assert bytes_of(page(desk).all("img")[0]) == original
        found = page(desk, "--no-fetch")
        assert bytes_of(found.all("img")[0]) == PNG
        assert found.all("p", "aside")[0].text == "the file was changed since it was saved"

    def test_nothing_to_show_is_no_page(self, desk: Desk, offline: Desk) -> None:
        assert desk("gallery", code=5).stderr.startswith("fal: no requests yet\nTo make one: fal run ")
        assert desk("gallery", "--batch", "cats", code=5).stderr == "fal: no batch 'cats'\nList them: fal batch\n"
        assert desk("gallery", "--since", "1d", code=5).stderr.startswith("fal: no such request")
        desk("run", "sandbox/echo", "a=1", "--private", *NOW)
        done = desk("gallery", "-o", "-", code=5)
        assert (done.text, done.stderr.splitlines()[0]) == ("", "fal: nothing to show: 1 private")
        assert list(desk.folder.iterdir()) == []


class TestSizes:
    def test_a_large_file_is_linked_by_its_path(self, desk: Desk) -> None:
        (desk.folder / "pages").mkdir()
        desk.draw("a cat", "-d", "out/{index} ünï#?.{ext}")
        desk("gallery", "--embed", "10", "-o", "pages/page.html")
        found = Page((desk.folder / "pages" / "page.html").read_text())
        check(found)
        assert found.all("img") == []
        link = found.one_link()
        assert (desk.folder / "pages" / unquote(link)).resolve() == Path(desk.rows[0].files[0])
        assert notes(found)[0].endswith("too large for this page")

    def test_one_that_was_not_saved_is_not_fetched(self, desk: Desk) -> None:
        large = [read_request, send(b"HTTP/1.1 200 OK\r\nContent-Length: 5000000000\r\n\r\n" + bytes(300_000)), stall]
        with Server(large) as shop:
            desk.echo(f"images:={json.dumps([{'url': f'{shop.url}/film.mp4'}])}")
            found = page(desk)
        assert notes(found) == ["film.mp4 5.0 GB too large for this page, and not saved here"]

    @pytest.mark.parametrize("size", ["", "ten", "-1", "1T", "1,5M"])
    def test_a_size_that_is_none(self, offline: Desk, size: str) -> None:
        assert "is not a size" in offline("gallery", "--embed", size, code=2).stderr

    @pytest.mark.parametrize(
        "name", ["javascript:alert(1).png", "//evil.test/x.png", '"><script>.png', "a%2Fb.png", "..png", "\udcff.png"]
    )
    def test_no_name_makes_a_link_lead_elsewhere(self, offline: Desk, past: Past, name: str) -> None:
        path = Path(f"{offline.folder}/{name}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
        os.utime(path, (0, 0))
        past.add(uuid(1), result={"images": [{"url": "https://x.test/a.png"}]}, files=[str(path)])
        link = page(offline, "--embed", "1").one_link()
        assert os.fsencode(unquote(link, errors="surrogateescape")) == os.fsencode(
            f"./{path.relative_to(offline.folder)}"
        )

    @pytest.mark.parametrize(
        ("name", "data"),
        [
            ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>'),
            ("a.html", b"<script>alert(1)</script>"),
        ],
    )
    def test_what_a_browser_would_run_is_never_linked(self, offline: Desk, past: Past, name: str, data: bytes) -> None:
        path = offline.folder / name
        path.write_bytes(data)
        os.utime(path, (0, 0))
        past.add(uuid(1), result={"x": {"url": "https://x.test/a"}}, files=[str(path)])
        for words in ((), ("--embed", "1")):
            found = page(offline, *words)
            assert [one for one in found.everything if one.attributes.get("data-href")] == []
            assert [one.text for one in found.all("a") if one.text == name] == []

    def test_memory_does_not_grow_with_the_ledger(self, offline: Desk, past: Past) -> None:
        """Three hundred pictures of a megabyte each take no more than five."""
        first = offline.folder / "0.png"
        first.write_bytes(PNG + bytes(1_000_000))
        os.utime(first, (0, 0))
        for number in range(300):
            path = offline.folder / f"{number}.png"
            if number:
                os.link(first, path)
            past.add(uuid(number), result={"images": [{"url": f"https://x.test/{number}"}]}, files=[str(path)])

        def peak(*words: str) -> float:
            argv = [*offline.program.argv, "gallery", "-q", "-o", "page.html", *words]
            return measure(argv, offline.program.env, cwd=offline.folder).peak_mib

        few, many = peak("--limit", "5"), peak()
        assert (offline.folder / "page.html").stat().st_size > 300 * 1_300_000
        assert many - few < 40


class TestWriting:
    def test_a_page_of_the_default_name_is_never_replaced_unless_told(self, offline: Desk, past: Past) -> None:
        past.add(uuid(1), result={"text": "a"})
        assert [offline("gallery").text, offline("gallery").text] == ["fal-gallery.html\n", "fal-gallery_1.html\n"]
        assert offline("gallery", "--overwrite").text == "fal-gallery.html\n"
        (offline.folder / "x.html").write_text("what was there")
        assert offline("gallery", "-o", "x.html").text == "x.html\n"
        assert "what was there" not in (offline.folder / "x.html").read_text()
        assert sorted(path.name for path in offline.folder.iterdir()) == [
            "fal-gallery.html", "fal-gallery_1.html", "x.html",
        ]  # fmt: skip

    def test_to_stdout(self, offline: Desk, past: Past) -> None:
        past.add(uuid(1), result={"text": "a"})
        done = offline("gallery", "-o", "-")
        check(Page(done.text))
        assert re.fullmatch(r"1 result, \d+ kB\n", done.stderr)
        assert list(offline.folder.iterdir()) == []

    @pytest.mark.parametrize(
        ("words", "told"),
        [
            (("-o", "cat.png"), "give its name the extension .html"),
            (("-o", "."), "it is a folder"),
            (("-o", "no/such/page.html"), "its folder does not exist"),
            (("-o", "-", "--open"), "--open needs a file"),
            (("--limit", "-1"), "--limit must be 0 or more"),
            (("--state", "fine"), "is not one of"),
        ],
    )
    def test_what_cannot_be_done_is_said_before_anything_is(
        self, offline: Desk, words: tuple[str, ...], told: str
    ) -> None:
        done = offline("gallery", *words, code=2)
        assert told in done.stderr
        assert list(offline.folder.iterdir()) == []

    def test_a_reader_that_goes_is_no_error(self, offline: Desk, past: Past) -> None:
        for number in range(200):
            past.add(uuid(number), result={"text": "x" * 5000})
        process = offline.start("gallery", "-o", "-")
        assert process.stdout is not None
        process.stdout.read(100)
        process.stdout.close()
        assert process.wait(30) == 0

    def test_interrupted_it_leaves_nothing_behind(self, desk: Desk) -> None:
        with Server([read_request, send(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nx"), stall]) as slow:
            desk.draw("a cat")
            desk.echo(f"images:={json.dumps([{'url': f'{slow.url}/a.png'}])}")
            process = desk.start("gallery")
            slow.settle(requests=1)
            process.send_signal(signal.SIGINT)
            assert process.wait(30) == 130
        assert list(desk.folder.iterdir()) == []

    def test_open_hands_it_to_the_browser(self, offline: Desk, past: Past) -> None:
        past.add(uuid(1), result={"text": "a"})
        browser = offline.folder / "browser"
        browser.write_text(f'#!/bin/sh\necho "$1" > "{offline.folder}/asked"\n')
        browser.chmod(0o755)
        offline("gallery", "--open", env={"BROWSER": f"{browser} %s"})
        until((offline.folder / "asked").exists)
        until(lambda: (offline.folder / "asked").read_text())
        assert (offline.folder / "asked").read_text() == f"{(offline.folder / 'fal-gallery.html').as_uri()}\n"

    def test_where_there_is_no_browser_it_says_so(self, offline: Desk, past: Past) -> None:
        past.add(uuid(1), result={"text": "a"})
        assert "no browser" in offline("gallery", "--open").stderr


class TestSecrets:
    def test_a_key_that_was_typed_into_an_input_is_not_shown(self, offline: Desk, past: Past) -> None:
        past.add(
            uuid(1), input_json={"prompt": f"my key is {SECRET}", "token": SECRET}, result={"text": f"{SECRET}!"},
            tags={"k": SECRET},
        )  # fmt: skip
        text = offline("gallery", "-o", "-", env={"FAL_KEY": f"canary-id:{SECRET}"}).text
        assert SECRET not in text
        assert "my key is [hidden]" in text


class TestPrivateSandbox:
    def test_what_an_earlier_command_made_is_there_though_its_server_has_ended(self, offline: Desk) -> None:
        offline.draw("a cat", "--sandbox")
        offline("--sandbox", "gallery", "-o", "page.html")
        found = Page((offline.folder / "page.html").read_text())
        assert bytes_of(found.all("img")[0]).startswith(b"\x89PNG")
        assert "made in the sandbox" in found.all("header")[0].text
        assert "cost" not in found.all("p", "facts")[0].text
        assert found.all("code")[0].text.startswith("fal --sandbox run fal-ai/flux/dev prompt='a cat'")
