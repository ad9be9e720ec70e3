"""A real browser without a window, driven over its debugging protocol: what it draws and says, and what it asks for."""

import base64
import itertools
import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import websocket

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_SECONDS = 60.0
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--disable-extensions", "--disable-dev-shm-usage", "--no-first-run", "--hide-scrollbars",
    "--remote-debugging-port=0", "--remote-allow-origins=*",
)  # fmt: skip


def installed() -> str:
    """The browser that is there; "" if none is."""
    return next((path for name in NAMES if (path := shutil.which(name))), "")


class Page:
    """One page. `said` is what the console and the policy complained about, `asked` every URL that was asked for."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=_SECONDS, suppress_origin=True)
        self._numbers = itertools.count(1)
        self.said: list[str] = []
        self.asked: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """What the browser answers to a command."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self._notice(message)

    def look(self, width: int, height: int, *, dark: bool = False, mobile: bool = False) -> None:
        """Sets the window, and which colours its user prefers."""
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)
        preference = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[preference])

    def open(self, url: str) -> None:
        """Loads a page to its end."""
        self.call("Page.navigate", url=url)
        end = time.monotonic() + _SECONDS
        while self.js("location.href + document.readyState") != f"{url}complete":
            assert time.monotonic() < end, "the page never came to its end"
            time.sleep(0.05)

    def js(self, expression: str) -> Any:
        """The value of an expression in the page, awaited if it is a promise. It runs outside of the page's policy."""
        found = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def key(self, name: str) -> None:
        """Presses and releases a key."""
        codes = {"Enter": 13, "Escape": 27, "ArrowLeft": 37, "ArrowRight": 39, "Tab": 9}
        facts: Mapping[str, Any] = {"key": name, "code": name, "windowsVirtualKeyCode": codes.get(name, 0)}
        text = {"text": "\r"} if name == "Enter" else {"text": name} if len(name) == 1 else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", **facts, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", **facts)

    def picture(self, path: Path, *, whole: bool = False) -> None:
        """Saves what is seen, or all of the page."""
        found = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(found["data"]))

    def close(self) -> None:
        self._socket.close()

    def _notice(self, message: Mapping[str, Any]) -> None:
        parameters = message.get("params", {})
        if message.get("method") == "Log.entryAdded":
            self.said.append(parameters["entry"]["text"])
        elif message.get("method") == "Runtime.exceptionThrown":
            self.said.append(json.dumps(parameters["exceptionDetails"]))
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.said.append(json.dumps(parameters["args"]))
        elif message.get("method") == "Network.requestWillBeSent":
            self.asked.append(parameters["request"]["url"][:200])


@contextmanager
def page() -> Iterator[Page]:
    """A page of a fresh browser."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [installed(), *_FLAGS, f"--user-data-dir={folder}", "about:blank"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            opened = Page(_address(Path(folder), process))
            yield opened
            opened.close()
        finally:
            process.terminate()
            process.wait()


def _address(folder: Path, process: "subprocess.Popen[bytes]") -> str:
    """Where the first page is spoken to."""
    import urllib.request

    told, end = folder / "DevToolsActivePort", time.monotonic() + _SECONDS
    while not (told.exists() and "\n" in told.read_text()):
        assert process.poll() is None, "the browser ended at once"
        assert time.monotonic() < end, "the browser never said where it listens"
        time.sleep(0.05)
    port = told.read_text().split("\n")[0]
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/json") as answer:
        targets = json.load(answer)
    return next(target["webSocketDebuggerUrl"] for target in targets if target["type"] == "page")
