"""A temporary database on this machine's disk, to compare more rows than should be in memory."""

import sqlite3
from typing import Self

CACHE_KB = 64_000  # in memory; the rest is in a file, which SQLite deletes


def database(layout: str) -> sqlite3.Connection:
    """A new database with these tables. It is gone when it is closed, or when the process ends.

    Several threads may use it, one after another.
    """
    made = sqlite3.connect("", check_same_thread=False)
    made.executescript(
        f"pragma journal_mode = off; pragma synchronous = off; pragma cache_size = -{CACHE_KB}; {layout}"
    )
    return made


class Database:
    """Base class for what is kept in such a database. A context manager: it deletes the database."""

    def __init__(self, layout: str) -> None:
        self._db = database(layout)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()
