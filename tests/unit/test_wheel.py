"""The wheel has all files of the package, and no others: commands of an installed dancegen need no checkout."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT_BYTES = 36_000_000  # with the settings, what a submitted job is sent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the project's files, as `make wheel` builds it."""
    folder = tmp_path_factory.mktemp("wheel")
    generated = shutil.ignore_patterns("__pycache__", "*.tmp-*")
    for name in ("dancegen", "tests", "benchmarks", "jobs"):
        shutil.copytree(ROOT / name, folder / "tree" / name, ignore=generated)
    for name in ("pyproject.toml", "README.md", "LICENSE", "conftest.py"):
        shutil.copy(ROOT / name, folder / "tree")
    options = ["--quiet", "--disable-pip-version-check", "--no-deps", "--no-build-isolation"]
    command = [sys.executable, "-m", "pip", "wheel", *options, "-w", str(folder), str(folder / "tree")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as content:
        return {*content.namelist()}


def test_the_wheel_has_every_file_of_the_package(names: set[str]):
    files = [path for path in (ROOT / "dancegen").rglob("*") if path.is_file() and ".tmp-" not in path.name]
    of_package = {path.relative_to(ROOT).as_posix() for path in files if "__pycache__" not in path.parts}
    assert of_package - names == set()


def test_the_wheel_has_nothing_else(names: set[str]):
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"dancegen"}
    assert [name for name in names if "/tests/" in name or "test_" in name] == []


def test_the_wheel_is_small_enough_to_be_sent_with_a_job(wheel: Path):
    assert wheel.stat().st_size < LIMIT_BYTES


def test_the_wheel_says_what_it_needs_and_what_its_command_is(wheel: Path, names: set[str]):
    (metadata,) = [name for name in names if name.endswith(".dist-info/METADATA")]
    with zipfile.ZipFile(wheel) as content:
        text = content.read(metadata).decode()
        commands = content.read(metadata.replace("METADATA", "entry_points.txt")).decode()
    for line in ("License-Expression: Apache-2.0", "Requires-Python: >=3.11", "Provides-Extra: renderer"):
        assert line in text
    assert "dancegen = dancegen.cli:main" in commands
