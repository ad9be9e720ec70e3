"""A page of HTML as a test looks at it: its elements, its text, its policy, and what a browser would load for it."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "img", "input", "br"}
_LOADED = {
    "img": ("src", "srcset"), "video": ("src", "poster"), "audio": ("src",), "source": ("src", "srcset"),
    "script": ("src",), "link": ("href",), "iframe": ("src", "srcdoc"), "object": ("data",), "embed": ("src",),
    "use": ("href", "xlink:href"), "image": ("href", "xlink:href"), "track": ("src",), "form": ("action",),
    "input": ("src",), "button": ("formaction",), "base": ("href",), "body": ("background",),
}  # fmt: skip


@dataclass
class Element:
    """A tag with its attributes, the elements in it, and the text of all of it."""

    tag: str
    attributes: dict[str, str]
    parent: "Element | None" = None
    children: list["Element"] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return "".join(self.texts)

    @property
    def classes(self) -> list[str]:
        return self.attributes.get("class", "").split()

    def all(self, tag: str, name: str = "") -> list["Element"]:
        """Every element of a tag, and of a class if one is named, in it."""
        inside = [one for child in self.children for one in child.all(tag, name)]
        is_it = self.tag == tag and (not name or name in self.classes)
        return [self, *inside] if is_it else inside

    def one(self, tag: str, name: str = "") -> "Element":
        (found,) = self.all(tag, name)
        return found


class Page(HTMLParser):
    """A page, parsed. Fails for one whose tags do not match."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = self.root
        self.feed(text)
        self.close()
        assert self._open is self.root, f"<{self._open.tag}> is never closed"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self._open)
        assert len(element.attributes) == len(attrs), f"<{tag}> has an attribute twice"
        self._open.children.append(element)
        if tag not in _VOID:
            self._open = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.tag == tag, f"</{tag}> closes <{self._open.tag}>"
        assert self._open.parent is not None
        self._open = self._open.parent

    def handle_data(self, data: str) -> None:
        here: Element | None = self._open
        while here is not None:
            here.texts.append(data)
            here = here.parent

    def all(self, tag: str, name: str = "") -> list[Element]:
        return self.root.all(tag, name)

    def one_link(self) -> str:
        """Where the only link that is none of the page's own leads to, but for those to an endpoint's page."""
        found = [one.attributes["href"] for one in self.all("a")]
        (link,) = [href for href in found if not href.startswith(("#", "https://fal.ai/models/"))]
        return link

    @property
    def everything(self) -> list[Element]:
        found, waiting = [], [self.root]
        while waiting:
            element = waiting.pop()
            found.append(element)
            waiting += element.children
        return found

    @property
    def policy(self) -> dict[str, list[str]]:
        """The content security policy, by directive."""
        (content,) = [
            one.attributes["content"]
            for one in self.all("meta")
            if one.attributes.get("http-equiv") == "Content-Security-Policy"
        ]
        parts = [part.split() for part in content.split(";")]
        return {name: values for name, *values in parts}

    @property
    def loaded(self) -> list[str]:
        """Every URL that a browser would load of its own accord."""
        found = [
            element.attributes[name]
            for element in self.everything
            for name in _LOADED.get(element.tag, ())
            if name in element.attributes
        ]
        styles = "".join(one.text for one in self.all("style"))
        return [*found, *re.findall(r"url\(|@import|image-set\(", styles)]


def hash_of(text: str) -> str:
    """A script or style as a policy names it."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def check(page: Page) -> None:
    """Fails unless the page keeps to itself, and its policy says so and is true."""
    (script,), (style,) = page.all("script"), page.all("style")
    assert page.policy == {
        "default-src": ["'none'"],
        "script-src": [hash_of(script.text)],
        "style-src": [hash_of(style.text)],
        "img-src": ["data:"],
        "media-src": ["data:"],
        "base-uri": ["'none'"],
        "form-action": ["'none'"],
    }
    assert [url[:60] for url in page.loaded if not url.startswith("data:")] == []
    for element in page.everything:
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"], element.tag
        if element.tag == "a" and not element.attributes["href"].startswith("#"):
            assert element.attributes["rel"] == "noopener noreferrer"
            assert element.attributes["href"].startswith(("https://", "http://127.0.0.1:", "./", "../"))
