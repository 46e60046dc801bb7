"""A cluster from cluster/local.sh takes jobs, asks for its token, and leaves no process behind."""

import contextlib
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
import wave
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import psutil
import pytest
import torch
import yaml

from dancegen.media.video import probe

pytestmark = [pytest.mark.ray, pytest.mark.slow]
ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "cluster" / "local.sh"
# Ray detects a dead node after some seconds; its default takes about fifteen
WATCHFUL = {
    "RAY_health_check_initial_delay_ms": "1000",
    "RAY_health_check_period_ms": "1000",
    "RAY_health_check_timeout_ms": "10000",
    "RAY_health_check_failure_threshold": "3",
}
PICTURE = ("look=skeleton", "fps=25", "width_px=160", "height_px=96", "actors=2", "max_error_fraction=0")


@dataclass(frozen=True)
class Cluster:
    """A running cluster, and the variables that lead its clients to it."""

    name: str
    environment: dict[str, str]

    @property
    def address(self) -> str:
        return self.environment["RAY_API_SERVER_ADDRESS"]


def plain_environment() -> dict[str, str]:
    """This process's variables without what other tests set for Ray."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    return {
        **kept,
        "OMP_NUM_THREADS": "1",
        "REPORTER_UPDATE_INTERVAL_MS": "60000",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }


def local(*words: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """Run cluster/local.sh from a folder that is not the project's."""
    command = ["bash", str(SCRIPT), *words]
    return subprocess.run(
        command, cwd="/", env=environment or plain_environment(), capture_output=True, text=True, timeout=300
    )


def marked(name: str) -> list[psutil.Process]:
    """The cluster's processes, found by the folder that only they have in their environment."""
    mark = f"DANCEGEN_CLUSTER=/tmp/dancegen-{os.getuid()}/{name}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append(psutil.Process(int(folder.name)))
        except (OSError, psutil.NoSuchProcess):
            continue  # it ended, or is not ours
    return found


def processes(name: str) -> list[str]:
    """Their command lines."""
    found = []
    for process in marked(name):
        with contextlib.suppress(psutil.NoSuchProcess):
            found.append("\0".join(process.cmdline()))
    return found


def listening(name: str) -> list[tuple[str, str, int]]:
    """Name of the process, address and port of all TCP sockets on which the cluster listens."""
    found = []
    for parent in marked(name):
        for process in [parent, *parent.children(recursive=True)]:  # a new title of a process may hide its environment
            ends = [one.laddr for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
            found += [(process.name(), end.ip.removeprefix("::ffff:"), end.port) for end in ends]
    return sorted(set(found))


def raylets(name: str) -> int:
    """How many nodes of the cluster run."""
    return sum("raylet/raylet\0" in process for process in processes(name))


def started(name: str, *words: str) -> Iterator[Cluster]:
    size = ("--cpus", "2", "--object-store-mb", "100")
    answer = local("start", "--name", name, *size, *words, environment={**plain_environment(), **WATCHFUL})
    assert answer.returncode == 0, answer.stderr
    exports = dict(re.findall(r"^export (\w+)=(.*)$", answer.stdout, re.MULTILINE))
    try:
        yield Cluster(name, {**plain_environment(), **exports})
    finally:
        stopped = local("stop", "--name", name)
    assert stopped.returncode == 0, stopped.stderr
    assert processes(name) == []


@pytest.fixture(scope="module")
def with_token() -> Iterator[Cluster]:
    yield from started(f"on-{os.getpid()}", "--token", "--workers", "1")


@pytest.fixture(scope="module")
def without_token() -> Iterator[Cluster]:
    """Two tests kill one of its nodes each, and the last one stops it."""
    yield from started(f"off-{os.getpid()}", "--no-token", "--workers", "3")


@pytest.fixture
def words(tmp_path: Path, untrained: Path) -> list[str]:
    """Settings of a small rendering: two songs of a second, and a model that has learnt nothing."""
    songs = tmp_path / "my songs"
    songs.mkdir()
    for pitch_hz in (220, 440):
        with wave.open(str(songs / f"{pitch_hz} Hz.wav"), "wb") as file:
            file.setparams((1, 2, 16_000, 0, "NONE", ""))
            file.writeframes((9000 * np.sin(np.arange(16_000) * pitch_hz / 2547)).astype("<i2").tobytes())
    places = (f"songs={songs}", f"output={tmp_path}/dances", f"checkpoint={untrained}")
    return [*places, *PICTURE]


def submit(words: list[str], address: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """dancegen render ... --submit ADDRESS"""
    command = [sys.executable, "-m", "dancegen", "render", "configs/render.yaml", *words, "--submit", address]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def assert_rendered(folder: Path) -> None:
    videos = sorted((folder / "dances").iterdir())
    assert [video.name for video in videos] == ["220 Hz.mp4", "440 Hz.mp4"]
    for video in videos:
        info = probe(video, video.name)
        assert info.has_audio
        assert (info.width_px, info.height_px) == (160, 96)


def test_a_job_that_is_submitted_with_the_token_is_followed_to_its_end(
    with_token: Cluster, words: list[str], tmp_path: Path
) -> None:
    answer = submit(words, with_token.address, with_token.environment)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert_rendered(tmp_path)
    assert str(tmp_path / "my songs") in answer.stdout + answer.stderr


def test_jobs_are_listed_followed_and_stopped_and_their_exit_code_is_handed_on(
    with_token: Cluster, words: list[str], tmp_path: Path
) -> None:
    answer = submit([*words, "checkpoint=/no/such/model.safetensors"], with_token.address, with_token.environment)
    assert answer.returncode == 2, answer.stdout + answer.stderr
    job = re.findall(r"raysubmit_\w+", answer.stderr)[0]
    assert re.search(r"sending to \S+: \d+ files, [\d.]+ MB", answer.stderr)
    assert re.search(rf"{job} +FAILED +render +20", jobs(with_token, "list").stdout)
    followed = jobs(with_token, "follow", job)
    assert followed.returncode == 2
    assert "/no/such/model.safetensors" in followed.stdout
    assert "had ended before" in jobs(with_token, "stop", job).stdout
    unknown = jobs(with_token, "stop", "raysubmit_x")
    assert (unknown.returncode, unknown.stderr.count("is not a job of")) == (2, 1)


def jobs(cluster: Cluster, command: str, *words: str) -> subprocess.CompletedProcess[str]:
    """dancegen jobs COMMAND ADDRESS WORDS"""
    line = [sys.executable, "-m", "dancegen", "jobs", command, cluster.address, *words]
    return subprocess.run(line, cwd=ROOT, env=cluster.environment, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize(("answer", "status"), [("n", "RUNNING"), ("y", "STOPPED")])
def test_ctrl_c_asks_whether_to_stop_the_job(with_token: Cluster, answer: str, status: str) -> None:
    line = "import sys\nfrom ray.job_submission import JobSubmissionClient as C\n"
    line += "print(C(sys.argv[1]).submit_job(entrypoint='echo begun; sleep 300'))"
    started = subprocess.run(
        [sys.executable, "-c", line, with_token.address], env=with_token.environment, capture_output=True, text=True
    )
    job = started.stdout.split()[-1]
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "dancegen", "jobs", "follow", with_token.address, job]
    follower = subprocess.Popen(
        command,
        cwd=ROOT,
        env=with_token.environment,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    said = b""
    for awaited, reply in ((b"begun", None), (b"[y/N]", answer.encode() + b"\n")):
        if reply is not None:
            follower.send_signal(signal.SIGINT)
        while awaited not in said:
            assert select.select([ours], [], [], 120)[0], said
            said += os.read(ours, 1000)
        if reply is not None:
            os.write(ours, reply)
    assert follower.wait(60) == 130
    until = time.monotonic() + 60
    while not re.search(rf"{job} +{status}", listed := jobs(with_token, "list").stdout):
        assert time.monotonic() < until, listed
    jobs(with_token, "stop", job)


@pytest.mark.parametrize("given", [{}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "not-the-token"}])
def test_without_the_right_token_a_clear_message_says_what_to_set(
    with_token: Cluster, words: list[str], tmp_path: Path, given: dict[str, str]
) -> None:
    # Its own home: a token of the person who runs the tests must not help.
    answer = submit(words, with_token.address, {**plain_environment(), "HOME": str(tmp_path), **given})
    assert answer.returncode == 2, answer.stdout + answer.stderr
    assert f"{with_token.address}: asks for a token, and ours is missing or wrong." in answer.stderr
    assert "RAY_AUTH_TOKEN" in answer.stderr
    assert "Traceback" not in answer.stderr


def test_rays_own_client_can_submit_a_job_to_a_cluster_without_a_token(
    without_token: Cluster, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.job_submission import JobSubmissionClient

    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    client = JobSubmissionClient(without_token.address)
    quoted = " ".join(f"'{word}'" for word in words)
    job = client.submit_job(
        entrypoint=f"python -m jobs.render configs/render.yaml {quoted}",
        runtime_env={"working_dir": str(ROOT), "excludes": [".git", "/tests", "/docs"]},
    )
    until = time.monotonic() + 240
    while not client.get_job_status(job).is_terminal() and time.monotonic() < until:
        time.sleep(1)
    assert client.get_job_status(job) == "SUCCEEDED", client.get_job_logs(job)
    assert_rendered(tmp_path)


def test_a_running_cluster_says_so_and_is_not_started_twice(with_token: Cluster) -> None:
    again = local("start", "--name", with_token.name)
    assert again.returncode == 2
    assert "is already running" in again.stderr
    status = local("status", "--name", with_token.name)
    assert status.returncode == 0
    assert f"export RAY_API_SERVER_ADDRESS={with_token.address}\n" in status.stdout
    token = Path(with_token.environment["RAY_AUTH_TOKEN_PATH"])
    assert token.stat().st_mode & 0o077 == 0, "the token is for its owner only"


def refuses(port: int) -> bool:
    """Whether one of Ray's services listens on a port and refuses a call without a token."""
    services = ("InternalKVGcsService/InternalKVGet", "NodeManagerService/GetNodeStats", "ObjectManagerService/Push")
    answers = set()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        for method in (*services, "ReporterService/HealthCheck", "CoreWorkerService/NumPendingTasks"):
            with pytest.raises(grpc.RpcError) as error:
                channel.unary_unary(f"/ray.rpc.{method}")(b"", timeout=30)
            answers.add(error.value.code())
    return answers == {grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.UNAUTHENTICATED}


def test_every_port_is_bound_to_the_loopback_or_asks_for_the_token(with_token: Cluster) -> None:
    until = time.monotonic() + 240
    sockets = listening(with_token.name)
    # An agent of each node comes some time after the node; its server for the dashboard is the last that it starts.
    while sum(process.startswith("ray::Dashboard") and ip != "::" for process, ip, _ in sockets) < 2 * 2:
        assert time.monotonic() < until, sockets
        time.sleep(0.5)
        sockets = listening(with_token.name)
    open_to_all = [one for one in sockets if not one[1].startswith("127.")]
    assert any(process == "gcs_server" for process, _, _ in open_to_all)
    assert [one for one in open_to_all if not refuses(one[2])] == []


def test_a_training_goes_on_from_its_last_checkpoint_when_a_node_is_killed(
    without_token: Cluster,
    make_frames: Callable[..., str],
    with_database: Callable[[Path], Path],
    tiny_renderer: dict[str, object],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """All trainings start their workers in the same way; test_train_dance.py kills workers, not nodes."""
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    settings = {
        "frames": make_frames(str(tmp_path / "frames")),
        "output": str(with_database(tmp_path / "run")),
        "model": tiny_renderer,
        "consent": "Ada agrees.",
        "epochs": 40,
        "batch_size": 4,
        "pictures_every": 0,
    }
    (tmp_path / "train.yaml").write_text(yaml.safe_dump(settings))
    words = ["train-renderer", str(tmp_path / "train.yaml")]
    ended, said, _ = job_that_loses_a_node(
        without_token, words, tmp_path, "run/train/checkpoint_*/training.pt", "RayTrainWorker"
    )
    assert ended == 0, said
    assert "resuming from the last checkpoint with new workers" in said
    assert "Traceback" not in said
    assert "MLflow at" not in said, "it was told everything, too"
    newest = max(tmp_path.glob("run/train/checkpoint_*/training.pt"))
    assert torch.load(newest, weights_only=True)["training"]["updates"] == 40, "one an epoch"


def test_no_video_is_lost_or_doubled_when_a_node_is_killed(
    without_token: Cluster,
    make_library: Callable[..., dict[str, np.ndarray]],
    assert_whole: Callable[[Path, dict[str, np.ndarray], int], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    truth = make_library(tmp_path / "videos", 8)
    # all CPUs of a node for each actor, so that both nodes work; many parts, so that there is time to kill one
    places = (f"videos={tmp_path}/videos", f"poses={tmp_path}/poses", "estimator.name=openpose_json", "part_s=0.3")
    shares = (
        "actors=2",
        "min_actors=2",
        "cpus_per_actor=2",
        "clean.smoothing=0",
        "max_error_fraction=0",
        "report=false",
    )
    words = ["extract-poses", *places, *shares]
    kind = "MapWorker(MapBatches(_DatasetActor))"
    ended, said, written = job_that_loses_a_node(without_token, words, tmp_path, "poses_people/part-*.parquet", kind)
    assert written < len(truth) * 20, "it was killed in the middle"
    assert ended == 0, said
    assert_whole(tmp_path, truth, 20)


def job_that_loses_a_node(
    cluster: Cluster, words: list[str], folder: Path, begun: str, kind: str
) -> tuple[int, str, int]:
    """Submit a job; when files `begun` are in the folder, kill a node that an actor of class `kind` runs on.

    Gives the job's exit code, what it said, and how many files there were when the node was gone.
    """
    command = [sys.executable, "-m", "dancegen", *words, "--submit", cluster.address]
    with open(folder / "log", "w") as log:
        job = subprocess.Popen(command, cwd=ROOT, env=cluster.environment, stdout=log, stderr=log)
        try:
            until = time.monotonic() + 240
            while not list(folder.glob(begun)) and time.monotonic() < until:
                assert job.poll() is None, (folder / "log").read_text()
                time.sleep(0.1)
            node, before = node_of_a_worker(cluster.address, kind), raylets(cluster.name)
            assert local("kill", "--name", cluster.name, "--node", str(node)).returncode == 0
            assert raylets(cluster.name) == before - 1
            there = len(list(folder.glob(begun)))
            assert f"has no running node {node}" in local("kill", "--name", cluster.name, "--node", str(node)).stderr
            ended = job.wait(400)
        finally:
            job.kill()
    return ended, (folder / "log").read_text(), there


def node_of_a_worker(address: str, kind: str) -> int:
    """The number, in cluster/local.sh, of a node that an actor of a class runs on."""
    from ray.util.state import list_actors, list_nodes

    alive: Any = [("class_name", "=", kind), ("state", "=", "ALIVE")]
    nodes: Any = list_nodes(address)
    workers: Any = list_actors(address, filters=alive)
    ips = {node.node_id: node.node_ip for node in nodes if node.state == "ALIVE"}
    return int(ips[workers[0].node_id].rpartition(".")[2]) - 2


def test_a_start_that_fails_leaves_nothing_and_shows_why(without_token: Cluster) -> None:
    name = f"y-{os.getpid()}"
    taken = without_token.address.rpartition(":")[2]
    for words, message in (
        (["--port", taken], f"--port {taken}: this port is in use"),
        (["--dashboard-port", taken], f"--dashboard-port {taken}: this port is in use"),
        (["--object-store-mb", "1"], "ray start failed"),
    ):
        answer = local("start", "--name", name, "--workers", "0", *words)
        assert answer.returncode == 2, answer.stderr
        assert message in answer.stderr
        assert processes(name) == []
    assert "object store" in answer.stderr.lower()
    assert local("stop", "--name", name).returncode == 0  # deletes the logs that were kept to look at


def test_options_that_are_wrong_are_named() -> None:
    for words, message in (
        (["start", "--workres", "2"], "unknown option --workres"),
        (["start", "--workers", "two"], "--workers two: give a whole number"),
        (["stop", "--name"], "--name has no value"),
        (["kill"], "--node is missing"),
        (["stop", "--name", "../x"], "give 1 to 16 of a-z, 0-9 and -"),
    ):
        answer = local(*words)
        assert answer.returncode == 2
        assert message in answer.stderr


def test_stopping_ends_all_and_may_be_repeated_and_touches_no_other_cluster(
    with_token: Cluster, without_token: Cluster
) -> None:
    name, others = without_token.name, processes(with_token.name)
    assert any("gcs_server" in process for process in processes(name))
    assert [local("stop", "--name", name).returncode for _ in range(2)] == [0, 0]
    assert processes(name) == []
    assert not Path(f"/tmp/dancegen-{os.getuid()}/{name}").exists()
    assert local("status", "--name", name).returncode == 3
    assert len(processes(with_token.name)) >= len(others) > 0
