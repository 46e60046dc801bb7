"""The command line: what it answers, how fast, and with which exit code."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from dancegen.cli import main
from dancegen.console import ErrorBoundary
from dancegen.errors import ConfigError
from dancegen.steps import STEPS

ROOT = Path(__file__).parents[2]
HEAVY = ("ray", "torch", "mlflow", "av", "cv2")


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=60)


@pytest.fixture
def song(tmp_path: Path) -> Path:
    path = tmp_path / "my song.wav"
    path.write_bytes(b"sound")
    return path


def test_help_names_every_command():
    answer = run("dancegen", "--help")
    assert answer.returncode == 0
    assert all(name in answer.stdout for name in (*(step.command for step in STEPS.values()), "dance", "doctor"))


def test_the_command_line_imports_nothing_slow_until_it_is_needed():
    slow = (*HEAVY, "pydantic", "omegaconf", "pyarrow", "numpy")
    code = f"import sys, dancegen.cli; print([name for name in {slow!r} if name in sys.modules])"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert answer.stdout.strip() == "[]"


def test_wrong_settings_are_told_without_importing_what_the_work_needs():
    code = f"""
import sys
from dancegen.cli import main
try:
    main(["render", "songs=x", "output=y", "loook=avatar"])
except SystemExit as end:
    print(end.code, [name for name in {HEAVY!r} if name in sys.modules])
"""
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert answer.stdout.strip() == "2 []"
    assert "Did you mean look?" in answer.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("render loook=avatar", "loook: unknown setting. Did you mean look?"),
        (
            "render estimator=onnx",
            "estimator: unknown setting. It is a setting of extract-poses and evaluate-renderer.",
        ),
        (
            "render estimator.name=onnx",
            "estimator: unknown setting. It is a setting of extract-poses and evaluate-renderer.",
        ),
        ("render epoch=3", "It is a setting of pretrain-perceptual, train-dance and train-renderer."),
        ("train-dance losses.l1=1", "losses: unknown setting. Did you mean model.losses?"),
        ("train-dance model.losses.l2=1", "Did you mean model.losses.l1?"),
        ("train-dance model.losss.l1=1", "model.losss: unknown setting. Did you mean model.losses?"),
        ("search clips=a", "Did you mean train.clips?"),
        ("render xyzzy=1", "xyzzy: unknown setting.\n"),
    ],
)
def test_a_wrong_key_names_the_one_that_may_have_been_meant_and_where_all_are(
    words: str, told: str, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit):
        main(words.split())
    error = capsys.readouterr().err
    assert told in error
    assert error.count("docs/settings.md") == 1
    assert len(error) < 600


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("fps=fast", "fps='fast'"),
        ("fps=10", "fps=10"),
        ("width_px=641", "640 or 642"),
        ("look=tango", "'skeleton-light'"),
        ("songs=/no/such/folder", "songs=/no/such/folder: does not exist"),
        ("render.yaml", "render.yaml"),
    ],
)
def test_a_wrong_setting_is_one_message_that_names_it_and_exit_code_2(
    wrong: str, told: str, song: Path, tmp_path: Path
):
    answer = run("dancegen", "render", f"songs={song.parent}", f"output={tmp_path}/out", wrong)
    assert answer.returncode == 2
    assert told in answer.stderr
    assert "Traceback" not in answer.stderr
    assert answer.stdout == ""


def test_a_settings_file_that_is_not_there_is_exit_code_2():
    answer = run("dancegen", "render", "configs/no_such.yaml")
    assert answer.returncode == 2
    assert "configs/no_such.yaml: does not exist" in answer.stderr


def test_show_prints_settings_that_can_be_used_as_a_settings_file(song: Path, tmp_path: Path):
    first = run("dancegen", "render", f"songs={song.parent}", "output=videos", "fps=50", "--show")
    assert yaml.safe_load(first.stdout)["fps"] == 50
    assert yaml.safe_load(first.stdout)["output"] == str(ROOT / "videos")
    file = tmp_path / "shown.yaml"
    file.write_text(first.stdout)
    assert run("dancegen", "render", file, "--show").stdout == first.stdout


@pytest.mark.parametrize("step", STEPS)
def test_a_job_is_the_same_command(step: str, capsys: pytest.CaptureFixture[str]):
    name = STEPS[step].command
    job = run(f"jobs.{step}", "--help").stdout.split()
    with pytest.raises(SystemExit):
        main([name, "--help"], prog_name="dancegen")
    command = capsys.readouterr().out.split()
    assert " ".join(job).replace(f"python -m jobs.{step}", f"dancegen {name}") == " ".join(command)


def test_a_command_is_spelt_with_hyphens_and_its_earlier_spelling_still_works():
    settings = run("dancegen", "cut-clips", "poses=a", "clips=b", "--show").stdout
    assert "stride_frames" in settings
    assert run("dancegen", "cut_clips", "poses=a", "clips=b", "--show").stdout == settings
    listed = run("dancegen", "--help").stdout
    assert "cut-clips" in listed
    assert "cut_clips" not in listed


@pytest.mark.parametrize(
    "words",
    [
        ["render", "songs=.", "output=out", "--submit", ""],
        ["render", "songs=.", "output="],
        ["render", "songs=.", "output=''"],
        ["dance", "", "-o", "a.mp4"],
        ["dance", "song.wav", "-o", ""],
        ["dance", "song.wav", "-o", "a.mp4", "--checkpoint", " "],
        ["sheet", "", "-o", "a.png"],
        ["import-weights", "a.pth", "-o", ""],
        ["compare-estimators", "", "-o", "out"],
        ["compare-estimators", ".", "-o", "out", "estimator.json_folder="],
        ["study", "make", "a", "", "-o", "out"],
        ["study", "serve", ""],
        ["study", "analyse", "study", "-o", "out", "--database", ""],
        ["doctor", "--storage", ""],
        ["doctor", "--address", ""],
        ["train-dance", "tracking_uri="],
    ],
)
def test_an_empty_address_path_or_uri_is_an_error(words: list[str], capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    told = capsys.readouterr().err
    assert "is empty" in told or "has no value" in told


def test_env_without_submit_is_told(song: Path):
    answer = run("dancegen", "render", f"songs={song}", "output=out", "--env", "HOME")
    assert answer.returncode == 2
    assert "--env" in answer.stderr


@pytest.mark.parametrize("address", ["http://127.0.0.1:9", "no-such-head.invalid", "ray://head:10001", "ftp://x"])
def test_a_cluster_that_cannot_be_reached_is_named(address: str, song: Path):
    answer = run("dancegen", "render", f"songs={song}", "output=out", "--submit", address)
    assert answer.returncode == 2
    assert address in answer.stderr
    assert "Traceback" not in answer.stderr


def test_a_variable_to_pass_on_must_be_set(song: Path):
    answer = run(
        "dancegen", "render", f"songs={song}", "output=out", "--submit", "http://127.0.0.1:9", "--env", "NO_SUCH"
    )
    assert answer.returncode == 2
    assert "NO_SUCH" in answer.stderr


def test_a_size_is_two_numbers(song: Path, tmp_path: Path):
    answer = run("dancegen", "dance", song, "-o", tmp_path / "a.mp4", "--size", "big")
    assert answer.returncode == 2
    assert "1280x720" in answer.stderr


def test_dance_names_a_song_that_is_not_there(tmp_path: Path):
    answer = run("dancegen", "dance", tmp_path / "no.mp3", "-o", tmp_path / "a.mp4")
    assert answer.returncode == 2
    assert "no.mp3: does not exist" in answer.stderr


@pytest.mark.parametrize("wrap", ["cause", "chain", "workers"])
def test_an_error_that_ray_wrapped_is_told_as_if_it_were_bare(wrap: str, capsys: pytest.CaptureFixture[str]):
    from ray.exceptions import RayTaskError
    from ray.train.v2.api.exceptions import WorkerGroupError

    wrong = ConfigError("clips", "are too few.", "Make more.")
    error: Exception = RayTaskError("work", "Traceback ...", wrong).as_instanceof_cause()
    if wrap == "workers":
        error = WorkerGroupError("a worker failed", {0: error})
    if wrap == "chain":
        outer = RuntimeError("Ray Data gave up")
        outer.__cause__, error = error, outer
    with pytest.raises(SystemExit) as end, ErrorBoundary():
        raise error
    assert end.value.code == 2
    assert capsys.readouterr().err == "clips: are too few. Make more.\n"


def test_ctrl_c_is_one_line_and_exit_code_130(capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as end, ErrorBoundary():
        raise KeyboardInterrupt
    assert end.value.code == 130
    assert capsys.readouterr().err.count("\n") == 1


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError), ErrorBoundary():
        1 / 0  # noqa: B018


def test_an_error_raised_from_itself_keeps_its_traceback():
    error = RuntimeError("the dashboard did not start")
    with pytest.raises(RuntimeError, match="dashboard"), ErrorBoundary():
        raise error from error


def shell(command: str, song: Path) -> subprocess.CompletedProcess[str]:
    """Run a line of bash, in which `dancegen` is ours and $SONG a file."""
    line = f'set -o pipefail; dancegen() {{ {sys.executable} -m dancegen "$@"; }}; {command}'
    environment = {**os.environ, "SONG": str(song)}
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=ROOT, timeout=60, env=environment)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("dancegen render songs=. output=out look=x 2>&-", 2),
        ("dancegen render songs=. output=out look=x 0<&- 1>&- 2>&-", 2),
        ("dancegen render songs=. output=out --show >&-", 0),
        ("dancegen --help >&- 2>&-", 0),
        ("dancegen render songs=. output=out --show | true", 141),
        ("dancegen search songs=$SONG --show 2>&1 | true", 2),
    ],
)
def test_closed_streams_and_readers_that_end_are_no_traceback(command: str, code: int, song: Path):
    answer = shell(command, song)
    assert answer.returncode in (code, 0 if "| true" in command else code)  # the reader may end after us
    assert answer.stderr == ""


def test_a_closed_stream_does_not_give_its_number_to_a_file(tmp_path: Path):
    code = f"""
import os, sys
from dancegen.console import open_closed_streams
open_closed_streams()
with open({str(tmp_path / "kept")!r}, "w") as file:
    os.write(2, b"a message of a library")
    file.write(str(file.fileno()))
"""
    subprocess.run(["bash", "-c", f'{sys.executable} -c "$CODE" 2>&-'], env={**os.environ, "CODE": code}, cwd=ROOT)
    assert int((tmp_path / "kept").read_text()) > 2
