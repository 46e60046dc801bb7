"""Answers in an SQLite file: each is on the disk before its page goes on, and the same one twice counts once"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dancegen.errors import ConfigError

TABLES = """
CREATE TABLE IF NOT EXISTS study (id TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS people (token TEXT PRIMARY KEY, background TEXT NOT NULL, began REAL NOT NULL);
CREATE TABLE IF NOT EXISTS answers (
    token TEXT NOT NULL REFERENCES people, pair TEXT NOT NULL, question TEXT NOT NULL,
    chosen TEXT NOT NULL CHECK (chosen IN ('a', 'b')), left_was TEXT NOT NULL CHECK (left_was IN ('a', 'b')),
    seconds REAL, at REAL NOT NULL, PRIMARY KEY (token, pair, question));
"""
WAIT_S = 10.0  # for another process that writes


@dataclass(frozen=True)
class Answer:
    """One person's answer to one question about one pair."""

    token: str
    background: str
    pair: str
    question: str
    chosen: str
    """Which set: a or b."""


class Store:
    """The answers to one study."""

    def __init__(self, path: Path, study: str) -> None:
        """Open the file, or make it. `study` is the study's id. Raises ConfigError for a file of another study."""
        self.path = path
        with self._open() as database:
            database.executescript(TABLES)
            (found,) = database.execute("SELECT max(id) FROM study").fetchone()
            if found is None:
                database.execute("INSERT INTO study VALUES (?)", (study,))
            elif found != study:
                raise ConfigError(str(path), "holds answers to another study.", "Give another --database.")

    def begin(self, token: str, background: str) -> None:
        """A person begins."""
        with self._open() as database:
            database.execute("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", (token, background, time.time()))

    def knows(self, token: str) -> bool:
        """Whether a person has begun."""
        with self._open() as database:
            return database.execute("SELECT 1 FROM people WHERE token = ?", (token,)).fetchone() is not None

    def answer(self, token: str, pair: str, left: str, chosen: dict[str, str], seconds: float | None) -> None:
        """Keep a person's answers about a pair, by question: all or none. What was answered before stays."""
        now = time.time()
        rows = [(token, pair, question, one, left, seconds, now) for question, one in chosen.items()]
        with self._open() as database:
            database.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def answered(self, token: str) -> set[str]:
        """The pairs that a person has answered."""
        with self._open() as database:
            rows = database.execute("SELECT DISTINCT pair FROM answers WHERE token = ?", (token,))
            return {pair for (pair,) in rows}

    def people(self) -> dict[str, str]:
        """Everyone who has begun, and their background."""
        with self._open() as database:
            return dict(database.execute("SELECT token, background FROM people ORDER BY began, token").fetchall())

    def answers(self) -> list[Answer]:
        """All answers."""
        query = (
            "SELECT token, background, pair, question, chosen FROM answers JOIN people USING (token) "
            "ORDER BY token, pair, question"
        )
        with self._open() as database:
            return [Answer(*row) for row in database.execute(query)]

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are on the disk when the block ends, or not made."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=WAIT_S)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                with database:
                    yield database
            finally:
                database.close()
        except (sqlite3.Error, OSError) as error:
            problem = f"cannot be used as a database ({error})."
            raise ConfigError(str(self.path), problem, "Give another --database.") from error
