"""What travels to a cluster with a submitted job, and what does not."""

import functools
import http.server
import socket
import subprocess
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from dancegen import config, tracking
from dancegen.cli import main
from dancegen.engine.cluster import head_watch, submit
from dancegen.engine.cluster import secrets as in_clear
from dancegen.errors import ConfigError
from dancegen.steps.render.settings import RenderConfig
from dancegen.steps.train_dance.settings import TrainDanceConfig

ROOT = Path(__file__).parents[2]
NOT_FOR_OTHERS = (
    ".env",
    ".env.local",
    ".git/config",
    ".aws/credentials",
    "id_rsa",
    "server.pem",
    "data/clips/part.parquet",
    "runs/dance/dance.safetensors",
    "song.mp3",
    "notes.txt",
    "configs/.env",
    "configs/aws_credentials.yaml",
    "dancegen/private.key",
)
NEEDED = ("jobs/render.py", "dancegen/cli.py", "dancegen/checkpoints/dance.safetensors", "configs/presets/l1.yaml")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder like the project's, with things in it that are nobody else's business."""
    folder = tmp_path / "project"
    for name in (*NOT_FOR_OTHERS, *NEEDED):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    for name in (".rayignore", ".gitignore"):
        (folder / name).write_text((ROOT / name).read_text())
    return folder


def test_ray_job_submit_of_the_project_folder_uploads_code_and_settings_alone(project: Path, tmp_path: Path):
    from ray._private.ray_constants import get_runtime_env_default_excludes
    from ray._private.runtime_env.packaging import create_package

    create_package(
        str(project), tmp_path / "sent.zip", include_gitignore=True, excludes=get_runtime_env_default_excludes()
    )
    with zipfile.ZipFile(tmp_path / "sent.zip") as sent:
        assert {name for name in sent.namelist() if not name.endswith("/")} == set(NEEDED)


def test_submit_sends_code_and_settings_alone(project: Path, tmp_path: Path):
    settings = RenderConfig(songs="s3://songs", output="s3://videos")
    for name in ("my_secrets.py", "song.wav", ".env.py", "core"):
        (project / "dancegen" / name).write_text("x")
    submit._pack(project / "dancegen", tmp_path / "sent", settings)
    sent = {str(path.relative_to(tmp_path / "sent")) for path in (tmp_path / "sent").rglob("*") if path.is_file()}
    assert sent == {*NEEDED[1:3], submit.SETTINGS, f"dancegen/{tracking.COMMIT}"}
    assert config.load(RenderConfig, f"{tmp_path}/sent/{submit.SETTINGS}") == settings


def test_every_file_that_steps_read_is_sent(tmp_path: Path):
    submit._pack(ROOT / "dancegen", tmp_path / "sent", RenderConfig(songs="s3://songs", output="s3://videos"))
    files = [path for path in (ROOT / "dancegen").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    left = [path for path in files if not (tmp_path / "sent" / path.relative_to(ROOT)).exists()]
    pages = {"gallery.css", "gallery.js"}  # of a command without Ray
    submitting = {"secrets.py"}  # imported where a job is submitted
    assert {path.name for path in left if path.suffix != ".md"} == pages | submitting


def test_what_is_sent_is_told_and_has_a_limit(project: Path, tmp_path: Path):
    submit._pack(project / "dancegen", tmp_path / "sent", RenderConfig(songs="s3://songs", output="s3://videos"))
    assert submit._contents(tmp_path / "sent").startswith("4 files, 0.0 MB")
    with open(tmp_path / "sent/dancegen/large.safetensors", "wb") as file:
        file.truncate(120_000_000)
    with pytest.raises(ConfigError, match=r"would send 120 MB, of which dancegen/large\.safetensors is 120"):
        submit._contents(tmp_path / "sent")


@pytest.fixture
def dashboard() -> Iterator[tuple[str, str]]:
    """Addresses, from elsewhere and from here, of a server that answers as the dashboard of a cluster without token."""
    addresses = [one.address for them in psutil.net_if_addrs().values() for one in them if one.family == socket.AF_INET]
    elsewhere = next((one for one in addresses if not one.startswith("127.")), None)
    if elsewhere is None:
        pytest.skip("this machine has no address but the loopback's")
    server = http.server.HTTPServer(("0.0.0.0", 0), WithoutToken)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{elsewhere}:{server.server_port}", f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


class WithoutToken(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        known = self.path == "/api/authentication_mode"
        self.send_response(200 if known else 404)
        self.end_headers()
        self.wfile.write(b'{"authentication_mode": "disabled"}' if known else b"")

    def log_message(self, *args: object) -> None:
        pass


@pytest.mark.parametrize("words", [["render", "songs=s3://a", "output=s3://b", "--submit"], ["jobs", "list"]])
def test_a_cluster_elsewhere_that_requires_no_token_is_refused(
    words: list[str], dashboard: tuple[str, str], capsys: pytest.CaptureFixture[str]
):
    elsewhere, here = dashboard
    for address, told in ((elsewhere, "requires no token"), (here, "cannot be used")):
        with pytest.raises(SystemExit) as end:
            main([*words, address])
        said = capsys.readouterr().err
        assert end.value.code == 2
        assert f"{address}: " in said
        assert told in said


def test_a_server_that_is_no_dashboard_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with pytest.raises(SystemExit):
            main(["jobs", "list", f"http://127.0.0.1:{server.server_port}"])
        server.shutdown()
    assert "is not a dashboard of Ray" in capsys.readouterr().err


def test_the_job_knows_the_commit_that_it_was_submitted_from(tmp_path: Path):
    submit._pack(ROOT / "dancegen", tmp_path / "sent", RenderConfig(songs="s3://songs", output="s3://videos"))
    assert version_in(tmp_path / "sent") == tracking.code_version()


def test_an_archive_of_the_project_knows_its_commit(tmp_path: Path):
    if not (ROOT / ".git").exists():
        pytest.skip("this is no checkout")
    archive = subprocess.run(["git", "archive", "HEAD", "dancegen"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(tmp_path)], input=archive, check=True)
    assert version_in(tmp_path) == tracking.code_version()


def version_in(folder: Path) -> str:
    import sys

    command = [sys.executable, "-c", "from dancegen import tracking; print(tracking.code_version())"]
    environment = {"PYTHONPATH": str(folder), "PATH": ""}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True).stdout.strip()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_ACCESS_KEY_ID", "x"),
        ("MLFLOW_TRACKING_PASSWORD", "x"),
        ("HF_TOKEN", "x"),
        ("OPENAI_API_KEY", "x"),
        ("github_pat", "x"),
        ("MLFLOW_TRACKING_URI", "https://me:word@mlflow.example.com"),
    ],
)
def test_a_variable_that_looks_like_a_secret_is_not_passed_on(name: str, value: str):
    with pytest.raises(ConfigError, match=rf"--env {name}: looks like a secret.*--allow-secrets"):
        in_clear.check({name: value}, [], {})


def test_ordinary_variables_are_passed_on():
    names = ("AWS_ENDPOINT_URL", "AWS_DEFAULT_REGION", "KEYBOARD", "PATH", "MONKEY", "PASSAGE", "RAY_AUTH_MODE", "PWD")
    in_clear.check({name: "https://example.com/a?b" for name in names}, ["BUCKET"], {"output": "s3://bucket"})


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tracking_uri": "https://me:word@mlflow.example.com"}, "tracking_uri: looks like a secret"),
        ({"env_vars": {"WANDB_API_KEY": "x"}}, "env_vars.WANDB_API_KEY: looks like a secret"),
    ],
)
def test_settings_that_hold_a_secret_are_not_sent(settings: dict[str, object], told: str):
    resolved = config.validate(TrainDanceConfig, settings).model_dump(mode="json")
    with pytest.raises(ConfigError, match=told):
        in_clear.check({}, [], resolved)


def test_a_setting_from_a_variable_that_looks_like_a_secret_is_not_sent_without_the_word(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("MY_TOKEN", "word")
    path = tmp_path / "render.yaml"
    path.write_text("songs: s3://songs\noutput: s3://videos/${oc.env:MY_TOKEN}\n")
    command = ["render", str(path), "--submit", "http://127.0.0.1:9"]
    for words, told in (([], "${oc.env:MY_TOKEN}: looks like a secret"), (["--allow-secrets"], "127.0.0.1:9: cannot")):
        with pytest.raises(SystemExit) as end:
            main([*command, *words])
        assert end.value.code == 2
        assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["train-dance", "output=s3://runs/dance"], "tracking_uri: is not set"),
        (["evaluate", "clips=s3://a", "output=s3://runs/scores"], "tracking_uri: is not set"),
        (["search", "output=s3://runs/search"], "train.tracking_uri: is not set"),
        (["train-dance", "output=s3://runs/dance", "tracking_uri=http://mlflow:5000"], "127.0.0.1:9: cannot be used"),
        (["train-dance", "output=/mnt/runs/dance"], "127.0.0.1:9: cannot be used"),
        (["render", "songs=s3://a", "output=s3://b"], "127.0.0.1:9: cannot be used"),
    ],
)
def test_a_job_whose_runs_would_go_away_with_its_folder_is_refused(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit) as end:
        main([*words, "--submit", "http://127.0.0.1:9"])
    assert end.value.code == 2
    assert told in capsys.readouterr().err


def test_a_job_of_ray_job_submit_is_refused_too(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    monkeypatch.setenv("RAY_JOB_CONFIG_JSON_ENV_VAR", "{}")
    with pytest.raises(SystemExit):
        main(["train-dance", "output=s3://runs/dance"])
    assert "tracking_uri: is not set" in capsys.readouterr().err


def test_a_job_without_a_command_line_of_its_own_is_resumed_by_the_same_command():
    """What it says when the head of the cluster is lost; with a command line: tests/integration/test_lost_head.py."""
    assert head_watch._command() == "run the same command again once the cluster is up."
