"""The rows of a job, in shards. The rows are kept in a file, so that the driver's memory is small at any number."""

import pickle
import tempfile
from array import array
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from dancegen.tables.names import Shard, key_hash, shard_index

Row = dict[str, Any]


class Plan:
    """Rows by the shard that covers their uri. 16 bytes per row are in memory.

    The file is a temporary one of this machine: only the driver reads it, and the next run plans again, because the
    inputs may have changed. A context manager: it deletes the file.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._file = tempfile.TemporaryFile(prefix="dancegen-plan-")  # noqa: SIM115 (lives as long as the plan)
        places, hashes = array("Q"), array("Q")
        place = 0
        for row in rows:
            pickled = pickle.dumps(row)
            self._file.write(pickled)
            places.append(place)
            hashes.append(key_hash(row["uri"]))
            place += len(pickled)
        order = np.argsort(np.frombuffer(hashes, np.uint64), kind="stable") if hashes else np.empty(0, np.int64)
        self._hashes = np.frombuffer(hashes, np.uint64)[order] if hashes else np.empty(0, np.uint64)
        self._places = np.frombuffer(places, np.uint64)[order] if places else np.empty(0, np.uint64)

    def __enter__(self) -> "Plan":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def __len__(self) -> int:
        return len(self._hashes)

    def shards(self, count: int) -> Iterator[tuple[Shard, list[Row]]]:
        """All shards of a table, each with its rows, in the order in which they were given."""
        first = 0
        for index in range(count):
            last = first
            while last < len(self) and shard_index(int(self._hashes[last]), count) == index:
                last += 1
            yield Shard(index, count), [self._row(int(place)) for place in sorted(self._places[first:last])]
            first = last

    def _row(self, place: int) -> Row:
        self._file.seek(place)
        return pickle.load(self._file)
