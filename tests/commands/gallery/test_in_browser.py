"""The page in a real browser: that it looks for nothing, obeys no stranger, and does what it offers."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fal_cli.commands.gallery import page
from fal_cli.commands.gallery.page import Card, Column, Grid, Heading, Line, Medium, Sheet
from tests.support import browser, media_files
from tests.support.browser import Page
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not browser.installed(), reason="there is no Chromium here")

WIDE, NARROW = (1280, 900), (390, 844)
HOSTILE = (
    "<script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 1'>",
    '"><svg onload="window.owned = 1">',
    "evil \u202egnp.exe",
    "مرحبا بالعالم " * 20,
    "日本語" * 200,
    "x" * 5000,
    "long words " * 500,
    "🐈‍⬛👩‍👩‍👧‍👦🏳️‍🌈",
)
EVIL_SVG = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="40" height="30"><script>top.owned = 1</script>'
    b'<image href="http://evil.test/x.png" width="9" height="9"/><rect width="40" height="30"/></svg>'
)


@pytest.fixture(scope="module")
def window() -> Iterator[Page]:
    with browser.page() as opened:
        yield opened


def card(number: int, prompt: str, **facts: object) -> Card:
    pieces = media_files.picture("PNG", 300 + number, 200)
    medium = Medium(
        "image", f"{number}.png", prompt[:80], "300×200, 1 kB", "image/png", 300 + number, 200,
        href=f"./out/{number}.png", pieces=lambda: iter([pieces]),
    )  # fmt: skip
    known = {
        "endpoint": "a/b" if number % 2 else "a/c", "media": [medium], "prompt": prompt, "facts": [f"seed {number}"],
        "page_url": "https://fal.ai/models/a/b", "command": f"fal run a/b prompt='{prompt}' seed={number}",
        "details": [("steps", "28")],
    }  # fmt: skip
    return Card(**(known | facts))  # type: ignore[arg-type]


def opened(window: Page, folder: Path, sections: Sequence[Sheet | Grid], size: tuple[int, int] = WIDE) -> Page:
    """A page in a window, with nothing said or asked so far."""
    path = folder / "page.html"
    path.write_bytes(b"".join(page.write(Heading("Gallery"), sections)))
    window.look(*size)
    window.said.clear()
    window.asked.clear()
    window.open(path.as_uri())
    return window


def plain(window: Page, folder: Path, size: tuple[int, int] = WIDE) -> Page:
    """A page of a dozen results."""
    cards = [card(number, f"a {'cat' if number < 9 else 'dog'} {number}") for number in range(12)]
    cards.append(Card("a/llm", text="a text about a dog", prompt="tell me"))
    return opened(window, folder, [Sheet("Today", cards[:6]), Sheet("Yesterday", cards[6:])], size)


def shown(window: Page) -> int:
    return int(window.js("document.querySelectorAll('.card:not([hidden])').length"))


class TestKeepsToItself:
    @pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "390"])
    def test_strangers_words_and_pictures_do_nothing_and_fit(
        self, window: Page, tmp_path: Path, size: tuple[int, int]
    ) -> None:
        svg = Medium("image", "evil.svg", "evil", "", "image/svg+xml", 40, 30, pieces=lambda: iter([EVIL_SVG]))
        cards = [card(number, text, endpoint=text[:200]) for number, text in enumerate(HOSTILE)]
        cards += [Card("a/b", text=text) for text in HOSTILE] + [Card("a/b", [svg])]
        opened(window, tmp_path, [Sheet("Today", cards)], size)
        assert window.js("window.owned ?? null") is None
        assert window.js("document.documentElement.scrollWidth") <= size[0]
        prompts = window.js("[...document.querySelectorAll('figcaption .prompt')].map((one) => one.textContent)")
        assert prompts == [text.replace("\u202e", "<U+202E>") for text in HOSTILE]
        assert [url for url in window.asked if not url.startswith(("data:", "file:"))] == []
        assert window.said == []

    def test_its_policy_holds_against_what_it_does_not_know(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        window.js("""new Promise((done) => {
            const script = document.createElement("script");
            script.textContent = "window.owned = 1";
            document.body.append(script);
            const picture = document.createElement("img");
            picture.onerror = picture.onload = done;
            picture.src = "http://127.0.0.1:9/x.png";
        })""")
        assert window.js("window.owned ?? null") is None
        assert len([text for text in window.said if "Content Security Policy" in text]) == 2

    def test_every_picture_is_drawn(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        window.js("Promise.all([...document.images].map((one) => (one.loading = 'eager', one.decode())))")
        sizes = window.js("[...document.querySelectorAll('main img')].map((one) => one.naturalWidth)")
        assert sizes == [300 + number for number in range(12)]


class TestLooks:
    @pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
    def test_text_can_be_read_in_both_colours(self, window: Page, tmp_path: Path, dark: bool) -> None:
        plain(window, tmp_path)
        window.look(*WIDE, dark=dark)
        paper = channels(window.js("getComputedStyle(document.body).backgroundColor"))
        assert (luminance(paper) < 0.05) is dark
        for selector in (".prompt", ".facts", ".again code", ".copy", ".number", "h1", "#count", ".end", ".words"):
            ink = channels(window.js(f"getComputedStyle(document.querySelector('{selector}')).color"))
            assert contrast(paper, ink) >= 4.5, selector

    def test_a_wide_window_has_columns_and_a_telephone_two(self, window: Page, tmp_path: Path) -> None:
        columns = "getComputedStyle(document.querySelector('.cards')).gridTemplateColumns.split(' ').length"
        assert plain(window, tmp_path).js(columns) == 4
        assert plain(window, tmp_path, NARROW).js(columns) == 2

    def test_captions_of_a_row_begin_on_one_line(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        tops = window.js("[...document.querySelectorAll('figcaption')].slice(0, 4).map((one) => one.offsetTop)")
        assert len(set(tops)) == 1

    def test_a_grid_scrolls_by_itself(self, window: Page, tmp_path: Path) -> None:
        cells = [[card(number, "a cat")] for number in range(6)]
        grid = Grid("By seed", [Column(f"seed {n}") for n in range(6)], [Line("a cat", "", cells)])
        opened(window, tmp_path, [grid], NARROW)
        assert window.js("document.documentElement.scrollWidth") == NARROW[0]
        assert window.js(
            "(({scrollWidth, clientWidth}) => scrollWidth > clientWidth)(document.querySelector('.across'))"
        )

    def test_what_failed_is_seen_and_is_not_counted(self, window: Page, tmp_path: Path) -> None:
        failed = [
            Card(f"a/{name}", notes=["Failed: <script>window.owned = 1</script>"], prompt="a cat", is_failed=True)
            for name in "bc"
        ]
        lines = [
            Line("a dog", "", [[card(1, "a dog")], [card(2, "a dog")]]),
            Line("a cat", "", [[one] for one in failed]),
        ]
        opened(window, tmp_path, [Grid("By endpoint", [Column("a/b"), Column("a/c")], lines)])
        assert window.js("[...document.querySelectorAll('tbody tr')].map((one) => one.hidden)") == [False, False]
        assert (
            window.js("[...document.querySelectorAll('.note')].map((one) => one.textContent)")
            == ["Failed: <script>window.owned = 1</script>"] * 2
        )
        assert window.js("document.querySelector('.number').textContent") == "2"
        assert window.js("document.querySelector('#count').value") == "2"
        type_in(window, "#search", "cat")
        assert window.js("[...document.querySelectorAll('tbody tr')].map((one) => one.hidden)") == [True, False]
        assert window.js("document.querySelector('#count').value") == "0 of 2"
        assert window.js("document.querySelector('.nothing').hidden") is True
        assert window.js("window.owned ?? null") is None


class TestFilters:
    def test_search_endpoint_and_kind_together(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        assert shown(window) == 13
        type_in(window, "#search", "DOG")
        assert shown(window) == 4
        assert window.js("document.querySelector('#count').value") == "4 of 13"
        assert window.js("[...document.querySelectorAll('section')].map((one) => one.hidden)") == [True, False]
        choose(window, "#endpoint", "a/b")
        assert shown(window) == 2
        choose(window, "#endpoint", "")
        window.js("document.querySelector('.kinds input[value=text]').click()")
        assert shown(window) == 1
        type_in(window, "#search", "no such word")
        assert shown(window) == 0
        assert not window.js("document.querySelector('.nothing').hidden")
        window.js("document.querySelector('#clear').click()")
        assert shown(window) == 13

    def test_the_seed_and_the_command_are_found_too(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        type_in(window, "#search", "seed=7")
        assert shown(window) == 1

    def test_slash_goes_to_the_search(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        window.key("/")
        assert window.js("document.activeElement.id") == "search"
        window.key("/")
        assert window.js("document.activeElement.value") == "/"

    def test_a_few_results_need_no_tools(self, window: Page, tmp_path: Path) -> None:
        opened(window, tmp_path, [Sheet("Today", [card(1, "a cat")])])
        assert window.js("document.querySelector('.tools').hidden")

    def test_a_thousand_are_filtered_at_once(self, window: Page, tmp_path: Path) -> None:
        cards = [Card("a/b", text=f"number {number}", prompt="a cat " * 40) for number in range(1000)]
        opened(window, tmp_path, [Sheet("Today", cards)])
        type_in(window, "#search", "number 77")
        assert shown(window) == 19  # 77, 177 … 977, 770 … 779, of which 777 is one


class TestViewer:
    def test_it_is_used_with_the_keyboard_alone(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        window.js("document.querySelectorAll('.look')[1].focus()")
        window.key("Enter")
        assert viewed(window) == (True, 301, "2 of 12")
        window.key("ArrowRight")
        assert viewed(window) == (True, 302, "3 of 12")
        window.key("ArrowLeft")
        window.key("ArrowLeft")
        window.key("ArrowLeft")
        assert viewed(window) == (True, 311, "12 of 12")
        window.key("Escape")
        assert not viewed(window)[0]
        until(lambda: window.js("document.activeElement.dataset.name") == "11.png")

    def test_it_shows_all_that_is_told_of_a_result(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        window.js("document.querySelectorAll('.look')[3].click()")
        told = window.js("document.querySelector('.beside').innerText")
        for part in (
            "a cat 3",
            "seed 3",
            "fal run a/b prompt='a cat 3' seed=3",
            "steps",
            "28",
            "3.png",
            "300×200, 1 kB",
        ):
            assert part in told
        links = window.js("""[...document.querySelectorAll(".links a")].map(
            (one) => [one.textContent, one.getAttribute("href").slice(0, 22)])""")
        assert links == [["Open the file", "./out/3.png"], ["Save a copy", "data:image/png;base64,"]]

    def test_it_steps_through_what_is_filtered(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        type_in(window, "#search", "dog")
        window.js("document.querySelector('.card:not([hidden]) .look').click()")
        assert viewed(window) == (True, 309, "1 of 3")

    @pytest.mark.parametrize("size", [WIDE, NARROW], ids=["1280", "390"])
    def test_the_picture_fits_the_window(self, window: Page, tmp_path: Path, size: tuple[int, int]) -> None:
        large = media_files.picture("PNG", 3000, 5000)
        medium = Medium("image", "a.png", "a", "", "image/png", 3000, 5000, pieces=lambda: iter([large]))
        opened(window, tmp_path, [Sheet("Today", [Card("a/b", [medium], prompt="x" * 2000)])], size)
        window.js("document.querySelector('.look').click()")
        box = window.js("""document.querySelector('.stage img').decode().then(() => {
            const box = document.querySelector('.stage img').getBoundingClientRect();
            return [box.left, box.top, box.right, box.bottom, box.width / box.height];
        })""")
        assert min(box[:2]) >= 0
        assert box[2] <= size[0]
        assert box[3] <= size[1]
        assert box[4] == pytest.approx(0.6, abs=0.01)

    def test_copy_hands_the_command_over(self, window: Page, tmp_path: Path) -> None:
        plain(window, tmp_path)
        window.js("navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }")
        window.js("document.querySelectorAll('.copy')[2].click()")
        assert (
            window.js("new Promise((done) => setTimeout(() => done(window.copied)))")
            == "fal run a/b prompt='a cat 2' seed=2"
        )
        assert window.js("document.querySelectorAll('.copy')[2].textContent") == "Copied"


class TestFilms:
    def test_sound_is_read_when_it_comes_near_and_can_be_played(self, window: Page, tmp_path: Path) -> None:
        data = media_files.wav(1.5)
        sound = Medium("audio", "a.wav", "a note", "", "audio/wav", pieces=lambda: iter([data]))
        opened(window, tmp_path, [Sheet("Today", [Card("a/b", [sound])])])
        duration = window.js("""new Promise((done) => {
            const sound = document.querySelector("audio");
            const tell = () => sound.readyState > 0 ? done(sound.duration) : setTimeout(tell, 20);
            tell();
        })""")
        assert duration == pytest.approx(1.5, abs=0.01)


def type_in(window: Page, selector: str, text: str) -> None:
    """Writes into a field and waits for the page to follow."""
    window.js(f"""new Promise((done) => {{
        const field = document.querySelector({selector!r});
        field.value = {text!r};
        field.dispatchEvent(new Event("input", {{ bubbles: true }}));
        requestAnimationFrame(() => requestAnimationFrame(done));
    }})""")


def choose(window: Page, selector: str, value: str) -> None:
    window.js(f"""(() => {{
        const field = document.querySelector({selector!r});
        field.value = {value!r};
        field.dispatchEvent(new Event("change", {{ bubbles: true }}));
    }})()""")


def viewed(window: Page) -> tuple[bool, int | None, str]:
    """Whether the viewer is open, the width of the picture in it, and where that stands."""
    found = window.js("""(() => {
        const picture = document.querySelector(".stage img");
        const width = picture ? picture.decode().then(() => picture.naturalWidth) : Promise.resolve(null);
        const place = document.querySelector(".place").textContent;
        return width.then((width) => [document.querySelector(".viewer").open, width, place]);
    })()""")
    return found[0], found[1], found[2]


def channels(color: str) -> tuple[float, float, float]:
    """`rgb(18, 18, 19)` as numbers from 0 to 1."""
    red, green, blue = (float(part) / 255 for part in color[color.index("(") + 1 : -1].split(",")[:3])
    return red, green, blue


def luminance(color: tuple[float, float, float]) -> float:
    """How bright a colour is, as WCAG 2 has it."""
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    """The contrast of two colours, from 1 to 21."""
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)
