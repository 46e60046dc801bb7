"""A step is added in two places: its folder, and one line of the registry. Everything else is generated."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NEEDED = ("dancegen", "docs", "configs", "jobs", "cluster/kuberay")

STEP = '''
"""A step for a test."""

from dancegen.steps.step import Step

STEP = Step(
    name="count_songs",
    settings_class="CountSongsConfig",
    help="Count the songs of a folder.",
    doing="songs in {songs}",
    title="Count songs",
    often="least",
    example="songs=library/",
    on_cluster="songs=s3://YOUR-BUCKET/songs least=2",
)
'''
SETTINGS = '''
"""Settings of count-songs."""

from dancegen.config import Config, InputUri


class CountSongsConfig(Config):
    """A folder of songs -> their number."""

    songs: InputUri = "data/songs"
    """Folder of songs."""
    least: int = 1
    """Fewer songs than these are an error."""
'''
PIPELINE = '''
"""Songs -> their number."""

from dancegen import storage
from dancegen.errors import ConfigError
from dancegen.steps.count_songs.settings import CountSongsConfig


def run(config: CountSongsConfig) -> None:
    """Print the number of songs."""
    songs = len(storage.listing(config.songs).files)
    if songs < config.least:
        raise ConfigError("songs", f"has {songs} files.", "Give more songs, or a smaller least=.")
    print(songs)
'''


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project with one step more."""
    root = tmp_path_factory.mktemp("project")
    for name in NEEDED:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    folder = root / "dancegen/steps/count_songs"
    folder.mkdir()
    for name, text in (("__init__", STEP), ("settings", SETTINGS), ("pipeline", PIPELINE)):
        (folder / f"{name}.py").write_text(text.lstrip())
    registry = root / "dancegen/steps/__init__.py"
    registry.write_text(registry.read_text().replace('    "render",\n', '    "render",\n    "count_songs",\n'))
    done = run(root, "docs/generate.py")
    assert done.returncode == 0, done.stderr
    return root


def run(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(root)}
    command = [sys.executable, *words]
    return subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, timeout=120)


def test_the_job_the_manifest_the_settings_and_the_docs_of_a_new_step_are_generated(project: Path):
    assert 'job("count_songs")' in (project / "jobs/count_songs.py").read_text()
    for folder in ("shared", "own"):
        manifest = (project / f"cluster/kuberay/{folder}/count-songs.yaml").read_text()
        command = "python -m jobs.count_songs configs/count_songs.yaml\n    songs=s3://YOUR-BUCKET/songs least=2\n"
        assert command in manifest
    assert "## count-songs" in (project / "docs/settings.md").read_text()
    assert (project / "configs/count_songs.yaml").read_text().splitlines() == [
        *("# Count songs", "# Folder of songs.", "songs: data/songs"),
        *("# Fewer songs than these are an error.", "least: 1"),
    ]
    assert run(project, "docs/generate.py", "--check").returncode == 0


def test_a_new_step_is_a_command_and_a_job(project: Path):
    (project / "library").mkdir()
    (project / "library/a.wav").write_bytes(b"sound")
    assert "Count the songs of a folder." in run(project, "-m", "dancegen", "--help").stdout
    assert "least=1" in run(project, "-m", "dancegen", "count-songs", "--help").stdout
    counted = run(project, "-m", "jobs.count_songs", "configs/count_songs.yaml", "songs=library")
    assert (counted.returncode, counted.stdout) == (0, "1\n"), counted.stderr
    few = run(project, "-m", "dancegen", "count-songs", "songs=library", "least=2")
    assert (few.returncode, few.stderr.count("Give more songs")) == (2, 1)
