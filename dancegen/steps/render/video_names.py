"""Names of videos. A name that was assigned is kept, and not assigned to another song (library.py)."""

import hashlib

from dancegen import storage

VIDEO = ".mp4"


def video_name(song: str, is_shared: bool) -> str:
    """File name of a song's video: its stem, with a short hash of its URI if another song has that name."""
    if not is_shared:
        return storage.stem(song) + VIDEO
    return f"{storage.stem(song)}-{hashlib.sha256(song.encode()).hexdigest()[:8]}{VIDEO}"


def name_key(name: str) -> str:
    """A key that is equal for names that collide on case-insensitive file systems."""
    return name.casefold()
