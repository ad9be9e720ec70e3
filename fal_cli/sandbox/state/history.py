"""What has run so far, read off the records of the queue, of direct runs and of streams alike."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fal_cli.sandbox.state.record import Outcome, Record, from_json
from fal_cli.sandbox.state.store import Store


@dataclass(frozen=True)
class Past:
    """A request that has begun, as it stands at some moment. All times are Unix seconds.

    `began` is when its latest attempt did (§4.10); `ended` and `ending` are None while it runs or waits again.
    """

    record: Record
    began: float
    ended: float | None

    @property
    def ending(self) -> Outcome | None:
        """How it ended."""
        return None if self.ended is None else self.record.ending

    @property
    def seconds(self) -> float | None:
        """How long it ran."""
        return None if self.ended is None else self.ended - self.began


def begun(
    store: Store, moment: float, *, endpoints: Sequence[str] = (), request_ids: Sequence[str] = ()
) -> Iterator[Past]:
    """The requests that have begun by `moment` (Unix seconds): one that waits in line is none of them (§9.3)."""
    for data, cancelled in store.accepted(moment, endpoints=endpoints, request_ids=request_ids):
        past = _at(from_json(data, cancelled), moment)
        if past is not None:
            yield past


def _at(record: Record, moment: float) -> Past | None:
    life, offset = record.life, moment - record.accepted
    start = life.begun_at(offset)
    if start is None or not record.is_known(moment):
        return None
    ended = _shown(record.accepted + life.end) if life.at(offset).state == "COMPLETED" else None
    return Past(record, _shown(record.accepted + start), ended)


def _shown(moment: float) -> float:
    """To the microsecond, so that a moment read off an answer finds the request again."""
    return round(moment, 6)
