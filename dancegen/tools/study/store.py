"""Answers in an SQLite file. An answer is on disk before the next page is sent; repeated answers are ignored"""

import os
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
CREATE TABLE IF NOT EXISTS codes (code TEXT PRIMARY KEY, token TEXT REFERENCES people);
CREATE TABLE IF NOT EXISTS answers (
    token TEXT NOT NULL REFERENCES people, pair TEXT NOT NULL, question TEXT NOT NULL,
    chosen TEXT NOT NULL CHECK (chosen IN ('a', 'b')), left_was TEXT NOT NULL CHECK (left_was IN ('a', 'b')),
    seconds REAL, at REAL NOT NULL, PRIMARY KEY (token, pair, question));
"""
WAIT_S = 10.0  # timeout for the lock of another writer


@dataclass(frozen=True)
class Answer:
    """One participant's answer to one question on one pair."""

    token: str
    background: str
    pair: str
    question: str
    chosen: str
    """The preferred set: a or b."""


class Store:
    """The answers to one study."""

    def __init__(self, path: Path, study: str) -> None:
        """Open or create the file with mode 0600. Raises ConfigError for a database of another study.

        `study` is the study's id.
        """
        self.path = path
        self._make_private()
        with self._open() as database:
            database.executescript(TABLES)
            (found,) = database.execute("SELECT max(id) FROM study").fetchone()
            if found is None:
                database.execute("INSERT INTO study VALUES (?)", (study,))
            elif found != study:
                raise ConfigError(str(path), "contains answers to another study.", "Give another --database.")

    def begin(self, token: str, background: str, code: str | None = None) -> bool:
        """Register a participant. Returns False when the invitation code is unknown or already used."""
        with self._open() as database:
            if code is not None:
                taken = database.execute("UPDATE codes SET token = ? WHERE code = ? AND token IS NULL", (token, code))
                if taken.rowcount != 1:
                    return False
            database.execute("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", (token, background, time.time()))
        return True

    def invite(self, codes: list[str]) -> None:
        """Store invitation codes. Each admits one participant; from now on a code is required."""
        with self._open() as database:
            database.executemany("INSERT INTO codes (code) VALUES (?)", [(code,) for code in codes])

    def invites(self) -> bool:
        """Whether an invitation code is required."""
        with self._open() as database:
            return database.execute("SELECT 1 FROM codes LIMIT 1").fetchone() is not None

    def knows(self, token: str) -> bool:
        """Whether a participant is registered."""
        with self._open() as database:
            return database.execute("SELECT 1 FROM people WHERE token = ?", (token,)).fetchone() is not None

    def answer(self, token: str, pair: str, left: str, chosen: dict[str, str], seconds: float | None) -> None:
        """Store a participant's answers on a pair by question, atomically. Earlier answers are kept."""
        now = time.time()
        rows = [(token, pair, question, one, left, seconds, now) for question, one in chosen.items()]
        with self._open() as database:
            database.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?, ?, ?, ?, ?, ?)", rows)

    def answered(self, token: str) -> set[str]:
        """Ids of the pairs that a participant has answered."""
        with self._open() as database:
            rows = database.execute("SELECT DISTINCT pair FROM answers WHERE token = ?", (token,))
            return {pair for (pair,) in rows}

    def people(self) -> dict[str, str]:
        """Background of each registered participant by token, in order of registration."""
        with self._open() as database:
            return dict(database.execute("SELECT token, background FROM people ORDER BY began, token").fetchall())

    def answers(self) -> list[Answer]:
        """All answers, sorted by participant, pair and question."""
        query = (
            "SELECT token, background, pair, question, chosen FROM answers JOIN people USING (token) "
            "ORDER BY token, pair, question"
        )
        with self._open() as database:
            return [Answer(*row) for row in database.execute(query)]

    def _make_private(self) -> None:
        """Set mode 0600 on the database; SQLite creates its side files with the same mode."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            for end in ("", "-wal", "-shm"):
                file = self.path.with_name(self.path.name + end)
                if file.exists() and file.stat().st_mode & 0o077:  # created by an earlier release
                    file.chmod(0o600)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigError:
        return ConfigError(str(self.path), f"cannot be used as a database ({error}).", "Give another --database.")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection in a transaction that is committed to disk at the end of the block, or rolled back."""
        try:
            database = sqlite3.connect(self.path, timeout=WAIT_S)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute("PRAGMA synchronous = FULL")
                with database:
                    yield database
            finally:
                database.close()
        except (sqlite3.Error, OSError) as error:
            raise self._unusable(error) from error
