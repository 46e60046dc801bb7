"""A headless Chromium for tests of pages, driven through its DevTools."""

import asyncio
import base64
import shutil
import subprocess
import time
from pathlib import Path

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
MISSING = "no chromium on this machine (apt install chromium)"
PHONE, DESK = (390, 844), (1280, 800)
WAIT_S = 60.0


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

    async def press(self, key: str, text: str = "") -> None:
        """A key such as Enter or /; `text` is what it types."""
        code = {"Enter": 13, "Escape": 27}.get(key, 0)
        for kind in ("keyDown", "keyUp"):
            typed = {"text": text} if text and kind == "keyDown" else {}
            await self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=code, **typed)

    async def picture(self, path: Path) -> None:
        found = await self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(found["data"]))
