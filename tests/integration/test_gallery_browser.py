"""The gallery in a real browser, opened as a file: search, previews, the player, and a title that attacks."""

import asyncio

import numpy as np
import pytest
from browser import CHROMIUM, DESK, MISSING, PHONE, Browser

from dancegen import schema, tables
from dancegen.tools.gallery.run import run
from dancegen.tools.gallery.settings import GalleryConfig

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason=MISSING)
HOSTILE = "<img src=x onerror=document.title='owned'>'\"><svg onload=document.title='owned'> Ünsafe"


@pytest.fixture
def gallery(tmp_path, make_video):
    video = make_video(tmp_path / "a.mp4", [np.full((36, 64, 3), 9 * n, np.uint8) for n in range(20)], fps=10)
    known = {"version": "1", "seconds": 2.0, "seed": 7, "look": "avatar", "wall_s": 1.0}
    rows = [{"uri": f"/songs/{name}.mp3", "output_uri": str(video), **known} for name in (HOSTILE, "tame")]
    rows += [
        {"uri": f"/songs/failed {n:03}.mp3", "error": f"{HOSTILE} is broken.", "version": "1", "wall_s": 1.0}
        for n in range(201)
    ]
    tables.begin(f"{tmp_path}/renders", schema.RENDERS, {})
    for row in rows:
        tables.write_part(f"{tmp_path}/renders", schema.table(schema.RENDERS, [row]), row["uri"])
    assert len([*run(GalleryConfig(renders=f"{tmp_path}/renders", output=f"{tmp_path}/gallery"))]) == 1
    return f"file://{tmp_path}/gallery"


async def at_a_desk(address, profile):
    async with Browser(profile, DESK) as browser:
        await browser.open(f"{address}/index.html", ".songs")
        await browser.until("!document.querySelector('.search').hidden")  # the script runs under the policy
        await browser.until("[...document.images].every(image => image.naturalWidth > 0)")
        await browser.press("/", "/")
        assert await browser.run("document.activeElement.id") == "query"
        await browser.send("Input.insertText", text="unsaf")
        await browser.until("document.querySelectorAll('#results a').length === 1")
        assert await browser.run("document.querySelector('#results a').textContent") == HOSTILE
        await browser.run("query.value = 'failed 200'; query.dispatchEvent(new Event('input'))")
        await browser.until("document.querySelector('#results a').getAttribute('href').startsWith('failures-0002')")
        await browser.run("document.querySelector('a.poster').focus()")
        await browser.until("document.querySelector('.poster video')?.currentTime > 0")
        await browser.press("Enter", "\r")
        await browser.until("player.open && player.querySelector('video').readyState >= 2")
        assert await browser.run("document.querySelector('#playing').textContent") == HOSTILE
        await browser.press("Escape")
        await browser.until("!player.open")
        assert await browser.run("document.title") == "Dances"
        await browser.open(f"{address}/failures.html", ".reasons")
        assert await browser.run("document.title") == "Dances"
        assert await browser.run("getComputedStyle(document.querySelector('.tabs')).display") == "flex"


async def on_a_phone(address, profile):
    async with Browser(profile, PHONE) as browser:
        for page in ("index.html", "failures.html"):
            await browser.open(f"{address}/{page}", "main")
            assert await browser.run("document.documentElement.scrollWidth <= innerWidth"), page


def test_the_gallery_works_from_a_file_with_the_keyboard_and_on_a_phone(gallery, tmp_path):
    (tmp_path / "profile").mkdir()
    asyncio.run(at_a_desk(gallery, tmp_path / "profile"))
    asyncio.run(on_a_phone(gallery, tmp_path / "profile"))
