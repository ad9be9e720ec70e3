"""How an app speaks over a WebSocket, as its document says it: `x-fal-protocol` of a path (wire §7.5). Pure."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

UNARY = "unary"


class Protocol(NamedTuple):
    """`mode` is "" where the document does not say it; one result may stand for up to `max_batch` inputs.

    With `drops_inputs` a full buffer loses the oldest ones without a word.
    """

    mode: str = ""
    max_batch: int = 1
    drops_inputs: bool = False

    @property
    def answers_each(self) -> bool:
        """Whether every input has one result of its own."""
        return self.mode in ("", UNARY) and self.max_batch == 1 and not self.drops_inputs


def read(document: Any, path: str) -> Protocol:
    """The protocol of the route that ends with `path` (`realtime`)."""
    for name, said in _protocols(document):
        if name.rstrip("/").endswith(f"/{path.strip('/')}"):
            return _protocol(said)
    return Protocol()


def _protocols(document: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    paths = document.get("paths") if isinstance(document, dict) else None
    for name, item in paths.items() if isinstance(paths, dict) else ():
        if not isinstance(item, dict):
            continue
        for holder in (item, *item.values()):
            said = holder.get("x-fal-protocol") if isinstance(holder, dict) else None
            if isinstance(said, dict):
                yield str(name), said


def _protocol(said: Mapping[str, Any]) -> Protocol:
    config = said.get("config")
    more = config if isinstance(config, dict) else {}
    mode, batch = said.get("realtimeMode"), more.get("maxBatchSize")
    return Protocol(
        mode if isinstance(mode, str) else "",
        batch if isinstance(batch, int) and not isinstance(batch, bool) and batch > 1 else 1,
        isinstance(more.get("buffering"), int),
    )
