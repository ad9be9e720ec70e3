"""The files of results in the page: embedded up to a size, linked if larger, else named with a reason."""

import os
import tempfile
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import quote

from fal_cli.api.wire import Wire
from fal_cli.commands.gallery.page import Kind, Medium
from fal_cli.files.facts import MediaFacts, facts
from fal_cli.media import MediaFile
from fal_cli.results import at_hand, made
from fal_cli.results.at_hand import AtHand, NotHad, TooLarge
from fal_cli.terminal.browser import is_web
from fal_cli.urls import origin

_PIECE_BYTES = 96 * 1024
# What browsers show, by the name under which they take it from a data: URI.
_SHOWN = {
    "image/png": "image/png", "image/jpeg": "image/jpeg", "image/gif": "image/gif", "image/webp": "image/webp",
    "image/avif": "image/avif", "image/bmp": "image/bmp", "image/svg+xml": "image/svg+xml",
    "video/mp4": "video/mp4", "video/quicktime": "video/mp4", "video/webm": "video/webm",
    "video/x-matroska": "video/webm", "audio/wav": "audio/wav", "audio/mpeg": "audio/mpeg", "audio/ogg": "audio/ogg",
    "audio/flac": "audio/flac", "audio/mp4": "audio/mp4", "audio/webm": "audio/webm",
}  # fmt: skip
# What a browser would run if it were opened by itself. A picture within the page runs nothing.
_ACTIVE = ("image/svg+xml", "text/html", "application/xhtml+xml", "text/xml", "application/xml")
CHANGED = "the file was changed since it was saved"


class Embedding:
    """Makes `Medium`s of files, in any thread: those that are not saved are fetched, unless `fetches` is False.

    `beside` is the folder of the page, from which links lead to saved files; up to `most` bytes are embedded.
    """

    def __init__(self, beside: Path, *, most: int, fetches: bool) -> None:
        self._beside = beside
        self._most = most
        self._fetches = fetches
        self._out_of_reach: set[object] = set()
        self._lock = threading.Lock()
        self.failures = 0

    def medium(self, wire: Callable[[], Wire], file: AtHand, *, alt: str, number: int) -> Medium:
        """One file of a result. A missing one is replaced by the reason. `wire` is called only for downloads."""
        if file.path is not None and not file.is_changed:
            return self._saved(file.path, alt)
        try:
            return self._fetched(wire, file.file, alt, number)
        except NotHad as error:
            if file.path is not None:
                return self._saved(file.path, alt)._replace(note=CHANGED)
            return self._missing(file.file, error, number)

    def _saved(self, path: Path, alt: str) -> Medium:
        found = facts(path)
        href = "" if found.content_type in _ACTIVE else _link(path, self._beside)
        medium = _described(found, path.name, alt)._replace(href=href)
        if found.bytes is None or found.bytes > self._most:
            return medium._replace(note="too large for this page" if found.bytes else "cannot be read")
        return medium._replace(pieces=partial(_read, path))

    def _fetched(self, wire: Callable[[], Wire], file: MediaFile, alt: str, number: int) -> Medium:
        try:
            stream = cast(BinaryIO, tempfile.TemporaryFile())  # noqa: SIM115  # lives as long as the medium
        except OSError as error:
            raise NotHad(f"no room for it: {error.strerror or error}") from None
        name = at_hand.name_of(file, number)
        self._bring(wire, file, stream)
        found = facts(stream, name=name)
        return _described(found, name, alt)._replace(pieces=partial(_rewound, stream))

    def _bring(self, wire: Callable[[], Wire], file: MediaFile, stream: BinaryIO) -> None:
        """Fetches a file, unless its host was out of reach before."""
        host = origin(file.url)
        if not self._fetches and file.url and not file.url.startswith("data:"):
            raise NotHad("not saved here, and not downloaded")
        if host in self._out_of_reach:
            raise NotHad("its host cannot be reached")
        try:
            at_hand.bring(wire(), file, stream, most=self._most)
        except NotHad as error:
            if error.is_out_of_reach:
                self._out_of_reach.add(host)
            raise

    def _missing(self, file: MediaFile, error: NotHad, number: int) -> Medium:
        href = file.url if is_web(file.url) else ""
        if isinstance(error, TooLarge):
            note = "too large for this page, and not saved here" if href else "too large for this page"
            return Medium("file", at_hand.name_of(file, number), facts=made.weight(error.size), href=href, note=note)
        with self._lock:
            self.failures += 1
        return Medium("file", at_hand.name_of(file, number), note=str(error))


def _described(found: MediaFacts, name: str, alt: str) -> Medium:
    """A file by what is known of it; one that browsers do not show is a `file`."""
    sizes = made.pixels(found), made.playing_time(found.seconds), made.weight(found.bytes)
    shown = _SHOWN.get(found.content_type)
    kind: Kind = found.kind if shown and found.kind in ("image", "video", "audio") else "file"
    return Medium(kind, name, alt, ", ".join(filter(None, sizes)), shown or "", found.width, found.height)


def _link(path: Path, beside: Path) -> str:
    """The way from the page's folder to a file, as a URL. Nothing in a name makes it another kind of URL."""
    try:
        way = os.path.relpath(path, beside)
    except ValueError:  # on another drive
        return path.absolute().as_uri()
    way = way.replace(os.sep, "/")
    return quote(os.fsencode(way if way.startswith("../") else f"./{way}"))


def _read(path: Path) -> Iterator[bytes]:
    """A file's bytes. One that is gone by now ends early: the page is half written."""
    try:
        with path.open("rb") as stream:
            while piece := stream.read(_PIECE_BYTES):
                yield piece
    except OSError:
        return


def _rewound(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of a fetched file, which is gone then."""
    with stream:
        stream.seek(0)
        while piece := stream.read(_PIECE_BYTES):
            yield piece
