"""How /conftest.py checks the shapes and types of a call: as beartype does"""

import functools
from collections.abc import Callable
from typing import Any

from beartype import BeartypeConf, beartype

CONF = BeartypeConf(is_pep484_tower=True)  # an int will do for a float


def check(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, with its check made at its first call: a process calls few of all functions."""

    @functools.cache
    def checked() -> Callable[..., Any]:
        return beartype(conf=CONF)(function)

    @functools.wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        return checked()(*args, **kwargs)

    return call
