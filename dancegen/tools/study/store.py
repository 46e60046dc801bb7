"""Answers in an SQLite file: each is on the disk before its page goes on, and the same one twice counts once"""

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
        """Open the file, or make it, for its owner alone. Raises ConfigError for answers to another study.

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
                raise ConfigError(str(path), "holds answers to another study.", "Give another --database.")

    def begin(self, token: str, background: str, code: str | None = None) -> bool:
        """A person begins. False when an invitation code is given that is unknown, or that somebody has used."""
        with self._open() as database:
            if code is not None:
                taken = database.execute("UPDATE codes SET token = ? WHERE code = ? AND token IS NULL", (token, code))
                if taken.rowcount != 1:
                    return False
            database.execute("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", (token, background, time.time()))
        return True

    def invite(self, codes: list[str]) -> None:
        """Keep invitation codes. Each lets one person begin, and from now on nobody begins without one."""
        with self._open() as database:
            database.executemany("INSERT INTO codes (code) VALUES (?)", [(code,) for code in codes])

    def invites(self) -> bool:
        """Whether only those who have an invitation code may begin."""
        with self._open() as database:
            return database.execute("SELECT 1 FROM codes LIMIT 1").fetchone() is not None

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

    def _make_private(self) -> None:
        """SQLite gives the files beside a database the mode that the database has."""
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
            for end in ("", "-wal", "-shm"):
                file = self.path.with_name(self.path.name + end)
                if file.exists() and file.stat().st_mode & 0o077:  # of an older release
                    file.chmod(0o600)
        except OSError as error:
            raise self._unusable(error) from error

    def _unusable(self, error: Exception) -> ConfigError:
        return ConfigError(str(self.path), f"cannot be used as a database ({error}).", "Give another --database.")

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A connection whose changes are on the disk when the block ends, or not made."""
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
