"""A person with a phone does a study in a real browser, leaves in the middle, and comes back."""

import asyncio
import base64
import shutil
import subprocess
import sys
import time
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from dancegen.tools.study import make, plan
from dancegen.tools.study.settings import MakeStudyConfig
from dancegen.tools.study.store import Store

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (apt install chromium)")
PHONE, DESK = (390, 844), (1280, 800)
WAIT_S = 60.0


@pytest.fixture
def study(tmp_path, make_video):
    for name, step in (("a", 1), ("b", 2)):
        (tmp_path / name).mkdir()
        for number in range(2):
            pictures = np.full((50, 240, 320, 3), 40, np.uint8)
            for at, picture in enumerate(pictures):
                picture[60:180, 2 * step * at : 2 * step * at + 60] = (200, 90 + 60 * number, 40)
            sound = (0.2 * np.sin(np.arange(120_000) / 30)).astype(np.float32)
            make_video(tmp_path / name / f"{number}.mp4", pictures, fps=20, sound=sound)
    make.run(MakeStudyConfig(a=f"{tmp_path}/a", b=f"{tmp_path}/b", output=f"{tmp_path}/study", seconds=2, catch=1))
    return tmp_path / "study"


@pytest.fixture
def address(study):
    """Where the study is served, by the command that users give."""
    command = [sys.executable, "-m", "dancegen", "study", "serve", str(study), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as server:
        line = server.stdout.readline()
        yield next(word for word in line.split() if word.startswith("http://"))
        server.send_signal(2)
        out, err = server.communicate(timeout=30)
        assert "1 participants, 1 of them answered all 3 pairs" in out
        assert "Traceback" not in err


class Browser:
    """A headless Chromium, driven through its DevTools."""

    def __init__(self, profile: Path, size: tuple[int, int]) -> None:
        self.profile, self.size, self.number = profile, size, 0

    async def __aenter__(self) -> "Browser":
        (self.profile / "DevToolsActivePort").unlink(missing_ok=True)
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--no-first-run"]
        flags += ["--autoplay-policy=no-user-gesture-required", f"--user-data-dir={self.profile}", "--mute-audio"]
        self.process = subprocess.Popen(
            [str(CHROMIUM), *flags, "about:blank"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        place, end = self.profile / "DevToolsActivePort", time.monotonic() + WAIT_S
        while not (place.exists() and place.read_text().count("\n")) and time.monotonic() < end:
            await asyncio.sleep(0.1)
        port = place.read_text().split()[0]
        self.session = aiohttp.ClientSession()
        async with self.session.get(f"http://127.0.0.1:{port}/json") as answer:
            page = next(one for one in await answer.json() if one["type"] == "page")
        self.socket = await self.session.ws_connect(page["webSocketDebuggerUrl"], max_msg_size=1 << 26)
        width, height = self.size
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 700}
        await self.send("Emulation.setDeviceMetricsOverride", **metrics)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.send("Browser.close")  # a kill would lose the cookies of the profile
        await self.session.close()
        self.process.wait(30)

    async def send(self, method: str, **given: object) -> dict:
        self.number += 1
        await self.socket.send_json({"id": self.number, "method": method, "params": given})
        while True:
            answer = await self.socket.receive_json(timeout=WAIT_S)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    async def run(self, script: str) -> object:
        found = await self.send("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return found["result"].get("value")

    async def until(self, script: str) -> None:
        end = time.monotonic() + WAIT_S
        while not await self.run(script):
            assert time.monotonic() < end, script
            await asyncio.sleep(0.1)

    async def open(self, address: str, ready: str) -> None:
        await self.send("Page.navigate", url=address)
        await self.until(f"document.readyState === 'complete' && !!document.querySelector({ready!r})")

    async def click(self, selector: str) -> None:
        """As a finger does: at the middle of what is seen."""
        await self.run(f"document.querySelector({selector!r}).scrollIntoView({{block: 'center'}})")
        box = f"document.querySelector({selector!r}).getBoundingClientRect()"
        x, y = await self.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box})")
        for kind in ("mousePressed", "mouseReleased"):
            await self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def picture(self, path: Path) -> None:
        found = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))


async def answer(browser: Browser, place: int) -> None:
    await browser.until(f"(document.querySelector('#place') || {{}}).textContent === '{place} of 3'")
    for question in ("realistic", "music"):
        await browser.click(f"input[name={question}][value=left]")
    await browser.click("button")


async def first_visit(address: str, profile: Path, pictures: Path) -> None:
    async with Browser(profile, PHONE) as browser:
        await browser.open(address, "button")
        await browser.picture(pictures / "welcome.png")
        assert await browser.run("document.documentElement.scrollWidth <= innerWidth"), "it fits a phone"
        await browser.click("input[value=Expert]")
        await browser.click("button")
        await browser.until("document.querySelectorAll('video').length === 2")
        await browser.until("[...document.querySelectorAll('video')].every(video => video.readyState >= 3)")
        await browser.picture(pictures / "pair_phone.png")
        assert await browser.run("document.documentElement.scrollWidth <= innerWidth")
        await browser.run("document.querySelector('video').play()")
        await browser.until("document.querySelector('video').currentTime > 0.5")
        await browser.click("button")  # nothing is answered yet: the page stays
        assert await browser.run("document.querySelector('#place').textContent") == "1 of 3"
        await answer(browser, 1)
        await browser.until("document.querySelector('#place').textContent === '2 of 3'")


async def second_visit(address: str, profile: Path, pictures: Path) -> None:
    async with Browser(profile, DESK) as browser:
        await browser.open(address, "#place")
        await browser.until("[...document.querySelectorAll('video')].every(video => video.readyState >= 3)")
        await browser.picture(pictures / "pair_desk.png")
        await answer(browser, 2)
        await answer(browser, 3)
        await browser.until("document.querySelector('h1').textContent === 'Thank you!'")
        await browser.picture(pictures / "thanks.png")


def test_a_person_begins_on_a_phone_leaves_and_goes_on(study, address, tmp_path):
    profile = tmp_path / "profile"
    profile.mkdir()
    asyncio.run(first_visit(address, profile, tmp_path))
    store = Store(study / plan.DATABASE, plan.read(str(study)).id)
    assert len(store.answers()) == 2
    asyncio.run(second_visit(address, profile, tmp_path))
    answers = store.answers()
    assert len(answers) == 6
    assert {one.background for one in answers} == {"Expert"}
    assert len({one.token for one in answers}) == 1
    assert all((tmp_path / f"{name}.png").stat().st_size > 3000 for name in ("welcome", "pair_phone", "pair_desk"))
