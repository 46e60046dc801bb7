"""The wheel has all files of the package: commands of an installed dancegen need no checkout."""

import tomllib
from pathlib import Path

from setuptools import find_packages

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "dancegen"
CODE = (".py", ".pyc")


def test_every_file_of_the_package_is_in_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = {ROOT / name.replace(".", "/") for name in find_packages(str(ROOT), **settings["packages"]["find"])}
    data = {path for pattern in settings["package-data"]["dancegen"] for path in PACKAGE.glob(pattern)}
    files = {path for path in PACKAGE.rglob("*") if path.is_file() and ".tmp-" not in path.name}
    left_out = [path for path in files - data if path.suffix not in CODE]
    assert sorted(left_out) == []
    assert sorted(path for path in files if path.suffix == ".py" and path.parent not in packages) == []


def test_nothing_outside_the_package_is_in_the_wheel():
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    packages = find_packages(str(ROOT), **settings["packages"]["find"])
    assert {name.partition(".")[0] for name in packages} == {"dancegen"}
