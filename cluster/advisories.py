"""Compare pinned packages with a checkout of PyPA's advisory database, where its service cannot be reached.

    git clone https://github.com/pypa/advisory-database
    python cluster/advisories.py advisory-database constraints.txt

Prints each advisory that covers a pinned version, and exits with 1 if there is one. What was published after the
checkout is not seen.
"""

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

PIN = re.compile(r"^([\w.-]+)==([^\s;#]+)", re.MULTILINE)


def main(database: Path, constraints: Path) -> int:
    """Print what was found. Returns the exit code: 2 for a folder without advisories."""
    pins = {canonicalize_name(name): Version(version) for name, version in PIN.findall(constraints.read_text())}
    about = [advisory for name in pins for advisory in advisories(database, name)]
    if not about:
        print(f"{database}: has no advisories about the packages of {constraints}: give a checkout of the database.")
        return 2
    found = [(name, advisory) for advisory in about for name in covered(advisory, pins)]
    for name, advisory in found:
        print(f"{name} {pins[name]}: {advisory['id']} {' '.join(advisory.get('aliases', ()))}")
    print(f"{len(pins)} pins, {len(about)} advisories about them, {len(found)} of which cover the pinned version")
    return 1 if found else 0


def advisories(database: Path, name: str) -> Iterator[dict[str, Any]]:
    """The advisories about a package that were not withdrawn."""
    for path in sorted((database / "vulns" / name).glob("*.yaml")):
        advisory = yaml.load(path.read_text(), getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if not advisory.get("withdrawn"):
            yield advisory


def covered(advisory: dict[str, Any], pins: dict[str, Version]) -> Iterator[str]:
    """Names of the pinned packages whose version is affected."""
    for affected in advisory["affected"]:
        name = canonicalize_name(affected["package"]["name"])
        if name in pins and is_affected(pins[name], affected):
            yield name


def is_affected(version: Version, affected: dict[str, Any]) -> bool:
    """Whether a version is listed, or in one of the ranges of versions."""
    ranges = [one["events"] for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM"]
    return str(version) in affected.get("versions", ()) or any(in_range(version, events) for events in ranges)


def in_range(version: Version, events: list[dict[str, str]]) -> bool:
    """Whether a version lies between an event `introduced` and the next `fixed` or `last_affected`."""
    inside = False
    for event in events:
        (kind, text), *_ = event.items()
        try:
            at = Version(text)
        except InvalidVersion:
            continue
        if kind == "introduced" and version >= at:
            inside = True
        elif (kind == "fixed" and version >= at) or (kind == "last_affected" and version > at):
            inside = False
    return inside


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("use: python cluster/advisories.py DATABASE constraints.txt")
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
