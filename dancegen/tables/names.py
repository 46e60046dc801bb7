"""File names in a table's folder, and which file has the newest row of a key.

`part-<hash>.parquet` has the rows of one key, named by the first 16 hex digits of the key's SHA-256.
`shard-<index>-of-<count>.parquet` has the rows of many keys: those whose hash, as a fraction of its range, lies in
[index / count, (index + 1) / count). `count` is a power of two, so that a shard of a coarser division contains whole
shards of a finer one.
"""

import hashlib
import re
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass

from dancegen import storage

PART, SHARD = "part-", "shard-"  # prefixes
PART_NAME = re.compile(r"part-(?P<hash>[0-9a-f]{16})\.parquet")
SHARD_NAME = re.compile(r"shard-(?P<index>\d+)-of-(?P<count>\d+)\.parquet")
HASH_BITS = 64
ROWS_A_SHARD = 1000
GROWTH = 4  # shards of this many times ROWS_A_SHARD are divided


@dataclass(frozen=True)
class Shard:
    """A range of the hashes of keys."""

    index: int
    count: int

    @property
    def name(self) -> str:
        """File name of the shard."""
        return f"{SHARD}{self.index:05d}-of-{self.count:05d}.parquet"

    def covers(self, key_hash: int) -> bool:
        """Whether the hash of a key lies in the range."""
        return shard_index(key_hash, self.count) == self.index

    def contains(self, other: "Shard") -> bool:
        """Whether another shard is a smaller range inside this one."""
        return other.count > self.count and other.index * self.count // other.count == self.index


def part_name(key: str) -> str:
    """File name of the part that contains the rows of a key."""
    return f"{PART}{key_hash(key):016x}.parquet"


def key_hash(key: str) -> int:
    """Hash of a key, in [0, 2**64)."""
    return int.from_bytes(hashlib.sha256(key.encode()).digest()[:8])


def shard_index(hashed: int, count: int) -> int:
    """Index of the shard, of `count`, that covers a hash."""
    return hashed * count >> HASH_BITS


def shard_count(rows: int, before: int = 1) -> int:
    """Number of shards for a number of rows: the number `before`, unless the shards would become too large."""
    if rows <= GROWTH * ROWS_A_SHARD * before:
        return before
    return 1 << (-(-rows // ROWS_A_SHARD) - 1).bit_length()


def part_hash(uri: str) -> int | None:
    """Hash of the key of a part, from its name; None for another file."""
    found = PART_NAME.fullmatch(storage.name(uri))
    return int(found["hash"], 16) if found else None


def shard_of(uri: str) -> Shard | None:
    """The shard in a file, from its name; None for another file."""
    found = SHARD_NAME.fullmatch(storage.name(uri))
    return Shard(int(found["index"]), int(found["count"])) if found else None


class Newer:
    """Files whose rows replace rows of a shard: parts, and shards of a finer division.

    A part is always newer than a shard: compaction deletes the parts after it has written the shard.
    """

    def __init__(self, parts: set[int], shards: list[Shard]) -> None:
        self._parts, self._shards = parts, shards

    def __bool__(self) -> bool:
        return bool(self._parts or self._shards)

    def has(self, key: str) -> bool:
        """Whether one of the files covers the rows of a key."""
        hashed = key_hash(key)
        return hashed in self._parts or any(shard.covers(hashed) for shard in self._shards)


def newer_files(uris: Collection[str]) -> dict[str, Newer]:
    """For each shard, of the files of a table, the newer files that overlap with it. Other shards are left out."""
    parts = [hashed for uri in uris if (hashed := part_hash(uri)) is not None]
    shards = {uri: shard for uri in uris if (shard := shard_of(uri)) is not None}
    inside: dict[Shard, set[int]] = defaultdict(set)
    for count in {shard.count for shard in shards.values()}:
        for hashed in parts:
            inside[Shard(shard_index(hashed, count), count)].add(hashed)
    found = {
        uri: Newer(inside.get(shard, set()), [other for other in shards.values() if shard.contains(other)])
        for uri, shard in shards.items()
    }
    return {uri: newer for uri, newer in found.items() if newer}
