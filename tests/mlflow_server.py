"""A real MLflow server for tests, and a door before it that can be shut."""

import contextlib
import os
import signal
import socket
import socketserver
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class MlflowServer:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def kill(self) -> None:
        """End it and its workers at once; again: nothing."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def mlflow_servers(folder: Path, count: int = 1) -> Iterator[list[MlflowServer]]:
    """Servers of the one database in a folder, `mlflow.db`; they start side by side."""
    with contextlib.ExitStack() as stack:
        servers = [_start(folder, stack) for _ in range(count)]
        for server in servers:
            _wait_for(server, folder / f"log-{server.port}")
        yield servers


def _start(folder: Path, stack: contextlib.ExitStack) -> MlflowServer:
    port = free_port()
    options = f"--backend-store-uri sqlite:///{folder}/mlflow.db --artifacts-destination {folder}/files --workers 1"
    command = [sys.executable, "-m", "mlflow", "server", *options.split(), "--port", str(port)]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with open(folder / f"log-{port}", "w") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True)
    server = MlflowServer(port, process)
    stack.callback(server.kill)
    return server


def _wait_for(server: MlflowServer, log: Path, seconds: float = 180) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and server.process.poll() is None:
        try:
            urllib.request.urlopen(f"{server.address}/health", timeout=2)
            return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Door:
    """An address behind which a server stands, or none: then connections are refused."""

    def __init__(self) -> None:
        self.port = free_port()
        self._open: socketserver.ThreadingTCPServer | None = None

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def open(self, server: MlflowServer) -> None:
        """Lead what arrives at the address to a server."""
        handler = type("Handler", (_Handler,), {"target": server.port})
        self._open = _Listener(("127.0.0.1", self.port), handler)
        threading.Thread(target=self._open.serve_forever, args=(0.05,), daemon=True).start()

    def shut(self) -> None:
        """Refuse what arrives. Connections that are open stay so until the server ends."""
        if self._open is not None:
            self._open.shutdown()
            self._open.server_close()
            self._open = None


class _Listener(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False


class _Handler(socketserver.BaseRequestHandler):
    target: int

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.target)) as there:
            back = threading.Thread(target=_pump, args=(there, self.request), daemon=True)
            back.start()
            _pump(self.request, there)
            back.join()


def _pump(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
