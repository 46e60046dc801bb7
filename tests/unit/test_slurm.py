"""The scripts for Slurm say what is missing, and split a list without a loss. cluster/slurm/try.sh tries them whole."""

import os
import subprocess
from pathlib import Path

SLURM = Path(__file__).parents[2] / "cluster" / "slurm"
RECORD = "#!/bin/sh\nprintf '%s\\n' \"$@\" >>calls\n"


def run(script: str, *words: object, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    here = {**os.environ, "SLURM_SUBMIT_DIR": str(folder), **environment}
    command = ["bash", str(SLURM / script), *map(str, words)]
    return subprocess.run(command, cwd=folder, env=here, capture_output=True, text=True, timeout=60)


def test_each_line_of_a_list_is_in_one_shard_and_a_finished_shard_is_not_run_again(tmp_path: Path) -> None:
    songs = ["s3://songs/a b.mp3", "/songs/b.mp3", "c.mp3", "# left out", "", "d.mp3", "e.mp3"]
    (tmp_path / "songs.txt").write_text("\n".join(songs))
    python = tmp_path / "python"
    python.write_text(RECORD)
    python.chmod(0o755)
    words = (3, "songs.txt", "out", "configs/render.yaml", "actors=4")
    assert run("missing.sh", "out", 3, folder=tmp_path).stdout == "0,1,2\n"
    for task in (0, 1, 0):
        done = run("array.sbatch", *words, folder=tmp_path, SLURM_ARRAY_TASK_ID=str(task), DANCEGEN_PYTHON=str(python))
        assert done.returncode == 0, done.stderr
    assert run("missing.sh", "out", 3, folder=tmp_path).stdout == "2\n"
    assert (tmp_path / "calls").read_text().count("render\n") == 2
    run("array.sbatch", *words, folder=tmp_path, SLURM_ARRAY_TASK_ID="2", DANCEGEN_PYTHON=str(python))
    lists = [path.read_text().splitlines() for path in sorted((tmp_path / "out" / "lists").iterdir())]
    assert lists == [
        ["s3://songs/a b.mp3", f"{tmp_path}/d.mp3"],
        ["/songs/b.mp3", f"{tmp_path}/e.mp3"],
        [f"{tmp_path}/c.mp3"],
    ]
    assert run("missing.sh", "out", 3, folder=tmp_path).returncode == 1


def test_a_shard_that_fails_has_its_exit_code_and_is_missing(tmp_path: Path) -> None:
    (tmp_path / "songs.txt").write_text("a.mp3\n")
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 2\n")
    python.chmod(0o755)
    done = run(
        "array.sbatch", 1, "songs.txt", "out", folder=tmp_path, SLURM_ARRAY_TASK_ID="0", DANCEGEN_PYTHON=str(python)
    )
    assert done.returncode == 2
    assert run("missing.sh", "out", 1, folder=tmp_path).stdout == "0\n"


def test_what_a_script_lacks_is_told(tmp_path: Path) -> None:
    for script, words, told in (
        ("ray.sbatch", [], "no step is given"),
        ("ray.sbatch", ["render"], "no such Python"),
        ("array.sbatch", ["3"], "give the number of shards"),
        ("array.sbatch", ["3", "a.txt", "out"], "--array"),
    ):
        done = run(script, *words, folder=tmp_path)
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
