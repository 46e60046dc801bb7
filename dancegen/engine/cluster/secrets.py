"""Checks for secrets that would appear in plain text in Ray's job list, its logs and the uploaded settings."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from dancegen.errors import ConfigError

SECRET = re.compile(
    r"(?:^|_)(?:API_?KEYS?|KEYS?|TOKENS?|PAT|SECRETS?|PASS|PASSWORD|PASSWD|PASSPHRASE|CREDENTIALS?|PRIVATE)(?:_|$)",
    re.I,
)
REMEDY = (
    "Give the nodes a role, or mount the secret there (cluster/README.md, Secrets). "
    "Or add --allow-secrets if everyone who can read the cluster's job list and logs may know it."
)


def check(variables: Mapping[str, str], referred: Iterable[str], settings: dict[str, Any]) -> None:
    """Raise ConfigError for the first secret that a submitted job would expose.

    `variables` are passed on with --env, `referred` are the names in `${oc.env:NAME}` of the settings, and `settings`
    are resolved.
    """
    for name, value in variables.items():
        if SECRET.search(name) or _has_password(value):
            raise ConfigError(
                f"--env {name}", "looks like a secret, and would appear in plain text in Ray's job list.", REMEDY
            )
    for name in referred:
        if SECRET.search(name):
            problem = "looks like a secret, and would be in plain text in the job's settings."
            raise ConfigError(f"${{oc.env:{name}}}", problem, REMEDY)
    for key, value in _strings(settings):
        if SECRET.search(key.rpartition(".")[2]) or _has_password(value):
            raise ConfigError(key, "looks like a secret, and would be in plain text in the job's settings.", REMEDY)


def _has_password(value: str) -> bool:
    """Whether the value is a URL with a password in it."""
    try:
        return "://" in value and bool(urlsplit(value).password)
    except ValueError:
        return False


def _strings(settings: Any, key: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(settings, dict):
        for name, value in settings.items():
            yield from _strings(value, f"{key}.{name}" if key else str(name))
    elif isinstance(settings, list):
        for value in settings:
            yield from _strings(value, key)
    elif isinstance(settings, str):
        yield key, settings
