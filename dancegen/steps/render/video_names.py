"""songs -> names of their videos. A name that was assigned is kept, and not assigned to another song."""

import hashlib
from collections import Counter

from dancegen import storage

VIDEO = ".mp4"


def video_names(songs: list[str], given: dict[str, str]) -> dict[str, str]:
    """Song -> file name of its video; `given` are the names of earlier runs, also for songs that are not in the list.

    The name is the song's stem. If another song has that name, or several new songs share a stem, a short hash of the
    song's URI is appended.
    """
    new = [song for song in songs if song not in given]
    stems = Counter(_key(storage.stem(song) + VIDEO) for song in new)
    taken = {_key(name) for name in given.values()}
    names = {song: given[song] for song in songs if song in given}
    for song in new:
        name = storage.stem(song) + VIDEO
        shared = stems[_key(name)] > 1 or _key(name) in taken
        names[song] = _with_hash(song) if shared else name
    return names


def _key(name: str) -> str:
    """A key that is equal for names that collide on case-insensitive file systems."""
    return name.casefold()


def _with_hash(song: str) -> str:
    return f"{storage.stem(song)}-{hashlib.sha256(song.encode()).hexdigest()[:8]}{VIDEO}"
