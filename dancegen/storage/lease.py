"""Leases: one run at a time in a folder. A small file in the folder names the run and is renewed while the run lives.

The lease of a dead run is taken over: on the same machine its process is looked up; on another machine the lease is
polled until it is renewed or has not been renewed for `EXPIRES_S`. No clocks are compared. A run that finds its lease
held by another run (after suspension of the machine or a storage outage) sends itself SIGTERM. On S3 the lease is taken
by a conditional write; if a server ignores the condition, two runs that start within the same second may both start,
and the one whose lease was replaced stops at its next renewal.
"""

import json
import os
import signal
import socket
import sys
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil

from dancegen import storage
from dancegen.errors import ConfigError, StorageError

NAME = "_lease.json"
RENEW_S, EXPIRES_S, LOOK_S = 15.0, 60.0, 3.0
READS, READ_AGAIN_S = 5, 0.2  # retries for a lease that cannot be parsed
BOOT = Path("/proc/sys/kernel/random/boot_id")
NAMESPACE = Path("/proc/self/ns/pid")  # of process ids: each container has its own
REMEDY = "Wait until it ends, stop it, or give another folder."


@contextmanager
def held(folders: Iterable[str], what: str) -> Iterator[None]:
    """Hold leases on folders; `what` names this run to others. Raises ConfigError when another run holds one."""
    with ExitStack() as leases:
        for folder in folders:
            leases.enter_context(_Lease(folder, what))
        yield


class _Lease:
    """The lease on one folder, held inside the context."""

    def __init__(self, folder: str, what: str) -> None:
        self._folder, self._place = folder, storage.join(folder, NAME)
        process = psutil.Process()
        self._mine = {
            "run": uuid.uuid4().hex,
            "what": what,
            "host": socket.gethostname(),
            "machine": _machine(),
            "pid": process.pid,
            "started": process.create_time(),
        }
        self._ended = threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"lease of {folder}", daemon=True)

    def __enter__(self) -> None:
        while not storage.create(self._place, self._text()):
            if (found := self._read()) is not None:
                self._check_dead(found)
                if self._read() == found:
                    storage.delete(self._place)
        if not self._is_mine():
            raise self._taken(self._read() or self._mine)
        self._heart.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._heart.join()
        try:
            if self._is_mine():
                storage.delete(self._place)
                storage.delete_empty_folder(self._folder)
        except StorageError:  # storage is unreachable: the lease expires
            pass

    def _beat(self) -> None:
        while not self._ended.wait(RENEW_S):
            try:
                found = self._read()
                if found is not None and found["run"] != self._mine["run"]:
                    self._lost(found)
                    return
                storage.write_bytes(self._place, self._text())
            except StorageError:  # retried; the lease may expire meanwhile
                continue

    def _lost(self, found: dict[str, Any]) -> None:
        _say(f"{self._folder}: {_named(found)} has taken over this folder. This run stops.")
        main = threading.main_thread().ident
        assert main is not None
        signal.pthread_kill(main, signal.SIGTERM)  # SIGINT is ignored by background jobs of a shell script

    def _check_dead(self, found: dict[str, Any]) -> None:
        """Raise ConfigError unless the run that holds the lease is dead."""
        if found["machine"] == self._mine["machine"]:
            if _lives(found["pid"], found["started"]):
                raise self._taken(found)
            return
        _say(f"{self._folder}: waiting up to {EXPIRES_S:g} s to check whether {_named(found)} is still running")
        deadline = time.monotonic() + EXPIRES_S
        while time.monotonic() < deadline:
            time.sleep(LOOK_S)
            if (now := self._read()) is None:
                return
            if now != found:
                raise self._taken(now)

    def _taken(self, found: dict[str, Any]) -> ConfigError:
        return ConfigError(self._folder, f"is in use by {_named(found)}.", REMEDY)

    def _is_mine(self) -> bool:
        return (self._read() or {}).get("run") == self._mine["run"]

    def _read(self) -> dict[str, Any] | None:
        """Content of the lease file; None when it does not exist or is invalid, in which case it is deleted."""
        for _ in range(READS):
            if not storage.exists(self._place):
                return None
            try:
                found = json.loads(storage.read_text(self._place))
                if self._mine.keys() <= found.keys():
                    return found
            except (json.JSONDecodeError, AttributeError):  # another process may be writing it
                pass
            time.sleep(READ_AGAIN_S)
        storage.delete(self._place)
        return None

    def _text(self) -> bytes:
        return json.dumps({**self._mine, "renewed": time.time()}).encode()


def _machine() -> str:
    """Identifier of this machine, boot and container."""
    boot = BOOT.read_text().strip() if BOOT.exists() else ""
    return " ".join([socket.gethostname(), boot, os.readlink(NAMESPACE) if NAMESPACE.exists() else ""])


def _lives(pid: int, started: float) -> bool:
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _named(found: dict[str, Any]) -> str:
    return f"`{found['what']}` (process {found['pid']} on {found['host']})"


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")
