"""The rows, each made of a place when it is its turn: what the suite measures, in the order of its table."""

from tests.bench.place import Maker
from tests.bench.rows import batch, files, queue, realtime, result, scaling, start, stream

ROWS: dict[str, Maker] = {
    **start.ROWS,
    **queue.ROWS,
    **batch.ROWS,
    **files.ROWS,
    **stream.ROWS,
    **realtime.ROWS,
    **result.ROWS,
    **scaling.ROWS,
}
