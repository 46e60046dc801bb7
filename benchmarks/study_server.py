"""Load test of the study server on this machine's loopback, with clients and server on the same cores.

    python benchmarks/study_server.py [PEOPLE]

Every participant opens the first page, enters an invitation code, and for each pair opens its page, fetches both clips
and answers. A second run is the same while 200 slow clients send one byte of a request per second.
"""

import asyncio
import re
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from contextlib import suppress
from pathlib import Path

import aiohttp
import numpy as np
import psutil

from dancegen.media.writer import VideoWriter
from dancegen.tools.study import make, plan, serve
from dancegen.tools.study.settings import MakeStudyConfig
from dancegen.tools.study.store import Store

PAIRS, SLOW = 4, 200


def main() -> None:
    """Measure without and with slow clients."""
    people = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    for slow in (0, SLOW):
        with tempfile.TemporaryDirectory() as folder:
            measure(make_study(Path(folder)), people, slow)


def make_study(folder: Path) -> Path:
    """Make a study of PAIRS pairs of noise clips of one second."""
    random = np.random.default_rng(0)
    for name in ("a", "b"):
        (folder / name).mkdir()
        for number in range(PAIRS):
            with VideoWriter(folder / name / f"{number}.mp4", 320, 240, 25, np.zeros(32_000, np.float32)) as video:
                for _ in range(50):
                    video.write(random.integers(0, 255, (240, 320, 3), np.uint8))
    settings = MakeStudyConfig(a=f"{folder}/a", b=f"{folder}/b", output=f"{folder}/study", seconds=1, catch=0)
    make.run(settings)
    return folder / "study"


def measure(study: Path, people: int, slow: int) -> None:
    """Serve the study with the user's command and send all participants at once."""
    codes = serve.invite(str(study), people, None)
    command = [sys.executable, "-m", "dancegen", "study", "serve", str(study), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        address = next(word for word in server.stdout.readline().split() if word.startswith("http://"))
        asyncio.run(everyone(address, codes, slow, server.pid))
        server.send_signal(2)
    kept = Store(study / plan.DATABASE, plan.read(str(study)).id)
    print(f"  stored: {len(kept.people())} people, {len(kept.answers())} of {people * PAIRS * 2} answers\n")


async def everyone(address: str, codes: list[str], slow: int, server: int) -> None:
    """Run all participants at once and print the latency of each kind of request."""
    took: dict[str, list[float]] = defaultdict(list)
    crowd = [asyncio.create_task(dawdle(address)) for _ in range(slow)]
    before, began = cpu_s(server), time.perf_counter()
    await asyncio.gather(*(person(address, code, took) for code in codes))
    seconds, used = time.perf_counter() - began, cpu_s(server) - before
    for task in crowd:
        task.cancel()
    requests = sum(map(len, took.values()))
    print(f"{len(codes)} people at once, {slow} slow clients: {requests} requests, {requests / seconds:.0f} per second")
    print(f"  all finished after {seconds:.1f} s; CPU time of the server {used:.1f} s")
    print("  milliseconds     median    95 %    99 %      max")
    for kind, times in took.items():
        numbers = [*np.percentile(times, (50, 95, 99)), max(times)]
        print(f"  {kind:12}" + "".join(f"{1000 * number:9.0f}" for number in numbers))


def cpu_s(server: int) -> float:
    """CPU seconds of the server."""
    times = psutil.Process(server).cpu_times()
    return times.user + times.system


async def person(address: str, code: str, took: dict[str, list[float]]) -> None:
    """One participant, from the first page to the last answer. Raises AssertionError on an unexpected status."""
    waits = aiohttp.ClientTimeout(total=300)
    async with aiohttp.ClientSession(address, timeout=waits, cookie_jar=aiohttp.CookieJar(unsafe=True)) as browser:

        async def request(kind: str, method: str, path: str, form: dict | None = None) -> bytes:
            began = time.perf_counter()
            headers = {"Origin": address}
            async with browser.request(method, path, data=form, headers=headers, allow_redirects=False) as answer:
                assert answer.status == (303 if method == "POST" else 200), (answer.status, await answer.text())
                body = await answer.read()
            took[kind].append(time.perf_counter() - began)
            return body

        await request("first page", "GET", f"/?code={code}")
        await request("begin", "POST", "/begin", {"background": "Expert", "code": code})
        for _ in range(PAIRS):
            page = (await request("pair", "GET", "/next")).decode()
            clips = re.findall(r'src="(/clips/[^"]+)"', page)
            await asyncio.gather(*(request("clip", "GET", clip) for clip in clips))
            pair = re.search(r'name="pair" value="([^"]+)"', page)[1]
            await request("answer", "POST", "/answer", {"pair": pair, "realistic": "left", "music": "left"})


async def dawdle(address: str) -> None:
    """Slow client: sends one byte per second and reconnects when disconnected."""
    host, port = address.removeprefix("http://").split(":")
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection(host, int(port))
            for byte in b"GET / HTTP/1.1\r\nX-Slow: " + b"x" * 1000:
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(1)


if __name__ == "__main__":
    main()
