"""Many people who take part in a study at once: every answer that the server accepted is kept, and kept once."""

import asyncio
import random
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import aiohttp
import numpy as np
import pytest

from dancegen.tools.study import make, plan, serve
from dancegen.tools.study.plan import QUESTIONS, Study
from dancegen.tools.study.settings import MakeStudyConfig
from dancegen.tools.study.store import Store

PEOPLE, PAIRS = 50, 3
Votes = dict[tuple[str, str], str]
"""The chosen set (a or b) by pair and question."""


@pytest.fixture
def study(tmp_path: Path, make_video: Callable[..., Path]) -> Path:
    """A study of PAIRS pairs of short clips."""
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for number in range(PAIRS):
            pictures = np.full((30, 48, 64, 3), 30 + 60 * number, np.uint8)
            tone = 0.3 * np.sin(np.arange(30 * 2400) / 20)
            make_video(tmp_path / name / f"{number}.mp4", pictures, fps=20, sound=tone.astype(np.float32))
    make.run(MakeStudyConfig(a=f"{tmp_path}/a", b=f"{tmp_path}/b", output=f"{tmp_path}/study", seconds=1, catch=0))
    return tmp_path / "study"


@contextmanager
def served(study: Path, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """The address of a study, served by the command that users give, and the server."""
    command = [sys.executable, "-m", "dancegen", "study", "serve", str(study), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        assert server.stdout is not None
        try:
            yield next(word for word in server.stdout.readline().split() if word.startswith("http://")), server
        finally:
            server.kill()


async def person(address: str, code: str, study: Study, seed: int, accepted: Votes) -> None:
    """Answer all pairs at random, each twice at once, as an impatient finger does. `accepted` gets what was kept."""
    choose, pairs = random.Random(seed), {pair.id: pair for pair in study.pairs}
    waits, cookies = aiohttp.ClientTimeout(total=300), aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(address, timeout=waits, cookie_jar=cookies) as browser:

        async def post(path: str, form: dict[str, str]) -> None:
            async with browser.post(path, data=form, headers={"Origin": address}, allow_redirects=False) as answer:
                assert answer.status == 303, await answer.text()

        await post("/begin", {"background": "Expert", "code": code})
        while True:
            async with browser.get("/next") as answer:
                page = await answer.text()
            if not (found := re.search(r'name="pair" value="([^"]+)"', page)):
                break
            pair = pairs[found[1]]
            left, right = ("a" if clip == pair.a else "b" for clip in re.findall(r'src="/clips/([^"]+)"', page))
            async with browser.get(f"/clips/{pair.a}") as clip:
                assert (clip.status, (await clip.read())[4:8]) == (200, b"ftyp")
            sides = {question: choose.choice(("left", "right")) for question in QUESTIONS}
            await asyncio.gather(*(post("/answer", {"pair": pair.id, **sides}) for _ in range(2)))
            accepted.update(
                {(pair.id, question): left if side == "left" else right for question, side in sides.items()}
            )


async def everyone(address: str, codes: list[str], study: Study, accepted: list[Votes]) -> None:
    people = zip(codes, accepted, strict=True)
    tasks = [person(address, code, study, seed, votes) for seed, (code, votes) in enumerate(people)]
    await asyncio.gather(*tasks)


def kept(study: Path) -> list[Votes]:
    """What the database has, by person."""
    store = Store(study / plan.DATABASE, plan.read(str(study)).id)
    people: dict[str, Votes] = {}
    for answer in store.answers():
        votes = people.setdefault(answer.token, {})
        assert (answer.pair, answer.question) not in votes, "kept twice"
        votes[answer.pair, answer.question] = answer.chosen
    return [*people.values()]


def counted(people: list[Votes]) -> Counter[tuple]:
    return Counter(tuple(sorted(votes.items())) for votes in people)


def singles(people: list[Votes]) -> Counter[tuple]:
    return Counter(vote for votes in people for vote in votes.items())


@pytest.mark.slow
def test_the_answers_of_many_people_at_once_are_all_kept_and_each_once(study: Path):
    codes, accepted = serve.invite(str(study), PEOPLE, None), [Votes() for _ in range(PEOPLE)]
    with served(study) as (address, _):
        asyncio.run(everyone(address, codes, plan.read(str(study)), accepted))
    assert {len(votes) for votes in accepted} == {PAIRS * len(QUESTIONS)}
    assert counted(kept(study)) == counted(accepted)


@pytest.mark.slow
def test_what_was_accepted_is_kept_when_the_server_is_killed(study: Path):
    codes, accepted = serve.invite(str(study), PEOPLE, None), [Votes() for _ in range(PEOPLE)]

    async def until_killed(address: str, server: subprocess.Popen[str]) -> None:
        crowd = asyncio.create_task(everyone(address, codes, plan.read(str(study)), accepted))
        while sum(map(len, accepted)) < PEOPLE:
            await asyncio.sleep(0.01)
        server.kill()
        with pytest.raises((aiohttp.ClientError, OSError)):
            await crowd

    with served(study) as (address, server):
        asyncio.run(until_killed(address, server))
    assert not singles(accepted) - singles(kept(study))
