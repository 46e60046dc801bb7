"""A person with a phone does a study in a real browser, leaves in the middle, and comes back."""

import asyncio
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from browser import CHROMIUM, DESK, MISSING, PHONE, Browser

from dancegen.tools.study import make, plan
from dancegen.tools.study.settings import MakeStudyConfig
from dancegen.tools.study.store import Store

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)


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
