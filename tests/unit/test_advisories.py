"""cluster/advisories.py finds the advisories that cover a pinned version, and no others."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SCRIPT = Path(__file__).parents[2] / "cluster" / "advisories.py"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    """A database in the form of PyPA's: two advisories about jinja2, of which one was withdrawn, and one about ray."""
    events = [{"introduced": "0"}, {"fixed": "2.11"}, {"introduced": "3.0"}, {"last_affected": "3.1.4"}]
    write(tmp_path, "jinja2", "PYSEC-1", {"ranges": [{"type": "ECOSYSTEM", "events": events}]})
    write(tmp_path, "jinja2", "PYSEC-2", {"versions": ["3.1.6"]}, withdrawn="2024-01-01T00:00:00Z")
    write(tmp_path, "ray", "PYSEC-3", {"versions": ["2.9.0"], "ranges": [{"type": "GIT", "events": []}]})
    return tmp_path


def write(database: Path, package: str, name: str, affected: dict, **more: str) -> None:
    folder = database / "vulns" / package
    folder.mkdir(parents=True, exist_ok=True)
    affected = {"package": {"name": package.capitalize(), "ecosystem": "PyPI"}, **affected}
    advisory = {"id": name, "aliases": [f"CVE-of-{name}"], "affected": [affected], **more}
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(advisory))


def audit(database: Path, pins: str) -> tuple[int, str]:
    constraints = database / "constraints.txt"
    constraints.write_text(pins)
    command = [sys.executable, str(SCRIPT), str(database), str(constraints)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("version", "covered"),
    [("2.10.3", True), ("2.11", False), ("3.0", True), ("3.1.4", True), ("3.1.5", False), ("3.1.6", False)],
)
def test_a_version_in_a_range_is_covered(database: Path, version: str, covered: bool):
    code, said = audit(database, f"# pins\nJinja2=={version}  # pages\n")
    assert (code, "PYSEC-1 CVE-of-PYSEC-1" in said) == ((1, True) if covered else (0, False))
    assert f"1 pins, 1 advisories about them, {int(covered)} of which" in said


def test_a_listed_version_is_covered(database: Path):
    assert audit(database, "ray==2.9.0")[0] == 1
    assert audit(database, "ray==2.60.0")[0] == 0


def test_a_folder_that_is_no_database_is_told(tmp_path: Path):
    code, said = audit(tmp_path, "ray==2.60.0")
    assert code == 2
    assert "has no advisories" in said
