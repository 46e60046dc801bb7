"""Runs a step on a Ray cluster as a Ray job, and follows its log to the end.

The upload is a copy of the package `dancegen` with the *resolved* settings beside it as `submitted.yaml`, so the job
runs `python -m dancegen STEP submitted.yaml` whatever the name and content of the settings file: no name needs quoting,
no file outside the package is missed, and nothing else (data, environments, media) is uploaded. `python` on the head
must be the one with dancegen's requirements.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import dancegen
from dancegen import config, tracking
from dancegen.config import Config
from dancegen.engine.cluster import secrets as in_clear
from dancegen.engine.cluster.client import connect, explained
from dancegen.engine.cluster.jobs import STEP, follow_with, say
from dancegen.errors import ConfigError

SETTINGS = "submitted.yaml"
SENT = (".py", ".html", ".safetensors", ".txt", ".yaml")  # what the steps consist of
LEFT_HERE = ("*.tmp-*", ".*", "*credentials*", "*secret*")  # as in .rayignore
MAX_MB = 100.0  # the dashboard refuses 105


def submit(
    step: str, settings: Config, address: str, env: Sequence[str] = (), referred: Iterable[str] | None = None
) -> int:
    """Run a step on the cluster whose dashboard is at `address`. Returns the job's exit code.

    `env` names variables of this process that are passed to the job, and `referred` those that the settings refer to;
    None skips the check for secrets. Raises ConfigError for a secret, when a variable is not set or the package is
    too large, and ClusterError when the cluster cannot be reached.
    """
    variables = _variables(env)
    if referred is not None:
        in_clear.check(variables, referred, settings.model_dump(mode="json"))
    client = connect(address)
    with explained(address), tempfile.TemporaryDirectory(prefix="dancegen-") as packed:
        _pack(Path(dancegen.__file__).parent, Path(packed), settings)
        say(f"{step}: sending to {address}: {_contents(Path(packed))}")
        job = client.submit_job(
            entrypoint=f"python -m dancegen {step.replace('_', '-')} {SETTINGS}",
            runtime_env={"working_dir": packed, "env_vars": variables},
            metadata={STEP: step},
        )
    say(f"{step}: job {job} on {address}")
    return follow_with(client, address, job)


def _variables(names: Sequence[str]) -> dict[str, str]:
    missing = [name for name in names if name not in os.environ]
    if missing:
        raise ConfigError(f"--env {missing[0]}", "is not set in this environment.", "Export it first, or leave it out.")
    return {name: os.environ[name] for name in names}


def _pack(package: Path, packed: Path, settings: Config) -> None:
    shutil.copytree(package, packed / "dancegen", ignore=_left_here())
    (packed / SETTINGS).write_text(config.to_yaml(settings))
    commit = tracking.code_version().partition("+")[2]
    (packed / "dancegen" / tracking.COMMIT).write_text(commit)  # the copy has no .git


def _left_here() -> Callable[[str, list[str]], set[str]]:
    """For shutil.copytree: names that are not sent, because of their form or because the package has no such files."""
    by_name = shutil.ignore_patterns("__pycache__", *LEFT_HERE)

    def ignored(folder: str, names: list[str]) -> set[str]:
        files = {name for name in names if not name.endswith(SENT) and Path(folder, name).is_file()}
        return files | by_name(folder, names)

    return ignored


def _contents(packed: Path) -> str:
    """What is sent: the number of files and megabytes. Raises ConfigError when it is too large."""
    sizes = {path: path.stat().st_size / 1e6 for path in packed.rglob("*") if path.is_file()}
    total = sum(sizes.values())
    if total > MAX_MB:
        largest = max(sizes, key=lambda path: sizes[path])
        problem = f"would send {total:.0f} MB, of which {largest.relative_to(packed)} is {sizes[largest]:.0f}."
        raise ConfigError("--submit", problem, f"Move it out of the package: at most {MAX_MB:.0f} MB are sent.")
    return f"{len(sizes)} files, {total:.1f} MB: the package dancegen, and the settings as {SETTINGS}"
