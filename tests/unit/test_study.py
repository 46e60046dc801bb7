"""A blind study from two folders of videos to preferences, over a real socket."""

import asyncio
import http.client
import json
import re
import shutil
import socket
import threading
import time
import urllib.parse
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest
from aiohttp import web
from click.testing import CliRunner

from dancegen.cli import main
from dancegen.errors import ConfigError
from dancegen.media.video import frames, probe
from dancegen.metrics.wilson import wilson
from dancegen.tools.study import analyse, make, plan, serve
from dancegen.tools.study.admission import Allowance
from dancegen.tools.study.plan import BACKGROUNDS, QUESTIONS, Pair, Study
from dancegen.tools.study.serve import Server
from dancegen.tools.study.settings import AnalyseStudyConfig, MakeStudyConfig
from dancegen.tools.study.store import Store

PAIRS = tuple(Pair(f"p{n}", f"{n}a.mp4", f"{n}b.mp4", f"song {n}", 0.0) for n in range(6))
CATCH = Pair("c", "ca.mp4", "cb.mp4", "song 0", 0.0, catch=True)
STUDY = Study(("ours", "theirs"), 0, 5.0, (*PAIRS, CATCH))


def video(make_video, path, count):
    """A square that goes to the right before a dark picture, at 20 pictures a second, with a tone."""
    pictures = np.full((count, 48, 64, 3), 30, np.uint8)
    for number, picture in enumerate(pictures):
        picture[10:30, number : number + 20] = 220
    tone = 0.3 * np.sin(np.arange(count * 2400) / 20)
    make_video(path, pictures, fps=20, sound=tone.astype(np.float32))


@pytest.fixture(scope="module")
def sets(tmp_path_factory, make_video):
    """Two folders with three videos of the same names, one that is too short, and one that is alone."""
    folder = tmp_path_factory.mktemp("sets")
    for name in ("a", "b"):
        (folder / name).mkdir()
        for number in range(3):
            video(make_video, folder / name / f"song{number}.mp4", 40)
        video(make_video, folder / name / "short.mp4", 8)
    video(make_video, folder / "b" / "alone.mp4", 40)
    return folder


def settings(sets, output, **changes):
    return MakeStudyConfig(a=f"{sets}/a", b=f"{sets}/b", output=str(output), seconds=1, **changes)


@pytest.fixture(scope="module")
def made(sets, tmp_path_factory):
    """A study, and what was said of it."""
    output = tmp_path_factory.mktemp("study") / "study"
    return output, make.run(settings(sets, output, names=("ours", "theirs"), catch=1))


def test_a_study_has_the_pairs_that_fit_and_says_which_do_not(made):
    output, lines = made
    study = plan.read(str(output))
    assert [pair.catch for pair in study.pairs] == [False] * 3 + [True]
    told = " ".join(lines)
    assert "alone" in told
    assert "short.mp4: is 0.4 s long" in told


def test_clips_last_as_long_as_asked_have_sound_and_names_that_say_nothing(made):
    output, _ = made
    files = sorted((output / "clips").iterdir())
    assert len(files) == 8
    for file in files:
        info = probe(file, "it")
        assert info.seconds == pytest.approx(1, abs=0.1)
        assert info.has_audio
        assert re.fullmatch(r"[0-9a-f]{20}\.mp4", file.name)


def test_where_the_answer_is_known_one_of_the_two_stands_still(made):
    output, _ = made
    catch = plan.read(str(output)).pairs[-1]
    changes = []
    for file in (catch.a, catch.b):
        pictures = list(frames(output / "clips" / file, "it", 20))
        changes.append(abs(pictures[0].astype(int) - pictures[-1]).mean())
    assert changes[0] > 4 * changes[1]


def test_the_same_command_again_leaves_the_study_and_another_study_is_refused(sets, made):
    output, _ = made
    before = {file: file.stat().st_mtime_ns for file in output.rglob("*")}
    assert "already exists" in make.run(settings(sets, output, names=("ours", "theirs"), catch=1))[0]
    assert before == {file: file.stat().st_mtime_ns for file in output.rglob("*")}
    with pytest.raises(ConfigError, match="another study"):
        make.run(settings(sets, output, seed=1))


def test_the_same_seed_gives_the_same_study(sets, made, tmp_path):
    make.run(settings(sets, tmp_path / "again", names=("ours", "theirs"), catch=1))
    assert plan.read(str(tmp_path / "again")) == plan.read(str(made[0]))


def test_sets_without_a_name_in_common_are_one_line_and_exit_code_2(sets, tmp_path):
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "other.mp4").write_bytes((sets / "a" / "song0.mp4").read_bytes())
    found = CliRunner().invoke(main, ["study", "make", f"{sets}/a", f"{tmp_path}/c", "-o", f"{tmp_path}/s"])
    assert found.exit_code == 2
    assert "no video of the same name" in found.output
    assert len(found.output.strip().splitlines()) == 1


def test_two_videos_of_one_name_in_a_set_are_named_and_left_out(sets, tmp_path):
    listed = [f"{sets}/a/song0.mp4", f"{sets}/a/song1.mp4", f"{sets}/b/song1.mp4"]
    (tmp_path / "a.txt").write_text("\n".join(listed))
    config = MakeStudyConfig(a=f"{tmp_path}/a.txt", b=f"{sets}/b", output=f"{tmp_path}/s", seconds=1, catch=0)
    lines = make.run(config)
    assert "same name in one set" in lines[0]
    assert [pair.video for pair in plan.read(f"{tmp_path}/s").pairs] == ["song0"]


def test_people_get_orders_and_sides_of_their_own_and_each_set_is_left_half_of_the_times():
    orders = [plan.order(STUDY, f"person {number}") for number in range(40)]
    assert all({shown.pair.id for shown in one} == {pair.id for pair in STUDY.pairs} for one in orders)
    assert len({tuple(shown.pair.id for shown in one) for one in orders}) > 30
    assert Counter(shown.left for one in orders for shown in one)["a"] / (40 * 7) == pytest.approx(0.5, abs=0.1)
    assert orders[0] == plan.order(STUDY, "person 0")


def test_what_was_answered_is_there_after_a_restart_and_counts_once(tmp_path):
    store = Store(tmp_path / "answers.db", STUDY.id)
    store.begin("me", "Expert")
    store.answer("me", "p0", "a", {"realistic": "a", "music": "b"}, 3.5)
    again = Store(tmp_path / "answers.db", STUDY.id)
    again.begin("me", "Non-Expert")
    again.answer("me", "p0", "a", {"realistic": "b", "music": "a"}, 1.0)
    assert again.people() == {"me": "Expert"}
    assert [(one.question, one.chosen) for one in again.answers()] == [("music", "b"), ("realistic", "a")]
    with pytest.raises(ConfigError, match="another study"):
        Store(tmp_path / "answers.db", "another")


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [(0, 10, 0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1), (81, 263, 0.2553, 0.3662), (0, 0, 0, 1)],
)
def test_wilsons_interval_is_the_published_one(successes, trials, low, high):
    assert wilson(successes, trials) == pytest.approx((low, high), abs=1e-4)


def test_more_successes_than_trials_are_refused():
    with pytest.raises(ValueError, match="11 successes of 10 trials"):
        wilson(11, 10)


def answer_all(store, token, background, chooses, catch="a", pairs=PAIRS):
    store.begin(token, background)
    for number, pair in enumerate(pairs):
        store.answer(token, pair.id, "a", dict.fromkeys(QUESTIONS, chooses(number)), 2.0)
    store.answer(token, CATCH.id, "a", dict.fromkeys(QUESTIONS, catch), 2.0)


def test_preferences_are_told_by_question_and_group_without_those_who_do_not_look(tmp_path):
    plan.write(str(tmp_path / "study"), STUDY)
    store = Store(tmp_path / "study" / plan.DATABASE, STUDY.id)
    answer_all(store, "expert", "Expert", lambda number: "b")
    answer_all(store, "other", "Non-Expert", lambda number: "a" if number < 3 else "b")
    answer_all(store, "asleep", "Non-Expert", lambda number: "a", catch="b")
    elsewhere = Store(tmp_path / "elsewhere.db", STUDY.id)
    answer_all(elsewhere, "unfinished", "Expert", lambda number: "b", pairs=PAIRS[:2])
    databases = (str(store.path), str(elsewhere.path))
    config = AnalyseStudyConfig(study=f"{tmp_path}/study", output=f"{tmp_path}/out", databases=databases)
    found = {(one.question, one.group): one for one in analyse.run(config)}
    assert set(found) == {(question, group) for question in QUESTIONS for group in (*BACKGROUNDS, "All")}
    assert (found["music", "Expert"].rate, found["music", "Expert"].answers) == (1.0, 8)
    assert (found["music", "Non-Expert"].rate, found["music", "Non-Expert"].people) == (0.5, 1)
    everyone = found["realistic", "All"]
    assert (everyone.rate, everyone.answers) == (11 / 14, 14)
    assert (everyone.low, everyone.high) == wilson(11, 14)
    page = (tmp_path / "out" / "index.html").read_text()
    assert "4 participants: 3 answered all 7 pairs; 1 were excluded" in page
    assert "78.6" in (tmp_path / "out" / "preferences.md").read_text()
    assert (tmp_path / "out" / "preferences.csv").read_text().count("\n") == 7


def test_a_study_without_answers_is_told(tmp_path):
    plan.write(str(tmp_path), STUDY)
    config = AnalyseStudyConfig(study=str(tmp_path), output=f"{tmp_path}/out")
    with pytest.raises(ConfigError, match="does not exist"):
        analyse.run(config)
    Store(tmp_path / plan.DATABASE, STUDY.id)
    with pytest.raises(ConfigError, match="no valid answers"):
        analyse.run(config)


class Visitor:
    """A browser that keeps its cookie."""

    def __init__(self, port):
        self.port, self.cookie, self.origin = port, "", f"http://127.0.0.1:{port}"

    def ask(self, method, path, form=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        body = None if form is None else urllib.parse.urlencode(form)
        kind = {} if form is None else {"Content-Type": "application/x-www-form-urlencoded", "Origin": self.origin}
        connection.request(method, path, body, {**kind, "Cookie": self.cookie, **headers})
        answer = connection.getresponse()
        self.cookie = (answer.getheader("Set-Cookie") or self.cookie).split(";")[0]
        text = answer.read()
        connection.close()
        return answer.status, answer.headers, text

    def pair(self):
        page = self.ask("GET", "/next")[2].decode()
        return re.search(r'name="pair" value="([^"]+)"', page)[1], re.findall(r'src="/clips/([^"]+)"', page)


@contextmanager
def serving(folder, database, hourly=200, proxied=False):
    """The port of a server of a study, and its store."""
    study = plan.read(str(folder))
    store = Store(database, study.id)
    application = Server(study, folder / "clips", store, Allowance(hourly), proxied).application()
    runner = web.AppRunner(application, keepalive_timeout=serve.HEAD_S)
    loop, started = asyncio.new_event_loop(), threading.Event()

    async def start():
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        started.set()

    thread = threading.Thread(target=lambda: (loop.run_until_complete(start()), loop.run_forever()), daemon=True)
    thread.start()
    assert started.wait(20)
    yield runner.addresses[0][1], store
    asyncio.run_coroutine_threadsafe(runner.cleanup(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(20)
    loop.close()


@pytest.fixture
def server(made, tmp_path):
    """The port of a server of the study, and its store."""
    with serving(made[0], tmp_path / "answers.db") as running:
        yield running


def test_a_person_answers_all_pairs_and_what_is_kept_is_the_set_and_not_the_side(server, made):
    port, store = server
    study, me = plan.read(str(made[0])), Visitor(port)
    assert me.ask("POST", "/begin", {"background": "Expert"})[0] == 303
    for _ in study.pairs:
        pair, (left, right) = me.pair()
        known = next(one for one in study.pairs if one.id == pair)
        assert {left, right} == {known.a, known.b}
        wanted = "left" if left == known.b else "right"
        form = {"pair": pair, "realistic": wanted, "music": wanted, "seconds": "2.5"}
        assert me.ask("POST", "/answer", form)[0] == 303
        assert me.ask("POST", "/answer", {**form, "music": "left"})[0] == 303  # again: changes nothing
    assert b"Thank you" in me.ask("GET", "/next")[2]
    assert me.ask("GET", "/")[0] == 303
    assert {one.chosen for one in store.answers()} == {"b"}
    assert len(store.answers()) == 2 * len(study.pairs)


def test_wrong_posts_are_refused_with_one_line_and_nothing_is_kept(server):
    port, store = server
    me = Visitor(port)
    assert me.ask("POST", "/begin", {"background": "King"})[0] == 400
    assert me.ask("POST", "/answer", {"pair": "p0"})[::2] == (
        400,
        b"No participant is registered in this browser: open the first page.",
    )
    me.ask("POST", "/begin", {"background": "Non-Expert"})
    pair, _ = me.pair()
    both = {"realistic": "left", "music": "right"}
    for form, word in (
        ({"pair": "other", **both}, b"unknown pair"),
        ({"pair": pair, "realistic": "left"}, b"music: must be left or right."),
        ({"pair": pair, **both, "music": "up"}, b"music: must be left or right."),
    ):
        status, _, text = me.ask("POST", "/answer", form)
        assert status == 400
        assert word in text
    assert store.answers() == []


def test_one_connection_serves_clip_after_clip(server, made):
    connection = http.client.HTTPConnection("127.0.0.1", server[0], timeout=20)
    for pair in plan.read(str(made[0])).pairs:
        for file in (pair.a, pair.b):
            connection.request("GET", f"/clips/{file}")
            answer = connection.getresponse()
            assert answer.read() == (made[0] / "clips" / file).read_bytes()
            assert answer.getheader("Connection") is None, "it stays open"
    connection.close()


def test_clips_come_in_parts_and_nothing_else_of_the_folder_is_given(server, made):
    port, _ = server
    file = plan.read(str(made[0])).pairs[0].a
    status, headers, part = Visitor(port).ask("GET", f"/clips/{file}", Range="bytes=10-19")
    assert (status, len(part), headers["Content-Type"]) == (206, 10, "video/mp4")
    for path in ("/clips/..%2Fstudy.json", "/clips/study.json", "/study.json", "/clips/none.mp4"):
        assert Visitor(port).ask("GET", path)[0] == 404
    assert Visitor(port).ask("GET", "/healthz")[2] == b"ok"


def test_a_clips_headers_do_not_say_when_it_was_cut(server, made):
    first = plan.read(str(made[0])).pairs[0]
    for file in (first.a, first.b):
        _, headers, _ = Visitor(server[0]).ask("GET", f"/clips/{file}")
        assert "ETag" not in headers
        assert "Last-Modified" not in headers


def begin(port, **form_and_headers):
    """Status and page when a new person begins."""
    headers = {name.replace("_", "-"): value for name, value in form_and_headers.items() if name[0].isupper()}
    form = {name: value for name, value in form_and_headers.items() if not name[0].isupper()}
    status, told, page = Visitor(port).ask("POST", "/begin", {"background": "Expert", **form}, **headers)
    return status, page.decode(), told


def test_forms_of_other_sites_pages_are_refused_and_nobody_begins(server):
    port, store = server
    assert begin(port, Origin="https://elsewhere.org")[0] == 403
    assert begin(port, Origin="null")[0] == 403
    assert begin(port, Origin="", Referer=f"http://127.0.0.1:{port + 1}/")[0] == 403
    me = Visitor(port)
    me.ask("POST", "/begin", {"background": "Expert"})
    form = {"pair": me.pair()[0], "realistic": "left", "music": "left"}
    assert me.ask("POST", "/answer", form, Origin="https://elsewhere.org")[0] == 403
    assert (len(store.people()), store.answers()) == (1, [])
    assert me.ask("POST", "/answer", form, Origin="", Referer=f"http://127.0.0.1:{port}/next")[0] == 303


def test_of_one_network_so_many_begin_at_once_the_next_is_told_when_and_others_are_not_held_up(made, tmp_path):
    with serving(made[0], tmp_path / "answers.db", hourly=5) as (port, store):
        assert [begin(port)[0] for _ in range(5)] == [303] * 5
        status, page, told = begin(port)
        assert status == 429
        assert 0 < int(told["Retry-After"]) <= 3600 / 5
        assert "Press Begin again in" in page
        assert 'value="Expert" required checked' in page
        assert begin(port, X_Forwarded_For="10.0.0.9")[0] == 429, "what a client says of itself is not believed"
        assert len(store.people()) == 5


def test_behind_a_proxy_the_address_and_the_host_are_what_it_tells(made, tmp_path):
    with serving(made[0], tmp_path / "answers.db", hourly=1, proxied=True) as (port, _):
        site = {"X_Forwarded_Host": "study.example.org", "Origin": "https://study.example.org"}
        assert begin(port, X_Forwarded_For="192.0.2.1", **site)[0] == 303
        assert begin(port, X_Forwarded_For="192.0.2.7, 192.0.2.1", **site)[0] == 429
        assert begin(port, X_Forwarded_For="192.0.2.2", **site)[0] == 303
        assert begin(port, X_Forwarded_For="192.0.2.3", X_Forwarded_Host="study.example.org")[0] == 403


def test_an_allowance_comes_back_over_an_hour_and_an_ipv6_network_has_one():
    clock = [1000.0]
    allowance = Allowance(60, now=lambda: clock[0])
    assert [allowance.wait_s("192.0.2.1") for _ in range(60)] == [0.0] * 60
    wait_s = allowance.wait_s("192.0.2.1")
    assert wait_s == pytest.approx(60)
    assert allowance.wait_s("192.0.2.2") == 0
    clock[0] += wait_s
    assert allowance.wait_s("192.0.2.1") == 0
    assert allowance.wait_s("192.0.2.1") > 0
    clock[0] += 3600
    assert [allowance.wait_s("192.0.2.1") for _ in range(60)] == [0.0] * 60
    assert [allowance.wait_s(f"2001:db8::{n:x}") for n in range(60)] == [0.0] * 60
    assert allowance.wait_s("2001:db8::ffff") > 0
    assert allowance.wait_s("2001:db8:0:1::1") == 0


def test_with_invitation_codes_each_lets_one_person_begin_also_many_from_one_address(made, tmp_path):
    words = [str(made[0]), "12", "--database", f"{tmp_path}/answers.db", "--address", "https://study.example.org/"]
    said = CliRunner().invoke(main, ["study", "invite", *words])
    links = said.output.split()
    assert len(set(links)) == 12
    assert links[0].startswith("https://study.example.org/?code=")
    codes = [link.rpartition("=")[2] for link in links]
    with serving(made[0], tmp_path / "answers.db", hourly=1) as (port, store):
        assert f'name="code" value="{codes[0]}"' in Visitor(port).ask("GET", f"/?code={codes[0]}")[2].decode()
        assert [begin(port, code=code)[0] for code in codes[:11]] == [303] * 11
        assert begin(port, code=f" {codes[11].lower()} ")[0] == 303, "as a person types it"
        for wrong in (codes[0], "ABCDEFGHJK", ""):
            status, page, _ = begin(port, code=wrong)
            assert status == 403
            assert "unknown or has already been used" in page
        assert begin(port)[0] == 403
        assert len(store.people()) == 12


def test_without_codes_nobody_is_asked_for_one(server):
    assert b"invitation" not in Visitor(server[0]).ask("GET", "/")[2]


def test_the_answers_are_for_their_owner_alone_also_those_of_an_older_release(tmp_path):
    Store(tmp_path / "new.db", STUDY.id)
    old = Store(tmp_path / "old.db", STUDY.id)
    old.path.chmod(0o644)
    with old._open():
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
        assert modes["old.db-wal"] == 0o644, "SQLite's files have the mode of the database"
        Store(tmp_path / "old.db", STUDY.id)
        modes = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(modes.values()) == {0o600}


FORM = "Origin: http://x\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 99\r\n\r\nback"


@pytest.mark.parametrize("part", ["GET / HTTP/1.1\r\nHost: x", f"POST /begin HTTP/1.1\r\nHost: x\r\n{FORM}"])
def test_a_client_that_does_not_finish_what_it_asks_is_cut_off(made, tmp_path, monkeypatch, part):
    monkeypatch.setattr(serve, "HEAD_S", 0.3)
    monkeypatch.setattr(serve, "BODY_S", 0.3)
    with (
        serving(made[0], tmp_path / "answers.db") as (port, store),
        socket.create_connection(("127.0.0.1", port)) as slow,
    ):
        slow.settimeout(30)
        slow.sendall(part.encode())
        answer = slow.recv(100)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
        assert store.people() == {}


def test_a_client_that_does_not_take_its_video_is_cut_off(made, tmp_path, monkeypatch):
    monkeypatch.setattr(serve, "CLIP_S", 0.3)
    study = shutil.copytree(made[0], tmp_path / "study")
    file = plan.read(str(study)).pairs[0].a
    (study / "clips" / file).write_bytes(bytes(64 << 20))  # more than the sockets hold
    with serving(study, tmp_path / "answers.db") as (port, _), socket.create_connection(("127.0.0.1", port)) as slow:
        slow.settimeout(30)
        slow.sendall(f"GET /clips/{file} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        time.sleep(1)
        got = 0
        with suppress(ConnectionResetError):
            while part := slow.recv(1 << 20):
                got += len(part)
        assert got < 64 << 20


def test_no_page_names_a_set(server):
    me = Visitor(server[0])
    pages = [me.ask("GET", "/")[2]]
    me.ask("POST", "/begin", {"background": "Expert"})
    pages.append(me.ask("GET", "/next")[2])
    assert not any(name in page for page in pages for name in (b"ours", b"theirs", b"song", b"catch"))


def test_a_folder_without_a_study_is_one_line(tmp_path):
    found = CliRunner().invoke(main, ["study", "serve", str(tmp_path)])
    assert found.exit_code == 2
    assert "contains no study" in found.output


def test_a_port_that_is_taken_is_one_line(made, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        words = ["--port", str(taken.getsockname()[1]), "--database", f"{tmp_path}/answers.db"]
        found = CliRunner().invoke(main, ["study", "serve", str(made[0]), *words])
    assert found.exit_code == 2
    assert "cannot be used (address already in use)" in found.output


def test_a_description_that_is_damaged_is_told(tmp_path):
    (tmp_path / plan.FILE).write_text(json.dumps({"version": 1, "pairs": [{"id": 1}]}))
    with pytest.raises(ConfigError, match="is damaged"):
        plan.read(str(tmp_path))
    Path(tmp_path / plan.FILE).write_text(json.dumps({"version": 9}))
    with pytest.raises(ConfigError, match="another release"):
        plan.read(str(tmp_path))
